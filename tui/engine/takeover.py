"""What a lease says of a run that nobody here has carried out so far, and how its output is fetched late."""

from __future__ import annotations

import time
from enum import StrEnum
from functools import partial

from tui.engine.link import HostLink
from tui.engine.logs import RunLogs
from tui.engine.outcomes import launch_failed, outcome_of_past
from tui.model.lease import LAUNCH_JOB, WORK_JOB, LeasePhase, LeaseReport, is_collect_job
from tui.model.phase import Outcome, Phase
from tui.model.spec import RunSpec

TAIL = 4096
"""Bytes of a launch's stderr that tell why it failed."""


class Standing(StrEnum):
    """How a run stands on its host."""

    OVER = "over"
    """It has ended, or its host is ending it, or nothing is left to do but to delete the VM."""
    KEPT = "kept"
    """The work is over and the VM stays, pinned."""
    ALIVE = "alive"
    """It goes on, or waits for the next step, on its host."""


def standing_of(report: LeaseReport, *, has_ended: bool = False) -> Standing:
    """How it stands; `has_ended` where our own books say that the work is over."""
    if report.foreign or report.phase not in (LeasePhase.LIVE, LeasePhase.REAPING):
        return Standing.OVER
    if has_ended or is_work_over(report):
        return Standing.KEPT if report.pinned else Standing.OVER
    return Standing.ALIVE


def is_work_over(report: LeaseReport) -> bool:
    """The workload has ended, or can never begin as its launch failed."""
    launch = report.end_of(LAUNCH_JOB)
    return report.end_of(WORK_JOB) is not None or (launch is not None and launch.status != 0)


def phase_of(report: LeaseReport) -> Phase:
    """Where a run is, by what its host knows."""
    if report.phase in (LeasePhase.GONE, LeasePhase.NONE):
        return Phase.GONE
    if report.phase.is_ending:
        return Phase.DELETING
    if report.end_of(WORK_JOB) is not None:
        return Phase.KEPT if report.pinned else Phase.COLLECTING
    if WORK_JOB in report.started:
        return Phase.WORKING
    if report.end_of(LAUNCH_JOB) is not None:
        return Phase.BOOTING
    return Phase.LAUNCHING if LAUNCH_JOB in report.started else Phase.LEASED


def silence_limit(report: LeaseReport) -> int:
    """For how many seconds without a heartbeat the host lets the run go on now; 0: not known."""
    works = WORK_JOB in report.started and report.end_of(WORK_JOB) is None
    return max(report.grace_s, report.finish_s) if works else report.grace_s


def ends_at(report: LeaseReport) -> float | None:
    """When the host ends the run unless it hears from us (epoch seconds); None: never, or not known."""
    limit = silence_limit(report)
    if report.pinned or not limit:
        return None
    return time.time() + max(0, limit - report.silent_s)


async def fetch_output(
    link: HostLink, report: LeaseReport, logs: RunLogs, *, patience_s: float | None = None
) -> None:
    """Bring all that the ended jobs of a lease wrote and that is not here yet; not what `Artifacts` brings.

    It waits on the host until the lease is acknowledged; where it was dropped there is nothing to bring.
    Cancelled, it leaves here what came so far. Raises HostError and WardenError kinds, and LogUnwritable.
    """
    if report.dropped:
        return
    for job, _ in report.ends:
        if is_collect_job(job):
            continue
        log = logs.job(job)
        await link.say(partial(link.warden.follow, report.vm, job, log), patience_s=patience_s)
        await log.sync()


def outcome_without_us(
    link: HostLink, report: LeaseReport, spec: RunSpec, logs: RunLogs
) -> tuple[Outcome, str]:
    """How a run went that nobody of us saw the end of, and what to do about it; its output is here by now."""
    launch = report.end_of(LAUNCH_JOB)
    if launch is not None and launch.status:
        sentence, hint = link.driver.explain(logs.tail(LAUNCH_JOB, "stderr", TAIL), launch.status)
        return launch_failed(sentence), hint
    return outcome_of_past(report, spec), ""
