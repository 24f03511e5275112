"""Hosts as their place shows them: what they have, how quickly they answer, whose VMs are on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tui.app import away, present
from tui.app.monitor import short_size
from tui.app.present import Fact, Label
from tui.app.tables import Column, Table, TableRow, host_address
from tui.model.phase import Phase
from tui.model.state import FleetState, HostState, RunState
from tui.model.text import clean_line
from tui.model.use import HostLoad

_UNKNOWN = "–"
_SLOW_S = 5.0
"""A list that takes so long is worth a colour."""
_LOW = 0.1
"""Of what there is, left free."""
_FIRST = (Column("HOST", 11), Column("STATE", 17), Column("ANSWERS", 8))
_FREE = (Column("CPU FREE", 9), Column("MEM FREE", 10), Column("DISK FREE", 10))
_VMS, _OWED, _PINNED = Column("VMS", 12), Column("OWED", 6), Column("PINNED", 8)
_VERSION, _IMAGES = Column("VERSION", 9), Column("IMAGES", 8)
_WHERE_MIN = 24
_OLD_S = 30.0
_NAMED = 12
"""So many names at most, of whatever there may be hundreds of."""


def hosts_table(state: FleetState, now: float, width: int) -> Table:
    """Every host, in the order in which they became known; what there is no room for is in the details."""
    columns = [*_FIRST, *_FREE]
    left = width - sum(column.width for column in columns)
    for column in (_VMS, _OWED, _PINNED, _VERSION, _IMAGES):
        if left >= column.width:
            columns.append(column)
            left -= column.width
    if left >= _WHERE_MIN:
        columns.append(Column("WHERE", left))
    rows = (
        TableRow(host.entry.name, tuple((_cell(state, host, column.title, now),) for column in columns))
        for host in state.hosts.values()
    )
    return Table(tuple(columns), tuple(rows))


def _cell(state: FleetState, host: HostState, title: str, now: float) -> Label:
    load = host.load or HostLoad(at=now)
    match title:
        case "HOST":
            return Label(clean_line(host.entry.name))
        case "STATE":
            return away.host_label(host)
        case "ANSWERS":
            return _latency(host)
        case "CPU FREE":
            return _free(cpus_free(load), load.cpus, _plain)
        case "MEM FREE":
            return _free(load.memory_free, load.memory_total, short_size)
        case "DISK FREE":
            return _free(load.disk_free, load.disk_total, short_size)
        case _:
            return _count_cell(state, host, title)


def _count_cell(state: FleetState, host: HostState, title: str) -> Label:
    match title:
        case "VMS":
            ours, others = present.ours_and_others(state, host)
            return Label(f"{ours} of {ours + others} ours" if host.listed_at else _UNKNOWN, "muted")
        case "OWED":
            owed = len(debts(state, host))
            return Label(str(owed), "warn" if owed else "muted")
        case "PINNED":
            pinned = len(pins(state, host))
            return Label(str(pinned), "pin" if pinned else "muted")
        case "VERSION":
            return Label(clean_line(host.version) or _UNKNOWN, "muted")
        case "IMAGES":
            return Label(str(len(present.image_rows(host))) if host.images else _UNKNOWN, "muted")
        case _:
            return Label(host_address(host), "muted")


def cpus_free(load: HostLoad) -> float | None:
    """What its processors could still do, by the load of the last minute."""
    return None if load.cpus is None or load.load is None else round(max(0.0, load.cpus - load.load), 1)


def debts(state: FleetState, host: HostState) -> tuple[RunState, ...]:
    """Runs whose VM there is to be gone and was not seen absent yet."""
    return tuple(run for run in _runs_on(state, host) if run.phase is Phase.DELETING)


def pins(state: FleetState, host: HostState) -> tuple[RunState, ...]:
    """Runs whose VM stays there until its owner says otherwise."""
    return tuple(run for run in _runs_on(state, host) if run.is_pinned)


def _runs_on(state: FleetState, host: HostState) -> tuple[RunState, ...]:
    return tuple(run for run in state.runs.values() if run.host == host.entry.name)


def _latency(host: HostState) -> Label:
    took = host.list_took_s
    if took is None:
        return Label(_UNKNOWN, "muted")
    return Label(f"{took:.1f}s" if took < 100 else ">99s", "warn" if took >= _SLOW_S else "muted")


def _free(free: float | None, total: float | None, words: Callable[[float], str]) -> Label:
    if free is None or total is None:
        return Label(_UNKNOWN, "muted")
    return Label(f"{words(free)}/{words(total)}", "warn" if free < total * _LOW else "text")


def _plain(number: float) -> str:
    return f"{number:g}"


# ---- the one under the cursor


def host_facts(state: FleetState, host: HostState, now: float) -> tuple[Fact, ...]:
    """All about one host."""
    label, note = away.host_label(host), away.host_note(state, host, now)
    since = f" {note}" if note else f" for {present.age(now - host.since)}" if host.since else ""
    known = {run.vm for run in _runs_on(state, host)}
    ours = [vm.name for vm in host.vms if vm.name in known]
    others = [vm.name for vm in host.vms if vm.name not in known]
    return (
        ("State", Label(label.text + since, label.tone)),
        *([("Said", Label(clean_line(host.detail), "warn"))] if host.detail else []),
        *([("Do", Label(clean_line(host.hint), "warn"))] if host.hint else []),
        ("Address", Label(host_address(host))),
        ("Manager", Label(_manager(host))),
        ("Has", _capacity(host.load, now)),
        ("Ours", Label(_names(ours) if host.listed_at else _UNKNOWN)),
        ("Others'", Label(_names(others) if host.listed_at else _UNKNOWN, "muted")),
        ("Owed", _owed(debts(state, host))),
        ("Pinned", _pinned(pins(state, host))),
        ("Images", Label(_images(host), "muted")),
    )


def _manager(host: HostState) -> str:
    took = "" if host.list_took_s is None else f", lists its VMs in {host.list_took_s:.1f} s"
    return clean_line(f"{host.entry.driver} {host.version}") + took


def _capacity(load: HostLoad | None, now: float) -> Label:
    if load is None:
        return Label("it has not said yet", "muted")
    parts = [
        f"{load.cpus} CPUs" if load.cpus else "",
        f"load {load.load:.2f}" if load.load is not None else "",
    ]
    for word, free, total in (
        ("memory", load.memory_free, load.memory_total),
        ("disk", load.disk_free, load.disk_total),
    ):
        if free is not None and total is not None:
            parts.append(f"{word} {short_size(free)} free of {short_size(total)}")
    said = ", ".join(part for part in parts if part)
    ago = now - load.at
    old = f" ({present.age(ago)} ago)" if ago > _OLD_S else ""
    return Label(f"{said}{old}" if said else "it does not tell", "muted" if old or not said else "text")


def _owed(runs: Sequence[RunState]) -> Label:
    if not runs:
        return Label("nothing: every VM that was to go was seen absent", "muted")
    reasons = (f"{run.vm}{': ' + run.delay if run.delay else ''}" for run in runs)
    return Label(clean_line("; ".join(reasons)), "warn")


def _pinned(runs: Sequence[RunState]) -> Label:
    return Label(_names([run.vm for run in runs]), "pin" if runs else "muted")


def _images(host: HostState) -> str:
    names = [name for name, _ in present.image_rows(host)]
    return _names(names) if host.images else "not asked yet"


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(clean_line(name) for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)}: {shown}{more}" if names else "none"
