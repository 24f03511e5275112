"""How long a host waits: grace, finish, and pins that expire."""

from __future__ import annotations

import os
import signal

import pytest

from tests.until import until
from tests.warden.world import World
from tui.model.errors import LeaseClosing
from tui.model.lease import JobPlace, LeasePhase
from tui.model.spec import PinPolicy


async def start_work(world: World, status: int = 0) -> None:
    """Work that goes on as long as `busy` is ordered."""
    world.order("busy")
    program = f"while [ -e {world.root}/busy ]; do sleep 0.1; done; exit {status}"
    await world.warden.start(world.vm, "work", ("sh", "-c", program), JobPlace.GUEST)
    await world.reported(lambda report: "work" in report.started)


async def test_a_grace_can_be_made_longer(world: World) -> None:
    await world.launch(grace_s=3)
    await world.warden.set_grace(world.vm, 60, finish_s=90)
    report = await world.reported(lambda report: report.silent_s >= 6)
    assert (report.grace_s, report.finish_s, report.phase) == (60, 90, LeasePhase.LIVE)


async def test_a_grace_can_be_made_shorter(world: World) -> None:
    await world.launch(grace_s=60)
    await world.warden.set_grace(world.vm, 1)
    assert (await world.gone()).cause == "expired"
    with pytest.raises(LeaseClosing):
        await world.warden.set_grace(world.vm, 60)


async def test_silence_is_told_and_a_beat_ends_it(world: World) -> None:
    await world.launch(grace_s=60)
    await world.reported(lambda report: report.silent_s >= 6)
    async with world.held():
        await world.reported(lambda report: report.silent_s == 0)


async def test_work_may_finish_although_nobody_is_there(world: World) -> None:
    await world.launch(grace_s=3, finish_s=60)
    await start_work(world)
    report = await world.reported(lambda report: report.silent_s >= 6)
    assert report.phase is LeasePhase.LIVE
    world.revoke("busy")
    report = await world.gone()
    end = report.end_of("work")
    assert end is not None
    assert end.status == 0
    assert report.cause == "expired"
    assert not world.exists()


async def test_work_has_no_longer_than_that(world: World) -> None:
    await world.launch(grace_s=3, finish_s=6)
    await start_work(world)
    report = await world.gone()
    end = report.end_of("work")
    assert end is not None
    assert (end.kind, end.detail, report.cause) == ("killed", "ended", "expired")


async def test_a_vm_without_work_is_not_kept_by_finish(world: World) -> None:
    await world.launch(grace_s=1, finish_s=600)
    await world.gone()
    assert not world.exists()


async def test_the_policy_still_applies_to_work_that_finished_alone(world: World) -> None:
    await world.launch(grace_s=3, finish_s=60, pin=PinPolicy.ON_FAILURE)
    await start_work(world, status=3)
    await world.reported(lambda report: report.silent_s >= 5)
    world.revoke("busy")
    report = await world.reported(lambda report: report.pinned)
    assert report.phase is LeasePhase.LIVE
    assert world.exists()


async def test_a_pin_expires_and_the_lease_ends_with_it(world: World) -> None:
    await world.launch(grace_s=1)
    await world.warden.pin(world.vm, for_s=4)
    report = await world.reported(lambda report: report.pin_left_s is not None)
    assert report.pinned
    assert report.pin_left_s is not None
    assert report.pin_left_s <= 4
    assert (await world.gone()).cause == "pin-expired"
    assert not world.exists()


async def test_a_pin_that_expires_while_its_client_works_only_unpins(world: World) -> None:
    await world.launch(grace_s=3)
    await start_work(world)
    async with world.held() as news:
        await world.warden.pin(world.vm, for_s=1)
        await until(lambda: news[-1].pinned)
        await until(lambda: not news[-1].pinned)
        beats = int(next(world.lease.glob("beat.*")).suffix[1:])
        await until(lambda: (world.lease / f"beat.{beats + 9}").exists())
        assert news[-1].phase is LeasePhase.LIVE
        assert news[-1].cause == ""


async def test_a_pin_that_expires_when_the_work_is_over_ends_the_lease(world: World) -> None:
    await world.launch(grace_s=30)
    await world.warden.pin(world.vm, for_s=3)
    await world.work("true")
    async with world.held():
        assert (await world.gone()).cause == "pin-expired"


async def test_what_is_left_of_a_pin_outlives_the_supervisor(world: World) -> None:
    await world.launch(grace_s=1)
    await world.warden.pin(world.vm, for_s=9)
    report = await world.reported(lambda report: report.pin_left_s is not None and report.pin_left_s <= 7)
    first = world.pid_of("supervisor")
    os.kill(first, signal.SIGKILL)
    later = await world.reported(lambda _: world.pid_of("supervisor") not in (0, first))
    assert later.pin_left_s is not None
    assert report.pin_left_s is not None
    assert later.pin_left_s <= report.pin_left_s
    assert (await world.gone()).cause == "pin-expired"


async def test_the_last_word_on_a_pin_counts(world: World) -> None:
    await world.launch(grace_s=1)
    await world.warden.pin(world.vm, for_s=2)
    await world.warden.pin(world.vm)
    report = await world.reported(lambda report: report.silent_s >= 4)
    assert (report.pinned, report.pin_left_s) == (True, None)
    await world.warden.pin(world.vm, for_s=1)
    assert (await world.gone()).cause == "pin-expired"


async def test_the_hosts_own_pin_expires_and_is_not_set_again(world: World) -> None:
    await world.launch(grace_s=1, pin=PinPolicy.ALWAYS, pin_for_s=3)
    report = await world.reported(lambda report: report.pinned)
    assert report.pin_left_s is not None
    assert (await world.gone()).cause == "pin-expired"
    assert not world.exists()
