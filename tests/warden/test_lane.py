"""Many leases that end at once: one list for all of them, and few deletions at a time."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from pathlib import Path

import pytest

from tests.until import until
from tests.warden.world import TICK_S, World
from tui.model.lease import LeasePhase
from tui.model.spec import VmName


async def opened(world: World, number: int, *, tick_s: float = TICK_S, **changes: object) -> list[World]:
    """So many leases of one client on one host, each with its VM launched."""
    worlds = [World(world.root, vm=VmName(f"{world.vm}-{n}"), tick_s=tick_s) for n in range(number)]
    await world.warden.install()
    for start in range(0, number, 5):
        async with asyncio.TaskGroup() as group:
            for one in worlds[start : start + 5]:
                group.create_task(one.launch(**changes))
    return worlds


async def reap(worlds: list[World]) -> None:
    async with asyncio.TaskGroup() as group:
        for one in worlds:
            group.create_task(one.warden.reap(one.vm))


async def all_gone(worlds: list[World], limit_s: float = 60) -> None:
    await until(lambda: all(one.is_in(LeasePhase.GONE) for one in worlds), timeout_s=limit_s)
    assert not any(one.exists() for one in worlds)


async def close(worlds: list[World]) -> None:
    for one in worlds:
        await one.host.aclose()


def log_lists(world: World) -> None:
    """The manager notes the time of each list, and how many leases are being deleted then."""
    text = world.manager.read_text()
    noted = 'echo "$(date +%s.%N) $(ls "$WORLD"/state/leases/*/phase.deleting | wc -l)" >>"$WORLD/times"'
    world.manager.write_text(text.replace("list)\n", f"list)\n  {noted}\n", 1))


def crowded_spans(world: World) -> list[float]:
    """The time from list to list, where more than two leases wait for them."""
    rows = [line.split() for line in (world.root / "times").read_text().splitlines()]
    lists = [(float(at), int(crowd)) for at, crowd in rows]
    pairs = itertools.pairwise(lists)
    return [later[0] - earlier[0] for earlier, later in pairs if min(earlier[1], later[1]) > 2]


async def test_a_crowd_shares_one_list_a_tick(world: World) -> None:
    worlds = await opened(world, 12, lane=4)
    log_lists(world)
    await reap(worlds)
    await all_gone(worlds)
    assert min(crowded_spans(world)) >= TICK_S * 0.9
    await close(worlds)


async def test_absence_is_seen_in_two_lists_of_ones_own(world: World) -> None:
    """A list that many share counts once, and only for who began to look before it began."""
    worlds = await opened(world, 4, lane=4)
    world.order("lie-delete")
    await reap(worlds)
    await until(lambda: world.calls("delete") >= 4)
    world.order("blink-list")
    await until(lambda: not (world.root / "blink-list").exists())
    looked = world.calls("list")
    await until(lambda: world.calls("list") > looked + 3)
    assert all(one.is_in(LeasePhase.DELETING) for one in worlds)
    world.revoke("lie-delete")
    await all_gone(worlds)
    await close(worlds)


@pytest.mark.parametrize("lane", [1, 3])
async def test_no_more_deletions_at_once_than_the_manager_takes(world: World, lane: int) -> None:
    worlds = await opened(world, 6, lane=lane)
    text = world.manager.read_text()
    counted = (
        'delete)\n  : >"$WORLD/at.$$"; ls "$WORLD" | grep -c "^at\\." >>"$WORLD/crowd"\n'
        '  sleep 0.4; rm "$WORLD/at.$$"\n'
    )
    world.manager.write_text(text.replace("delete)\n", counted, 1))
    await reap(worlds)
    await all_gone(worlds)
    crowd = [int(line) for line in (world.root / "crowd").read_text().split()]
    assert len(crowd) >= 6
    assert max(crowd) == lane
    await close(worlds)


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.slow)])
async def test_one_that_dies_or_hangs_while_it_asks_blocks_nobody(
    world: World, number: signal.Signals
) -> None:
    worlds = await opened(world, 3, lane=3)
    world.order("hang-list")
    await reap(worlds)
    managers = world.root / "state" / "managers"

    def asker() -> int:
        found = [int(path.name.split(".")[1].split("-")[0]) for path in managers.glob("*/asker.[0-9]*")]
        return next((pid for pid in found if any(one.pid_of("supervisor") == pid for one in worlds)), 0)

    await until(asker)
    victim = asker()
    os.kill(victim, number)
    world.revoke("hang-list")
    others = [one for one in worlds if one.pid_of("supervisor") != victim]
    assert len(others) == 2
    await all_gone(others, limit_s=120)
    if number is signal.SIGSTOP:
        os.kill(victim, signal.SIGCONT)
    await world.warden.sweep()
    await all_gone(worlds)
    await close(worlds)


async def test_leases_of_another_manager_have_their_own_list(world: World) -> None:
    """Here its command is the same, but with another word; so its rows are none of ours."""
    worlds = await opened(world, 1)
    await world.launch(list=(str(world.manager), "list", "all"))
    await reap([world, *worlds])
    await all_gone([world, *worlds])
    assert len(list((world.root / "state" / "managers").iterdir())) == 2
    await close(worlds)


async def test_a_single_lease_is_not_slowed_down(world: World) -> None:
    await world.launch()
    begun = time.monotonic()
    await world.warden.reap(world.vm)
    await world.gone()
    assert time.monotonic() - begun < 10


def cpu_s(pids: list[int]) -> float:
    """CPU time of these processes and of what they have waited for."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_hundred_leases_cost_next_to_nothing(world: World) -> None:
    """Idle, under one holder; then all at once at their end, where the manager is still asked once a tick."""
    span_s, tick_s = 30, 2.0
    worlds = await opened(world, 100, tick_s=tick_s, lane=4, grace_s=900)
    vms = [one.vm for one in worlds]
    answered: set[VmName] = set()
    async with asyncio.TaskGroup() as group:
        held = group.create_task(
            world.warden.hold(lambda: vms, lambda report: answered.add(report.vm), beat_s=5)
        )
        await until(lambda: len(answered) == 100)
        pids = [one.pid_of("supervisor") for one in worlds]
        before, begun = cpu_s(pids), time.monotonic()
        await asyncio.sleep(span_s)  # what is measured is a span of time in which nothing happens
        share = (cpu_s(pids) - before) / (time.monotonic() - begun)
        held.cancel()
    assert 0.001 < share < 0.06
    log_lists(world)
    await reap(worlds)
    await all_gone(worlds, limit_s=180)
    assert min(crowded_spans(world)) >= tick_s * 0.9
    await close(worlds)
