"""The demo host as a process: found, shared, surviving, ended; and its SSH server."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest

from tests.demo_host import FOREIGN, DemoHost
from tests.until import until
from tui.demo import kin, process
from tui.demo.guest import Guests
from tui.model.errors import UsageError

CPU_LIMIT_S = 0.06
"""A call of the emulated command; it takes about 0.025 on an idle machine."""


@asynccontextmanager
async def connection(demo: DemoHost) -> AsyncIterator[asyncssh.SSHClientConnection]:
    address = demo.address
    known = asyncssh.import_known_hosts(f"[{address.host}]:{address.port} {address.host_key}")
    key = asyncssh.import_private_key(address.key)
    async with asyncssh.connect(
        address.host, address.port, username=address.user, client_keys=[key], known_hosts=known, config=None
    ) as made:
        yield made


def start_detached(demo: DemoHost) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["setsid", "sleep", "4172"], env=demo.environment(), stdin=subprocess.DEVNULL)


async def test_a_launched_vm_takes_commands_and_is_gone_after_its_purge(demo: DemoHost) -> None:
    launched = demo.multipass("launch", "ubuntu-lts-agent", "--name", "one")
    assert launched.returncode == 0, launched.stderr
    assert b"Launched: one\n" in launched.stdout
    assert demo.multipass("exec", "-n", "one", "--", "sh", "-c", "echo hello; exit 7").returncode == 7
    assert demo.multipass("delete", "--purge", "one").returncode == 0
    assert demo.vms() == FOREIGN


async def test_two_clients_at_once_start_one_host(tmp_path: Path) -> None:
    try:
        first, second = await asyncio.gather(
            *(process.ensure(tmp_path, speed=20, guests=Guests.SHELL) for _ in range(2))
        )
        assert first == second
        assert await process.running(tmp_path) == first
        assert (tmp_path / "demo").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "demo" / "demo.json").stat().st_mode & 0o777 == 0o600
    finally:
        await process.stop(tmp_path)
    assert await process.running(tmp_path) is None
    assert kin.marked(first.world) == []
    await process.stop(tmp_path)


async def test_a_killed_host_is_noticed_and_its_world_comes_back_as_after_a_reboot(demo: DemoHost) -> None:
    assert demo.multipass("launch", "ubuntu-lts-agent", "--name", "x").returncode == 0
    lease = demo.home / ".local/state/dayfly/lease"
    lease.parent.mkdir(parents=True)
    lease.touch()
    os.kill(demo.address.pid, signal.SIGKILL)
    await until(lambda: not kin.is_alive(demo.address.pid, demo.address.pid_started), "the host is dead")
    assert await process.running() is None
    await process.ensure(speed=20, guests=Guests.SHELL)
    await demo.until_vm("x", "Running")
    assert lease.exists()
    assert demo.vms() == FOREIGN | {"x": "Running"}


async def test_it_ends_by_itself_when_idle_but_not_with_a_vm_of_ours(tmp_path: Path) -> None:
    try:
        address = await process.ensure(tmp_path, speed=40, guests=Guests.SHELL, idle_s=4)
        demo = DemoHost(address, tmp_path)
        assert demo.multipass("launch", "ubuntu-lts-agent", "--name", "x").returncode == 0
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            assert kin.is_alive(address.pid, address.pid_started)
            await asyncio.sleep(0.1)
        assert demo.multipass("delete", "--purge", "x").returncode == 0
        await until(lambda: not kin.is_alive(address.pid, address.pid_started), "it ended")
    finally:
        await process.stop(tmp_path)


async def test_a_speed_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYFLY_DEMO_SPEED", "fast")
    with pytest.raises(UsageError, match="DAYFLY_DEMO_SPEED is 'fast'"):
        await process.ensure(tmp_path, guests=Guests.SHELL)


async def test_only_its_own_key_gets_in(demo: DemoHost) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh.connect(
            demo.address.host,
            demo.address.port,
            username=demo.address.user,
            client_keys=[stranger],
            known_hosts=None,
            config=None,
        )


async def test_commands_over_ssh(demo: DemoHost) -> None:
    every_byte = bytes(range(256)) * 4096
    async with connection(demo) as host:
        done = await host.run("cat; echo err >&2; exit 7", input=every_byte, encoding=None)
        assert (done.exit_status, done.stdout, done.stderr) == (7, every_byte, b"err\n")
        killed = await host.run("kill -9 $$")
        assert killed.exit_signal
        assert killed.exit_signal[0] == "KILL"
        assert (await host.run("multipass list --format csv")).exit_status == 0
        terminal = await host.run("tty; stty size", term_type="xterm", term_size=(100, 30))
        assert str(terminal.stdout).endswith("\r\n30 100\r\n")
        many = [await host.create_process("exec sleep 1000") for _ in range(15)]
        many[0].send_signal("TERM")
        ended = await many[0].wait()
        assert ended.exit_signal
        assert ended.exit_signal[0] == "TERM"


async def test_a_command_outlives_its_connection_and_one_on_a_terminal_does_not(demo: DemoHost) -> None:
    async with connection(demo) as host:
        quiet = await host.create_process("echo $$; exec sleep 4170")
        on_terminal = await host.create_process("echo $$; exec sleep 4171", term_type="xterm")
        pids = [int(await each.stdout.readline()) for each in (quiet, on_terminal)]
        host.abort()
        await until(lambda: not kin.identity(pids[1]), "the one on a terminal is gone")
    assert kin.identity(pids[0])
    detached = start_detached(demo)
    await process.stop()
    assert not kin.identity(pids[0])
    assert detached.wait(timeout=5) == -signal.SIGKILL


async def test_the_command_is_light(demo: DemoHost) -> None:
    def spent_s() -> float:
        before = os.times()
        assert demo.multipass("list", "--format", "csv").returncode == 0
        after = os.times()
        return sum(after[2:4]) - sum(before[2:4])

    assert min(spent_s() for _ in range(8)) <= CPU_LIMIT_S
