"""Demo hosts for the cells, reached by their own SSH server or by a real OpenSSH."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from pathlib import Path

from tests.demo_host import FOREIGN, SPEED, DemoHost
from tests.faults.cells import Kit
from tests.fixtures import sshd as openssh
from tests.fixtures.sshd import Sshd
from tui.demo import account, process
from tui.demo.guest import Guests

TICK_S = 0.5
SMALL_DISK = "24m"
_CLOCK = "clock"
_IDLE_S = 86400.0
"""A host whose cells come late must not have ended itself by then."""


class Way(StrEnum):
    """How the hosts are reached."""

    DEMO = "demo"
    SSHD = "sshd"


@dataclass(slots=True)
class Place:
    """One running host, with all that a client needs to get in."""

    way: Way
    kit: Kit
    state: Path
    """The state folder of the demo host; clients have their own."""
    demo: DemoHost
    key: Path
    sshd: Sshd | None = None
    server: subprocess.Popen[bytes] | None = None
    boots: Iterator[int] = field(default_factory=lambda: count(2))
    expected: set[str] = field(default_factory=set)
    """VMs beyond the foreign ones that may be there when all cells are through."""

    @property
    def port(self) -> int:
        """Where its SSH server listens now."""
        return self.sshd.port if self.sshd else self.demo.address.port

    @property
    def user(self) -> str:
        return self.sshd.user if self.sshd else self.demo.address.user

    @property
    def host_key(self) -> str:
        return self.sshd.public_key() if self.sshd else self.demo.address.host_key

    @property
    def state_dir(self) -> Path:
        """Where the warden lives; a real sshd starts its commands in the home of the real account."""
        return self.demo.home / "state"

    def lease(self, vm: str) -> Path:
        return self.state_dir / "leases" / vm

    def held(self, what: str, vm: str) -> bool:
        """Whether the emulator holds such a call, or step of a launch."""
        return (self.demo.world / "held" / f"{what}.{vm}").exists()

    def vms(self) -> dict[str, str]:
        """Names and states, as the emulator has them on its disk."""
        listed = json.loads((self.demo.world / "world.json").read_text())["vms"]
        return {vm["name"]: "Deleted" if vm["deleted"] else vm["state"] for vm in listed}

    def touched(self) -> list[str]:
        """Foreign VMs that are not as they were."""
        vms = self.vms()
        return [name for name, state in FOREIGN.items() if vms.get(name) != state]

    def set_clock(self, offset: str) -> None:
        """Move the clock of all the host's processes; the machine's own stays."""
        new = self.demo.world / f"{_CLOCK}.new"
        new.write_text(f"{offset}\n")
        new.replace(self.demo.world / _CLOCK)

    async def restart_sshd(self, after_s: float) -> None:
        """Kill the SSH server with its sessions; it is back after so long."""
        if self.sshd is None:
            await self.demo.control(f"sshd {after_s}")
            return
        await self.close()
        await asyncio.sleep(after_s)
        await self.open()

    async def reboot(self) -> None:
        """All processes of the host end at once; it comes back under another boot id with what is on disk."""
        await self.close()
        await process.stop(self.state)
        _write_environment(self.demo.world, self.kit, boot=f"boot{next(self.boots)}")
        address = await process.ensure(self.state, speed=SPEED, guests=Guests.SHELL, idle_s=_IDLE_S)
        self.demo = DemoHost(address, self.state)
        await self.open()

    async def open(self) -> None:
        """Start the real sshd, where there is one; always on the same port."""
        if self.sshd is not None:
            env = {**account.system_environment(self.demo.world), **self.demo.own_environment()}
            self.sshd, self.server = await asyncio.to_thread(openssh.launch, self.sshd, env=env)

    async def close(self) -> None:
        """Kill it with all its sessions. Idempotent."""
        if self.sshd is not None and self.server is not None:
            self.sshd.kill()
            await asyncio.to_thread(self.server.wait, 10)
            self.server = None


def _write_environment(world: Path, kit: Kit, *, boot: str) -> None:
    lines = [f"DAYFLY_TICK={TICK_S:g}", f"DAYFLY_BOOT_ID={boot}"]
    if kit is Kit.CLOCK:
        lines += [
            f"LD_PRELOAD={_libfaketime()}",
            f"FAKETIME_TIMESTAMP_FILE={world / _CLOCK}",
            "FAKETIME_CACHE_DURATION=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
        ]
        (world / _CLOCK).write_text("+0\n")
    (world / account.ENVIRONMENT).write_text("\n".join(lines) + "\n")


def _forget_clocks() -> None:
    """Remove what libfaketime keeps of killed processes: it stumbles over a pid that comes again."""
    for file in Path("/dev/shm").glob("*faketime_s*_[0-9]*"):
        if not Path("/proc", file.name.rpartition("_")[2]).exists():
            file.unlink(missing_ok=True)


def _libfaketime() -> str:
    _forget_clocks()
    shown = subprocess.check_output(["faketime", "-f", "+0", "env"], text=True)
    found = re.search(r"^LD_PRELOAD=(\S+)$", shown, re.MULTILINE)
    assert found is not None, shown
    return found[1]


@contextmanager
def _small_disks(world: Path) -> Iterator[None]:
    """File systems of their own for the account's home and for the VMs."""
    with contextlib.ExitStack() as stack:
        for name in ("home", "instances"):
            folder = world / name
            folder.mkdir()
            options = ["-t", "tmpfs", "-o", f"size={SMALL_DISK}", "dayfly-faults", str(folder)]
            subprocess.run(["mount", *options], check=True)
            stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=True)
        yield


@asynccontextmanager
async def open_place(folder: Path, way: Way, kit: Kit) -> AsyncIterator[Place]:
    """Start a host in `folder`; at the end all of it is gone."""
    world = folder / "demo" / "world"
    world.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        if kit is Kit.SMALL_DISKS:
            stack.enter_context(_small_disks(world))
        _write_environment(world, kit, boot="boot1")
        try:
            place = await _start(folder, way, kit)
            try:
                yield place
            finally:
                await place.close()
        finally:
            await process.stop(folder)
            _forget_clocks()


async def _start(folder: Path, way: Way, kit: Kit) -> Place:
    demo = DemoHost(await process.ensure(folder, speed=SPEED, guests=Guests.SHELL, idle_s=_IDLE_S), folder)
    if way is Way.SSHD:
        ssh_folder = folder / "sshd"
        ssh_folder.mkdir()
        sshd = openssh.prepare(ssh_folder)
        place = Place(way, kit, folder, demo, sshd.client_key, sshd)
        await place.open()
        return place
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_text(demo.address.key)
    return Place(way, kit, folder, demo, key)


class Places:
    """Opens hosts as cells need them, and lets those that hit a whole host have one for themselves."""

    def __init__(self, folder: Path, way: Way, stack: contextlib.AsyncExitStack) -> None:
        self.opened: list[Place] = []
        self._folder = folder
        self._way = way
        self._stack = stack
        self._idle: dict[Kit, list[Place]] = {kit: [] for kit in Kit}
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def borrow(self, kit: Kit) -> AsyncIterator[Place]:
        """A host of that kit; SHARED: the one that all have."""
        async with self._opening:
            place = self._idle[kit][-1] if self._idle[kit] else await self._open(kit)
            if kit is not Kit.SHARED:
                self._idle[kit].remove(place)
        yield place
        # Not in a finally: a host on which a cell broke off is not used again.
        if kit is not Kit.SHARED:
            self._idle[kit].append(place)

    async def _open(self, kit: Kit) -> Place:
        folder = self._folder / f"host-{len(self.opened)}"
        place = await self._stack.enter_async_context(open_place(folder, self._way, kit))
        self.opened.append(place)
        self._idle[kit].append(place)
        return place


@asynccontextmanager
async def places(folder: Path, way: Way) -> AsyncIterator[Places]:
    """Hosts on demand; at the end all are gone."""
    async with contextlib.AsyncExitStack() as stack:
        yield Places(folder, way, stack)


def missing_tools(way: Way) -> list[str]:
    """What this machine lacks for the whole matrix."""
    wanted = ["faketime", "mount", *(["ssh-keygen"] if way is Way.SSHD else [])]
    missing = [name for name in wanted if shutil.which(name) is None]
    return missing + (["root"] if os.geteuid() else [])
