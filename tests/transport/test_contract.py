"""What every Host does, over SSH and on this machine alike."""

import asyncio
import hashlib
import os
import random
import time
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.sshd import StartSshd
from tests.transport.person import Output, Person, flood
from tests.until import until
from tui.contracts import Host
from tui.model.errors import ConnectionDropped, HostError, HostUnreachable
from tui.model.hosts import LOCAL, HostEntry
from tui.model.units import MIB
from tui.transport import collect, room
from tui.transport.local import LocalHost
from tui.transport.ssh import SshHost

SIGNALS = {
    "HUP": 1,
    "INT": 2,
    "QUIT": 3,
    "ABRT": 6,
    "KILL": 9,
    "USR1": 10,
    "SEGV": 11,
    "PIPE": 13,
    "TERM": 15,
}
MEGABYTES = 20


@pytest.fixture(params=["local", pytest.param("ssh", marks=pytest.mark.sshd)])
async def host(request: pytest.FixtureRequest) -> AsyncIterator[Host]:
    if request.param == "local":
        made: Host = LocalHost(HostEntry(name=LOCAL))
    else:
        start: StartSshd = request.getfixturevalue("start_sshd")
        made = SshHost(start().entry(), Person())
    yield made
    await made.aclose()


def alive(pid: int) -> bool:
    """Whether the process is there and is more than a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class TestRun:
    async def test_gives_both_streams_and_the_status(self, host: Host) -> None:
        done = await host.run("echo out; echo err >&2; exit 7", timeout_s=20)
        assert (done.status, done.stdout, done.stderr) == (7, b"out\n", b"err\n")

    async def test_starts_at_home_in_a_plain_shell(self, host: Host) -> None:
        done = await host.run("cd && pwd; echo $0", timeout_s=20)
        assert done.stdout.decode().split()[0].endswith("/home")

    @pytest.mark.parametrize("first", range(0, 256, 64))
    async def test_every_exit_status_comes_through(self, host: Host, first: int) -> None:
        statuses = range(first, first + 64)
        runs = [host.run(f"exit {status}", timeout_s=60) for status in statuses]
        assert [done.status for done in await asyncio.gather(*runs)] == list(statuses)

    @pytest.mark.parametrize("name", SIGNALS)
    async def test_a_signal_is_128_and_its_number(self, host: Host, name: str) -> None:
        done = await host.run(f"exec sh -c 'ulimit -c 0; kill -{name} $$'", timeout_s=20)
        assert done.status == 128 + SIGNALS[name]

    async def test_stdin_arrives_whole_and_ends(self, host: Host) -> None:
        sent = random.Random(1).randbytes(3_000_000)
        done = await host.run("cat", sent, timeout_s=30)
        assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(sent).digest()

    async def test_without_input_stdin_is_at_its_end(self, host: Host) -> None:
        assert (await host.run("cat; echo over", timeout_s=20)).stdout == b"over\n"

    async def test_many_at_once(self, host: Host) -> None:
        async with asyncio.TaskGroup() as group:
            runs = [group.create_task(host.run(f"echo {number}", timeout_s=60)) for number in range(40)]
        assert [run.result().stdout for run in runs] == [b"%d\n" % number for number in range(40)]

    async def test_past_its_deadline_it_names_the_host_and_the_seconds(self, host: Host) -> None:
        with pytest.raises(HostUnreachable, match=rf"{host.name} did not answer within 1s") as raised:
            await host.run("sleep 600", timeout_s=1)
        assert raised.value.retryable
        assert raised.value.host == host.name
        assert (await host.run("echo alive", timeout_s=20)).stdout == b"alive\n"

    async def test_endless_output_is_cut(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(collect, "OUTPUT_LIMIT", 2**20)
        with pytest.raises(HostError, match="printed more than 1 MiB"):
            await host.run("yes", timeout_s=30)

    async def test_a_command_that_is_not_there_is_127(self, host: Host) -> None:
        done = await host.run("no-such-command-at-all", timeout_s=20)
        assert done.status == 127
        assert b"no-such-command-at-all" in done.stderr


class TestOpen:
    async def test_binary_of_both_streams_is_exact(self, host: Host, tmp_path: Path) -> None:
        noise = random.Random(2).randbytes(MEGABYTES * 2**20)
        (tmp_path / "noise").write_bytes(noise)
        output = Output()
        command = f"cat {tmp_path}/noise & cat {tmp_path}/noise >&2; wait"
        channel = await host.open(command, **output.callbacks, long=True)
        assert await channel.wait() == 0
        assert hashlib.sha256(output.stdout).digest() == hashlib.sha256(noise).digest()
        assert hashlib.sha256(output.stderr).digest() == hashlib.sha256(noise).digest()

    async def test_a_dialogue(self, host: Host) -> None:
        output = Output()
        channel = await host.open('while read -r line; do echo "<$line>"; done; exit 3', **output.callbacks)
        channel.write(b"one\n")
        await until(lambda: output.stdout == b"<one>\n")
        channel.write(b"two\n")
        await until(lambda: output.stdout == b"<one>\n<two>\n")
        channel.write_eof()
        assert await channel.wait() == 3

    async def test_wait_can_be_called_again_and_by_many(self, host: Host) -> None:
        channel = await host.open("exit 4", **Output().callbacks)
        assert await asyncio.gather(channel.wait(), channel.wait()) == [4, 4]
        assert await channel.wait() == 4

    async def test_a_cancelled_wait_leaves_the_command_alone(self, host: Host) -> None:
        channel = await host.open("read -r line; exit 5", **Output().callbacks)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await channel.wait()
        channel.write(b"\n")
        assert await channel.wait() == 5

    async def test_what_is_written_after_the_end_is_nobody_s(self, host: Host) -> None:
        channel = await host.open("exit 0", **Output().callbacks)
        await channel.wait()
        channel.write(b"too late")
        channel.write_eof()
        channel.abort()
        assert await channel.wait() == 0

    async def test_abort_is_immediate_and_idempotent(self, host: Host) -> None:
        output = Output()
        channel = await host.open("echo there; sleep 600", **output.callbacks, long=True)
        await until(lambda: output.stdout)
        began = time.monotonic()
        channel.abort()
        channel.abort()
        with pytest.raises(ConnectionDropped):
            await channel.wait()
        assert time.monotonic() - began < 1
        assert (await host.run("echo on", timeout_s=20)).stdout == b"on\n"

    async def test_drop_ends_every_channel_and_the_next_open_works(self, host: Host) -> None:
        output = Output()
        channels = [await host.open("echo there; sleep 600", **output.callbacks, long=True) for _ in range(3)]
        await until(lambda: output.stdout == b"there\n" * 3)
        began = time.monotonic()
        host.drop()
        for channel in channels:
            with pytest.raises(ConnectionDropped):
                await channel.wait()
        assert time.monotonic() - began < 1
        assert (await host.run("echo again", timeout_s=20)).stdout == b"again\n"

    async def test_a_flood_of_input_arrives_whole_and_little_is_queued(self, host: Host) -> None:
        output = Output()
        channel = await host.open("sha256sum; wc -c", **output.callbacks, long=True)
        block, whole = random.Random(3).randbytes(MIB), hashlib.sha256()
        tracemalloc.start()
        try:
            for _ in range(50):
                whole.update(block)
                channel.write(block)
                await channel.drain()
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        channel.write_eof()
        assert await channel.wait() == 0
        assert bytes(output.stdout).decode().split() == [whole.hexdigest(), "-", "0"]
        assert most < 8 * MIB

    async def test_who_waits_for_room_hears_that_nobody_reads_any_more(self, host: Host) -> None:
        channel = await host.open("sleep 600", **Output().callbacks, long=True)
        channel.write(bytes(8 * MIB))
        waiting = asyncio.ensure_future(channel.drain())
        await asyncio.sleep(0)
        assert not waiting.done()
        host.drop()
        with pytest.raises(ConnectionDropped):
            await asyncio.wait_for(waiting, 2)
        with pytest.raises(ConnectionDropped):
            await channel.drain()

    async def test_who_waits_for_room_hears_the_end_of_the_command(self, host: Host) -> None:
        channel = await host.open("read -r line; exit 6", **Output().callbacks)
        channel.write(b"go\n")
        with pytest.raises(ConnectionDropped):
            await asyncio.wait_for(flood(channel), 20)
        assert await channel.wait() == 6

    async def test_where_nothing_moves_any_more_nobody_waits_for_ever(
        self, host: Host, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(room, "STALLED_S", 0.3)
        channel = await host.open("sleep 600", **Output().callbacks, long=True)
        channel.write(bytes(8 * MIB))
        with pytest.raises(ConnectionDropped, match="takes no more"):
            await asyncio.wait_for(channel.drain(), 20)
        channel.abort()

    async def test_what_has_detached_itself_outlives_the_drop(self, host: Host, tmp_path: Path) -> None:
        """The guard of the leases depends on this: a lost link must not end what was set going."""
        output = Output()
        guard = "setsid sh -c 'echo $$ >pid.new; mv pid.new pid; sleep 600' </dev/null >/dev/null 2>&1 &"
        channel = await host.open(f"cd {tmp_path}; {guard} read -r line", **output.callbacks, long=True)
        await until((tmp_path / "pid").exists)
        pid = int((tmp_path / "pid").read_text())
        try:
            host.drop()
            with pytest.raises(ConnectionDropped):
                await channel.wait()
            await host.aclose()
            assert alive(pid)
        finally:
            os.killpg(pid, 9)

    async def test_name_and_connect(self, host: Host) -> None:
        await host.connect()
        await host.connect()
        assert host.name in {"lab", LOCAL}


async def test_local_abort_ends_the_group_it_started() -> None:
    host = LocalHost(HostEntry(name=LOCAL))
    output = Output()
    channel = await host.open("sleep 600 & echo $! $$; wait", **output.callbacks, long=True)
    await until(lambda: output.stdout.endswith(b"\n"))
    pids = [int(word) for word in output.stdout.split()]
    assert all(alive(pid) for pid in pids)
    channel.abort()
    await until(lambda: not any(alive(pid) for pid in pids))
    await host.aclose()


async def test_local_close_kills_what_ignores_term() -> None:
    host = LocalHost(HostEntry(name=LOCAL))
    output = Output()
    await host.open("trap '' TERM; echo $$; while :; do sleep 1; done", **output.callbacks, long=True)
    await until(lambda: output.stdout.endswith(b"\n"))
    await host.aclose()
    assert not alive(int(output.stdout))


async def test_local_without_a_home_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "gone"))
    with pytest.raises(HostError, match=r"no command can be started on local: .*gone"):
        await LocalHost(HostEntry(name=LOCAL)).run("true", timeout_s=5)
