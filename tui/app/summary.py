"""What is said when dayfly ends: what is still owed, what stays and how to reach and delete it."""

from __future__ import annotations

from dataclasses import dataclass

from tui.app import present
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


def summarise(fleet: Fleet) -> Summary:
    """Say what is left of the fleet as it is now; no lines where nothing ever ran."""
    state = fleet.state
    owed = owed_runs(state)
    lines = [line for run in owed for line in (owed_line(run),)]
    for run in state.pinned:
        lines += pinned_lines(run, fleet.shell_command(run.id))
    gone = sum(run.phase.is_over and not run.is_pinned for run in state.runs.values())
    if gone:
        lines.append(f"{gone} VM{'s' if gone > 1 else ''} gone.")
    if lines and not owed:
        lines.append("Nothing is owed.")
    return Summary(tuple(lines), tuple(run.vm for run in owed))


def owed_runs(state: FleetState) -> tuple[RunState, ...]:
    """What we still owe a deletion: unfinished and not kept by a pin."""
    return tuple(run for run in state.unfinished if not run.is_pinned)


def owed_line(run: RunState) -> str:
    """Which VM, and when the host deletes it without us."""
    words = f"still owed: {run.vm} on {clean_line(run.host)} ({run.phase})"
    late = f"the host deletes it {present.grace_words(run)} after it last heard from us"
    if run.phase is Phase.DELETING:
        return f"{words}; it is being deleted; if that does not finish, {late}"
    return f"{words}; {late}"


def pinned_lines(run: RunState, way_in: str) -> list[str]:
    """Which VM stays, the way in, and the way to delete it."""
    return [
        f"pinned: {run.vm} on {clean_line(run.host)} stays until you delete it",
        f"  way in: {clean_line(way_in)}",
        f"  delete: dayfly rm {run.vm}",
    ]
