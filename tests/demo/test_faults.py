"""Faults that are ordered: for one VM alone, in a step of its launch, on a disk, on the way in."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from tests.demo_host import DemoHost
from tests.until import until
from tui.demo import faults, process
from tui.demo.guest import Guests
from tui.demo.process import DemoAddress
from tui.model.errors import UsageError

IMAGE = "ubuntu-lts-agent"


def is_held(demo: DemoHost, mark: str) -> bool:
    return (demo.world / "held" / mark).exists()


async def connect(demo: DemoHost) -> asyncssh.SSHClientConnection:
    address = demo.address
    known = asyncssh.import_known_hosts(f"[{address.host}]:{address.port} {address.host_key}")
    return await asyncssh.connect(
        address.host,
        address.port,
        username=address.user,
        client_keys=[asyncssh.import_private_key(address.key)],
        known_hosts=known,
        config=None,
    )


async def test_a_call_about_one_vm_is_held_until_it_is_released(demo: DemoHost) -> None:
    for name in ("one", "two"):
        assert demo.multipass("launch", IMAGE, "--name", name).returncode == 0
    await demo.control("hang delete:one")
    held = demo.start("delete", "--purge", "one")
    await until(lambda: is_held(demo, "delete.one"), "it is held")
    assert demo.multipass("delete", "--purge", "two").returncode == 0
    assert demo.ours() == {"one": "Running"}
    await demo.control("release delete:one")
    assert held.wait(10) == 0
    held.communicate()
    assert demo.ours() == {}
    assert not is_held(demo, "delete.one")


@pytest.mark.parametrize(("step", "listed"), [("fetch", False), ("prepare", False), ("boot", True)])
async def test_a_launch_is_held_in_a_step(demo: DemoHost, step: str, listed: bool) -> None:
    await demo.control(f"hang {step}:x 86400 1")
    launch = demo.start("launch", "24.04", "--name", "x")
    await until(lambda: is_held(demo, f"{step}.x"), "it is held")
    assert ("x" in demo.vms()) == listed
    assert launch.poll() is None
    await demo.control(f"release {step}:x")
    stdout, _ = launch.communicate(timeout=20)
    assert launch.returncode == 0
    assert b"Launched: x\n" in stdout


async def test_no_call_is_held_by_a_daemon_that_is_dead(demo: DemoHost) -> None:
    await demo.control("hang list")
    held = demo.start("list")
    await until(lambda: is_held(demo, "list."), "it is held")
    await demo.control("kill")
    held.communicate()
    await demo.until_daemon()
    assert not is_held(demo, "list.")


async def test_only_a_disk_of_its_own_can_be_filled(demo: DemoHost) -> None:
    with pytest.raises(UsageError, match="no disk of its own"):
        await demo.control("fill home")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "dayfly-tests", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_takes_no_byte_until_it_is_freed(small_disk: Path, tmp_path: Path) -> None:
    faults.fill(small_disk, tmp_path)
    file = small_disk / "file"
    with pytest.raises(OSError, match="No space left"):
        file.write_bytes(b"x")
    faults.free(small_disk)
    faults.free(small_disk)
    assert file.write_bytes(b"x") == 1


async def test_hangup_drops_connections_and_the_server_goes_on(demo: DemoHost) -> None:
    first = await connect(demo)
    await demo.control("hangup")
    await first.wait_closed()
    async with await connect(demo) as second:
        assert (await second.run("echo back")).stdout == "back\n"


async def test_the_ssh_server_goes_and_comes_back_on_its_port(demo: DemoHost) -> None:
    first = await connect(demo)
    async with asyncio.TaskGroup() as group:
        ordered = group.create_task(demo.control("sshd 1.5"))
        await first.wait_closed()
        assert not await is_reachable(demo)
        assert not ordered.done()
    assert await is_reachable(demo)


async def is_reachable(demo: DemoHost) -> bool:
    try:
        connection = await connect(demo)
    except ConnectionRefusedError:
        return False
    connection.abort()
    return True


@pytest.mark.parametrize("order", ["sshd soon", "sshd", "fill", "fill no-such-vm", "hang"])
async def test_an_order_that_makes_no_sense_is_refused(demo: DemoHost, order: str) -> None:
    with pytest.raises(UsageError, match="no such order"):
        await demo.control(order)


async def test_a_host_keeps_its_keys_over_a_restart(tmp_path: Path) -> None:
    try:
        first = await process.ensure(tmp_path, speed=20, guests=Guests.SHELL)
        await process.stop(tmp_path)
        second = await process.ensure(tmp_path, speed=20, guests=Guests.SHELL)
        assert first.host_key == second.host_key
        assert public(first) == public(second)
        for name in ("host", "client"):
            assert (tmp_path / "demo" / f"{name}.key").stat().st_mode & 0o777 == 0o600
    finally:
        await process.stop(tmp_path)


def public(address: DemoAddress) -> bytes:
    return asyncssh.import_private_key(address.key).export_public_key()


async def test_every_command_reads_the_hosts_environment_anew(demo: DemoHost) -> None:
    async with await connect(demo) as host:
        (demo.world / "environment").write_text("COLOUR=red=ish\nnonsense\n")
        assert (await host.run('echo "$COLOUR"')).stdout == "red=ish\n"
        (demo.world / "environment").unlink()
        assert (await host.run('echo "$COLOUR"')).stdout == "\n"
