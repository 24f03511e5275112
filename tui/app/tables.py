"""Runs and hosts as tables and as facts: pure functions from states to labelled cells."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tui.app import away, monitor, present, results
from tui.app.present import Fact, Label
from tui.model.phase import Phase
from tui.model.results import Result
from tui.model.spec import HostName, RunSpec
from tui.model.state import FleetState, HostState, RunState
from tui.model.text import clean, clean_line
from tui.model.units import approximate_size, format_duration, format_size


@dataclass(frozen=True, slots=True)
class Column:
    """One column; its cells are cut to `width`, the gap to the next one included."""

    title: str
    width: int


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row; every cell may be of several labels."""

    key: str
    cells: tuple[tuple[Label, ...], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """What a table shows."""

    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]


_STATE, _NAME, _HOST, _TIME = Column("STATE", 14), Column("NAME", 17), Column("HOST", 10), Column("TIME", 9)
_SIZE, _VM = Column("SIZE", 16), Column("VM", 32)
_CPU, _MEMORY, _CPU_GRAPH = Column("CPU", 5), Column("MEM", 6), Column("CPU", 15)
_GRAPH = 8
_NEWS_MIN, _NEWS_LEAST = 26, 22


def runs_table(state: FleetState, now: float, width: int) -> Table:
    """Every run, the newest first."""
    columns = _run_columns(width, is_one_host=len({run.host for run in state.runs.values()}) <= 1)
    runs = sorted(state.runs.values(), key=lambda run: (run.submitted_at, run.id), reverse=True)
    rows = []
    for run in runs:
        host = state.hosts.get(run.host)
        rows.append(TableRow(run.id, tuple(_run_cell(run, host, column, now) for column in columns)))
    return Table(tuple(columns), tuple(rows))


def _run_columns(width: int, *, is_one_host: bool) -> list[Column]:
    """With less width the VM's name goes first, then graphs and size, then a host that is the only one."""
    columns = [_STATE, _NAME, _HOST, _TIME]
    left = width - sum(column.width for column in columns)
    use = _CPU.width + _MEMORY.width
    if is_one_host and left - use < _NEWS_LEAST:
        columns.remove(_HOST)
        left += _HOST.width
    if left - use >= _NEWS_LEAST:
        columns += [_CPU, _MEMORY]
        left -= use
        if left - _CPU_GRAPH.width + _CPU.width >= _NEWS_MIN:
            columns[columns.index(_CPU)] = _CPU_GRAPH
            left -= _CPU_GRAPH.width - _CPU.width
    for column, place in ((_SIZE, len(columns)), (_VM, 2)):
        if left - column.width >= _NEWS_MIN:
            columns.insert(place, column)
            left -= column.width
    return [*columns, Column("WHAT", max(left, 10))]


def _run_cell(run: RunState, host: HostState | None, column: Column, now: float) -> tuple[Label, ...]:
    match column.title:
        case "STATE":
            return (present.run_label(run),)
        case "NAME":
            return (Label(present.run_name(run)),)
        case "VM":
            return (Label(clean_line(run.vm), "muted"),)
        case "HOST":
            return (Label(clean_line(run.host), "muted"),)
        case "TIME":
            return (Label(present.run_age(run, now), "muted"),)
        case "CPU":
            return monitor.cpu_cell(run, now, graph=_GRAPH if column is _CPU_GRAPH else 0)
        case "MEM":
            return monitor.memory_cell(run, now)
        case "SIZE":
            return (Label(present.resources(run.spec), "muted"),)
        case _:
            return _what(run, host, now)


def _what(run: RunState, host: HostState | None, now: float) -> tuple[Label, ...]:
    """What is to be known at a glance: a silent host before all, the pin, what is new."""
    pin = present.pin_label(run, now)
    said = _news_and_results(run, now)
    if silence := away.silence(run, host, now):
        pin, said = Label(pin.text[:1], pin.tone), (Label(silence, "warn"),)
    return tuple(part for part in (pin, *said) if part.text)


def _news_and_results(run: RunState, now: float) -> tuple[Label, ...]:
    """What came home says more of a run that is over than its command; while it comes, than no news."""
    news, came = _news(run, now), results.headline(run)
    if not came.text:
        return (news,)
    if run.phase.is_over:
        return (came, present.run_news(run))
    return (news, came) if run.outcome or not run.progress else (news,)


def _news(run: RunState, now: float) -> Label:
    """What is new; of a run that is over, why it went so, or else which it was."""
    if away.may_take_over(run) and not run.is_pinned:
        return Label(f"ends {away.ending(run, now)}", "warn" if run.orphaned else "muted")
    news = present.run_news(run)
    return Label(command_text(run.spec), "muted") if run.phase is Phase.GONE and not news.text else news


_HOST_COLUMNS = (Column("HOST", 11), Column("STATE", 18), Column("VERSION", 9), Column("VMS", 13))


def hosts_table(state: FleetState, now: float, width: int) -> Table:
    """Every host, in the order in which they became known."""
    left = width - sum(column.width for column in _HOST_COLUMNS)
    columns = (*_HOST_COLUMNS, Column("WHERE", max(left, 10)))
    return Table(columns, tuple(_host_row(state, host, now) for host in state.hosts.values()))


def _host_row(state: FleetState, host: HostState, now: float) -> TableRow:
    ours, others = present.ours_and_others(state, host)
    vms = f"{ours} of {ours + others} ours" if host.listed_at else "–"
    notes = (away.host_note(state, host, now), present.host_trouble(host))
    trouble = " · ".join(note for note in notes if note)
    last = Label(trouble, "warn") if trouble else Label(host_address(host), "muted")
    cells = (
        Label(clean_line(host.entry.name)),
        away.host_label(host),
        Label(clean_line(host.version) or "–", "muted"),
        Label(vms, "muted"),
        last,
    )
    return TableRow(host.entry.name, tuple((cell,) for cell in cells))


def host_address(host: HostState) -> str:
    """Where it is: `user@address:port`, or what it is where there is no address."""
    entry = host.entry
    if not entry.address:
        return {"demo": "on this machine, a demo", "local": "this machine"}.get(entry.name, "–")
    user = f"{entry.user}@" if entry.user else ""
    port = f":{entry.port}" if entry.port else ""
    return clean_line(f"{user}{entry.address}{port}")


FIRST_STEPS: tuple[Fact, ...] = (
    ("n", Label("choose an image and a command: a VM of its own runs it, and is deleted afterwards")),
    ("a", Label("make a Multipass host of yours known, by SSH")),
    ("?", Label("all keys of where you are; ctrl+p finds everything by name")),
)
"""What to do where nothing was done yet."""


def run_facts(
    run: RunState, host: HostState | None, now: float, *, way_in: str, fate: Label
) -> tuple[Fact, ...]:
    """All about a run, for the pane beside the list."""
    return (
        ("State", _state_now(run, host, now)),
        ("VM", Label(f"{clean_line(run.vm)} on {clean_line(run.host)}")),
        ("", present.vm_sentence(run)),
        ("Image", Label(f"{clean_line(run.spec.image)}   {present.resources(run.spec)}")),
        ("Command", Label(command_text(run.spec), "muted")),
        *live_facts(run, now, way_in=way_in, fate=fate),
        ("Use", monitor.use_label(run, now)),
    )


def live_facts(run: RunState, now: float, *, way_in: str, fate: Label) -> tuple[Fact, ...]:
    """What may change, or is acted upon, while one looks. Results take the place of no way in."""
    entered = ("Way in", Label(clean_line(way_in)) if present.has_way_in(run) else Label("–", "muted"))
    came = results.headline(run)
    return (
        ("Pin", present.pin_sentence(run, now)),
        *([entered] if present.has_way_in(run) or not came.text else []),
        *([("Results", came)] if came.text else []),
        *([("Ports", Label(_forwards(run)))] if run.forwards else []),
        ("Fate", fate),
    )


def _forwards(run: RunState) -> str:
    """`http://127.0.0.1:8080 leads to 8080`."""
    return " · ".join(f"http://127.0.0.1:{here} leads to {port}" for port, here in run.forwards)


def run_head(run: RunState, host: HostState | None, now: float) -> tuple[Fact, ...]:
    """The state of the VM and of the work, for the run's own screen."""
    return (
        ("Now", _state_now(run, host, now)),
        ("VM", present.vm_sentence(run)),
        ("Use", monitor.use_label(run, now)),
    )


def _state_now(run: RunState, host: HostState | None, now: float) -> Label:
    """Its state, and what is new; of a silent host there is nothing new."""
    label = present.run_label(run)
    news = Label("") if away.silence(run, host, now) else present.run_news(run)
    is_timed = run.entered and not run.phase.is_over and not present.was_found_in(run, run.phase)
    took = f" {present.age(now - run.entered[-1][1])}" if is_timed else ""
    tone = news.tone if news.tone in ("warn", "bad") else label.tone
    return Label(f"{label.text}{took}{'   ' + news.text if news.text else ''}", tone)


def host_facts(state: FleetState, host: HostState, now: float) -> tuple[Fact, ...]:
    """All about a host: health, what to do about it, what is on it."""
    ours, others = present.ours_and_others(state, host)
    label, note = away.host_label(host), away.host_note(state, host, now)
    since = f" {note}" if note else f" for {present.age(now - host.since)}" if host.since else ""
    names = ", ".join(clean_line(vm.name) for vm in host.vms)
    vms = f"{ours} ours, {others} not: {names}" if names else "none" if host.listed_at else "–"
    return (
        ("State", Label(label.text + since, label.tone)),
        ("Address", Label(host_address(host))),
        ("Manager", Label(clean_line(f"{host.entry.driver} {host.version}"))),
        ("VMs", Label(vms, "muted")),
        ("Said", Label(clean_line(host.detail) or "–", "muted")),
        ("Do", Label(clean_line(host.hint) or "–", "warn" if host.hint else "muted")),
    )


def command_text(spec: RunSpec) -> str:
    """The command in one line."""
    text = spec.command if isinstance(spec.command, str) else shlex.join(spec.command)
    return clean_line(" ⏎ ".join(line for line in text.strip().splitlines() if line.strip()))


def form_fields(spec: RunSpec) -> dict[str, str]:
    """A run spec as the texts of a form; `ProfileShelf.resolve_form` reads them back."""
    command = spec.command if isinstance(spec.command, str) else shlex.join(spec.command)
    return {
        "image": spec.image,
        "command": command,
        "host": spec.host,
        "cpus": str(spec.cpus),
        "memory": format_size(spec.memory),
        "disk": format_size(spec.disk),
        "workdir": spec.workdir,
        "sudo": "true" if spec.sudo else "false",
        "timeout": format_duration(spec.timeout_s) if spec.timeout_s else "",
        "boot_timeout": format_duration(spec.boot_timeout_s),
        "grace": "finish" if spec.finish else format_duration(spec.grace_s),
        "pin": spec.pin.value,
        "pin_for": format_duration(spec.pin_for_s) if spec.pin_for_s else "",
        "name": spec.name,
        "description": spec.description,
    }


def command_line(spec: RunSpec, profile: RunSpec | None) -> str:
    """The same run without the dashboard. `profile`: what was loaded; its name stands for what is unchanged.

    What has no flag (workdir, boot timeout) is only kept through the profile.
    """
    base = profile if profile and profile.name else default_spec(spec.host)
    words = ["dayfly", "run"]
    words += [profile.name] if profile and profile.name else []
    words += ["--host", spec.host]
    for flag, key in (("--image", "image"), ("--cpus", "cpus"), ("--memory", "memory"), ("--disk", "disk")):
        words += _flag(flag, key, spec, base)
    for flag, key in (
        ("--timeout", "timeout"),
        ("--grace", "grace"),
        ("--pin", "pin"),
        ("--for", "pin_for"),
    ):
        words += _flag(flag, key, spec, base)
    if (spec.argv, spec.sudo) != (base.argv, base.sudo):
        words += ["--", *spec.argv]
    return shlex.join(clean(word) for word in words)


def _flag(flag: str, key: str, spec: RunSpec, base: RunSpec) -> Sequence[str]:
    value = form_fields(spec)[key]
    return () if value == form_fields(base)[key] else (flag, value)


def cleaning_table(runs: Sequence[RunState], now: float, width: int, *, finish: bool) -> Table:
    """What is still being seen to: state, how long, which VM, where if there is room, why not yet.

    `finish`: what works is let go, not deleted.
    """
    names = max((len(run.vm) for run in runs), default=0)
    columns = [_STATE, Column("FOR", 8), Column("VM", names + 2)]
    left = width - sum(column.width for column in columns)
    if left - _HOST.width >= _NEWS_MIN:
        columns.append(_HOST)
        left -= _HOST.width
    columns.append(Column("WHAT", max(left, 10)))
    rows = (
        TableRow(
            run.id, tuple((_cleaning_cell(run, column.title, now, finish=finish),) for column in columns)
        )
        for run in runs
    )
    return Table(tuple(columns), tuple(rows))


def _cleaning_cell(run: RunState, title: str, now: float, *, finish: bool) -> Label:
    is_gone = run.phase is Phase.GONE
    match title:
        case "STATE":
            return Label("✔ gone", "good") if is_gone else present.run_label(run)
        case "FOR":
            since = run.entered[-1][1] if run.entered else run.submitted_at
            return Label("" if run.phase.is_over else present.age(now - since), "muted")
        case "VM":
            return Label(clean_line(run.vm))
        case "HOST":
            return Label(clean_line(run.host), "muted")
        case _ if underway := results.coming(run):
            return Label(results.progress(underway), "busy")
        case _ if is_gone:
            return Label("seen absent", "good")
        case _ if run.left:
            return Label(away.attach(run), "good")
        case _ if finish and run.phase is not Phase.DELETING:
            return Label("left once it has started", "muted")
        case _:
            return Label(clean_line(run.delay), "warn") if run.delay else Label(clean_line(run.told), "muted")


def orphans_table(runs: Sequence[tuple[RunState, int]], now: float, width: int) -> Table:
    """Runs that an earlier session left over, each with the bytes of its log that are here."""
    columns = [_NAME, _HOST, Column("AT WORK", 12), Column("LOG", 8)]
    columns.append(Column("HOST ENDS IT", max(width - sum(column.width for column in columns), 10)))
    rows = (
        TableRow(
            run.id,
            (
                (Label(present.run_name(run)),),
                (Label(clean_line(run.host), "muted"),),
                (present.phase_label(run.phase),),
                (Label(approximate_size(size) if size else "–", "muted"),),
                (Label(away.ending(run, now), "pin" if run.is_pinned else "warn"),),
            ),
        )
        for run, size in runs
    )
    return Table(tuple(columns), tuple(rows))


_WHERE_MIN = 24


def results_table(found: Sequence[Result], width: int) -> Table:
    """Every artifact: how far, how big, how many files, where it is or why it is not."""
    state, size, files = Column("STATE", 12), Column("SIZE", 8), Column("FILES", 7)
    left = max(width - state.width - size.width - files.width, 20)
    path = max(min(max((len(result.path) for result in found), default=0) + 2, left - _WHERE_MIN), 12)
    columns = (state, Column("RESULT", path), size, files, Column("WHERE", max(left - path, 10)))
    rows = []
    for index, result in enumerate(found):
        label = results.state_label(result)
        cells = (
            label,
            Label(clean_line(result.path)),
            Label(results.size_words(result), "muted"),
            Label(str(result.files) if result.files else "–", "muted"),
            Label(results.where(result), label.tone if result.reason else "muted"),
        )
        rows.append(TableRow(str(index), tuple((cell,) for cell in cells)))
    return Table(columns, tuple(rows))


def merged_fields(typed: Mapping[str, str], loaded: RunSpec | None) -> dict[str, str]:
    """The form's texts over those of the loaded profile that the form does not show."""
    return {**(form_fields(loaded) if loaded else {}), **typed}


def default_spec(host: HostName) -> RunSpec:
    """What an empty form stands for."""
    return RunSpec(image="", command="", host=host)
