"""What happened, and what would happen, told in plain sentences: for the logs, stderr and the screens."""

from __future__ import annotations

import shlex

from tui.model.events import CleanupDelayed, Event, Narrated, PhaseEntered, PinChanged, WorkEnded
from tui.model.hosts import DEMO, LOCAL, HostEntry
from tui.model.lease import LAUNCH_JOB
from tui.model.phase import Outcome, OutcomeKind, Phase, Pin
from tui.model.spec import PinPolicy, RunSpec
from tui.model.state import RunState
from tui.model.units import format_duration

CLEANUP_LOG = "cleanup"


def sentence(event: Event, run: RunState) -> str:
    """What to say of `event`, with `run` as it was before; empty: nothing."""
    match event:
        case Narrated(text=text):
            return text
        case PhaseEntered(phase=phase):
            return _of_phase(phase, run)
        case PinChanged(pin=pin, reason=reason):
            return _of_pin(pin, reason, run)
        case WorkEnded(outcome=outcome) if run.outcome is None:
            return of_outcome(outcome)
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
        Phase.DELETING: f"Deleting {where}.",
        Phase.GONE: f"{where} is gone." if run.phase is not Phase.QUEUED else "Nothing was launched.",
        Phase.KEPT: f"{where} stays: it is pinned.",
    }.get(phase, "")


def _of_pin(pin: Pin, reason: str, run: RunState) -> str:
    because = f" ({reason})" if reason else ""
    return {
        Pin.ON: f"Pinned: {run.vm} is kept until you unpin or remove it{because}.",
        Pin.REFUSED: f"The pin came too late{because}.",
        Pin.OFF: f"Unpinned{because}." if run.pin is Pin.ON else "",
    }.get(pin, "")


def fate(spec: RunSpec) -> str:
    """What happens to such a run if this client vanishes now."""
    deletes = f"{spec.host} deletes the VM {format_duration(spec.grace_s)} after it last heard from us"
    match spec.pin:
        case PinPolicy.ALWAYS:
            return f"If this client vanishes, the VM stays on {spec.host}, pinned, until you remove it."
        case PinPolicy.ON_FAILURE:
            return f"If this client vanishes, {deletes}; if the command has failed by then, the VM stays."
        case PinPolicy.NEVER:
            return f"If this client vanishes, {deletes}."


def way_in(entry: HostEntry, command: str) -> str:
    """What a person types here to run `command` on that host with a terminal."""
    if entry.name == LOCAL:
        return command
    if entry.name == DEMO:
        return f"dayfly demo --shell {shlex.quote(command)}"
    user = f"{entry.user}@" if entry.user else ""
    port = f"-p {entry.port} " if entry.port else ""
    return f"ssh -t {port}{user}{entry.address or entry.name} {command}"
