"""What a client puts on the host to be the stdin of jobs."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from tests.fixtures.sshd import StartSshd
from tests.until import until
from tests.warden.world import Sink, World, fill
from tui.contracts import Channel
from tui.model.errors import (
    ConnectionDropped,
    LeaseClosing,
    NoSuchLease,
    NotOurs,
    Unguarded,
    WardenError,
)
from tui.model.hosts import Question
from tui.model.lease import EndKind, JobPlace, LeasePhase
from tui.model.spec import VmName
from tui.transport.ssh import SshHost
from tui.warden import script, wire
from tui.warden.client import HostWarden

MIB = 2**20


class Source:
    """Bytes to put, and what was asked of them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: list[int] = []
        self.sent: list[int] = []
        self.on_sent: Callable[[int], None] = self.sent.append

    def read(self, offset: int, length: int) -> bytes:
        self.asked.append(offset)
        return self.data[offset : offset + length]


async def put(world: World, source: Source, name: str = "inputs") -> None:
    await world.warden.put(world.vm, name, len(source.data), source.read, source.on_sent)


def spool(world: World, name: str = "inputs") -> Path:
    return world.lease / "spools" / name


async def raw_put(world: World, offset: int, data: bytes) -> Channel:
    """As a client says it whose channel then hangs."""
    sink = Sink()
    channel = await world.host.open(
        script.command(str(world.root / "state")), on_stdout=sink.stdout, on_stderr=sink.stderr, long=True
    )
    channel.write(wire.call(("put", world.client, "own", world.vm, "inputs", str(offset))) + data)
    return channel


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else -1


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("size", [0, 1, 3 * MIB + 1])
async def test_all_bytes_arrive(world: World, size: int) -> None:
    await world.open()
    source = Source(noise(size))
    await put(world, source)
    assert sha256(spool(world).read_bytes()).digest() == sha256(source.data).digest()
    assert source.sent[-1] == size
    assert source.sent == sorted(source.sent)
    source.asked.clear()
    await put(world, source)
    assert source.asked == []


async def test_it_is_the_stdin_of_a_job(world: World) -> None:
    await world.open()
    source = Source(noise(3 * MIB))
    await put(world, source)
    await world.warden.start(world.vm, "send", ("sha256sum",), JobPlace.HOST, spool="inputs")
    sink = Sink()
    end = await world.warden.follow(world.vm, "send", sink)
    assert end.status == 0
    assert bytes(sink.out).split()[0].decode() == sha256(source.data).hexdigest()
    assert sink.ends == (end.stdout_size, end.stderr_size)


async def test_without_its_spool_a_job_does_not_begin(world: World) -> None:
    await world.open()
    mark = world.root / "began"
    await world.warden.start(world.vm, "send", ("touch", str(mark)), JobPlace.HOST, spool="inputs")
    end = await world.warden.follow(world.vm, "send", Sink())
    assert (end.kind, end.detail) == (EndKind.KILLED, "no-spool")
    assert not mark.exists()


async def test_no_guest_job_takes_it(world: World) -> None:
    await world.launch()
    await put(world, Source(b"some"))
    with pytest.raises(WardenError, match="not a spool"):
        await world.warden.start(world.vm, "send", ("cat",), JobPlace.GUEST, spool="inputs")


async def test_after_a_cut_it_goes_on_at_the_byte(world: World) -> None:
    await world.open()
    source = Source(noise(8 * MIB))

    def cut(sent: int) -> None:
        if sent > 3 * MIB:
            world.host.drop()

    source.on_sent = cut
    with pytest.raises(ConnectionDropped):
        await put(world, source)
    there = size(spool(world))
    assert 0 < there < 8 * MIB
    source.asked.clear()
    source.on_sent = source.sent.append
    await put(world, source)
    assert source.asked[0] == source.sent[0] >= there
    assert sha256(spool(world).read_bytes()).digest() == sha256(source.data).digest()


async def test_who_still_hangs_there_is_ended_before_the_size_is_taken(world: World) -> None:
    await world.open()
    source = Source(noise(2 * MIB))
    await put(world, Source(b""))
    old = await raw_put(world, 0, source.data[:100_000])
    await until(lambda: size(spool(world)) == 100_000)
    source.on_sent = lambda _: old.write(b"too late")
    await put(world, source)
    assert source.asked[0] == 100_000
    assert await old.wait() == 128 + signal.SIGKILL
    assert spool(world).read_bytes() == source.data


async def test_a_late_one_that_believes_in_another_size_is_refused(world: World) -> None:
    await world.open()
    await put(world, Source(b"abc"))
    for offset in (0, 2, 4):
        late = await raw_put(world, offset, b"xyz")
        late.write_eof()
        assert await asyncio.wait_for(late.wait(), 20) == 67
    assert spool(world).read_bytes() == b"abc"


async def test_two_at_once_make_one_whole(world: World) -> None:
    await world.open()
    sources = [Source(noise(4 * MIB)) for _ in range(2)]
    async with asyncio.TaskGroup() as group:
        for source in sources:
            group.create_task(put(world, source))
    assert sha256(spool(world).read_bytes()).digest() == sha256(sources[0].data).digest()


async def test_more_than_there_is_to_send_is_not_taken_for_it(world: World) -> None:
    await world.open()
    await put(world, Source(b"four"))
    with pytest.raises(WardenError, match="more bytes"):
        await put(world, Source(b"two"))


async def test_what_has_become_shorter_is_not_sent(world: World) -> None:
    await world.open()
    with pytest.raises(WardenError, match="shorter"):
        await world.warden.put(world.vm, "inputs", 9, Source(b"short").read, lambda _: None)


async def test_dropped_it_is_gone_and_can_be_put_anew(world: World) -> None:
    await world.open()
    await put(world, Source(b"secret"))
    old = await raw_put(world, 6, b"!")
    await until(lambda: size(spool(world)) == 7)
    for _ in range(2):
        await world.warden.drop(world.vm, "inputs")
        assert list((world.lease / "spools").iterdir()) == []
    assert await old.wait() == 128 + signal.SIGKILL
    await put(world, Source(b"new"))
    assert spool(world).read_bytes() == b"new"


async def test_none_outlives_its_lease(world: World) -> None:
    await world.launch()
    for name in ("inputs", "env"):
        await put(world, Source(b"secret"), name)
    old = await raw_put(world, 6, b"!")
    await until(lambda: size(spool(world)) == 7)
    await world.warden.pin(world.vm)
    await world.warden.unpin(world.vm)
    assert spool(world, "env").exists()
    await world.warden.reap(world.vm)
    await world.gone()
    assert list((world.lease / "spools").iterdir()) == []
    assert await old.wait() == 128 + signal.SIGKILL
    with pytest.raises(LeaseClosing):
        await put(world, Source(b"late"))
    assert list((world.lease / "spools").iterdir()) == []


async def test_a_lease_that_ends_under_way_says_so(world: World) -> None:
    await world.launch()
    source = Source(noise(2 * MIB))
    started = asyncio.Event()
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def read(offset: int, length: int) -> bytes:
        if offset >= MIB:
            loop.call_soon_threadsafe(started.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(60)
        return source.read(offset, length)

    async with asyncio.TaskGroup() as group:
        putting = group.create_task(
            _refused(world.warden.put(world.vm, "inputs", len(source.data), read, lambda _: None))
        )
        await started.wait()
        await world.warden.reap(world.vm)
        await until(lambda: not spool(world).exists())
        go_on.set()
        assert await putting
    await world.gone()


async def _refused(putting: object) -> bool:
    with pytest.raises(LeaseClosing):
        await putting  # type: ignore[misc]
    return True


async def test_a_full_disk_is_told_and_later_it_goes_on(tmp_path: Path, small_disk: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "state").symlink_to(small_disk)
    try:
        await world.open()
        source = Source(noise(MIB))
        await put(world, Source(b""))
        filler = fill(small_disk)
        with filler.open("r+b") as file:
            file.truncate(filler.stat().st_size - 300_000)
        with pytest.raises(Unguarded, match="cannot keep") as raised:
            await put(world, source)
        assert "space" in raised.value.hint
        there = size(spool(world))
        assert 0 < there < MIB
        filler.unlink()
        source.asked.clear()
        await put(world, source)
        assert source.asked[0] == there
        assert spool(world).read_bytes() == source.data
    finally:
        await world.aclose()


async def test_what_came_before_a_reboot_is_not_believed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.open()
    await put(world, Source(b"abc"))
    monkeypatch.setenv("DAYFLY_BOOT_ID", "another")
    source = Source(b"xyz")
    await put(world, source)
    assert source.asked == [0]
    assert spool(world).read_bytes() == b"xyz"


async def test_one_that_begins_in_the_moment_of_a_drop_writes_nothing(world: World) -> None:
    await world.open()
    for _ in range(5):
        await put(world, Source(b"secret"))
        late = await raw_put(world, 6, b" again")
        late.write_eof()
        await world.warden.drop(world.vm, "inputs")
        assert await late.wait() in (0, 67, 128 + signal.SIGKILL)
        assert list((world.lease / "spools").iterdir()) == []


async def test_only_the_owner_puts_and_drops(world: World) -> None:
    await world.open()
    await put(world, Source(b"mine"))
    other = World(world.root, client="client-b", vm=world.vm)
    with pytest.raises(NotOurs):
        await put(other, Source(b"theirs"))
    with pytest.raises(NotOurs):
        await other.warden.drop(world.vm, "inputs")
    assert spool(world).read_bytes() == b"mine"
    with pytest.raises(NoSuchLease):
        await put(World(world.root, vm=VmName("df-none")), Source(b""))


@pytest.mark.parametrize("name", ["../conf", "a/b", "A", "", "x.writer"])
async def test_its_name_is_plain(world: World, name: str) -> None:
    await world.open()
    with pytest.raises(WardenError):
        await put(world, Source(b"x"), name)


async def test_it_is_not_counted_as_what_the_jobs_wrote(world: World) -> None:
    """A lease that is gone has none; what its jobs wrote is still there."""
    await world.launch()
    await put(world, Source(b"abc"))
    await world.warden.start(world.vm, "send", ("cat",), JobPlace.HOST, spool="inputs")
    await world.reported(lambda report: report.end_of("send"))
    await world.warden.reap(world.vm)
    await world.gone()
    sink = Sink()
    await world.warden.follow(world.vm, "send", sink)
    assert bytes(sink.out) == b"abc"
    await world.warden.acknowledge(world.vm)
    assert not world.lease.exists()


async def test_it_feeds_the_launch(world: World) -> None:
    await world.open()
    await put(world, Source(b"#cloud-config\n"), "cloud-init")
    await world.warden.start(
        world.vm, "launch", ("sh", "-c", f"cat >{world.root}/got"), JobPlace.HOST, spool="cloud-init"
    )
    assert (await world.warden.follow(world.vm, "launch", Sink())).status == 0
    assert (world.root / "got").read_bytes() == b"#cloud-config\n"
    assert world.is_in(LeasePhase.LIVE)


@pytest.mark.sshd
@pytest.mark.parametrize("size_mib", [0, 3, 40])
async def test_through_sshd_and_a_lost_connection(world: World, start_sshd: StartSshd, size_mib: int) -> None:
    sshd = start_sshd()
    await world.open()
    far = SshHost(sshd.entry(), nobody)
    warden = HostWarden(far, client=world.client, state_dir=str(world.root / "state"))
    source = Source(noise(size_mib * MIB))

    def cut(sent: int) -> None:
        if sent > size_mib * MIB // 2 and not source.sent:
            os.kill(sshd.sessions()[0], signal.SIGKILL)
            source.sent.append(sent)

    cuts = 0
    for _ in range(3):
        try:
            await warden.put(world.vm, "inputs", len(source.data), source.read, cut)
            break
        except ConnectionDropped:
            cuts += 1
    assert cuts == (1 if size_mib else 0)
    assert sha256(spool(world).read_bytes()).digest() == sha256(source.data).digest()
    assert len(source.asked) < size_mib * 4 + 20
    await far.aclose()


async def nobody(_question: Question) -> str | None:
    return None
