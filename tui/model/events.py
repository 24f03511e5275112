"""What has happened: frozen, past tense, each with the time it happened (epoch seconds, UTC).

`to_json` is the schema of `dayfly run --json` and of a run's events file; docs/events.md lists it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from tui.model.hosts import Health, HostEntry, ImageInfo, Question, VmInfo
from tui.model.phase import Outcome, Phase, Pin
from tui.model.results import Result
from tui.model.spec import HostName, RunId, RunSpec, VmName
from tui.model.use import HostCommand, HostLoad, PeakUse, VmUse


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSubmitted:
    """A run spec was accepted."""

    run: RunId
    at: float
    vm: VmName
    spec: RunSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecovered:
    """A run of an earlier process of this client was taken from the ledger."""

    run: RunId
    at: float
    vm: VmName
    spec: RunSpec
    submitted_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrphaned:
    """A run whose process died or left still lives on its host, and nobody renews its lease."""

    run: RunId
    at: float
    ends_at: float | None = None
    """When its host ends it, unless it ends by itself or somebody takes it over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAdopted:
    """This process carries the run on."""

    run: RunId
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLeft:
    """We let a run go: its host sees it to its end without us."""

    run: RunId
    at: float
    ends_at: float | None = None
    """When its host ends it, unless it ends by itself or somebody takes it over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseEntered:
    """A run moved on."""

    run: RunId
    at: float
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrated:
    """One sentence on what goes on; it is in the run's narration log too."""

    run: RunId
    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressMade:
    """What the present phase is busy with, replacing what was said before."""

    run: RunId
    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinChanged:
    """The pin of a run moved."""

    run: RunId
    at: float
    pin: Pin
    reason: str = ""
    until: float | None = None
    """When the pin expires; None: it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmObserved:
    """What the manager says of a run's VM."""

    run: RunId
    at: float
    state: str
    ipv4: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkEnded:
    """How the work of a run went; said once."""

    run: RunId
    at: float
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupDelayed:
    """Why a VM is not gone yet."""

    run: RunId
    at: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsChanged:
    """What came home so far: all artifacts of the run, in the order of its profile."""

    run: RunId
    at: float
    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VmSampled:
    """What a run's VM uses now. Comes every few seconds, so it is in no file and no NDJSON."""

    run: RunId
    at: float
    use: VmUse


@dataclass(frozen=True, slots=True, kw_only=True)
class UsePeaked:
    """The most that a run's VM used; said once, when its work has ended."""

    run: RunId
    at: float
    peak: PeakUse


@dataclass(frozen=True, slots=True, kw_only=True)
class PortForwarded:
    """A port of this machine leads to one of the VM."""

    run: RunId
    at: float
    port: int
    local_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PortClosed:
    """It does not any more."""

    run: RunId
    at: float
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMeasured:
    """How busy a host is. Comes every few seconds."""

    host: HostName
    at: float
    load: HostLoad


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRan:
    """A command on a host ended."""

    host: HostName
    at: float
    command: HostCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAdded:
    """A host became known to this process."""

    host: HostName
    at: float
    entry: HostEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChanged:
    """Our link to a host changed."""

    host: HostName
    at: float
    health: Health
    detail: str = ""
    hint: str = ""
    version: str = ""
    heard_at: float | None = None
    """When the host was heard of last, where the link was up and is down now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmsListed:
    """All VMs that a host has, ours and others'."""

    host: HostName
    at: float
    vms: tuple[VmInfo, ...]
    took_s: float | None = None
    """How long the manager took to say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesListed:
    """The images that a host offers."""

    host: HostName
    at: float
    images: tuple[ImageInfo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAsked:
    """Somebody must answer."""

    host: HostName
    at: float
    question: Question


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionClosed:
    """It was answered, or nobody needs the answer any more."""

    host: HostName
    at: float
    question_id: str


RunStep = (
    RunOrphaned
    | RunAdopted
    | RunLeft
    | PhaseEntered
    | Narrated
    | ProgressMade
    | PinChanged
    | VmObserved
    | WorkEnded
    | ResultsChanged
    | CleanupDelayed
    | VmSampled
    | UsePeaked
    | PortForwarded
    | PortClosed
)
"""What happens to a run that is known."""
RunEvent = RunSubmitted | RunRecovered | RunStep
HostEvent = (
    HostAdded
    | LinkChanged
    | VmsListed
    | ImagesListed
    | HostMeasured
    | CommandRan
    | QuestionAsked
    | QuestionClosed
)
Event = RunEvent | HostEvent
PASSING = (VmSampled, HostMeasured, CommandRan)
"""Come every few seconds, and are of no use later: in no events file and no line of `run --json`."""


def to_json(event: Event) -> dict[str, Any]:
    """One flat object: `event` is the name, the rest are the fields."""
    data: dict[str, Any] = {"event": type(event).__name__}
    for field in fields(event):
        data[field.name] = _plain(getattr(event, field.name))
    return data


def _plain(value: object) -> object:
    match value:
        case StrEnum():
            return value.value
        case RunSpec() | HostEntry():
            return value.to_json()
        case Outcome(kind, status, reason):
            return {"kind": kind.value, "status": status, "reason": reason}
        case tuple():
            return [_plain(item) for item in value]
        case (
            VmInfo() | ImageInfo() | Question() | Result() | VmUse() | PeakUse() | HostLoad() | HostCommand()
        ):
            return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value
