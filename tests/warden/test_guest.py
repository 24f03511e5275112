"""Jobs that live in the guest: what enters it may hang, die or lie, and costs nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.until import until
from tests.warden.world import Sink, World, fill
from tui.model.lease import EndKind, JobEnd, JobPlace

ROWS = (
    "n=0; while [ $n -lt 60 ]; do echo out $n; echo err $n >&2; n=$((n + 1)); sleep 0.05; done; "
    "until [ -e {root}/go ]; do sleep 0.05; done; echo last; exit 5"
)
STREAMS = ("out", "err")
LIMIT_S = 60


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setenv("DAYFLY_SIGN", "1")
    world = World(tmp_path, spool_limit=256 * 1024)
    await world.launch()
    yield world
    await world.aclose()


def guest(world: World, job: str = "work") -> Path:
    """The job's directory in the guest."""
    return world.root / "guest" / world.vm / world.vm / "jobs" / job


def pids(folder: Path, pattern: str) -> list[int]:
    """The processes that have a part in a job, or had."""
    words = [entry.name.partition(".")[2].partition("-")[0] for entry in folder.glob(pattern)]
    return [int(word) for word in words if word.isdigit()]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def members(group: int) -> list[int]:
    """What still runs in a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if state != "Z" and int(its_group) == group:
                found.append(int(stat.parent.name))
    return found


def cut_exec(world: World, stream: str) -> bool:
    """Kill the command that is in the guest for this stream."""
    for pid in pids(world.lease / "jobs/work", f"exec-{stream}.*-*"):
        with contextlib.suppress(ProcessLookupError):  # it may end in this moment
            if lives(pid):
                os.killpg(pid, signal.SIGKILL)
                return True
    return False


async def start(world: World, program: str) -> None:
    await world.warden.start(world.vm, "work", ("sh", "-c", program), JobPlace.GUEST)


async def end_of(world: World) -> tuple[JobEnd, Sink]:
    sink = Sink()
    async with asyncio.timeout(LIMIT_S):
        return await world.warden.follow(world.vm, "work", sink), sink


async def working(world: World) -> int:
    """Start work that goes on and on, and is copied; the pid of what runs in the guest."""
    await start(world, "echo $$; exec sleep 60")
    out = world.lease / "jobs/work/out.0"
    await until(lambda: out.exists() and out.read_bytes().endswith(b"\n"))
    return int(out.read_text())


async def test_execs_that_are_killed_at_any_moment_cost_nothing(world: World) -> None:
    chance = random.Random(11)
    await start(world, ROWS.format(root=world.root))
    following = asyncio.ensure_future(end_of(world))
    cuts = 0
    while cuts < 8:
        await asyncio.sleep(chance.uniform(0, 0.6))
        cuts += cut_exec(world, chance.choice(STREAMS))
    world.order("go")
    end, sink = await following
    assert (end.kind, end.status) == (EndKind.EXIT, 5)
    assert bytes(sink.out) == b"".join(b"out %d\n" % n for n in range(60)) + b"last\n"
    assert bytes(sink.err) == b"".join(b"err %d\n" % n for n in range(60))


async def test_a_start_whose_answer_is_lost_runs_once(world: World) -> None:
    world.order("freeze-exec")
    await start(
        world, f"echo ran >>{world.root}/ran; until [ -e {world.root}/go ]; do sleep 0.1; done; exit 6"
    )
    await until((world.root / "ran").exists)
    runner = world.pid_of("jobs/work/runner")
    os.killpg(runner, signal.SIGKILL)
    world.revoke("freeze-exec")
    world.order("go")
    end, _ = await end_of(world)
    assert (end.kind, end.status) == (EndKind.EXIT, 6)
    assert (world.root / "ran").read_text() == "ran\n"


async def test_what_a_manager_says_before_is_not_the_job_s(world: World) -> None:
    world.order("noise-exec")
    end, sink = await world.work("sh", "-c", "echo one; echo two >&2; exit 3")
    assert (end.status, bytes(sink.out), bytes(sink.err)) == (3, b"one\n", b"two\n")


async def test_an_exec_that_falls_silent_is_cut_and_said_again(world: World) -> None:
    await start(world, ROWS.format(root=world.root))
    await until(lambda: (world.lease / "jobs/work/out.0").read_bytes() != b"")
    first = pids(world.lease / "jobs/work", "exec-out.*-*")
    world.order("freeze-exec")
    await until((world.lease / "jobs/work/life-out.quiet").exists)
    await until(lambda: not lives(first[0]))
    world.revoke("freeze-exec")
    world.order("go")
    end, sink = await end_of(world)
    assert end.status == 5
    assert bytes(sink.out) == b"".join(b"out %d\n" % n for n in range(60)) + b"last\n"


async def test_a_small_spool_in_the_guest_is_replaced_only_when_it_was_fetched(world: World) -> None:
    data = random.Random(4).randbytes(4_000_000)
    (world.root / "data").write_bytes(data)
    await start(world, f"until [ -e {world.root}/go ]; do sleep 0.05; done; cat {world.root}/data")
    await until((world.lease / "jobs/work/life-out.good").exists)
    world.order("freeze-exec", "go")
    await until((guest(world) / "flow-out.full").exists)
    await asyncio.sleep(1)  # long enough for a pump that does not wait
    assert (guest(world) / "out.0").exists()
    world.revoke("freeze-exec")
    following = asyncio.ensure_future(end_of(world))
    while not following.done():
        for folder in (guest(world), world.lease / "jobs/work"):
            assert max((_size(path) for path in folder.glob("out.*")), default=0) <= 256 * 1024
        await asyncio.sleep(0.01)
    end, sink = following.result()
    assert end.status == 0
    assert bytes(sink.out) == data


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


async def test_nothing_is_left_in_the_guest(world: World) -> None:
    await start(world, f"(sleep 50 & sleep 50) & : >{world.root}/ready; sleep 50")
    await until((world.root / "ready").exists)
    await until((world.lease / "jobs/work/life-out.good").exists)
    there = pids(guest(world), "*.*-*-*")
    group = pids(guest(world), "leader.*")[0]
    cut_exec(world, "out")
    await world.warden.kill(world.vm, "work")
    end, _ = await end_of(world)
    assert (end.kind, end.detail) == (EndKind.KILLED, "asked")
    assert len(there) >= 4
    assert len(members(group)) == 0
    await until(lambda: not any(lives(pid) for pid in [*there, *pids(guest(world), "*.*-*-*")]), timeout_s=6)


async def test_a_killed_runner_in_the_guest_costs_nothing(world: World) -> None:
    await start(world, f"echo one; until [ -e {world.root}/go ]; do sleep 0.1; done; echo two; exit 6")
    await until((world.lease / "jobs/work/life-out.good").exists)
    os.kill(pids(guest(world), "runner.*")[0], signal.SIGKILL)
    world.order("go")
    end, sink = await end_of(world)
    assert (end.status, bytes(sink.out)) == (6, b"one\ntwo\n")


async def test_a_killed_leader_in_the_guest_is_lost(world: World) -> None:
    worker = await working(world)
    os.kill(pids(guest(world), "leader.*")[0], signal.SIGKILL)
    end, sink = await end_of(world)
    assert (end.kind, end.detail) == (EndKind.LOST, "runner-died")
    assert bytes(sink.out) == b"%d\n" % worker
    os.kill(worker, signal.SIGKILL)


async def test_a_vm_that_restarted_is_named_and_no_reused_pid_is_signalled(world: World) -> None:
    """The numbers are alive, but of another boot: these are somebody else's processes."""
    worker = await working(world)
    os.kill(pids(guest(world), "runner.*")[0], signal.SIGKILL)
    (world.root / "boot-id").write_text("another-boot\n")
    for stream in STREAMS:
        await until(lambda stream=stream: cut_exec(world, stream))  # type: ignore[misc]
    end, sink = await end_of(world)
    assert (end.kind, end.detail) == (EndKind.LOST, "vm-restarted")
    assert bytes(sink.out) == b"%d\n" % worker
    await world.warden.kill(world.vm, "work")
    assert lives(worker)
    os.killpg(os.getpgid(worker), signal.SIGKILL)


@pytest.mark.parametrize("hangs", [False, True], ids=["exec-ends", "exec-hangs"])
@pytest.mark.parametrize(
    ("state", "reason"), [(None, "vm-absent"), ("Stopped", "vm-not-running"), ("Suspended", "vm-suspended")]
)
async def test_a_vm_that_went_away_is_named_and_not_started(
    world: World, state: str | None, reason: str, hangs: bool
) -> None:
    worker = await working(world)
    mark = world.root / "vms" / world.vm
    if hangs:
        world.order("freeze-exec")
    mark.unlink() if state is None else mark.write_text(f"{state}\n")
    if not hangs:
        for stream in STREAMS:
            await until(lambda stream=stream: cut_exec(world, stream))  # type: ignore[misc]
    end, _ = await end_of(world)
    assert (end.kind, end.detail) == (EndKind.LOST, reason)
    assert not (world.root / "started-by-exec").exists()
    assert not any(lives(pid) for pid in pids(world.lease / "jobs/work", "exec-*.*-*"))
    os.killpg(os.getpgid(worker), signal.SIGKILL)


async def test_a_vm_that_is_suspended_for_a_while_loses_nothing(world: World) -> None:
    await start(world, ROWS.format(root=world.root))
    await until((world.lease / "jobs/work/life-out.good").exists)
    mark = world.root / "vms" / world.vm
    mark.write_text("Suspended\n")
    for stream in STREAMS:
        await until(lambda stream=stream: cut_exec(world, stream))  # type: ignore[misc]
    await until((world.lease / "jobs/work/flow-out.vm-suspended").exists)
    assert (await world.warden.status(world.vm)).note == "vm-suspended"
    mark.write_text("Running\n")
    world.order("go")
    end, sink = await end_of(world)
    assert end.status == 5
    assert bytes(sink.out) == b"".join(b"out %d\n" % n for n in range(60)) + b"last\n"


async def test_a_manager_that_is_silent_for_a_while_loses_nothing(world: World) -> None:
    await start(world, ROWS.format(root=world.root))
    await until((world.lease / "jobs/work/life-out.good").exists)
    world.order("fail-list", "fail-exec")
    for stream in STREAMS:
        await until(lambda stream=stream: cut_exec(world, stream))  # type: ignore[misc]
    await until((world.lease / "jobs/work/flow-out.manager-silent").exists)
    world.revoke("fail-list", "fail-exec")
    world.order("go")
    end, sink = await end_of(world)
    assert end.status == 5
    assert bytes(sink.err) == b"".join(b"err %d\n" % n for n in range(60))


@pytest.mark.slow
async def test_kill_has_an_end_where_exec_hangs(world: World) -> None:
    worker = await working(world)
    world.order("hang-exec", "freeze-exec")
    async with asyncio.timeout(45):
        await world.warden.kill(world.vm, "work")
    end, _ = await end_of(world)
    assert (end.kind, end.detail) == (EndKind.KILLED, "asked")
    os.killpg(os.getpgid(worker), signal.SIGKILL)


async def test_the_guest_s_disk_is_full_for_a_while(world: World, small_disk: Path) -> None:
    (world.root / "guest").mkdir()
    (world.root / "guest" / world.vm).symlink_to(small_disk)
    data = random.Random(6).randbytes(400_000)
    (world.root / "data").write_bytes(data)
    await start(world, f"until [ -e {world.root}/go ]; do sleep 0.1; done; cat {world.root}/data; exit 4")
    await until((world.lease / "jobs/work/life-out.good").exists)
    filler = fill(small_disk)
    world.order("go")
    await until((world.lease / "jobs/work/flow-out.guest-disk-full").exists)
    assert (await world.warden.status(world.vm)).note == "guest-disk-full"
    filler.unlink()
    end, sink = await end_of(world)
    assert end.status == 4
    assert bytes(sink.out) == data


# ---- where the guest can keep no job


@pytest.fixture
def poor(world: World) -> World:
    """The guest has a shell, and no mkfifo."""
    tools = world.root / "tools"
    tools.mkdir()
    for name in ("sh", "sleep", "mkdir", "mv", "cat"):
        (tools / name).symlink_to(f"/bin/{name}")
    (world.root / "guest-path").write_text(f"{tools}\n")
    return world


@pytest.mark.parametrize("lie", [None, 1, 2, 255])
async def test_such_a_job_is_bound_to_its_exec_and_says_so(poor: World, lie: int | None) -> None:
    if lie is not None:
        (poor.root / "lie-exec").write_text(f"{lie}\n")
    end, sink = await poor.work("sh", "-c", "echo here; pwd; exit 9", workdir="/usr")
    assert (end.kind, end.status, bytes(sink.out)) == (EndKind.EXIT, 9, b"here\n/usr\n")
    assert (await poor.warden.status(poor.vm)).exec_bound == ("work",)


async def test_a_guest_without_a_shell(world: World) -> None:
    (world.root / "guest-path").write_text("/nowhere\n")
    end, sink = await world.work("/bin/echo", "a  b")
    assert (end.kind, end.status, bytes(sink.out)) == (EndKind.EXIT, 0, b"a  b\n")
    assert (await world.warden.status(world.vm)).exec_bound == ("work",)


async def test_there_a_dead_exec_is_lost(poor: World) -> None:
    await start(poor, "echo $$; exec sleep 60")
    out = poor.lease / "jobs/work/out.0"
    await until(lambda: out.exists() and out.read_bytes().endswith(b"\n"))
    os.killpg(poor.pid_of("jobs/work/leader"), signal.SIGTERM)
    end, _ = await end_of(poor)
    assert (end.kind, end.detail) == (EndKind.LOST, "exec-died")
    os.kill(int(out.read_text()), signal.SIGKILL)
