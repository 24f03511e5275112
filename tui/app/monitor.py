"""What VMs use, as numbers and small graphs: pure functions. What is not known is said to be so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tui.app.present import Label, Tone, age
from tui.model.phase import Phase
from tui.model.state import RunState
from tui.model.units import GIB, MIB
from tui.model.use import PeakUse, VmUse

BLOCKS = "▁▂▃▄▅▆▇█"
STALE_S = 20.0
"""Older figures say nothing of now."""
_HIGH = 0.9
"""Of what there is: worth a colour."""
_GRAPH = 8
_UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Gauge:
    """One line of the panel: a graph of the last minutes, the number now, the most so far."""

    word: str
    shares: tuple[float | None, ...]
    """Of what there is, from 0 to 1, oldest first; None: not known."""
    number: Label
    peak: str


def spark(shares: Sequence[float | None], width: int) -> str:
    """The last `width` of them as blocks, the newest at the right; a blank where one is not known."""
    last = shares[-width:] if width > 0 else ()
    blocks = (" " if share is None else BLOCKS[_step(share)] for share in last)
    return "".join(blocks).rjust(max(0, width))


def _step(share: float) -> int:
    return min(len(BLOCKS) - 1, max(0, int(share * len(BLOCKS))))


def short_size(size: float) -> str:
    """Bytes in at most five cells: `476M`, `1.4G`, `24G`, `1.2T`."""
    for unit, length in (("T", 1024 * GIB), ("G", GIB), ("M", MIB), ("K", 1024)):
        if size >= length:
            amount = size / length
            return (f"{amount:.1f}" if amount < 9.95 else f"{amount:.0f}").removesuffix(".0") + unit
    return f"{size:.0f}"


def use_now(run: RunState, now: float) -> VmUse | None:
    """The last sample, while it says something of now."""
    last = run.samples[-1] if run.samples else None
    is_fresh = last is not None and now - last.at <= STALE_S and run.phase not in (Phase.DELETING, Phase.GONE)
    return last if is_fresh else None


# ---- in the list of runs


def cpu_cell(run: RunState, now: float, graph: int = 0) -> tuple[Label, ...]:
    """Its CPU, with a graph `graph` cells wide; nothing where nothing runs."""
    use = use_now(run, now)
    if use is None:
        return (Label(""),)
    number = _percent(use.cpu)
    if not graph:
        return (number,)
    return (Label(spark([sample.cpu for sample in run.samples], graph), "busy"), number)


def memory_cell(run: RunState, now: float) -> tuple[Label, ...]:
    """Its memory."""
    use = use_now(run, now)
    if use is None:
        return (Label(""),)
    if use.memory is None:
        return (Label(_UNKNOWN, "muted"),)
    return (Label(short_size(use.memory), _tone(use.memory, use.memory_total)),)


# ---- of one run


def use_label(run: RunState, now: float) -> Label:
    """All of it in a line: what it uses, or used at most, or why that is not known."""
    use = use_now(run, now)
    if use is None:
        return _without_figures(run, now)
    if _says_nothing(use):
        return Label("no figures: this VM does not tell what it uses", "muted")
    graph = spark([sample.cpu for sample in run.samples], _GRAPH)
    parts = (
        f"CPU {graph} {_percent(use.cpu).text:>4}",
        f"mem {_of(use.memory, use.memory_total)}",
        f"disk {_of(use.disk, use.disk_total)}",
        f"load {_load(use.load)}",
    )
    return Label("  ".join(parts))


def _without_figures(run: RunState, now: float) -> Label:
    if run.phase.is_over or run.phase is Phase.DELETING or run.outcome:
        return Label(f"at most {peak_words(run.peak)}" if run.peak != PeakUse() else _UNKNOWN, "muted")
    if run.samples:
        return Label(f"no figures for {age(now - run.samples[-1].at)}", "muted")
    has_begun = run.phase in (Phase.WORKING, Phase.COLLECTING)
    return Label("no figures yet" if has_begun else _UNKNOWN, "muted")


def peak_words(peak: PeakUse) -> str:
    """The most that it used: `CPU 98%, memory 1.4G, disk 1.8G, load 3.05`; what is not known is left out."""
    parts = (
        ("CPU", _percent(peak.cpu).text, peak.cpu),
        ("memory", _size(peak.memory), peak.memory),
        ("disk", _size(peak.disk), peak.disk),
        ("load", _load(peak.load), peak.load),
    )
    return ", ".join(f"{word} {text}" for word, text, value in parts if value is not None)


def gauges(run: RunState, now: float) -> tuple[Gauge, ...]:
    """The panel's lines; always as many."""
    use = use_now(run, now) or VmUse(at=now)
    samples, peak, cpus = run.samples, run.peak, max(1, run.spec.cpus)
    top = max(cpus, peak.load or 0.0)
    load_tone = _tone(use.load, cpus * 2)
    return (
        Gauge("CPU", tuple(sample.cpu for sample in samples), _percent(use.cpu), _percent(peak.cpu).text),
        Gauge(
            "Memory",
            _shares((sample.memory, sample.memory_total) for sample in samples),
            Label(_of(use.memory, use.memory_total), _tone(use.memory, use.memory_total)),
            _size(peak.memory),
        ),
        Gauge(
            "Disk",
            _shares((sample.disk, sample.disk_total) for sample in samples),
            Label(_of(use.disk, use.disk_total), _tone(use.disk, use.disk_total)),
            _size(peak.disk),
        ),
        Gauge(
            "Load",
            _shares((sample.load, top) for sample in samples),
            Label(f"{_load(use.load)} on {cpus} cpu", load_tone if use.load is not None else "muted"),
            _load(peak.load),
        ),
    )


def _says_nothing(use: VmUse) -> bool:
    return use == VmUse(at=use.at)


def _shares(pairs: Iterable[tuple[float | None, float | None]]) -> tuple[float | None, ...]:
    return tuple(None if part is None or not whole else part / whole for part, whole in pairs)


def _percent(share: float | None) -> Label:
    if share is None:
        return Label(_UNKNOWN, "muted")
    return Label(f"{share * 100:.0f}%", _tone(share, 1.0))


def _tone(part: float | None, whole: float | None) -> Tone:
    if part is None:
        return "muted"
    return "warn" if whole and part >= whole * _HIGH else "text"


def _size(size: int | None) -> str:
    return _UNKNOWN if size is None else short_size(size)


def _of(part: int | None, whole: int | None) -> str:
    return _UNKNOWN if part is None or whole is None else f"{_size(part)} of {_size(whole)}"


def _load(load: float | None) -> str:
    return _UNKNOWN if load is None else f"{load:.2f}"
