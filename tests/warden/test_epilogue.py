"""The epilogue: what brings results out of the VM, whoever is there."""

from __future__ import annotations

import os
import random
import signal
import time
from hashlib import sha256
from pathlib import Path

import pytest

from tests.until import until
from tests.warden.world import Sink, World
from tui.model.errors import LeaseClosing
from tui.model.lease import Argv, EndKind, JobPlace, LeasePhase, LeaseReport


def says(world: World, name: str, *, then: str = "") -> tuple[str, Argv]:
    """A job that says its name, and leaves a line in `order`."""
    return (name, ("sh", "-c", f"echo {name}; echo {name} >>{world.root}/order; {then}"))


def waits(world: World) -> str:
    """To go on as long as `slow` is ordered."""
    world.order("slow")
    return f"while [ -e {world.root}/slow ]; do sleep 0.1; done"


def order(world: World) -> list[str]:
    path = world.root / "order"
    return path.read_text().split() if path.exists() else []


def ended(report: LeaseReport, name: str) -> tuple[EndKind, str] | None:
    end = report.end_of(name)
    return (end.kind, end.detail) if end else None


async def fetched(world: World, name: str) -> bytes:
    sink = Sink()
    await world.warden.follow(world.vm, name, sink)
    return bytes(sink.out)


@pytest.mark.parametrize("pinned", [False, True])
async def test_it_runs_once_when_the_work_has_ended(world: World, pinned: bool) -> None:
    await world.launch(epilogue=(says(world, "z-first"), says(world, "a-second")))
    if pinned:
        await world.warden.pin(world.vm)
    await world.work("sh", "-c", f"echo work >>{world.root}/order; exit 3")
    report = await world.reported(lambda report: report.end_of("a-second"))
    assert ended(report, "z-first") == (EndKind.EXIT, "0")
    assert report.phase is LeasePhase.LIVE
    assert world.exists()
    await world.warden.reap(world.vm)
    await world.gone()
    assert order(world) == ["work", "z-first", "a-second"]
    assert await fetched(world, "z-first") == b"z-first\n"
    assert await fetched(world, "a-second") == b"a-second\n"


async def test_it_comes_between_the_works_end_and_the_delete(world: World) -> None:
    await world.launch(grace_s=3, epilogue=(says(world, "results", then=f"ls {world.root}/vms"),))
    await world.warden.start(world.vm, "work", ("sleep", "100"), JobPlace.GUEST)
    report = await world.gone()
    assert ended(report, "work") == (EndKind.KILLED, "ended")
    assert ended(report, "results") == (EndKind.EXIT, "0")
    assert await fetched(world, "results") == f"results\n{world.vm}\n".encode()
    assert not world.exists()


async def test_a_cancelled_run_has_its_epilogue_too(world: World) -> None:
    await world.launch(epilogue=(says(world, "results"),))
    await world.warden.start(world.vm, "work", ("sleep", "100"), JobPlace.GUEST)
    await world.reported(lambda report: "work" in report.started)
    await world.warden.reap(world.vm)
    assert ended(await world.gone(), "results") == (EndKind.EXIT, "0")
    assert await fetched(world, "results") == b"results\n"


async def test_work_that_was_killed_for_its_time_has_its_epilogue(world: World) -> None:
    await world.launch(epilogue=(says(world, "results"),))
    await world.warden.start(world.vm, "work", ("sleep", "100"), JobPlace.GUEST)
    await world.reported(lambda report: "work" in report.started)
    await world.warden.kill(world.vm, "work", reason="timeout")
    report = await world.reported(lambda report: report.end_of("results"))
    assert report.phase is LeasePhase.LIVE
    assert await fetched(world, "results") == b"results\n"
    await world.warden.reap(world.vm)
    await world.gone()
    assert order(world) == ["results"]


async def test_its_spools_have_a_limit_of_their_own(tmp_path: Path) -> None:
    """Nobody fetches, and still it ends: there is room for all it brings."""
    world = World(tmp_path, spool_limit=256 * 1024)
    data = random.Random(7).randbytes(3_000_000)
    (tmp_path / "data").write_bytes(data)
    brings = ("results", ("cat", f"{tmp_path}/data"))
    await world.launch(epilogue=(brings,), epilogue_limit=4_000_000)
    await world.work("true")
    await world.warden.reap(world.vm)
    assert ended(await world.gone(), "results") == (EndKind.EXIT, "0")
    assert await fetched(world, "results") == data
    await world.aclose()


async def test_more_than_a_guest_keeps_is_brought_byte_for_byte(world: World) -> None:
    """The guest's spool is replaced on the way; nobody fetches from the host meanwhile."""
    data = random.Random(6).randbytes(120_000_000)
    (world.root / "data").write_bytes(data)
    await world.launch(epilogue=(("results", ("cat", f"{world.root}/data")),))
    start = time.monotonic()
    await world.work("true")
    await world.reported(lambda report: report.end_of("results"))
    assert time.monotonic() - start < 30
    await world.warden.reap(world.vm)
    await world.gone()
    assert sha256(await fetched(world, "results")).digest() == sha256(data).digest()


async def test_without_work_there_is_nothing_to_bring(world: World) -> None:
    await world.launch(epilogue=(says(world, "results"),))
    await world.warden.reap(world.vm)
    assert ended(await world.gone(), "results") == (EndKind.KILLED, "ended")
    assert order(world) == []


async def test_it_is_bounded_as_a_whole(world: World) -> None:
    await world.launch(epilogue=(says(world, "long", then="sleep 100"), says(world, "late")), epilogue_s=1)
    await world.work("true")
    await world.warden.reap(world.vm)
    start = time.monotonic()
    report = await world.gone()
    assert time.monotonic() - start < 20
    assert ended(report, "long") == (EndKind.KILLED, "timeout")
    assert ended(report, "late") == (EndKind.KILLED, "timeout")
    assert order(world) == ["long"]


async def test_a_pin_still_wins_during_the_epilogue_of_an_expiry(world: World) -> None:
    await world.launch(grace_s=3, epilogue=(says(world, "results", then=waits(world)),))
    await world.warden.start(world.vm, "work", ("sleep", "100"), JobPlace.GUEST)
    await until(lambda: order(world) == ["results"])
    assert world.is_in(LeasePhase.REAPING)
    await world.warden.pin(world.vm)
    world.revoke("slow")
    report = await world.reported(lambda report: report.end_of("results"))
    assert (report.phase, report.pinned, report.cause, report.note) == (LeasePhase.LIVE, True, "", "")
    assert ended(report, "work") == (EndKind.KILLED, "ended")
    assert ended(report, "results") == (EndKind.EXIT, "0")
    assert world.exists()
    await world.warden.unpin(world.vm)
    await world.gone()
    assert order(world) == ["results"]


async def test_a_pin_is_too_late_in_the_epilogue_of_a_cancel(world: World) -> None:
    await world.launch(epilogue=(says(world, "results", then=waits(world)),))
    await world.warden.start(world.vm, "work", ("sleep", "100"), JobPlace.GUEST)
    await world.reported(lambda report: "work" in report.started)
    await world.warden.reap(world.vm)
    await until(lambda: order(world) == ["results"])
    with pytest.raises(LeaseClosing):
        await world.warden.pin(world.vm)
    world.revoke("slow")
    assert not (await world.gone()).pinned


async def test_the_owners_word_ends_an_expiry_in_its_epilogue(world: World) -> None:
    await world.launch(grace_s=3, epilogue=(says(world, "results", then=waits(world)),))
    await world.work("true")
    await until(lambda: world.is_in(LeasePhase.REAPING))
    await world.warden.reap(world.vm)
    await until(lambda: world.is_in(LeasePhase.COMMITTED))
    world.revoke("slow")
    assert (await world.gone()).cause == "asked"


async def test_nothing_enters_a_vm_that_is_gone(world: World) -> None:
    await world.launch(epilogue=(says(world, "results"), says(world, "more")))
    await world.warden.start(world.vm, "work", ("sleep", "100"), JobPlace.GUEST)
    await world.reported(lambda report: "work" in report.started)
    (world.root / "vms" / world.vm).unlink()
    await world.warden.kill(world.vm, "work")
    await world.warden.reap(world.vm)
    report = await world.gone()
    assert ended(report, "results") == ended(report, "more") == (EndKind.LOST, "vm-absent")
    assert order(world) == []


async def test_it_goes_on_after_its_supervisor_was_killed(world: World) -> None:
    await world.launch(epilogue=(says(world, "results", then=waits(world)), says(world, "more")))
    await world.work("true")
    await until(lambda: order(world) == ["results"])
    os.kill(world.pid_of("supervisor"), signal.SIGKILL)
    world.revoke("slow")
    await world.reported(lambda report: report.end_of("more"))
    assert order(world) == ["results", "more"]


async def test_it_begins_as_soon_as_the_work_has_ended(tmp_path: Path) -> None:
    """The end of the work wakes the supervisor; it does not sleep its tick out."""
    world = World(tmp_path, tick_s=30)
    await world.launch(epilogue=(says(world, "results"),))
    await world.work("true")
    start = time.monotonic()
    await until(lambda: order(world) == ["results"])
    assert time.monotonic() - start < 15
    await world.aclose()
