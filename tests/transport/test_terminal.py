"""A command with a terminal, and a connection to a port: over SSH and on this machine alike."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from tests.fixtures.sshd import Sshd, StartSshd, free_port
from tests.transport.person import Person
from tests.transport.test_contract import alive
from tests.until import until
from tui.contracts import Channel, Host, TerminalSize
from tui.model.errors import ConnectionDropped, PortRefused
from tui.model.hosts import LOCAL, HostEntry
from tui.transport.local import LocalHost
from tui.transport.ssh import SshHost

SIZE = TerminalSize(columns=91, rows=31)
LIMIT_S = 20.0


@pytest.fixture(params=["local", pytest.param("ssh", marks=pytest.mark.sshd)])
async def host(request: pytest.FixtureRequest) -> AsyncIterator[Host]:
    if request.param == "local":
        made: Host = LocalHost(HostEntry(name=LOCAL))
    else:
        start: StartSshd = request.getfixturevalue("start_sshd")
        made = SshHost(start().entry(), Person())
    yield made
    await made.aclose()


class Screen:
    """What came on a terminal."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    async def open(self, host: Host, command: str) -> Channel:
        self.channel = await host.open(
            command, on_stdout=self.bytes.extend, on_stderr=self.never, long=True, terminal=SIZE
        )
        return self.channel

    def never(self, data: bytes) -> None:
        raise AssertionError(data)

    async def shows(self, text: bytes) -> None:
        await until(lambda: text in self.bytes, f"{text!r} is shown")


async def end_of(channel: Channel) -> int:
    async with asyncio.timeout(LIMIT_S):
        return await channel.wait()


class TestTerminal:
    async def test_it_has_its_type_and_size_and_hears_of_another(self, host: Host) -> None:
        screen = Screen()
        script = (
            "stty size; echo $TERM; until [ \"$(stty size)\" = '12 50' ]; do sleep 0.05; done; "
            "echo changed; read -r line; exit 7"
        )
        channel = await screen.open(host, script)
        await screen.shows(b"31 91\r\nxterm-256color\r\n")
        channel.resize(TerminalSize(columns=50, rows=12))
        await screen.shows(b"changed\r\n")
        channel.write(b"go\r")
        assert await end_of(channel) == 7
        channel.resize(SIZE)
        channel.write(b"into the void")

    async def test_both_streams_come_as_one_and_to_the_last_byte(self, host: Host) -> None:
        screen = Screen()
        channel = await screen.open(host, "echo out; echo err >&2; seq 20000")
        assert await end_of(channel) == 0
        assert screen.bytes.startswith(b"out\r\nerr\r\n1\r\n")
        assert screen.bytes.endswith(b"\r\n20000\r\n")

    async def test_ctrl_c_under_a_flood_acts_at_once(self, host: Host) -> None:
        screen = Screen()
        channel = await screen.open(host, "exec yes")
        await until(lambda: len(screen.bytes) > 1_000_000)
        began = time.monotonic()
        channel.write(b"\x03")
        assert await end_of(channel) == 130
        assert time.monotonic() - began < 0.5

    async def test_little_is_on_its_way_ahead_of_the_answer_to_a_key(self, host: Host) -> None:
        screen = Screen()
        channel = await screen.open(host, "exec yes")
        await until(lambda: len(screen.bytes) > 100_000)
        channel.pause_reading()
        await asyncio.sleep(0.5)  # all that may be under way now is
        before = len(screen.bytes)
        channel.write(b"\x03")
        await asyncio.sleep(0.2)
        channel.resume_reading()
        assert await end_of(channel) == 130
        assert len(screen.bytes) - before < 400_000

    async def test_what_is_not_read_waits(self, host: Host) -> None:
        screen = Screen()
        channel = await screen.open(host, "yes | head -n 300000; echo over")
        await until(lambda: screen.bytes)
        channel.pause_reading()
        await asyncio.sleep(0.3)  # what is under way still comes
        before = len(screen.bytes)
        await asyncio.sleep(0.3)
        assert len(screen.bytes) == before
        channel.resume_reading()
        assert await end_of(channel) == 0
        assert screen.bytes.endswith(b"over\r\n")
        assert len(screen.bytes) == 300000 * 3 + len(b"over\r\n")

    async def test_aborted_it_is_hung_up(self, host: Host) -> None:
        screen = Screen()
        channel = await screen.open(host, "echo $$ at; while :; do sleep 0.1; done")
        await screen.shows(b" at")
        pid = int(screen.bytes.split()[0])
        assert alive(pid)
        channel.abort()
        with pytest.raises(ConnectionDropped):
            await channel.wait()
        await until(lambda: not alive(pid))


@pytest.mark.sshd
async def test_a_lost_link_is_no_exit_status(sshd: Sshd) -> None:
    host, screen = SshHost(sshd.entry(), Person()), Screen()
    channel = await screen.open(host, "echo up; cat")
    await screen.shows(b"up")
    sshd.kill()
    with pytest.raises(ConnectionDropped):
        await end_of(channel)
    await host.aclose()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Whoever connects is heard to his end, then answered with his words backwards."""
    writers: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError):
            writer.write((await reader.read())[::-1])
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0)  # the transports let go of their sockets


class TestTcp:
    async def test_bytes_go_both_ways_and_end(self, host: Host, port: int) -> None:
        got = bytearray()
        channel = await host.open_tcp("127.0.0.1", port, on_data=got.extend)
        channel.write(b"ab" * 300_000)
        await channel.drain()
        channel.write(b"!")
        channel.write_eof()
        assert await end_of(channel) == 0
        assert bytes(got) == b"!" + b"ba" * 300_000
        channel.abort()

    async def test_a_port_without_anybody(self, host: Host) -> None:
        port = free_port()
        with pytest.raises(PortRefused, match=rf"nothing takes connections at port {port} of 127.0.0.1"):
            await host.open_tcp("127.0.0.1", port, on_data=bytearray().extend)
        assert (await host.run("echo goes on", timeout_s=LIMIT_S)).stdout == b"goes on\n"

    async def test_dropped_it_has_no_end_of_its_own(self, host: Host, port: int) -> None:
        channel = await host.open_tcp("127.0.0.1", port, on_data=bytearray().extend)
        host.drop()
        with pytest.raises(ConnectionDropped):
            await end_of(channel)
        with pytest.raises(ConnectionDropped):
            await channel.drain()


@pytest.mark.sshd
async def test_more_connections_than_sessions(start_sshd: StartSshd, port: int) -> None:
    """They count as no session, so that no further login is needed for them."""
    sshd = start_sshd(max_sessions=1)
    host = SshHost(sshd.entry(), Person())
    channels = [await host.open_tcp("127.0.0.1", port, on_data=bytearray().extend) for _ in range(20)]
    assert (await host.run("echo hi", timeout_s=LIMIT_S)).stdout == b"hi\n"
    assert sshd.logins() == 1
    for channel in channels:
        channel.abort()
    await host.aclose()


@pytest.mark.sshd
async def test_a_server_that_passes_nothing_on(start_sshd: StartSshd) -> None:
    host = SshHost(start_sshd(config=["AllowTcpForwarding no"]).entry(), Person())
    with pytest.raises(PortRefused, match="passes no connections on") as raised:
        await host.open_tcp("127.0.0.1", free_port(), on_data=bytearray().extend)
    assert "AllowTcpForwarding" in raised.value.hint
    await host.aclose()
