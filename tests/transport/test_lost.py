"""Links that die, freeze or were never there; against a real sshd."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fixtures.sshd import Sshd, descendants, free_port
from tests.transport.person import Output, Person, flood
from tests.until import until
from tui.model.errors import ConnectionDropped, HostUnreachable
from tui.model.hosts import HostEntry
from tui.model.spec import HostName
from tui.transport import dial, link, login, room
from tui.transport.ssh import SshHost

pytestmark = pytest.mark.sshd


@pytest.fixture
async def host(sshd: Sshd) -> AsyncIterator[SshHost]:
    made = SshHost(sshd.entry(), Person())
    yield made
    await made.aclose()


@pytest.fixture
def freeze(sshd: Sshd) -> Iterator[None]:
    """Set by `stop`; whatever was stopped is let go on at the end, so that it can be ended."""
    yield
    for pid in descendants(sshd.pid):
        os.kill(pid, signal.SIGCONT)


def stop(sshd: Sshd) -> None:
    """The server's sessions answer no more; the connections stay."""
    sessions = sshd.sessions()
    assert sessions
    for pid in sessions:
        with suppress(ProcessLookupError):  # the helper of a login that is just over
            os.kill(pid, signal.SIGSTOP)


@pytest.mark.usefixtures("freeze")
class TestFrozen:
    async def test_run_ends_at_its_deadline(self, sshd: Sshd, host: SshHost) -> None:
        await host.connect()
        stop(sshd)
        began = time.monotonic()
        with pytest.raises(HostUnreachable, match=r"lab did not answer within 0\.5s"):
            await host.run("true", timeout_s=0.5)
        assert time.monotonic() - began < 2

    async def test_who_waits_for_room_is_told_in_the_end(
        self, sshd: Sshd, host: SshHost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(room, "STALLED_S", 0.5)
        output = Output()
        channel = await host.open("echo there; cat >/dev/null", **output.callbacks, long=True)
        await until(lambda: output.stdout)
        stop(sshd)
        with pytest.raises(ConnectionDropped):
            await asyncio.wait_for(flood(channel), 20)
        channel.abort()

    async def test_drop_is_immediate_and_the_next_open_connects_anew(self, sshd: Sshd, host: SshHost) -> None:
        output = Output()
        channel = await host.open("echo there; cat", **output.callbacks, long=True)
        await until(lambda: output.stdout)
        stop(sshd)
        began = time.monotonic()
        host.drop()
        assert time.monotonic() - began < 0.1
        with pytest.raises(ConnectionDropped, match="what ran there may go on"):
            await channel.wait()
        assert (await host.run("echo new", timeout_s=20)).stdout == b"new\n"
        assert time.monotonic() - began < 5

    async def test_closing_is_bounded(self, sshd: Sshd, host: SshHost) -> None:
        await host.connect()
        stop(sshd)
        began = time.monotonic()
        await host.aclose()
        assert time.monotonic() - began < 4

    async def test_keepalives_notice_it_in_the_end(
        self, sshd: Sshd, host: SshHost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(dial, "KEEPALIVE_S", 0.2)
        channel = await host.open("cat", **Output().callbacks, long=True)
        stop(sshd)
        with pytest.raises(ConnectionDropped):
            await asyncio.wait_for(channel.wait(), 10)

    async def test_a_session_that_is_not_granted_in_time_drops_the_link(
        self, sshd: Sshd, host: SshHost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(link, "OPEN_TIMEOUT_S", 0.3)
        await host.connect()
        stop(sshd)
        with pytest.raises(ConnectionDropped):
            await host.open("true", **Output().callbacks)
        assert (await host.run("echo new", timeout_s=20)).stdout == b"new\n"


class TestKilled:
    async def test_in_mid_channel(self, sshd: Sshd, host: SshHost) -> None:
        output = Output()
        channel = await host.open("echo there; cat", **output.callbacks, long=True)
        await until(lambda: output.stdout)
        os.kill(sshd.sessions()[0], signal.SIGKILL)
        with pytest.raises(ConnectionDropped) as raised:
            await channel.wait()
        assert raised.value.retryable
        assert raised.value.host == "lab"
        channel.write(b"nobody there")
        channel.write_eof()
        assert (await host.run("echo new", timeout_s=20)).stdout == b"new\n"

    async def test_a_command_survives_the_loss_of_its_connection(self, host: SshHost, tmp_path: Path) -> None:
        """Without a terminal nothing ends it but itself: jobs need a guard, and get one."""
        output = Output()
        command = (
            f"cd {tmp_path}; echo there; while [ ! -e go ]; do sleep 0.05; done; echo done >new; mv new out"
        )
        channel = await host.open(command, **output.callbacks, long=True)
        await until(lambda: output.stdout)
        host.drop()
        with pytest.raises(ConnectionDropped):
            await channel.wait()
        (tmp_path / "go").touch()
        await until((tmp_path / "out").exists)

    async def test_the_whole_server_goes(self, sshd: Sshd, host: SshHost) -> None:
        await host.connect()
        sshd.kill()
        with pytest.raises((HostUnreachable, ConnectionDropped)):
            await host.run("true", timeout_s=20)
        with pytest.raises(HostUnreachable, match="refuses connections"):
            await host.connect()


class SlowLink:
    """A way to a server that takes only so many bytes a second from us."""

    RATE = 400_000
    STEP = 16_384

    def __init__(self, port: int) -> None:
        self._port = port
        self.port = 0
        self._over = asyncio.Event()

    async def __aenter__(self) -> "SlowLink":
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.STEP)
        listener.bind(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._carry, sock=listener, limit=self.STEP)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.wait_for(self._over.wait(), 20)
        self._server.close()
        await self._server.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", self._port)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pass(reader, forth, self.STEP / self.RATE))
            group.create_task(self._pass(back, writer, 0))
        self._over.set()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, pause_s: float) -> None:
        with suppress(OSError):
            while data := await source.read(self.STEP):
                sink.write(data)
                await asyncio.sleep(pause_s)
        sink.close()
        with suppress(OSError):
            await sink.wait_closed()


async def test_a_heartbeat_gets_past_an_upload_on_a_slow_link(sshd: Sshd) -> None:
    """Else an upload would look like a dead link, and be cut by whoever waits for the answer."""
    async with SlowLink(sshd.port) as slow:
        host = SshHost(replace(sshd.entry(), port=slow.port), Person())
        beats, sent = Output(), Output()
        holder = await host.open("cat", **beats.callbacks, long=True)
        upload = await host.open("wc -c", **sent.callbacks, long=True)
        for _ in range(6):
            upload.write(bytes(2**18))
            await upload.drain()
        began = time.monotonic()
        holder.write(b"beat\n")
        upload.write(bytes(2**19))
        await until(lambda: beats.stdout == b"beat\n")
        assert time.monotonic() - began < 2
        upload.write_eof()
        await upload.wait()
        assert int(sent.stdout) == 2**21
        await host.aclose()


def at(port: int, address: str = "127.0.0.1") -> SshHost:
    return SshHost(HostEntry(name=HostName("lab"), address=address, port=port, user="ana"), Person())


class TestNeverThere:
    async def test_refused(self) -> None:
        port = free_port()
        with pytest.raises(HostUnreachable, match=rf"lab \(\[127.0.0.1\]:{port}\) refuses connections"):
            await at(port).connect()

    async def test_refused_at_several_addresses(self) -> None:
        with pytest.raises(HostUnreachable, match="refuses connections"):
            await at(free_port(), "localhost").connect()

    async def test_no_such_name(self) -> None:
        with pytest.raises(HostUnreachable, match="has a name that cannot be found") as raised:
            await at(22, "no-such-host.invalid").connect()
        assert raised.value.retryable
        assert "alias" in raised.value.hint

    async def test_nobody_takes_the_connection(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A full backlog: the kernel answers no further knock."""
        monkeypatch.setattr(dial, "CONNECT_TIMEOUT_S", 0.3)
        with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
            port = server.getsockname()[1]
            waiting = [socket.socket() for _ in range(4)]
            for knock in waiting:
                knock.setblocking(False)
                knock.connect_ex(("127.0.0.1", port))
            with pytest.raises(HostUnreachable, match="does not answer"):
                await at(port).connect()
            for knock in waiting:
                knock.close()

    async def test_a_silent_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(login, "LOGIN_TIMEOUT_S", 0.3)
        with socket.create_server(("127.0.0.1", 0)) as server:
            host = at(server.getsockname()[1])
            with pytest.raises(HostUnreachable, match="does not answer"):
                await host.connect()

    async def test_something_that_is_not_ssh(self) -> None:
        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 \x1b]0;evil\x07Bad Request\r\n" * 40_000)
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            with pytest.raises(HostUnreachable) as raised:
                await at(server.sockets[0].getsockname()[1]).connect()
        assert "\x1b" not in raised.value.message

    async def test_a_server_that_hangs_up(self) -> None:
        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            with pytest.raises(
                HostUnreachable, match="ended the connection before the login was done"
            ) as raised:
                await at(server.sockets[0].getsockname()[1]).connect()
        assert "MaxStartups" in raised.value.hint

    async def test_a_cancelled_connect_leaves_nothing(self, sshd: Sshd) -> None:
        host = SshHost(sshd.entry(), Person())
        for delay_ms in range(0, 60, 5):
            with suppress(TimeoutError):
                async with asyncio.timeout(delay_ms / 1000):
                    await host.connect()
            host.drop()
        await until(lambda: not sshd.sessions())
        await host.aclose()
