"""How a run is brought to a row and held there: by a file that shows it, never by waiting so long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.faults import workload
from tests.faults.cells import Cell, Kind, Row
from tests.faults.client import Client
from tests.faults.place import Place
from tests.faults.proxy import Proxy

REACH_LIMIT_S = 60.0
_LOOK_S = 0.03
_KEENLY_S = 0.002
_DELETING_LIMIT_S = 30.0
_LINES = 3

_HELD = {
    Row.SENT: "launch",
    Row.FETCHING: "fetch",
    Row.PREPARING: "prepare",
    Row.BOOTING: "boot",
    Row.DELETING: "delete",
    Row.DELETED: "delete",
}
"""What the emulator is told to hold, once."""


class NotReachedError(Exception):
    """The run did not come to where the cell wants it, or was already past it."""


async def await_fact(
    is_so: Callable[[], object], what: str, limit_s: float, *, look_s: float = _LOOK_S
) -> None:
    """Look again and again; the facts are files of this machine. Raises TimeoutError."""
    deadline = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {limit_s:g} s: {what}")
        await asyncio.sleep(look_s)


@dataclass(slots=True)
class Scene:
    """All that takes part in one cell."""

    cell: Cell
    place: Place
    proxy: Proxy
    client: Client
    folder: Path
    vm: str = ""
    struck_at: float = 0.0
    """When it happened; monotonic, as all times here."""
    released_at: float = 0.0
    """When what the emulator held went on."""
    lines_before: int = 0

    @property
    def lease(self) -> Path:
        return self.place.lease(self.vm)

    def has_phase(self, *phases: str) -> bool:
        """Whether the lease is in one of these."""
        return any((self.lease / f"phase.{phase}").exists() for phase in phases)

    def is_closed(self) -> bool:
        """No lease, or one that waits for its client's acknowledgement."""
        return not self.lease.exists() or self.has_phase("gone")

    def has_ended(self, job: str) -> bool:
        """Whether the host has recorded a job's end."""
        folder = self.lease / "jobs" / job
        return (folder / "made").exists() and not (folder / "end.pending").exists()

    async def until(self, is_so: Callable[[], object], what: str, limit_s: float = REACH_LIMIT_S) -> None:
        await await_fact(is_so, what, limit_s)

    async def reach(self) -> None:
        """Bring the run to its row. Raises NotReachedError."""
        try:
            await self._reach()
        except TimeoutError as error:
            raise NotReachedError(f"{error}; {self._last_words()}") from error

    async def _reach(self) -> None:
        await self._reached(lambda: self.client.find("RunSubmitted"), "the run is submitted")
        submitted = self.client.find("RunSubmitted")
        assert submitted is not None
        self.vm = submitted["vm"]
        await self._reached(lambda: self.proxy.accepted, "the client connects")
        row = self.cell.row
        if row is Row.BEFORE:
            return
        if row in _HELD:
            await self.place.demo.control(f"hang {_HELD[row]}:{self.vm} 86400 1")
        self.proxy.let_go()
        match row:
            case Row.LEASED:
                await self._reach_leased()
            case Row.WORKING | Row.COLLECTING | Row.DELETING | Row.DELETED:
                await self._reach_work(row)
            case _:
                await self._until_held()

    async def _reach_leased(self) -> None:
        is_leased = (self.lease / "phase.live").exists
        await await_fact(is_leased, "the lease is written", REACH_LIMIT_S, look_s=_KEENLY_S)
        self.proxy.hold()
        if (self.lease / "jobs" / "launch").exists():
            raise NotReachedError("the launch was quicker than we")

    async def _reach_work(self, row: Row) -> None:
        await self._reached(lambda: self.client.lines() >= _LINES, "the log has its first lines")
        if row is Row.WORKING:
            return
        if row is Row.COLLECTING:
            self.proxy.hold()
        self.finish()
        if row is Row.COLLECTING:
            await self._reached(lambda: self.has_ended("work"), "the host knows that the work has ended")
            return
        await self._until_held()
        if row is Row.DELETED:
            self.proxy.hold()
            await self._release()
            await self._reached(lambda: self.vm not in self.place.vms(), "the VM is absent")

    async def _until_held(self) -> None:
        what = _HELD[self.cell.row]
        await self._reached(lambda: self.place.held(what, self.vm), f"{what} is held")

    async def _reached(self, is_so: Callable[[], object], what: str) -> None:
        """As `until`, but not longer than the run's process lives."""
        await self.until(lambda: is_so() or self.client.status is not None, what)
        if not is_so():
            raise NotReachedError(f"the run ended before {what}; {self._last_words()}")

    async def until_or_over(self, seconds: float) -> None:
        """Let a fault last so long, or until the run's process has ended."""
        with suppress(TimeoutError):
            await self.until(lambda: self.client.status is not None, "the run is over", seconds)

    def finish(self) -> None:
        """Tell the workload to end."""
        with suppress(FileNotFoundError):  # the VM is gone already
            (self.place.demo.guest_home(self.vm) / workload.FINISH).touch()

    # ---- going on

    async def let_go(self) -> None:
        """Let the run go on from its row; a launch of one that ends only when its lease is being closed."""
        row = self.cell.row
        if row in (Row.BEFORE, Row.LEASED, Row.COLLECTING, Row.DELETED):
            self.proxy.let_go()
        elif row is not Row.WORKING:
            fate = self.cell.fate
            if fate.kind is Kind.ENDS and not fate.is_failure and row is not Row.DELETING:
                await self._until_deleting()
            await self._release()
        self.released_at = time.monotonic()

    async def _until_deleting(self) -> None:
        """Until the host waits for the launch that it may not kill; or that launch is over already."""
        what = _HELD[self.cell.row]
        await self.until(
            lambda: self.has_phase("deleting") or self.is_closed() or not self.place.held(what, self.vm),
            "the lease is closing",
            self.cell.grace_s + _DELETING_LIMIT_S,
        )

    async def _release(self) -> None:
        what = f"{_HELD[self.cell.row]}:{self.vm}"
        if self.place.held(_HELD[self.cell.row], self.vm):
            await self.place.demo.control(f"release {what}")

    def _last_words(self) -> str:
        last = [
            event["event"] + str(event.get("text", event.get("phase", ""))) for event in self.client.events
        ]
        return f"the client's last events: {last[-4:]} {self.client.stderr[-200:]}"
