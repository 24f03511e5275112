"""The demo host as a process: found, shared, surviving, ended; and its SSH server."""

from __future__ import annotations

from tests.demo_host import FOREIGN, DemoHost


async def test_a_launched_vm_takes_commands_and_is_gone_after_its_purge(demo: DemoHost) -> None:
    launched = demo.multipass("launch", "ubuntu-lts-agent", "--name", "one")
    assert launched.returncode == 0, launched.stderr
    assert b"Launched: one\n" in launched.stdout
    assert demo.multipass("exec", "-n", "one", "--", "sh", "-c", "echo hello; exit 7").returncode == 7
    assert demo.multipass("delete", "--purge", "one").returncode == 0
    assert demo.vms() == FOREIGN
