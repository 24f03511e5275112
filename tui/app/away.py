"""What goes on while a host and we are not in touch: lost links, runs left over, runs that go on without us.

Pure functions from states to short texts, as in `present`.
"""

from __future__ import annotations

import time

from tui.app import present
from tui.app.present import Label
from tui.model.hosts import Health
from tui.model.phase import Phase
from tui.model.state import FleetState, HostState, RunState
from tui.model.text import clean_line
from tui.model.units import approximate_size, format_duration

_DAY_S = 86400
_WEEK_S = 7 * _DAY_S


def span(seconds: float) -> str:
    """A length of time within a sentence: `12 s`, `14 min`, `1 h 59 min`, `2 d 3 h`."""
    left = max(0, int(seconds))
    if left < 120:
        return f"{left} s"
    if left < 3600:
        return f"{left // 60} min"
    big, small, units = (left // 3600, left // 60 % 60, ("h", "min"))
    if left >= 2 * _DAY_S:
        big, small, units = (left // _DAY_S, left // 3600 % 24, ("d", "h"))
    return f"{big} {units[0]} {small} {units[1]}" if small else f"{big} {units[0]}"


def moment(at: float, now: float) -> str:
    """A time to come, on this machine's clock: `14:05`, `Tue 14:05`, `2027-03-01 14:05`."""
    there, here = time.localtime(at), time.localtime(now)
    if there[:3] == here[:3]:
        return time.strftime("%H:%M", there)
    return time.strftime("%a %H:%M" if at - now < _WEEK_S else "%Y-%m-%d %H:%M", there)


# ---- a link that is lost


def is_lost(host: HostState | None) -> bool:
    """Whether the link was up and is down now."""
    return host is not None and host.lost_since is not None


def host_label(host: HostState) -> Label:
    """How our link to a host is; a lost one stays so while it is tried again."""
    is_trying = host.health is Health.CONNECTING and is_lost(host)
    return present.health_label(Health.UNREACHABLE if is_trying else host.health)


def host_note(state: FleetState, host: HostState, now: float) -> str:
    """How long a host has not answered, and what waits or goes on there; empty where it answers."""
    runs = [run for run in state.unfinished if run.host == host.entry.name]
    deletions = sum(run.phase is Phase.DELETING for run in runs)
    if host.lost_since is not None:
        going = sum(run.phase is not Phase.QUEUED for run in runs) - deletions
        note = f"for {span(now - host.lost_since)}"
        return f"{note}; {_count(going, 'run')} {'goes' if going == 1 else 'go'} on" if going else note
    if host.health is Health.MANAGER_SILENT:
        note = f"for {span(now - host.since)}"
        waits = f"{_count(deletions, 'deletion')} {'waits' if deletions == 1 else 'wait'}"
        return f"{note}; {waits}" if deletions else note
    return ""


def silence(run: RunState, host: HostState | None, now: float) -> str:
    """What it means for a run that its host, or the manager there, does not answer; empty: nothing."""
    if host is None or run.phase in (Phase.GONE, Phase.QUEUED):
        return ""
    if host.lost_since is None:
        waits = host.health is Health.MANAGER_SILENT and run.phase is Phase.DELETING
        return f"manager silent for {span(now - host.since)}; the deletion waits" if waits else ""
    name, note = clean_line(run.host), f"unreachable for {span(now - host.lost_since)}"
    if run.is_pinned:
        return f"{note}; the VM is pinned and stays"
    if run.phase is Phase.DELETING:
        return f"{note}; {name} goes on deleting the VM"
    left = host.lost_since + _patience_s(run) - now
    if left <= 0:
        return f"{note}; by now {name} has ended the run"
    return f"{note}; the run goes on; {name} ends it in {span(left)} unless we return"


def _patience_s(run: RunState) -> int:
    """How long its host waits for us: until a workload that may finish alone has had its time."""
    may_finish = run.spec.finish and run.phase is Phase.WORKING
    return max(run.spec.grace_s, run.spec.finish_s) if may_finish else run.spec.grace_s


def host_news(old: FleetState, new: FleetState, now: float) -> tuple[Label, ...]:
    """What a person should hear of the links: one that was lost, one that is back."""
    told = []
    for name, host in new.hosts.items():
        before = old.hosts.get(name)
        if before is None or (before.lost_since is None) is (host.lost_since is None):
            continue
        if before.lost_since is None:
            told.append(Label(f"{clean_line(name)} is unreachable; its runs go on", "warn"))
        else:
            told.append(Label(f"{clean_line(name)} is back after {span(now - before.lost_since)}", "good"))
    return tuple(told)


# ---- runs without a client


def may_take_over(run: RunState) -> bool:
    """Whether its host alone sees to it, so that we could."""
    return run.orphaned or run.left


def orphan_sentence(run: RunState, log_bytes: int, now: float) -> str:
    """What an earlier session left over, how far it is, and when its host ends it."""
    log = f"log so far {approximate_size(log_bytes)}" if log_bytes else "no log yet"
    still = f"still {run.phase}" if run.phase is not Phase.QUEUED else "still there"
    there = f"left over from an earlier session, {still} on {clean_line(run.host)} ({log})"
    if run.is_pinned:
        return f"{there}; it is pinned and stays"
    return f"{there}; {_end(run, now)} unless taken over"


def left_sentence(run: RunState, now: float) -> str:
    """That a run goes on without us, how long at most, and how to get it back."""
    return f"goes on without us; {_end(run, now)} at the latest; back to it: {attach(run)}"


def _end(run: RunState, now: float) -> str:
    name = clean_line(run.host)
    if run.ends_at is None:
        return f"{name} ends it {format_duration(run.spec.grace_s)} after it last heard from its client"
    return f"{name} ends it in {span(run.ends_at - now)}"


def ending(run: RunState, now: float) -> str:
    """When its host ends it, for a column: `in 14 min`."""
    if run.is_pinned:
        return "pinned: stays"
    return f"in {span(run.ends_at - now)}" if run.ends_at is not None else "–"


def attach(run: RunState) -> str:
    """What to type to follow it again."""
    return f"dayfly attach {run.id}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
