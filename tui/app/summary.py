"""What is said when dayfly ends: what is still owed, what goes on, what stays, and how to get back to it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tui.app import away, present, results
from tui.contracts import Fleet
from tui.model.phase import Phase
from tui.model.spec import VmName
from tui.model.state import FleetState, RunState
from tui.model.text import clean_line


@dataclass(frozen=True, slots=True)
class Summary:
    """The app's last word; the terminal shows `lines` as plain text."""

    lines: tuple[str, ...]
    owed: tuple[VmName, ...] = ()
    """VMs that were not seen absent when we left."""


def summarise(fleet: Fleet, now: float | None = None) -> Summary:
    """Say what is left of the fleet as it is now (epoch seconds); no lines where nothing ever ran."""
    state, now = fleet.state, time.time() if now is None else now
    owed, alone = owed_runs(state), runs_on_their_own(state)
    lines = [owed_line(run) for run in owed]
    for run in alone:
        lines += lines_of_left(run, now)
    for run in results.runs_coming(state):
        lines += results.lines_of_coming(run)
    for run in state.runs.values():
        lines += results.lines_of_here(run)
    for run in state.pinned:
        lines += pinned_lines(run, fleet.shell_command(run.id), now)
    gone = sum(run.phase.is_over and not run.is_pinned for run in state.runs.values())
    if gone:
        lines.append(f"{gone} VM{'s' if gone > 1 else ''} gone.")
    if lines and not owed and not alone and not results.runs_coming(state):
        lines.append("Nothing is owed.")
    return Summary(tuple(lines), tuple(run.vm for run in owed))


def owed_runs(state: FleetState) -> tuple[RunState, ...]:
    """What we still owe a deletion: unfinished and not kept by a pin."""
    return tuple(run for run in state.unfinished if not run.is_pinned)


def runs_on_their_own(state: FleetState) -> tuple[RunState, ...]:
    """What its host sees to without us: let go, or left over and not taken over; no pin keeps it."""
    return tuple(run for run in state.runs.values() if away.may_take_over(run) and not run.is_pinned)


def owed_line(run: RunState) -> str:
    """Which VM, and when the host deletes it without us."""
    words = f"still owed: {run.vm} on {clean_line(run.host)} ({run.phase})"
    late = f"the host deletes it {present.grace_words(run)} after it last heard from us"
    if run.phase is Phase.DELETING:
        return f"{words}; it is being deleted; if that does not finish, {late}"
    return f"{words}; {late}"


def lines_of_left(run: RunState, now: float) -> list[str]:
    """Which run goes on without us, until when at most, and how to get back to it."""
    grace = f"{present.grace_words(run)} after it last heard from its client"
    when = grace if run.ends_at is None else f"by {away.moment(run.ends_at, now)} at the latest"
    host = clean_line(run.host)
    words = "left over" if run.orphaned else "goes on without us"
    return [
        f"{words}: {run.vm} on {host}; {host} ends it {when}",
        f"  log and result: {away.attach(run)}",
    ]


def pinned_lines(run: RunState, way_in: str, now: float) -> list[str]:
    """Which VM stays and until when, the way in, and the way to delete it."""
    pin = "until you delete it"
    if run.pinned_until is not None:
        pin = f"until {away.moment(run.pinned_until, now)}, or until you delete it"
    lines = [
        f"pinned: {run.vm} on {clean_line(run.host)} stays {pin}",
        f"  way in: {clean_line(way_in)}",
        f"  delete: dayfly rm {run.vm}",
    ]
    return lines if run.outcome else [*lines, f"  its work goes on: {away.attach(run)}"]
