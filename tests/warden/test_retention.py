"""What is kept of leases that are gone, and for how long; what becomes of older scripts."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.until import until
from tests.warden.world import Sink, World
from tui.model.errors import WardenError
from tui.model.lease import JobPlace, LeasePhase
from tui.model.spec import VmName
from tui.warden.script import version

DAY_S = 86400


def age(path: Path, days: float) -> None:
    then = time.time() - days * DAY_S
    os.utime(path, (then, then))


async def ended(world: World, *, size: int = 1000) -> World:
    """A lease that is gone, whose work wrote so much and that nobody acknowledged."""
    await world.launch()
    await world.warden.start(
        world.vm, "work", ("sh", "-c", f"head -c {size} /dev/zero; exit 3"), JobPlace.HOST
    )
    await world.reported(lambda report: report.end_of("work"))
    await world.warden.reap(world.vm)
    await world.gone()
    return world


def kept(world: World) -> int:
    return sum(path.stat().st_size for path in world.lease.glob("jobs/*/*") if path.is_file())


async def test_output_waits_for_a_week_and_its_record_longer(world: World) -> None:
    await ended(world)
    age(world.lease / "phase.gone", 6.9)
    await world.warden.sweep()
    assert kept(world) > 1000
    sink = Sink()
    await world.warden.follow(world.vm, "work", sink)
    assert len(sink.out) == 1000
    age(world.lease / "phase.gone", 7.1)
    await world.warden.sweep()
    report = await world.reported(lambda report: report.dropped)
    end = report.end_of("work")
    assert end is not None
    assert (report.phase, end.status, end.stdout_size) == (LeasePhase.GONE, 3, 1000)
    await until(lambda: kept(world) < 1000)
    with pytest.raises(WardenError, match="as long as it promised"):
        await world.warden.follow(world.vm, "work", Sink())
    assert (await world.warden.follow(world.vm, "work", sink)).status == 3
    await world.warden.acknowledge(world.vm)


async def test_the_record_goes_too_in_the_end(world: World) -> None:
    await ended(world)
    age(world.lease / "phase.gone", 91)
    await world.warden.sweep()
    await until(lambda: not any(world.leases.iterdir()))


async def test_the_oldest_output_goes_when_there_is_too_much(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    worlds = [await ended(World(world.root, vm=VmName(f"{world.vm}-{n}")), size=1_000_000) for n in range(3)]
    for days, one in enumerate(worlds):
        age(one.lease / "phase.gone", days + 1)
    await world.warden.sweep()
    monkeypatch.setenv("DAYFLY_KEEP_KIB", "3500")
    await world.warden.open(world.spec())
    oldest = worlds[-1]
    await oldest.reported(lambda report: report.dropped)
    reports = [await one.warden.status(one.vm) for one in worlds]
    assert [report.dropped for report in reports] == [False, False, True]
    assert all(report.end_of("work") for report in reports)
    monkeypatch.setenv("DAYFLY_KEEP_KIB", "1")
    await world.warden.sweep()
    await worlds[1].reported(lambda report: report.dropped)
    newest = worlds[0]
    assert not (await newest.warden.status(newest.vm)).dropped
    sink = Sink()
    await newest.warden.follow(newest.vm, "work", sink)
    assert len(sink.out) == 1_000_000
    for one in worlds:
        await one.host.aclose()


async def test_what_lives_is_never_touched_however_old(world: World) -> None:
    await world.launch()
    await world.warden.start(world.vm, "work", ("echo", "hello"), JobPlace.HOST)
    await world.reported(lambda report: report.end_of("work"))
    for path in world.lease.rglob("*"):
        age(path, 200)
    gone = await ended(World(world.root))
    age(gone.lease / "phase.gone", 200)
    await world.warden.sweep()
    await until(lambda: [path.name for path in world.leases.iterdir()] == [world.vm])
    sink = Sink()
    await world.warden.follow(world.vm, "work", sink)
    assert bytes(sink.out) == b"hello\n"
    await gone.host.aclose()


async def test_the_age_counts_from_the_end_and_not_from_the_opening(world: World) -> None:
    await world.launch()
    for path in world.lease.rglob("*"):
        age(path, 200)
    await world.warden.reap(world.vm)
    await world.gone()
    assert time.time() - (world.lease / "phase.gone").stat().st_mtime < 600


async def test_scripts_that_nobody_needs_are_removed(world: World) -> None:
    await world.open()
    state = world.root / "state"
    ours, young, old, needed = (state / name for name in (version(), "0" * 12, "1" * 12, "2" * 12))
    for other in (young, old, needed):
        shutil.copytree(ours, other)
    other_lease = state / "leases" / "df-other"
    shutil.copytree(world.lease, other_lease)
    conf = other_lease / "conf"
    conf.write_text(conf.read_text().replace(version(), needed.name))
    for path in other_lease.glob("phase.*"):
        path.rename(other_lease / "phase.gone")
    broken = state / f".{'3' * 12}.77"
    broken.mkdir()
    (state / "notes").mkdir()
    for path in (ours, old, needed, broken, state / "notes"):
        age(path, 2)
    await world.warden.sweep()
    await until(lambda: not old.exists() and not broken.exists())
    assert all(path.exists() for path in (ours, young, needed, state / "notes"))
    shutil.rmtree(other_lease)


async def test_a_script_in_use_stays_young(world: World) -> None:
    await world.open()
    ours = world.root / "state" / version()
    age(ours, 2)
    async with world.held():
        assert time.time() - ours.stat().st_mtime < 600
