from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time

import pytest

from tests.until import until
from tests.warden.world import Sink, World
from tui.model.errors import WardenError
from tui.model.lease import EndKind, JobPlace, LeasePhase, LeaseReport


async def noted(world: World, note: str) -> None:
    await until((world.lease / f"note.{note}").exists)


async def test_it_is_done_soon(world: World) -> None:
    await world.launch()
    start = time.monotonic()
    await world.warden.reap(world.vm)
    await world.gone()
    assert time.monotonic() - start < 10


async def test_a_delete_that_lies_is_not_believed(world: World) -> None:
    await world.launch()
    world.order("lie-delete")
    await world.warden.reap(world.vm)
    await until(lambda: world.calls("delete") > 2)
    assert world.is_in(LeasePhase.DELETING)
    world.revoke("lie-delete")
    await world.gone()
    assert not world.exists()


async def test_not_listed_once_is_not_gone(world: World) -> None:
    await world.launch()
    world.order("lie-delete")
    await world.warden.reap(world.vm)
    await until(lambda: world.calls("delete") > 0)
    world.order("blink-list")
    await until(lambda: not (world.root / "blink-list").exists())
    looked = world.calls("list")
    await until(lambda: world.calls("list") > looked + 2)
    assert world.is_in(LeasePhase.DELETING)
    world.revoke("lie-delete")
    await world.gone()
    assert not world.exists()


@pytest.mark.parametrize(
    ("order", "note"), [("fail-list", "manager-silent"), ("fail-delete", "delete-refused")]
)
async def test_a_manager_that_fails_is_asked_again(world: World, order: str, note: str) -> None:
    await world.launch()
    world.order(order)
    await world.warden.reap(world.vm)
    await noted(world, note)
    assert (await world.warden.status(world.vm)).note == note
    assert world.exists()
    world.revoke(order)
    report = await world.gone()
    assert report.note == ""
    assert not world.exists()


async def test_the_work_is_stopped_before_its_vm_is_deleted(world: World) -> None:
    await world.launch()
    program = (
        f"trap 'echo bye >{world.root}/bye; exit' TERM; : >{world.root}/ready; while :; do sleep 0.1; done"
    )
    await world.warden.start(world.vm, "work", ("sh", "-c", program), JobPlace.GUEST)
    await until((world.root / "ready").exists)
    await world.warden.reap(world.vm)
    report = await world.gone()
    end = report.end_of("work")
    assert end is not None
    assert (end.kind, end.detail) == (EndKind.KILLED, "ended")
    assert (world.root / "bye").exists()


async def test_a_launch_under_way_is_left_alone_and_what_it_makes_is_deleted(world: World) -> None:
    world.order("slow-launch")
    await world.open()
    await world.send_launch()
    await until((world.root / "preparing" / world.vm).exists)
    with pytest.raises(WardenError):
        await world.warden.kill(world.vm, "launch")
    await world.warden.reap(world.vm)
    await noted(world, "launch-pending")
    await until(lambda: world.calls("list") > 4)
    assert world.is_in(LeasePhase.DELETING)
    world.revoke("slow-launch")
    report = await world.gone()
    end = report.end_of("launch")
    assert end is not None
    assert end.status == 0
    assert not world.exists()
    assert world.calls("delete") >= 1


async def test_a_launch_that_others_killed_is_waited_for(world: World) -> None:
    """The VM is in no list and its client is dead, but the manager goes on: only the probe tells."""
    world.order("slow-launch")
    await world.open()
    await world.send_launch()
    await world.daemon_launches()
    os.killpg(world.pid_of("jobs/launch/leader"), signal.SIGKILL)
    await world.warden.reap(world.vm)
    await noted(world, "probing")
    await until(lambda: world.calls("probe") > 2)
    assert world.is_in(LeasePhase.DELETING)
    assert not world.exists()
    world.revoke("slow-launch")
    await world.gone()
    assert not world.exists()
    assert world.calls("delete") >= 1
    assert not (world.root / "preparing" / world.vm).exists()


async def test_without_a_probe_it_looks_for_the_settle_time(world: World) -> None:
    world.order("slow-launch")
    await world.open(probe=(), settle_s=3)
    await world.send_launch()
    await world.daemon_launches()
    os.killpg(world.pid_of("jobs/launch/leader"), signal.SIGKILL)
    await world.warden.reap(world.vm)
    await noted(world, "settling")
    start = time.monotonic()
    world.revoke("slow-launch")
    await until(lambda: world.calls("delete") > 0)
    await world.gone()
    assert not world.exists()
    assert time.monotonic() - start > 3


async def test_a_launch_that_was_refused_closes_by_the_probe(world: World) -> None:
    world.order("refuse-launch")
    await world.open()
    await world.send_launch()
    sink = Sink()
    end = await world.warden.follow(world.vm, "launch", sink)
    assert end.status == 2
    assert b"no such image" in sink.err
    await world.warden.reap(world.vm)
    await world.gone()
    assert world.calls("probe") >= 1


async def test_a_download_is_ended(world: World) -> None:
    world.order("fetching")
    await world.open()
    await world.send_launch()
    await until(lambda: b"Retrieving" in (world.lease / "jobs/launch/out.0").read_bytes())
    await world.warden.reap(world.vm)
    report = await world.gone()
    end = report.end_of("launch")
    assert end is not None
    assert end.kind is EndKind.KILLED
    assert not world.exists()


async def test_a_vm_deleted_by_hand_meanwhile_is_fine(world: World) -> None:
    await world.launch()
    (world.root / "vms" / world.vm).unlink()
    await world.warden.reap(world.vm)
    await world.gone()
    assert world.calls("delete") == 0


async def test_deleted_but_not_purged_is_present(world: World) -> None:
    await world.launch()
    (world.root / "vms" / world.vm).write_text("Deleted\n")
    assert (await world.warden.settle(world.vm)).phase is LeasePhase.LIVE
    await world.warden.reap(world.vm)
    await world.gone()
    assert world.calls("delete") == 1


async def test_a_vm_with_anothers_label_is_left_alone(world: World) -> None:
    await world.launch(owner=("echo", "somebody-else"))
    await world.warden.reap(world.vm)
    await noted(world, "not-ours")
    assert world.exists()
    assert world.calls("delete") == 0
    (world.root / "vms" / world.vm).unlink()
    await world.gone()


async def test_names_that_only_begin_alike_are_nobodys(world: World) -> None:
    for name in (f"{world.vm}-2", world.vm[:-1]):
        (world.root / "vms" / name).write_text("Running\n")
    await world.launch()
    await world.warden.reap(world.vm)
    await world.gone()
    assert world.exists(f"{world.vm}-2")
    assert world.exists(world.vm[:-1])


async def test_a_supervisor_killed_while_deleting_is_replaced(world: World) -> None:
    await world.launch()
    world.order("lie-delete")
    await world.warden.reap(world.vm)
    await until(lambda: world.calls("delete") > 0)
    first = world.pid_of("supervisor")
    os.kill(first, signal.SIGKILL)
    world.revoke("lie-delete")
    await world.warden.sweep()
    await world.gone()
    assert not world.exists()


async def test_every_step_is_told_on_the_holder(world: World) -> None:
    await world.launch()
    news: list[LeaseReport] = []
    holding = asyncio.ensure_future(world.warden.hold(lambda: [world.vm], news.append, beat_s=30))
    await until(lambda: len(news) == 1)
    start = time.monotonic()
    await world.warden.reap(world.vm)
    await until(lambda: news[-1].phase is LeasePhase.GONE)
    assert time.monotonic() - start < 10
    assert all(one != other for one, other in itertools.pairwise(news))
    holding.cancel()
