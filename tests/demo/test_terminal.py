"""Terminals and ports over the demo host's own SSH server, to both kinds of guests."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.demo_host import DemoHost, private_demo
from tests.fixtures.sshd import free_port
from tests.until import until
from tui.contracts import Channel, Host, TerminalSize
from tui.demo.guest import Guests
from tui.model.errors import PortRefused
from tui.model.hosts import DEMO, HostEntry, Question
from tui.transport.ssh import SshHost

SIZE = TerminalSize(columns=72, rows=20)


async def nobody(_question: Question) -> str | None:
    return None


@asynccontextmanager
async def over_ssh(demo: DemoHost) -> AsyncIterator[Host]:
    at = demo.address
    entry = HostEntry(
        name=DEMO, address=at.host, port=at.port, user=at.user, identity=at.key, host_key=at.host_key
    )
    host = SshHost(entry, nobody)
    yield host
    await host.aclose()


@asynccontextmanager
async def demo_with(folder: Path, guests: Guests) -> AsyncIterator[tuple[DemoHost, Host]]:
    async with private_demo(folder / "host", speed=40, guests=guests) as demo, over_ssh(demo) as host:
        assert demo.multipass("launch", "24.04", "--name", "x").returncode == 0
        yield demo, host


class Screen:
    """What came on a terminal."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    async def open(self, host: Host, command: str) -> Channel:
        heard = self.bytes.extend
        return await host.open(command, on_stdout=heard, on_stderr=heard, long=True, terminal=SIZE)

    async def shows(self, text: bytes) -> None:
        await until(lambda: text in self.bytes, f"{text!r} is shown", timeout_s=20)


async def end_of(channel: Channel) -> int:
    async with asyncio.timeout(20):
        return await channel.wait()


def address_of(demo: DemoHost, vm: str = "x") -> str:
    listed = json.loads(demo.multipass("list", "--format", "json").stdout)["list"]
    (address,) = next(row["ipv4"] for row in listed if row["name"] == vm)
    return str(address)


async def fetch(host: Host, address: str, port: int) -> bytes:
    got = bytearray()
    channel = await host.open_tcp(address, port, on_data=got.extend)
    channel.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await end_of(channel) == 0
    channel.abort()
    return bytes(got)


async def test_a_guest_on_the_real_shell(tmp_path: Path) -> None:
    async with demo_with(tmp_path, Guests.SHELL) as (demo, host):
        await _check_an_exec_on_a_terminal(host)
        await _check_a_shell_of_a_stopped_vm(demo, host)
        await _check_its_own_ports(demo, host)


async def _check_an_exec_on_a_terminal(host: Host) -> None:
    screen = Screen()
    channel = await screen.open(host, "multipass exec x -- sh -c 'tty; stty size; echo err >&2; exit 7'")
    assert await end_of(channel) == 7
    assert b"20 72\r\nerr\r\n" in screen.bytes


async def _check_a_shell_of_a_stopped_vm(demo: DemoHost, host: Host) -> None:
    """It starts it, as the real one does: whoever must not do that looks first."""
    assert demo.multipass("stop", "x").returncode == 0
    screen = Screen()
    channel = await screen.open(host, "multipass shell x")
    await screen.shows(b"Starting x")
    channel.write(b"stty size\r")
    await screen.shows(b"20 72\r\n")
    assert demo.vms()["x"] == "Running"
    channel.resize(TerminalSize(columns=40, rows=9))
    channel.write(b"until [ \"$(stty size)\" = '9 40' ]; do sleep 0.05; done; yes\r")
    await until(lambda: screen.bytes.count(b"y\r\n") > 50_000)
    began = time.monotonic()
    channel.write(b"\x03exit\r")
    assert await end_of(channel) == 0
    assert time.monotonic() - began < 0.5 + 0.3  # the client of the manager and the guest end, too


async def _check_its_own_ports(demo: DemoHost, host: Host) -> None:
    port, address = free_port(), address_of(demo)
    with pytest.raises(PortRefused, match="Connection refused"):
        await fetch(host, address, port)
    served = demo.start("exec", "-n", "x", "--", "python3", "-m", "http.server", "-d", ".", str(port))
    mine = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    try:
        await until(lambda: demo.multipass("exec", "-n", "x", "--", *_touches(port)).returncode == 0)
        assert b"Directory listing" in await fetch(host, address, port)
        with pytest.raises(PortRefused, match="Connection refused"):
            await fetch(host, address, mine.sockets[0].getsockname()[1])
        with pytest.raises(PortRefused, match="passes no connections on"):
            await fetch(host, "127.0.0.1", port)
    finally:
        served.kill()
        served.communicate()
        mine.close()


def _touches(port: int) -> tuple[str, ...]:
    return ("python3", "-c", f"import socket; socket.create_connection(('127.0.0.1', {port})).close()")


async def test_a_sandboxed_guest(tmp_path: Path) -> None:
    async with demo_with(tmp_path, Guests.BASHKIT) as (demo, host):
        screen = Screen()
        channel = await screen.open(host, "multipass shell x")
        await screen.shows(b"ubuntu@x:~$ ")
        channel.write(b"echo a b | tr a-z A-Z\r")
        await screen.shows(b"A B\r\n")
        channel.write(b"while true; do echo y; done\r")
        await until(lambda: screen.bytes.count(b"y\r\n") > 20_000)
        began = time.monotonic()
        channel.write(b"\x03")
        channel.write(b"echo quick'ly'\r")
        await screen.shows(b"quickly\r\n")
        assert time.monotonic() - began < 0.5
        channel.write(b"exit 4\r")
        assert await end_of(channel) == 0
        address = address_of(demo)
        page = await fetch(host, address, 8080)
        assert page.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"<h1>x</h1>" in page
        with pytest.raises(PortRefused, match="Connection refused"):
            await fetch(host, address, 8081)
        assert demo.multipass("stop", "x").returncode == 0
        with pytest.raises(PortRefused, match="No route to host"):
            await fetch(host, address, 8080)
