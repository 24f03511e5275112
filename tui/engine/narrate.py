"""What happened, and what would happen, told in plain sentences: for the logs, stderr and the screens."""

from __future__ import annotations

import shlex
import time

from tui.model.events import (
    CleanupDelayed,
    Event,
    LinkChanged,
    Narrated,
    PhaseEntered,
    PinChanged,
    ResultsChanged,
    RunAdopted,
    RunLeft,
    RunOrphaned,
    WorkEnded,
)
from tui.model.hosts import DEMO, LOCAL, HostEntry
from tui.model.lease import LAUNCH_JOB
from tui.model.phase import Outcome, OutcomeKind, Phase, Pin
from tui.model.results import Result, ResultState
from tui.model.spec import HostName, PinPolicy, RunSpec
from tui.model.state import RunState
from tui.model.text import clean
from tui.model.units import approximate_size, format_duration

CLEANUP_LOG = "cleanup"
EXEC_BOUND = (
    "This guest cannot keep a job of its own: the workload ends if the connection into the VM breaks."
)


def sentence(event: Event, run: RunState) -> str:
    """What to say of `event`, with `run` as it was before; empty: nothing."""
    match event:
        case Narrated(text=text):
            return text
        case PhaseEntered(phase=phase):
            return _of_phase(phase, run)
        case PinChanged():
            return _of_pin(event, run)
        case RunOrphaned(ends_at=ends_at):
            return f"Its client is gone; it goes on at {run.host}{_until(ends_at, event.at)}."
        case RunAdopted():
            return f"Taken over: {run.vm} on {run.host}. {fate(run.spec)}"
        case RunLeft(ends_at=ends_at):
            until = _until(ends_at, event.at)
            return f"{run.vm} goes on without us on {run.host}{until}: dayfly attach {run.id}"
        case WorkEnded(outcome=outcome) if run.outcome is None:
            return of_outcome(outcome)
        case ResultsChanged(results=results):
            return _of_results(results, run)
        case CleanupDelayed(reason=reason) if reason:
            return f"Not gone yet: {reason}."
        case _:
            return ""


def log_of(run: RunState) -> str:
    """Which log a sentence belongs to."""
    begun = run.phase in (Phase.QUEUED, Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING)
    return LAUNCH_JOB if begun and run.outcome is None else CLEANUP_LOG


def of_outcome(outcome: Outcome) -> str:
    """How the work went, as a sentence."""
    because = f": {outcome.reason.rstrip('.')}" if outcome.reason else ""
    said = {
        OutcomeKind.SUCCEEDED: "The command succeeded",
        OutcomeKind.FAILED: f"The command failed with status {outcome.status}",
        OutcomeKind.TIMED_OUT: "The command's time was over",
        OutcomeKind.CANCELLED: "The run was cancelled",
        OutcomeKind.LAUNCH_FAILED: "The launch failed",
        OutcomeKind.LOST: "The run was lost",
    }[outcome.kind]
    return f"{said}{because}."


def _of_phase(phase: Phase, run: RunState) -> str:
    where = f"{run.vm} on {run.host}"
    return {
        Phase.LEASED: f"{run.host} now owes the deletion of {run.vm}, whatever happens to this client.",
        Phase.LAUNCHING: f"Launching {where} from {run.spec.image}.",
        Phase.WORKING: f"The command runs in {where}.",
        Phase.COLLECTING: f"Bringing home the results of {where}.",
        Phase.DELETING: f"Deleting {where}.",
        Phase.GONE: f"{where} is gone." if run.phase is not Phase.QUEUED else "Nothing was launched.",
        Phase.KEPT: f"{where} stays: it is pinned.",
    }.get(phase, "")


def _of_pin(event: PinChanged, run: RunState) -> str:
    because = f" ({event.reason})" if event.reason else ""
    kept = "until you unpin or remove it"
    if event.until is not None:
        kept = f"for {format_duration(max(0, round(event.until - event.at)))}, or {kept}"
    return {
        Pin.ON: f"Pinned: {run.vm} is kept {kept}{because}.",
        Pin.REFUSED: f"The pin came too late{because}.",
        Pin.OFF: f"Unpinned{because}." if run.pin is Pin.ON else "",
    }.get(event.pin, "")


def of_result(result: Result) -> str:
    """What came home of one artifact, as a sentence."""
    files = f"{result.files} file{'' if result.files == 1 else 's'}, {approximate_size(result.size)}"
    reason = clean(result.reason)
    match result.state:
        case ResultState.COMPLETE:
            return f"Result {result.path}: {files}."
        case ResultState.PARTIAL:
            return f"Result {result.path}: only a part, {files}: {reason}."
        case ResultState.MISSING:
            return f"Result {result.path}: nothing: {reason}."
        case _:
            return ""


def where_results_are(run: RunState) -> str:
    """The folders with what came home; empty: nothing did."""
    folders = dict.fromkeys(result.folder for result in run.results if result.files)
    return f"Results: {', '.join(folders)}" if folders else ""


def _of_results(results: tuple[Result, ...], run: RunState) -> str:
    """Those that have come to their end now; where nothing was launched the reason was told."""
    if run.outcome is not None and run.outcome.kind is OutcomeKind.LAUNCH_FAILED:
        return ""
    ended_before = {at for at, result in enumerate(run.results) if result.state.is_final}
    new = (of_result(result) for at, result in enumerate(results) if at not in ended_before)
    return " ".join(sentence for sentence in new if sentence)


def _until(ends_at: float | None, at: float) -> str:
    if ends_at is None:
        return ""
    return f", {format_duration(max(0, round(ends_at - at)))} at most"


# ---- hosts


def host_lost(event: LinkChanged, run: RunState) -> str:
    """The link to a run's host is down; what becomes of the run."""
    why = event.detail.rstrip(".") or f"{event.host} does not answer"
    return f"{event.host} unreachable ({why}); {_goes_on(run, event.heard_at or event.at)}."


def _goes_on(run: RunState, heard_at: float) -> str:
    if run.phase is Phase.DELETING:
        return f"it goes on deleting {run.vm}"
    if run.is_pinned:
        return f"{run.vm} stays there, pinned"
    may_finish = run.spec.finish and run.phase is Phase.WORKING
    limit_s = max(run.spec.grace_s, run.spec.finish_s) if may_finish else run.spec.grace_s
    left = format_duration(max(0, round(heard_at + limit_s - time.time())))
    return f"the run goes on; {run.host} ends it in {left} unless we return"


def host_back(host: HostName, away_s: float) -> str:
    """The link is up again."""
    return f"{host} is back after {format_duration(max(1, round(away_s)))}."


def manager_silent(host: HostName) -> str:
    """The host answers, its VM manager does not."""
    return f"The VM manager on {host} does not answer; what runs goes on, and what is owed is tried again."


def manager_back(host: HostName, silent_s: float) -> str:
    """It answers again."""
    return f"The VM manager on {host} answers again, after {format_duration(max(1, round(silent_s)))}."


# ---- what would happen


def fate(spec: RunSpec) -> str:
    """What happens to such a run if this client vanishes now."""
    vanishes, host = "If this client vanishes", spec.host
    if spec.pin is PinPolicy.ALWAYS:
        kept = f"for {format_duration(spec.pin_for_s)}, or until" if spec.pin_for_s else "until"
        return f"{vanishes}, the VM stays on {host}, pinned, {kept} you remove it."
    deletes = f"{host} deletes the VM {format_duration(spec.grace_s)} after it last heard from us"
    if spec.finish:
        deletes += f"; the workload may end by itself first, at most {format_duration(spec.finish_s)}"
    if spec.pin is PinPolicy.ON_FAILURE:
        kept = f", for {format_duration(spec.pin_for_s)}" if spec.pin_for_s else ""
        return f"{vanishes}, {deletes}; if the command has failed by then, the VM stays{kept}."
    return f"{vanishes}, {deletes}."


def way_in(entry: HostEntry, command: str) -> str:
    """What a person types here to run `command` on that host with a terminal."""
    if entry.name == LOCAL:
        return command
    if entry.name == DEMO:
        return f"dayfly demo --shell {shlex.quote(command)}"
    user = f"{entry.user}@" if entry.user else ""
    port = f"-p {entry.port} " if entry.port else ""
    return f"ssh -t {port}{user}{entry.address or entry.name} {command}"
