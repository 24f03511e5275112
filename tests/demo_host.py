"""A private demo host for one test: shell guests, twenty times as fast, gone with everything at the end."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.until import until
from tui.demo import kin, process
from tui.demo.guest import Guests
from tui.demo.process import DemoAddress

SPEED = 20.0
LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class DemoHost:
    """One running demo host."""

    address: DemoAddress
    state_dir: Path

    @property
    def world(self) -> Path:
        return self.address.world

    @property
    def bin(self) -> Path:
        """The folder of its `multipass`, for the PATH of a real sshd or of `--host local`."""
        return self.world / "bin"

    @property
    def home(self) -> Path:
        """HOME of a command that runs on the demo host; leases lie in .local/state/dayfly."""
        return self.world / "home"

    def own_environment(self) -> dict[str, str]:
        """What makes a command run as if on the demo host; it ends with it, whatever becomes of it."""
        path = f"{self.bin}:{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(self.home), kin.MARK: str(self.world)}

    def environment(self) -> dict[str, str]:
        """The whole environment of such a command."""
        return {**os.environ, **self.own_environment()}

    def multipass(
        self, *argv: str, stdin: bytes = b"", timeout_s: float = LIMIT_S
    ) -> subprocess.CompletedProcess[bytes]:
        """Run its `multipass`."""
        return subprocess.run(
            [self.bin / "multipass", *argv],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=timeout_s,
            env=self.environment(),
        )

    def start(self, *argv: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Run its `multipass` beside the test, which ends it."""
        return subprocess.Popen(
            [self.bin / "multipass", *argv],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(),
        )

    def vms(self) -> dict[str, str]:
        """Names and states, as `multipass list` says."""
        listed = self.multipass("list", "--format", "json")
        assert listed.returncode == 0, listed.stderr
        return {vm["name"]: vm["state"] for vm in json.loads(listed.stdout)["list"]}

    def ours(self) -> dict[str, str]:
        """The VMs that were not there in the beginning."""
        return {name: state for name, state in self.vms().items() if name not in FOREIGN}

    def clients(self, verb: str) -> list[int]:
        """The pids of its `multipass VERB` processes."""
        found = []
        for pid in kin.marked(self.world):
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if any(b"tui.demo.multipass" in word for word in words) and verb.encode() in words:
                    found.append(pid)
        return found

    async def control(self, order: str) -> None:
        """Order a fault: see tui/demo/faults.py."""
        await process.control(self.world, order)

    def guest_home(self, vm: str) -> Path:
        """Where a command in a VM starts; the guest must be a shell guest."""
        return self.world / "instances" / vm / "home" / "ubuntu"

    async def until_daemon(self) -> None:
        """Wait until the emulated daemon answers (again)."""
        await until(lambda: self.multipass("list").returncode == 0, "the daemon answers")

    async def until_vm(self, name: str, state: str | None, *, timeout_s: float = LIMIT_S) -> None:
        """Wait until a VM is in a state; None: until it is in no list."""
        await until(lambda: self.vms().get(name) == state, f"{name} is {state}", timeout_s=timeout_s)


FOREIGN = {"build-cache": "Running", "alice-notebook": "Stopped", "old-experiment": "Deleted"}
"""What a world begins with, and what must be in it, unchanged, at the end."""


@asynccontextmanager
async def private_demo(
    state_dir: Path, *, speed: float = SPEED, guests: Guests = Guests.SHELL
) -> AsyncIterator[DemoHost]:
    """A demo host under `state_dir`, stopped at the end with everything it started."""
    try:
        yield DemoHost(await process.ensure(state_dir, speed=speed, guests=guests), state_dir)
    finally:
        await process.stop(state_dir)
