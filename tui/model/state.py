"""The whole of what is shown, and the one pure function that changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from tui.model.events import (
    CleanupDelayed,
    CommandRan,
    Event,
    HostAdded,
    HostMeasured,
    ImagesListed,
    LinkChanged,
    Narrated,
    PhaseEntered,
    PinChanged,
    PortClosed,
    PortForwarded,
    ProgressMade,
    QuestionAsked,
    QuestionClosed,
    ResultsChanged,
    RunAdopted,
    RunLeft,
    RunOrphaned,
    RunRecovered,
    RunStep,
    RunSubmitted,
    UsePeaked,
    VmObserved,
    VmSampled,
    VmsListed,
    WorkEnded,
)
from tui.model.hosts import Health, HostEntry, ImageInfo, Question, VmInfo
from tui.model.phase import Outcome, Phase, Pin, may_move
from tui.model.results import Result, ResultState
from tui.model.spec import HostName, RunId, RunSpec, VmName
from tui.model.use import HostCommand, HostLoad, PeakUse, VmUse

SAMPLES_KEPT = 120
"""Of each run: what its graphs show."""
COMMANDS_KEPT = 500
"""Of all hosts together; the routine ones go first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """One run as it is now."""

    id: RunId
    vm: VmName
    spec: RunSpec
    submitted_at: float
    phase: Phase = Phase.QUEUED
    entered: tuple[tuple[Phase, float], ...] = ()
    """Every phase so far and when it began."""
    progress: str = ""
    """What the present phase is busy with."""
    told: str = ""
    """The last sentence of the narration."""
    pin: Pin = Pin.OFF
    pin_reason: str = ""
    pinned_at: float | None = None
    pinned_until: float | None = None
    """When the pin expires; None: it does not."""
    vm_state: str = ""
    ipv4: tuple[str, ...] = ()
    outcome: Outcome | None = None
    delay: str = ""
    """Why the VM is not gone yet."""
    recovered: bool = False
    """An earlier process of this client began it."""
    orphaned: bool = False
    """Its process died or left; it lives on its host and waits for our word: adopt, disown, or cancel."""
    left: bool = False
    """We let it go: its host sees it to its end without us."""
    ends_at: float | None = None
    """When the host ends an orphan, or what was left; None: not known, or it ends only by itself."""
    results: tuple[Result, ...] = ()
    """What came home so far, an entry for each artifact; empty before anything was brought."""
    samples: tuple[VmUse, ...] = ()
    """What its VM used of late, oldest first."""
    peak: PeakUse = field(default_factory=PeakUse)
    """The most that it used of each so far."""
    forwards: tuple[tuple[int, int], ...] = ()
    """Ports of the VM, and of this machine, that lead there."""

    @property
    def host(self) -> HostName:
        """Where its VM is."""
        return self.spec.host

    @property
    def ended_at(self) -> float | None:
        """When nothing more was going to happen."""
        return self.entered[-1][1] if self.entered and self.phase.is_over else None

    @property
    def has_ended(self) -> bool:
        """How the work went is known, and what was to come home of it has, as far as it could."""
        return self.outcome is not None and (self.phase.is_over or self.phase is Phase.DELETING)

    @property
    def is_unheard_of(self) -> bool:
        """A run of an earlier session, of which its host has said nothing yet."""
        return self.recovered and self.phase is Phase.QUEUED

    @property
    def is_ours_to_end(self) -> bool:
        """Not left to its host, by us or by the process that died."""
        return not (self.orphaned or self.left or self.is_unheard_of)

    @property
    def lacks_results(self) -> bool:
        """Something that it was to bring home for certain is not here, or not all of it."""
        return any(result.lacks for result in self.results)

    @property
    def is_collecting(self) -> bool:
        """Results of it are on their way here."""
        return any(result.state is ResultState.COLLECTING for result in self.results)

    @property
    def is_pinned(self) -> bool:
        """The VM outlives the run: nothing but its owner's word deletes it."""
        return self.pin is Pin.ON and self.phase not in (Phase.DELETING, Phase.GONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """One host as it is now."""

    entry: HostEntry
    health: Health = Health.UNKNOWN
    since: float = 0.0
    """When the health changed last."""
    lost_since: float | None = None
    """When the host was heard of last, while the link is down; None: it is up."""
    detail: str = ""
    hint: str = ""
    version: str = ""
    vms: tuple[VmInfo, ...] = ()
    listed_at: float | None = None
    list_took_s: float | None = None
    """How long the manager took to list its VMs last."""
    load: HostLoad | None = None
    images: tuple[ImageInfo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetState:
    """Everything: all runs, all hosts, all open questions."""

    runs: Mapping[RunId, RunState] = field(default_factory=lambda: MappingProxyType({}))
    hosts: Mapping[HostName, HostState] = field(default_factory=lambda: MappingProxyType({}))
    questions: tuple[Question, ...] = ()
    commands: tuple[tuple[HostName, HostCommand], ...] = ()
    """What was run on the hosts of late, in the order in which it ended."""

    @property
    def unfinished(self) -> tuple[RunState, ...]:
        """Runs whose VM is neither gone nor kept: what a client that leaves still has to see to.

        Runs that their host sees to, and those of an earlier session that it has said nothing of yet,
        are not waited for.
        """
        return tuple(run for run in self.runs.values() if not run.phase.is_over and run.is_ours_to_end)

    @property
    def orphans(self) -> tuple[RunState, ...]:
        """Runs that wait for our word."""
        return tuple(run for run in self.runs.values() if run.orphaned)

    @property
    def pinned(self) -> tuple[RunState, ...]:
        """Runs whose VM stays until its owner says otherwise."""
        return tuple(run for run in self.runs.values() if run.is_pinned)

    def with_run(self, run: RunState) -> FleetState:
        """The same with one run put in or replaced."""
        return replace(self, runs=MappingProxyType({**self.runs, run.id: run}))

    def with_host(self, host: HostState) -> FleetState:
        """The same with one host put in or replaced."""
        return replace(self, hosts=MappingProxyType({**self.hosts, host.entry.name: host}))


def reduce(state: FleetState, event: Event) -> FleetState:
    """The state after `event`. What makes no sense (a step back, an unknown run) changes nothing."""
    match event:
        case RunSubmitted() | RunRecovered():
            return _begin(state, event)
        case HostAdded():
            return state.with_host(HostState(entry=event.entry, since=event.at))
        case LinkChanged() | VmsListed() | ImagesListed() | HostMeasured():
            host = state.hosts.get(event.host)
            return state if host is None else state.with_host(_reduce_host(host, event))
        case CommandRan(host=host_name, command=command):
            return replace(state, commands=_remember(state.commands, (host_name, command)))
        case QuestionAsked():
            return replace(state, questions=(*state.questions, event.question))
        case QuestionClosed():
            left = tuple(question for question in state.questions if question.id != event.question_id)
            return replace(state, questions=left)
        case _:
            run = state.runs.get(event.run)
            return state if run is None else state.with_run(_reduce_run(run, event))


def _begin(state: FleetState, event: RunSubmitted | RunRecovered) -> FleetState:
    if event.run in state.runs:
        return state
    recovered = isinstance(event, RunRecovered)
    began = event.submitted_at if isinstance(event, RunRecovered) else event.at
    run = RunState(
        id=event.run,
        vm=event.vm,
        spec=event.spec,
        submitted_at=began,
        entered=((Phase.QUEUED, began),),
        recovered=recovered,
    )
    return state.with_run(run)


def _reduce_run(run: RunState, event: RunStep) -> RunState:
    match event:
        case PhaseEntered():
            return _enter(run, event.phase, event.at)
        case RunOrphaned() | RunAdopted() | RunLeft():
            return _hand_over(run, event)
        case Narrated(text=text):
            return replace(run, told=text)
        case ProgressMade(text=text):
            return replace(run, progress=text)
        case PinChanged(pin=pin, at=at, reason=reason, until=until):
            pinned_at, until = (at, until) if pin is Pin.ON else (None, None)
            return replace(run, pin=pin, pin_reason=reason, pinned_at=pinned_at, pinned_until=until)
        case VmObserved(state=vm_state, ipv4=ipv4):
            return run if run.phase is Phase.GONE else replace(run, vm_state=vm_state, ipv4=ipv4)
        case WorkEnded(outcome=outcome):
            return run if run.outcome else replace(run, outcome=outcome)
        case ResultsChanged(results=results):
            return replace(run, results=results)
        case CleanupDelayed(reason=reason):
            return replace(run, delay=reason)
        case _:
            return _reduce_inside(run, event)


def _reduce_inside(run: RunState, event: VmSampled | UsePeaked | PortForwarded | PortClosed) -> RunState:
    match event:
        case VmSampled(use=use):
            samples = (*run.samples, use)[-SAMPLES_KEPT:]
            return replace(run, samples=samples, peak=run.peak.with_sample(use))
        case UsePeaked(peak=peak):
            return replace(run, peak=peak)
        case PortForwarded(port=port, local_port=local_port):
            return replace(run, forwards=(*_without(run.forwards, port), (port, local_port)))
        case PortClosed(port=port):
            return replace(run, forwards=_without(run.forwards, port))


def _without(forwards: tuple[tuple[int, int], ...], port: int) -> tuple[tuple[int, int], ...]:
    return tuple(pair for pair in forwards if pair[0] != port)


def _remember(
    commands: tuple[tuple[HostName, HostCommand], ...], new: tuple[HostName, HostCommand]
) -> tuple[tuple[HostName, HostCommand], ...]:
    """With one more; where there are too many, the oldest routine one goes, or else the oldest."""
    if len(commands) < COMMANDS_KEPT:
        return (*commands, new)
    gone = next((at for at, (_, command) in enumerate(commands) if command.is_routine), 0)
    return (*commands[:gone], *commands[gone + 1 :], new)


def _enter(run: RunState, phase: Phase, at: float) -> RunState:
    if not may_move(run.phase, phase):
        return run
    run = replace(run, phase=phase, entered=(*run.entered, (phase, at)), progress="", delay="")
    if phase.is_over or phase is Phase.DELETING:
        run = replace(run, orphaned=False, left=False, ends_at=None)
    return replace(run, vm_state="", ipv4=()) if phase is Phase.GONE else run


def _hand_over(run: RunState, event: RunOrphaned | RunAdopted | RunLeft) -> RunState:
    ends_at = None if isinstance(event, RunAdopted) else event.ends_at
    orphaned, left = isinstance(event, RunOrphaned), isinstance(event, RunLeft)
    return replace(run, orphaned=orphaned, left=left, ends_at=ends_at)


def _reduce_host(host: HostState, event: LinkChanged | VmsListed | ImagesListed | HostMeasured) -> HostState:
    match event:
        case LinkChanged(health=health, detail=detail, hint=hint, at=at):
            return replace(
                host,
                health=health,
                since=host.since if health is host.health else at,
                lost_since=event.heard_at,
                detail=detail,
                hint=hint,
                version=event.version or host.version,
            )
        case VmsListed(vms=vms, at=at, took_s=took_s):
            return replace(host, vms=vms, listed_at=at, list_took_s=took_s)
        case ImagesListed(images=images):
            return replace(host, images=images)
        case HostMeasured(load=load):
            return replace(host, load=load)
