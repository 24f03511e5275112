"""What was recorded of launches that are disturbed: the surprises a clean-up has to live with."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.demo_host import FOREIGN, DemoHost, private_demo
from tests.until import until

PROBE = ("launch", "file:///no/such.img", "--name", "x")


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[DemoHost]:
    """Slow enough to act in mid-launch."""
    async with private_demo(tmp_path / "slow", speed=0.7) as host:
        yield host


def stderr_of(demo: DemoHost, *argv: str) -> str:
    refused = demo.multipass(*argv)
    assert refused.returncode == 2
    return refused.stderr.decode().strip()


async def said(launch: subprocess.Popen[bytes], text: bytes) -> None:
    """Wait until the launch client printed that."""
    assert launch.stdout is not None
    seen = b""
    while text not in seen:
        more = await asyncio.to_thread(launch.stdout.read1, 4096)
        assert more, (text, seen)
        seen += more


async def test_a_name_being_prepared_is_in_no_list_and_the_probe_tells(slow: DemoHost) -> None:
    assert "Custom image `/no/such.img` does not exist." in stderr_of(slow, *PROBE)
    launch = slow.start("launch", "ubuntu-lts-agent", "--name", "x")
    await said(launch, b"Preparing image")
    assert slow.vms() == FOREIGN
    assert 'instance "x" does not exist' in stderr_of(slow, "delete", "--purge", "x")
    assert stderr_of(slow, *PROBE) == 'launch failed: instance "x" is being prepared'
    await slow.until_vm("x", "Unknown")
    assert stderr_of(slow, *PROBE) == 'launch failed: instance "x" already exists'
    assert "Cannot retrieve credentials in unknown state" in stderr_of(slow, "exec", "-n", "x", "--", "true")
    assert slow.multipass("delete", "--purge", "x").returncode == 0
    stdout, _ = await asyncio.to_thread(launch.communicate)
    assert launch.returncode == 0
    assert b"Launched: x\n" in stdout
    assert slow.vms() == FOREIGN


async def test_a_killed_launch_client_ends_a_download_and_nothing_else(slow: DemoHost) -> None:
    download = slow.start("launch", "24.04", "--name", "x")
    await said(download, b"Retrieving image")
    download.kill()
    download.communicate()
    await until(lambda: "does not exist" in stderr_of(slow, *PROBE), "the name is free again")
    assert slow.vms() == FOREIGN
    launch = slow.start("launch", "ubuntu-lts-agent", "--name", "x")
    await said(launch, b"Preparing image")
    launch.kill()
    launch.communicate()
    await slow.until_vm("x", "Running")


async def test_a_launch_that_times_out_leaves_a_vm_of_unknown_state(slow: DemoHost) -> None:
    late = slow.multipass("launch", "ubuntu-lts-agent", "--name", "x", "--timeout", "3")
    assert late.returncode == 5
    assert late.stderr == b"Timed out waiting for instance launch.\n"
    assert slow.ours()["x"] in ("Starting", "Unknown")
    assert slow.multipass("delete", "--purge", "x").returncode == 0
    assert slow.vms() == FOREIGN


async def test_a_polite_delete_of_a_booting_vm_blocks_everybody(tmp_path: Path) -> None:
    async with private_demo(tmp_path / "host", speed=100) as demo:
        # At this speed 300 s are 3: long enough to be told from an answer.
        launch = demo.start("launch", "ubuntu-lts-agent", "--name", "x")
        await said(launch, b"Starting x")
        polite = demo.start("delete", "x")
        _, stderr = await asyncio.to_thread(polite.communicate)
        launch.communicate()
        if polite.returncode:
            assert b"did not finish within 300000 milliseconds" in stderr
        else:
            assert demo.ours() == {"x": "Deleted"}


async def test_deleted_keeps_the_name_until_the_purge(demo: DemoHost) -> None:
    assert demo.multipass("launch", "ubuntu-lts-agent", "--name", "x").returncode == 0
    assert demo.multipass("delete", "x").returncode == 0
    assert demo.ours() == {"x": "Deleted"}
    assert stderr_of(demo, *PROBE) == 'launch failed: instance "x" already exists'
    assert demo.multipass("delete", "--purge", "x").returncode == 0
    assert 'instance "x" does not exist' in stderr_of(demo, "delete", "--purge", "x")


async def test_exec_on_a_stopped_vm_starts_it(demo: DemoHost) -> None:
    assert demo.multipass("launch", "ubuntu-lts-agent", "--name", "x").returncode == 0
    assert demo.multipass("stop", "x").returncode == 0
    entered = demo.multipass("exec", "-n", "x", "--", "echo", "hello")
    assert entered.returncode == 0
    assert b"Starting x" in entered.stdout
    assert entered.stdout.endswith(b"hello\n")
    assert demo.ours() == {"x": "Running"}


async def test_term_of_the_daemon_pauses_an_exec_and_kill_boots_the_vm_anew(demo: DemoHost) -> None:
    assert demo.multipass("launch", "ubuntu-lts-agent", "--name", "x").returncode == 0
    rows = demo.start(
        "exec",
        "-n",
        "x",
        "--",
        "sh",
        "-c",
        "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep .2; done; exit 3",
    )
    await said(rows, b"2\n")
    await demo.control("term")
    stdout, _ = await asyncio.to_thread(rows.communicate)
    assert rows.returncode == 3
    assert stdout.endswith(b"8\n")
    await demo.until_daemon()
    await demo.until_vm("x", "Running")
    quiet = demo.start("exec", "-n", "x", "--", "sh", "-c", "echo in; sleep 1000")
    await said(quiet, b"in\n")
    await demo.control("kill")
    await demo.until_daemon()
    await demo.until_vm("x", "Running")
    assert demo.multipass("exec", "-n", "x", "--", "pgrep", "-f", "sleep 1000$").returncode == 1
    assert quiet.poll() is None
    quiet.kill()
    quiet.communicate()


async def test_kill_of_the_daemon_in_mid_launch(slow: DemoHost) -> None:
    booting = slow.start("launch", "ubuntu-lts-agent", "--name", "x")
    await slow.until_vm("x", "Unknown")
    preparing = slow.start("launch", "ubuntu-lts-agent", "--name", "y")
    await said(preparing, b"Preparing image")
    await slow.control("kill")
    for launch in (booting, preparing):
        _, stderr = await asyncio.to_thread(launch.communicate)
        assert (launch.returncode, stderr) == (2, b"launch failed: cannot connect to the multipass socket\n")
    await slow.until_daemon()
    assert slow.ours() == {"x": "Stopped"}


async def test_orders(demo: DemoHost) -> None:
    assert demo.multipass("launch", "ubuntu-lts-agent", "--name", "x").returncode == 0
    await demo.control("fail list 2")
    assert demo.multipass("list").returncode == 2
    await demo.control("garbage list")
    assert b"\x1b[31m" in demo.multipass("list").stdout
    await demo.control("drop list")
    assert demo.multipass("list").stderr == b"list failed: cannot connect to the multipass socket\n"
    await demo.control("forget delete")
    assert demo.multipass("delete", "--purge", "x").returncode == 0
    assert demo.ours() == {"x": "Running"}
    await demo.control("hang list")
    with pytest.raises(subprocess.TimeoutExpired):
        demo.multipass("list", timeout_s=0.5)
    await demo.control("clear")
    await demo.control("reboot x")
    await demo.until_vm("x", "Running")
    await demo.control("delete x")
    assert demo.vms() == FOREIGN
