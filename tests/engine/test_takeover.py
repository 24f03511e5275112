"""How a run stands, by what its host says of its lease."""

import time
from dataclasses import replace

import pytest

from tui.engine.outcomes import outcome_of_past
from tui.engine.takeover import Standing, ends_at, phase_of, standing_of
from tui.model.lease import LAUNCH_JOB, WORK_JOB, EndKind, JobEnd, LeasePhase, LeaseReport
from tui.model.phase import OutcomeKind, Phase
from tui.model.spec import HostName, RunSpec, VmName

SPEC = RunSpec(image="lts", command="true", host=HostName("demo"))
LIVE = LeaseReport(vm=VmName("df-run-aaaaaaaa"), phase=LeasePhase.LIVE, grace_s=900)
LAUNCHED = (LAUNCH_JOB, JobEnd(EndKind.EXIT, "0", 0, 0))
FAILED_LAUNCH = (LAUNCH_JOB, JobEnd(EndKind.EXIT, "2", 0, 0))
ENDED = (WORK_JOB, JobEnd(EndKind.EXIT, "3", 0, 0))
WORKING = replace(LIVE, started=(LAUNCH_JOB, WORK_JOB), ends=(LAUNCHED,))


@pytest.mark.parametrize(
    ("report", "standing", "phase"),
    [
        (LIVE, Standing.ALIVE, Phase.LEASED),
        (replace(LIVE, started=(LAUNCH_JOB,)), Standing.ALIVE, Phase.LAUNCHING),
        (replace(LIVE, started=(LAUNCH_JOB,), ends=(LAUNCHED,)), Standing.ALIVE, Phase.BOOTING),
        (WORKING, Standing.ALIVE, Phase.WORKING),
        (replace(WORKING, pinned=True), Standing.ALIVE, Phase.WORKING),
        (replace(WORKING, phase=LeasePhase.REAPING), Standing.ALIVE, Phase.WORKING),
        (replace(WORKING, ends=(LAUNCHED, ENDED)), Standing.OVER, Phase.COLLECTING),
        (replace(WORKING, ends=(LAUNCHED, ENDED), pinned=True), Standing.KEPT, Phase.KEPT),
        (replace(LIVE, started=(LAUNCH_JOB,), ends=(FAILED_LAUNCH,)), Standing.OVER, Phase.BOOTING),
        (replace(WORKING, phase=LeasePhase.COMMITTED), Standing.OVER, Phase.DELETING),
        (replace(WORKING, phase=LeasePhase.GONE), Standing.OVER, Phase.GONE),
        (replace(LIVE, phase=LeasePhase.NONE), Standing.OVER, Phase.GONE),
        (replace(LIVE, foreign=True), Standing.OVER, Phase.LEASED),
    ],
)
def test_standing(report: LeaseReport, standing: Standing, phase: Phase) -> None:
    assert standing_of(report) is standing
    assert phase_of(report) is phase


def test_our_own_books_may_know_that_it_is_over() -> None:
    assert standing_of(WORKING, has_ended=True) is Standing.OVER
    assert standing_of(replace(WORKING, pinned=True), has_ended=True) is Standing.KEPT


@pytest.mark.parametrize(
    ("report", "left_s"),
    [
        (replace(LIVE, silent_s=300), 600),
        (replace(LIVE, silent_s=300, finish_s=7200), 600),
        (replace(WORKING, silent_s=300, finish_s=7200), 6900),
        (replace(WORKING, silent_s=300, finish_s=7200, ends=(LAUNCHED, ENDED)), 600),
        (replace(LIVE, silent_s=1000), 0),
    ],
)
def test_when_its_host_ends_it(report: LeaseReport, left_s: int) -> None:
    at = ends_at(report)
    assert at is not None
    assert abs(at - time.time() - left_s) < 2


def test_a_pin_has_no_such_end() -> None:
    assert ends_at(replace(WORKING, pinned=True)) is None


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("expired", "demo had not heard from us for 15m and ended the run"),
        ("asked", "ended from another terminal"),
        ("pin-expired", "its pin was over, and demo deleted the VM"),
    ],
)
def test_why_it_is_over(cause: str, reason: str) -> None:
    killed = JobEnd(EndKind.KILLED, "ended", 0, 0)
    report = replace(WORKING, phase=LeasePhase.GONE, cause=cause, ends=(LAUNCHED, (WORK_JOB, killed)))
    assert outcome_of_past(report, SPEC).reason == reason
    ended = replace(report, ends=(LAUNCHED, ENDED))
    assert outcome_of_past(ended, SPEC).status == 3, "a status that is known is never hidden"


def test_what_was_left_to_finish_names_that_limit() -> None:
    killed = JobEnd(EndKind.KILLED, "ended", 0, 0)
    report = replace(
        WORKING, phase=LeasePhase.GONE, cause="expired", finish_s=7200, ends=((WORK_JOB, killed),)
    )
    outcome = outcome_of_past(report, SPEC)
    assert (outcome.kind, "for 2h" in outcome.reason) == (OutcomeKind.LOST, True)
