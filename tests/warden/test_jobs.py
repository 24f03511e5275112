from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.until import until
from tests.warden.world import Sink, World, fill
from tui.model.errors import ManagerSilent, NameTaken, Unguarded, WardenError
from tui.model.lease import EndKind, JobPlace, LeasePhase

DEADLINE_S = 30


@pytest.mark.parametrize("place", list(JobPlace))
async def test_exact_statuses(world: World, place: JobPlace) -> None:
    await world.launch()
    for status in (0, 1, 2, 3, 5, 7, 124, 125, 255):
        job = f"exits-{status}"
        await world.warden.start(world.vm, job, ("sh", "-c", f"exit {status}"), place)
        end = await world.warden.follow(world.vm, job, Sink())
        assert (end.kind, end.status) == (EndKind.EXIT, status)
    await world.warden.start(world.vm, "killed", ("sh", "-c", "kill -9 $$"), place)
    assert (await world.warden.follow(world.vm, "killed", Sink())).status == 137


@pytest.mark.parametrize("lie", [1, 2, 4, 5, 137, 255])
async def test_the_guest_is_asked_where_exec_may_speak_of_itself(world: World, lie: int) -> None:
    await world.launch()
    (world.root / "lie-exec").write_text(f"{lie}\n")
    end, sink = await world.work("sh", "-c", "echo done; exit 9")
    assert (end.kind, end.status, bytes(sink.out)) == (EndKind.EXIT, 9, b"done\n")


async def test_words_arrive_as_they_are(world: World) -> None:
    await world.launch()
    words = ("a b", "", "it's", '"q"', "$HOME", "*", "back\\slash", "new\nline", "end\n", "ünï", "-n")
    end, sink = await world.work("printf", "[%s]\n", *words)
    assert end.status == 0
    assert bytes(sink.out) == "".join(f"[{word}]\n" for word in words).encode()


async def test_streams_are_apart_and_binary(world: World) -> None:
    await world.launch()
    data = random.Random(1).randbytes(200_000) + bytes(range(256)) * 10
    (world.root / "data").write_bytes(data)
    end, sink = await world.work("sh", "-c", f"cat {world.root}/data; cat {world.root}/data >&2")
    assert (end.stdout_size, end.stderr_size) == (len(data), len(data))
    assert bytes(sink.out) == data
    assert bytes(sink.err) == data


async def test_a_workdir(world: World) -> None:
    await world.launch()
    _, sink = await world.work("pwd", workdir="/usr/share")
    assert bytes(sink.out) == b"/usr/share\n"


async def test_a_missing_workdir_is_said_and_nothing_runs(world: World) -> None:
    await world.launch()
    end, sink = await world.work("echo", "ran", workdir="/no such/place")
    assert end.status == 1
    assert b"/no such/place" in sink.err
    assert not sink.out


async def test_an_unknown_command(world: World) -> None:
    await world.launch()
    end, sink = await world.work("no-such-command")
    assert end.status == 127
    assert b"no-such-command" in sink.err


async def test_start_may_be_said_again_and_runs_once(world: World) -> None:
    await world.launch()
    argv = ("sh", "-c", f"echo ran >>{world.root}/ran")
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(world.warden.start(world.vm, "work", argv, JobPlace.GUEST))
    await world.warden.follow(world.vm, "work", Sink())
    await world.warden.start(world.vm, "work", argv, JobPlace.GUEST)
    assert (world.root / "ran").read_text() == "ran\n"


async def test_a_follow_cut_at_random_moments_loses_and_doubles_nothing(world: World) -> None:
    await world.launch()
    chance = random.Random(7)
    data = chance.randbytes(2_000_000)
    (world.root / "data").write_bytes(data)
    program = (
        f"n=0; while [ $n -lt 40 ]; do dd if={world.root}/data bs=50000 skip=$n count=1 2>/dev/null; "
        "echo line $n >&2; n=$((n + 1)); sleep 0.03; done; exit 3"
    )
    await world.warden.start(world.vm, "work", ("sh", "-c", program), JobPlace.GUEST)
    sink, cuts, end = Sink(), 0, None
    while end is None:
        try:
            async with asyncio.timeout(chance.uniform(0.1, 0.8)):
                end = await world.warden.follow(world.vm, "work", sink)
        except TimeoutError:
            cuts += 1
    assert cuts > 1
    assert end.status == 3
    assert bytes(sink.out) == data
    assert bytes(sink.err) == b"".join(b"line %d\n" % n for n in range(40))


async def test_a_flood_comes_at_full_speed(world: World) -> None:
    await world.launch()
    start = time.monotonic()
    end, sink = await world.work("sh", "-c", "head -c 100000000 /dev/zero")
    took = time.monotonic() - start
    assert end.stdout_size == len(sink.out) == 100_000_000
    assert took < DEADLINE_S


async def test_a_jobs_end_is_noticed_soon(world: World) -> None:
    await world.launch()
    await world.warden.start(
        world.vm, "work", ("sh", "-c", "read line </dev/null; sleep 1; date +%s.%N"), JobPlace.HOST
    )
    sink = Sink()
    await world.warden.follow(world.vm, "work", sink)
    assert time.time() - float(sink.out) < 1.5


async def test_a_full_spool_makes_the_workload_wait_and_loses_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, spool_limit=256 * 1024)
    try:
        await world.launch()
        data = random.Random(3).randbytes(1_500_000)
        (world.root / "data").write_bytes(data)
        await world.warden.start(world.vm, "work", ("cat", f"{world.root}/data"), JobPlace.GUEST)
        await until((world.lease / "jobs/work/flow-out.full").exists)
        assert (await world.warden.status(world.vm)).note == "spool-full"
        sink = Sink()
        following = asyncio.ensure_future(world.warden.follow(world.vm, "work", sink))
        while not following.done():
            sizes = [_size(path) for path in (world.lease / "jobs/work").glob("out.*")]
            assert max(sizes, default=0) <= 256 * 1024
            await asyncio.sleep(0.01)
        assert following.result().status == 0
        assert bytes(sink.out) == data
        with pytest.raises(WardenError, match="fetched before"):
            await world.warden.follow(world.vm, "work", Sink())
    finally:
        await world.aclose()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


async def test_a_full_disk_refuses_the_lease_and_leaves_nothing(tmp_path: Path, small_disk: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "state").symlink_to(small_disk)
    await world.warden.install()
    filler = fill(small_disk)
    with pytest.raises(Unguarded):
        await world.open()
    assert list(world.leases.glob("*")) == []
    filler.unlink()
    await world.open()
    await world.aclose()


async def test_a_disk_that_fills_up_loses_no_byte_and_stops_nothing(tmp_path: Path, small_disk: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "state").symlink_to(small_disk)
    try:
        await world.launch()
        data = random.Random(5).randbytes(400_000)
        (tmp_path / "data").write_bytes(data)
        program = f"until [ -e {tmp_path}/go ]; do sleep 0.1; done; cat {tmp_path}/data; exit 4"
        await world.warden.start(world.vm, "work", ("sh", "-c", program), JobPlace.GUEST)
        await until((world.lease / "jobs/work/sent.yes").exists)
        filler = fill(small_disk)
        world.order("go")
        await until((world.lease / "jobs/work/flow-out.disk-full").exists)
        assert (await world.warden.status(world.vm)).note == "disk-full"
        await world.warden.pin(world.vm)
        await world.warden.unpin(world.vm)
        filler.unlink()
        sink = Sink()
        end = await world.warden.follow(world.vm, "work", sink)
        assert end.status == 4
        assert bytes(sink.out) == data
        fill(small_disk)
        await world.warden.reap(world.vm)
        assert (await world.gone()).cause == "asked"
        assert not world.exists()
    finally:
        await world.aclose()


@pytest.mark.parametrize("place", list(JobPlace))
async def test_kill_reaches_a_group_that_ignores_term(world: World, place: JobPlace) -> None:
    await world.launch()
    child = f"sh -c 'echo $$ >{world.root}/child; sleep 60; :'"
    deaf = f"trap '' TERM; echo $$ >{world.root}/pid; {child}; sleep 60"
    await world.warden.start(world.vm, "work", ("sh", "-c", deaf), place)
    await until(lambda: _size(world.root / "child") > 0)
    await world.warden.kill(world.vm, "work")
    end = await world.warden.follow(world.vm, "work", Sink())
    assert (end.kind, end.detail) == (EndKind.KILLED, "asked")
    for name in ("pid", "child"):
        pid = int((world.root / name).read_text())
        await until(lambda pid=pid: not _lives(pid), timeout_s=3)  # type: ignore[misc]
    await world.warden.kill(world.vm, "work")


@pytest.mark.parametrize("place", list(JobPlace))
async def test_kill_is_gentle_first_and_soon(world: World, place: JobPlace) -> None:
    await world.launch()
    program = f"trap 'echo bye; exit 0' TERM; : >{world.root}/ready; while :; do sleep 0.1; done"
    await world.warden.start(world.vm, "work", ("sh", "-c", program), place)
    await until((world.root / "ready").exists)
    await world.warden.kill(world.vm, "work")
    sink = Sink()
    end = await world.warden.follow(world.vm, "work", sink)
    assert end.kind is EndKind.KILLED
    assert bytes(sink.out) == b"bye\n"


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_nothing_enters_a_vm_that_is_not_running(world: World) -> None:
    await world.launch()
    (world.root / "vms" / world.vm).write_text("Stopped\n")
    end, _ = await world.work("true")
    assert (end.kind, end.detail) == (EndKind.LOST, "vm-not-running")
    await world.warden.reap(world.vm)
    await world.gone()
    assert not (world.root / "started-by-exec").exists()
    assert world.calls("exec") == 0


async def test_a_killed_runner_costs_nothing(world: World) -> None:
    await world.launch()
    program = f"echo one; until [ -e {world.root}/go ]; do sleep 0.1; done; echo two; exit 6"
    await world.warden.start(world.vm, "work", ("sh", "-c", program), JobPlace.GUEST)
    await until(lambda: _size(world.lease / "jobs/work/out.0") > 0)
    os.kill(world.pid_of("jobs/work/runner"), signal.SIGKILL)
    world.order("go")
    sink = Sink()
    end = await world.warden.follow(world.vm, "work", sink)
    assert end.status == 6
    assert bytes(sink.out) == b"one\ntwo\n"


async def test_a_killed_leader_is_lost_and_no_number_is_made_up(world: World) -> None:
    await world.launch()
    await world.warden.start(world.vm, "work", ("sleep", "60"), JobPlace.HOST)
    await until(lambda: world.pid_of("jobs/work/leader") > 0)
    leader = world.pid_of("jobs/work/leader")
    children = Path(f"/proc/{leader}/task/{leader}/children")
    await until(lambda: children.read_text() != "")
    (child,) = (int(word) for word in children.read_text().split())
    os.kill(leader, signal.SIGKILL)
    end = await world.warden.follow(world.vm, "work", Sink())
    assert (end.kind, end.detail, end.status) == (EndKind.LOST, "runner-died", None)
    os.kill(child, signal.SIGKILL)


async def test_a_name_that_was_there_before_is_foreign_for_ever(world: World) -> None:
    (world.root / "vms" / world.vm).write_text("Running\n")
    await world.open()
    for _ in range(2):
        with pytest.raises(NameTaken):
            await world.send_launch()
    assert (await world.warden.status(world.vm)).foreign
    await world.warden.reap(world.vm)
    await world.gone()
    assert world.exists()
    assert world.calls("delete") == world.calls("launch") == 0


async def test_a_name_that_somebody_took_before_our_launch_came_is_foreign_too(world: World) -> None:
    world.order("steal-launch")
    await world.open()
    await world.send_launch()
    end = await world.warden.follow(world.vm, "launch", Sink())
    assert end.status == 2
    assert (await world.warden.status(world.vm)).foreign
    await world.warden.reap(world.vm)
    await world.gone()
    assert world.exists()
    assert world.calls("delete") == 0


async def test_no_launch_into_silence(world: World) -> None:
    await world.open()
    world.order("fail-list")
    with pytest.raises(ManagerSilent):
        await world.send_launch()
    world.revoke("fail-list")
    await world.send_launch()
    assert (await world.warden.follow(world.vm, "launch", Sink())).status == 0


async def test_ask_is_byte_exact_and_bounded(world: World) -> None:
    done = await world.warden.ask(
        ("sh", "-c", "printf '\\0\\377out'; printf 'no newline' >&2; exit 77"), limit_s=10
    )
    assert (done.status, done.stdout, done.stderr) == (77, b"\0\xffout", b"no newline")
    start = time.monotonic()
    with pytest.raises(ManagerSilent):
        await world.warden.ask(("sh", "-c", "trap '' TERM; sleep 50; sleep 50"), limit_s=1)
    assert time.monotonic() - start < 5
    assert (await world.warden.ask(("no-such-manager",), limit_s=5)).status == 127


async def test_a_job_that_was_never_started_is_not_waited_for(world: World) -> None:
    await world.open()
    with pytest.raises(WardenError):
        await asyncio.wait_for(world.warden.follow(world.vm, "work", Sink()), 10)
    assert world.is_in(LeasePhase.LIVE)
    shutil.rmtree(world.root / "preparing")
