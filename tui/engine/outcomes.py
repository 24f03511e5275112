"""From what a host reports to how the work went, in words."""

from __future__ import annotations

from tui.model.lease import WORK_JOB, EndKind, JobEnd, LeasePhase, LeaseReport
from tui.model.phase import Outcome, OutcomeKind
from tui.model.spec import RunSpec
from tui.model.units import format_duration

AWAY = ("", "Deleted", "Stopped")
"""What the manager says of a VM in which nothing runs any more; empty: it is not listed."""
LOSSES = {
    "vm-absent": "the VM is gone: somebody deleted it",
    "vm-not-running": "the VM does not run any more: somebody stopped it, or it powered itself off",
    "vm-restarted": "the VM was restarted under it: somebody rebooted it, or it rebooted itself",
    "vm-suspended": "the VM is suspended: somebody suspended it, or its manager did and did not resume it",
    "guest-disk-full": "the VM's disk is full, and what it wrote could not be kept",
    "exec-died": "the connection into the VM broke; how the workload ended is not known",
    "runner-died": "the process that watched the workload was killed on the host",
    "no-record": "the workload never ran in the VM, or its record there is gone",
    "guest-silent": "the VM does not answer; how the workload ended is not known",
    "manager-silent": "the VM manager on the host does not answer; how the workload ended is not known",
}
TIMEOUT = "timeout"
"""Said to the host when the workload's time is over; it comes back as the detail of its end."""
CLIENT_DIED = Outcome(OutcomeKind.LOST, None, "the client that watched it died")


def lost(detail: str) -> Outcome:
    """The workload is lost, for this reason in the warden's word."""
    return Outcome(OutcomeKind.LOST, None, LOSSES.get(detail, detail))


def launch_failed(reason: str) -> Outcome:
    """No VM came of it."""
    return Outcome(OutcomeKind.LAUNCH_FAILED, None, reason)


def outcome_of_end(end: JobEnd) -> Outcome:
    """How a workload that has ended went."""
    if end.status is not None:
        return Outcome.of_status(end.status)
    if end.kind is EndKind.LOST:
        return lost(end.detail)
    return Outcome(OutcomeKind.TIMED_OUT if end.detail == TIMEOUT else OutcomeKind.CANCELLED)


def outcome_of_past(report: LeaseReport, spec: RunSpec) -> Outcome:
    """How a run went that nobody of this client saw the end of."""
    end = report.end_of(WORK_JOB)
    if end is not None and (end.kind is not EndKind.KILLED or end.detail == TIMEOUT):
        return outcome_of_end(end)
    is_over = report.phase.is_ending or report.phase is LeasePhase.NONE or report.foreign
    return outcome_of_report(report, spec) if is_over else CLIENT_DIED


def outcome_of_report(report: LeaseReport, spec: RunSpec) -> Outcome:
    """How a run went whose lease somebody else has ended."""
    if report.cause == "asked":
        return Outcome(OutcomeKind.CANCELLED, None, "ended from another terminal")
    if report.cause == "expired":
        limit_s = max(spec.grace_s, report.finish_s if WORK_JOB in report.started else 0)
        reason = f"{spec.host} had not heard from us for {format_duration(limit_s)} and ended the run"
        return Outcome(OutcomeKind.LOST, None, reason)
    if report.cause == "pin-expired":
        return Outcome(OutcomeKind.LOST, None, f"its pin was over, and {spec.host} deleted the VM")
    if report.foreign:
        return Outcome(OutcomeKind.LAUNCH_FAILED, None, f"a VM called {report.vm} was there before us")
    return Outcome(OutcomeKind.LOST, None, f"{spec.host} knows nothing of this run any more")
