"""A host for the tests: a state directory, a hostile manager, and a warden on them."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.until import until
from tui.model.hosts import HostEntry
from tui.model.lease import JobEnd, JobPlace, LeasePhase, LeaseReport, LeaseSpec, Recipe
from tui.model.spec import HostName, PinPolicy, VmName
from tui.transport.local import LocalHost
from tui.warden.client import HostWarden

MANAGER = Path(__file__).with_name("manager.sh")
TICK_S = 0.2
_OF_LEASE = ("finish_s", "pin_for_s", "epilogue", "epilogue_s", "epilogue_limit")


class Sink:
    """A LogSink in memory."""

    def __init__(self) -> None:
        self.out = bytearray()
        self.err = bytearray()
        self.ends: tuple[int, int] | None = None

    def sizes(self) -> tuple[int, int]:
        return len(self.out), len(self.err)

    def stdout(self, data: bytes) -> None:
        self.out += data

    def stderr(self, data: bytes) -> None:
        self.err += data

    def end(self, stdout_size: int, stderr_size: int) -> None:
        self.ends = (stdout_size, stderr_size)


@dataclass
class World:
    """One host and one client on it."""

    root: Path
    client: str = "client-a"
    spool_limit: int = 2**30
    tick_s: float = TICK_S
    vm: VmName = field(default_factory=lambda: VmName(f"df-test-{secrets.token_hex(4)}"))

    def __post_init__(self) -> None:
        for folder in ("vms", "preparing"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        self.manager = self.root / "manager"
        if not self.manager.exists():
            shutil.copy(MANAGER, self.manager)
            shutil.copy(MANAGER.with_name("relay.py"), self.root)
            (self.root / "python").write_text(f"{sys.executable}\n")
        self.host = LocalHost(HostEntry(name=HostName("here")))
        self.warden = self.warden_of(self.client)

    def warden_of(self, client: str) -> HostWarden:
        return HostWarden(
            self.host,
            client=client,
            state_dir=str(self.root / "state"),
            tick_s=self.tick_s,
            spool_limit=self.spool_limit,
        )

    @property
    def leases(self) -> Path:
        return self.root / "state" / "leases"

    @property
    def lease(self) -> Path:
        return self.leases / self.vm

    def recipe(self, **changes: object) -> Recipe:
        do, vm = str(self.manager), self.vm
        recipe = Recipe(
            list=(do, "list"),
            running="Running",
            delete=(do, "delete", vm),
            enter=(do, "exec", vm),
            probe=(do, "probe", vm),
            probe_busy="is being prepared",
            probe_free="does not exist",
            fetching="Retrieving image",
            taken="already exists",
        )
        return replace(recipe, **changes)  # type: ignore[arg-type]

    def spec(self, *, grace_s: int = 60, pin: PinPolicy = PinPolicy.NEVER, **changes: object) -> LeaseSpec:
        """`changes` are of the lease or of its recipe."""
        of_lease = {key: changes.pop(key) for key in (*changes,) if key in _OF_LEASE}
        recipe = self.recipe(**changes)
        spec = LeaseSpec(
            vm=self.vm, client=self.client, owner="me@here", grace_s=grace_s, pin=pin, recipe=recipe
        )
        return replace(spec, **of_lease)  # type: ignore[arg-type]

    async def open(self, **kwargs: object) -> None:
        await self.warden.open(self.spec(**kwargs))  # type: ignore[arg-type]

    async def launch(self, **kwargs: object) -> None:
        """Open and launch, to the end of the launch."""
        await self.open(**kwargs)
        await self.send_launch()
        end = await self.warden.follow(self.vm, "launch", Sink())
        assert end.status == 0

    async def send_launch(self) -> None:
        await self.warden.start(self.vm, "launch", (str(self.manager), "launch", self.vm), JobPlace.HOST)

    async def work(
        self, *argv: str, place: JobPlace = JobPlace.GUEST, workdir: str = ""
    ) -> tuple[JobEnd, Sink]:
        await self.warden.start(self.vm, "work", argv, place, workdir=workdir)
        sink = Sink()
        return await self.warden.follow(self.vm, "work", sink), sink

    def order(self, *names: str) -> None:
        for name in names:
            (self.root / name).touch()

    def revoke(self, *names: str) -> None:
        for name in names:
            (self.root / name).unlink(missing_ok=True)

    def exists(self, vm: str = "") -> bool:
        return (self.root / "vms" / (vm or self.vm)).exists()

    def calls(self, verb: str) -> int:
        calls = self.root / "calls"
        return sum(line.startswith(verb) for line in calls.read_text().splitlines()) if calls.exists() else 0

    async def daemon_launches(self) -> None:
        """From now on the manager makes the VM, whatever becomes of its client."""
        mark = f"\0daemon\0{self.root}\0{self.vm}".encode()
        await until(lambda: any(mark in _command_line(proc) for proc in Path("/proc").glob("[0-9]*")))

    def is_in(self, phase: LeasePhase) -> bool:
        return (self.lease / f"phase.{phase}").exists()

    async def reported(
        self, condition: Callable[[LeaseReport], object], *, limit_s: float = 40
    ) -> LeaseReport:
        """The first report of which this is true."""
        async with asyncio.timeout(limit_s):
            while True:
                report = await self.warden.status(self.vm)
                if condition(report):
                    return report
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def held(self, beat_s: float = 0.3) -> AsyncIterator[list[LeaseReport]]:
        """A client is there: it renews the lease and takes the news."""
        news: list[LeaseReport] = []
        async with asyncio.TaskGroup() as group:
            holding = group.create_task(self.warden.hold(lambda: [self.vm], news.append, beat_s=beat_s))
            await until(lambda: news)
            yield news
            holding.cancel()

    async def gone(self, limit_s: float = 40) -> LeaseReport:
        await until(lambda: self.is_in(LeasePhase.GONE), timeout_s=limit_s)
        return await self.warden.status(self.vm)

    def pid_of(self, name: str) -> int:
        """The process that has the part of NAME in the lease, or 0."""
        for entry in self.lease.glob(f"{name}.*"):
            number = entry.name.rpartition("/")[2].removeprefix(Path(name).name + ".").partition("-")[0]
            return int(number) if number.isdigit() else 0
        return 0

    async def aclose(self) -> None:
        """End what is left of the leases' processes; each was started by this test."""
        for order in ("slow-launch", "fetching"):
            self.revoke(order)
        for folder in (self.leases, self.root / "guest"):
            for identity in folder.glob("**/*.*-*-*"):
                number = identity.name.partition(".")[2].partition("-")[0]
                if number.isdigit():
                    _end(int(number), self.root, self.vm)
        await self.host.aclose()


def _command_line(proc: Path) -> bytes:
    try:
        return proc.joinpath("cmdline").read_bytes()
    except OSError:
        return b""


def _end(pid: int, root: Path, vm: str) -> None:
    """Only a process that names our world: the number could be somebody else's by now."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        if str(root).encode() in words or vm.encode() in words:
            os.killpg(pid, signal.SIGKILL)
    except (OSError, ProcessLookupError):
        return


def fill(disk: Path) -> Path:
    """Fill a disk up; removing what this gives frees it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return filler
    raise AssertionError("the disk has no end")
