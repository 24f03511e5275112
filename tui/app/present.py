"""How facts look: pure functions from states to short texts, glyphs and tones. Nothing here draws.

A state is always shown as glyph, word and tone together, so that it survives without colours.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len, set_cell_size

from tui.model.hosts import Health, ImageInfo
from tui.model.phase import Outcome, OutcomeKind, Phase, Pin
from tui.model.spec import PinPolicy, RunId, RunSpec
from tui.model.state import FleetState, HostState, RunState
from tui.model.text import clean_line
from tui.model.units import format_duration, format_size

_NAME_WIDTH = 40
"""Of a run that is named by its command, in cells."""

Tone = Literal["text", "muted", "busy", "good", "bad", "warn", "pin"]


@dataclass(frozen=True, slots=True)
class Label:
    """A few words and how they are meant."""

    text: str
    tone: Tone = "text"


Fact = tuple[str, Label]
"""A word and what there is to say of it."""


def fit(text: str, width: int) -> str:
    """`text` in exactly `width` cells, with an ellipsis where it was cut."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


def fitting(sentences: Sequence[str], width: int, height: int) -> str:
    """As many sentences as fit, wrapped as they will be; the last line says how many did not."""
    wrapped = [textwrap.wrap(clean_line(sentence), width) for sentence in sentences]
    if sum(map(len, wrapped)) <= height or height < 2:
        return "\n".join("\n".join(lines) for lines in wrapped)
    shown: list[str] = []
    for index, lines in enumerate(wrapped):
        if shown and len(shown) + len(lines) > height - 1:
            return "\n".join((*shown, f"and {len(wrapped) - index} more"))
        shown += lines
    return "\n".join(shown)


def age(seconds: float) -> str:
    """At most seven cells: `42s`, `2m 05s`, `3h 07m`, `4d 11h`."""
    left = max(0, int(seconds))
    if left < 60:
        return f"{left}s"
    if left < 3600:
        return f"{left // 60}m {left % 60:02d}s"
    if left < 86400:
        return f"{left // 3600}h {left // 60 % 60:02d}m"
    return f"{left // 86400}d {left // 3600 % 24:02d}h"


def resources(spec: RunSpec) -> str:
    """Processors, memory, disk: `2 cpu 4G 10G`."""
    return f"{spec.cpus} cpu {format_size(spec.memory)} {format_size(spec.disk)}"


_PHASES: dict[Phase, Label] = {
    Phase.QUEUED: Label("◌ queued", "muted"),
    Phase.LEASED: Label("◌ leased", "busy"),
    Phase.LAUNCHING: Label("◔ launching", "busy"),
    Phase.BOOTING: Label("◑ booting", "busy"),
    Phase.WORKING: Label("▶ working", "busy"),
    Phase.COLLECTING: Label("◕ collecting", "busy"),
    Phase.DELETING: Label("⌫ deleting", "warn"),
    Phase.GONE: Label("■ gone", "muted"),
    Phase.KEPT: Label("◆ kept", "pin"),
}

_OUTCOMES: dict[OutcomeKind, Label] = {
    OutcomeKind.SUCCEEDED: Label("✔ passed", "good"),
    OutcomeKind.FAILED: Label("✘ failed", "bad"),
    OutcomeKind.TIMED_OUT: Label("✘ timed out", "bad"),
    OutcomeKind.CANCELLED: Label("■ cancelled", "muted"),
    OutcomeKind.LAUNCH_FAILED: Label("✘ no launch", "bad"),
    OutcomeKind.LOST: Label("✘ lost", "bad"),
}

_HEALTH: dict[Health, Label] = {
    Health.UNKNOWN: Label("◌ unknown", "muted"),
    Health.CONNECTING: Label("◔ connecting", "busy"),
    Health.READY: Label("● ready", "good"),
    Health.UNREACHABLE: Label("✘ unreachable", "bad"),
    Health.REFUSED: Label("✘ refused", "bad"),
    Health.MANAGER_SILENT: Label("? manager silent", "warn"),
}


def phase_label(phase: Phase) -> Label:
    """Where a run is."""
    return _PHASES[phase]


def health_label(health: Health) -> Label:
    """How our link to a host is."""
    return _HEALTH[health]


def outcome_label(outcome: Outcome | None) -> Label:
    """How the work went, without the reason; `–` while nobody knows."""
    if outcome is None:
        return Label("–", "muted")
    label = _OUTCOMES[outcome.kind]
    return Label(f"{label.text} {outcome.status}", label.tone) if outcome.status else label


def run_label(run: RunState) -> Label:
    """The one word for a run in a list: who sees to it, its phase, or at last, how the work went."""
    if run.orphaned:
        return Label("? left over", "warn")
    if run.left:
        return Label("▷ on its own", "pin")
    return outcome_label(run.outcome) if run.phase is Phase.GONE and run.outcome else _PHASES[run.phase]


def run_name(run: RunState) -> str:
    """The profile's name; without one the first line of its command, or else its image."""
    spec = run.spec
    words = spec.command if isinstance(spec.command, str) else shlex.join(spec.command)
    name = clean_line(spec.name or words.strip().partition("\n")[0] or spec.image)
    return fit(name, _NAME_WIDTH).rstrip()


def run_age(run: RunState, now: float) -> str:
    """How long it has existed, or existed until it was gone."""
    ended = run.ended_at if run.phase is Phase.GONE else None
    return age((ended or now) - run.submitted_at)


def run_news(run: RunState) -> Label:
    """What there is to say of a run beside its state: delay, progress, outcome, reason."""
    if run.delay and not run.phase.is_over:
        return Label(clean_line(run.delay), "warn")
    if run.outcome is None:
        return Label(clean_line(run.progress or run.told), "muted")
    label = outcome_label(run.outcome)
    reason = clean_line(run.outcome.reason)
    if run.phase is Phase.GONE:
        return Label(reason, "muted")
    return Label(f"{label.text}: {reason}" if reason else label.text, label.tone)


def pin_label(run: RunState, now: float) -> Label:
    """The pin in a list: a glyph and a word and how long it holds, or nothing."""
    match run.pin:
        case Pin.ON:
            return Label("") if run.phase in _TOO_LATE else Label(f"◆ pinned{_pin_left(run, now)}", "pin")
        case Pin.ASKED:
            return Label("◇ pinning", "warn")
        case Pin.REFUSED:
            return Label("✘ no pin", "warn")
        case Pin.OFF:
            return Label("")


def _pin_left(run: RunState, now: float) -> str:
    return f", {age(run.pinned_until - now)} left" if run.pinned_until is not None else ""


_TOO_LATE = (Phase.DELETING, Phase.GONE)
"""From here on a pin holds nothing."""

_POLICIES = {
    PinPolicy.NEVER: "not pinned: deleted as soon as the work is over",
    PinPolicy.ON_FAILURE: "not pinned: will be, should the work fail",
    PinPolicy.ALWAYS: "will be pinned when the work is over",
}


def pin_sentence(run: RunState, now: float) -> Label:
    """The pin in full."""
    reason = f": {clean_line(run.pin_reason)}" if run.pin_reason else ""
    match run.pin:
        case Pin.ON if run.phase in _TOO_LATE:
            return Label("not pinned any more", "muted")
        case Pin.ON:
            since = f" for {age(now - run.pinned_at)}" if run.pinned_at else ""
            return Label(f"◆ pinned{since}{_pin_left(run, now)}{reason}", "pin")
        case Pin.ASKED:
            return Label("◇ asking the host to keep it", "warn")
        case Pin.REFUSED:
            return Label(f"✘ not pinned{reason or ': deletion had begun'}", "warn")
        case _:
            over = run.phase is Phase.GONE or run.outcome is not None or run.phase is Phase.DELETING
            return Label("not pinned" if over else _POLICIES[run.spec.pin], "muted")


def may_pin(run: RunState) -> bool:
    """Whether the pin can still be moved: until deletion begins."""
    return run.phase not in _TOO_LATE


def may_cancel(run: RunState) -> bool:
    """Whether there is still something to stop or to delete."""
    return run.phase not in _TOO_LATE


def has_way_in(run: RunState) -> bool:
    """Whether a person can get into its VM."""
    return bool(run.ipv4 or run.is_pinned) and run.phase not in _TOO_LATE


def vm_sentence(run: RunState) -> Label:
    """What the manager says of the VM."""
    if run.phase is Phase.GONE:
        return Label("gone", "muted")
    if not run.vm_state:
        return Label("not there yet" if run.phase in _BEFORE_THE_VM else "–", "muted")
    words = [run.vm_state, *run.ipv4]
    return Label(clean_line("  ".join(words)))


_BEFORE_THE_VM = (Phase.QUEUED, Phase.LEASED, Phase.LAUNCHING)


@dataclass(frozen=True, slots=True)
class PhaseStep:
    """One cell of the phase strip."""

    name: str
    mark: str
    """`✔`, `▶`, `·` or `–`, and how long it took."""
    tone: Tone


_STRIP = (
    Phase.QUEUED,
    Phase.LEASED,
    Phase.LAUNCHING,
    Phase.BOOTING,
    Phase.WORKING,
    Phase.COLLECTING,
    Phase.DELETING,
    Phase.GONE,
)


def phase_steps(run: RunState, now: float) -> tuple[PhaseStep, ...]:
    """Every phase of the run in order, with its time; skipped ones show a dash, later ones a dot."""
    order: tuple[Phase, ...] = _STRIP
    if run.phase is Phase.KEPT:
        order = (*_STRIP[:-2], Phase.KEPT)
    elif any(phase is Phase.KEPT for phase, _ in run.entered):
        order = (*_STRIP[:-2], Phase.KEPT, *_STRIP[-2:])
    return tuple(_phase_step(run, phase, order, now) for phase in order)


def _phase_step(run: RunState, phase: Phase, order: Sequence[Phase], now: float) -> PhaseStep:
    starts = [at for entered, at in run.entered if entered is phase]
    if phase is Phase.GONE:
        return PhaseStep("gone", "✔" if starts else "·", "good" if starts else "muted")
    if phase is run.phase:
        took = age(now - starts[0]) if starts and not was_found_in(run, phase) else ""
        return PhaseStep(phase, f"{_PHASES[phase].text[0]} {took}", _PHASES[phase].tone)
    if starts:
        index = [entered for entered, _ in run.entered].index(phase)
        is_known = not run.recovered or index > 1
        took = f" {age(run.entered[index + 1][1] - starts[0])}" if is_known else ""
        mark, tone = _end_mark(run, phase)
        return PhaseStep(phase, mark + took, tone)
    if run.recovered and phase in _STRIP[:4] and any(entered is Phase.WORKING for entered, _ in run.entered):
        return PhaseStep(phase, "✔", "good")
    passed = order.index(phase) < order.index(run.phase)
    return PhaseStep(phase, "–" if passed else "·", "muted")


def _end_mark(run: RunState, phase: Phase) -> tuple[str, Tone]:
    """How a phase that is over ended: the last one of the work bears the outcome."""
    before = [entered for entered, _ in run.entered if entered in _STRIP[:5]]
    is_known = phase is Phase.WORKING or not run.recovered
    if run.outcome and phase is before[-1] and is_known:
        label = outcome_label(run.outcome)
        return label.text[0], label.tone
    return "✔", "good"


def was_found_in(run: RunState, phase: Phase) -> bool:
    """Whether an earlier session brought it there, so that nobody here knows since when."""
    return run.recovered and phase in (Phase.WORKING, Phase.KEPT) and run.entered[1:2] == run.entered[-1:]


def ours_and_others(state: FleetState, host: HostState) -> tuple[int, int]:
    """How many VMs on the host are of runs we know, and how many are not."""
    known = {run.vm for run in state.runs.values() if run.host == host.entry.name}
    ours = sum(vm.name in known for vm in host.vms)
    return ours, len(host.vms) - ours


def host_trouble(host: HostState) -> str:
    """What is wrong and what to do, in one line; empty when all is well."""
    if host.health in (Health.READY, Health.UNKNOWN):
        return ""
    return clean_line(" · ".join(part for part in (host.detail, host.hint) if part))


def unreachable(host: HostState) -> str:
    """That we cannot ask it now, and why; empty where we can."""
    if host.health in (Health.READY, Health.UNKNOWN, Health.CONNECTING):
        return ""
    trouble = host_trouble(host)
    return f"{health_label(host.health).text}{': ' + trouble if trouble else ''}"


def image_rows(host: HostState) -> tuple[tuple[str, str], ...]:
    """What the host can launch: (what to write, what it is); golden images first."""
    golden = tuple((ours, f"golden image: {theirs}") for ours, theirs in host.entry.images)
    return golden + tuple((image.name, _image_words(image)) for image in host.images)


def _image_words(image: ImageInfo) -> str:
    aliases = ", ".join(alias for alias in image.aliases if alias != image.name)
    return clean_line("  ".join(part for part in (image.description, aliases) if part))


def counts(state: FleetState) -> Label:
    """How many runs are under way and how many VMs are pinned, for the header."""
    active, pinned = len(state.unfinished), len(state.pinned)
    parts = [f"▶ {active} active" if active else "", f"◆ {pinned} pinned" if pinned else ""]
    words = "  ".join(part for part in parts if part)
    return Label(words, "busy") if words else Label("nothing running", "muted")


def news(old: FleetState, new: FleetState) -> tuple[tuple[RunId, Label], ...]:
    """What a person should hear of wherever he looks: pins that came too late, work that is over."""
    told = []
    for run in new.runs.values():
        before = old.runs.get(run.id)
        if before is None or before is run:
            continue
        if run.pin is Pin.REFUSED is not before.pin:
            why = clean_line(run.pin_reason) or "too late"
            told.append((run.id, Label(f"{run.vm} was not pinned: {why}", "warn")))
        if run.outcome and not before.outcome:
            label = outcome_label(run.outcome)
            told.append((run.id, Label(f"{run_name(run)}: {label.text}", label.tone)))
    return tuple(told)


def vanishing(run: RunState, fate: str) -> str:
    """What happens to a run's VM if this client vanishes now."""
    if run.phase is Phase.GONE:
        return "Nothing is left on the host."
    if run.is_pinned:
        until = (
            "until you delete it" if run.pinned_until is None else "until its pin expires, or you delete it"
        )
        return f"The VM stays on {clean_line(run.host)} {until}: dayfly rm {run.vm}"
    if run.phase is Phase.DELETING:
        return "If this client vanishes, the host goes on deleting the VM."
    return clean_line(fate)


def grace_words(run: RunState) -> str:
    """When the host acts alone: `15m`."""
    return format_duration(run.spec.grace_s)
