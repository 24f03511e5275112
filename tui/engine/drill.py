"""The promise, tried: a client of ours is killed, and its host is watched from another connection."""

from __future__ import annotations

import asyncio
import json
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tui.engine.desk import Desk
from tui.engine.ledger import Ledger, LedgerRow
from tui.engine.link import HostLink
from tui.model.errors import DayflyError, HostUnreachable
from tui.model.hosts import ImageInfo
from tui.model.lease import LeasePhase
from tui.model.phase import Phase
from tui.model.spec import VmName
from tui.model.text import clean_line

GRACE_S = 5
PROMISE_S = GRACE_S + 40
"""So long after its last heartbeat the VM is seen absent, where the manager answers."""

_LAUNCH_LIMIT_S = 900.0
_WATCH_LIMIT_S = 300.0
_CLEAN_LIMIT_S = 120.0
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillResult:
    """Seconds after the client was killed."""

    vm: VmName
    begun_s: float
    """The host began to clean up."""
    absent_s: float
    """The VM was seen absent, by us."""
    closed_s: float
    """The host had seen it absent twice and closed its lease."""

    @property
    def keeps_promise(self) -> bool:
        """Whether it was in time."""
        return self.absent_s <= PROMISE_S


class DrillFailed(DayflyError):
    """The drill came to no result; nothing of it is left, or its message says what is."""


def pick_image(images: Sequence[ImageInfo]) -> str:
    """The first that calls itself a long-term release, or the first of all. Raises DrillFailed."""
    if not images:
        raise DrillFailed("The host lists no image.", hint="name one with --image")
    lasting = (image for image in images if any("lts" in name for name in (image.name, *image.aliases)))
    return next(lasting, images[0]).name


class Drill:
    """One drill. `argv` starts a client that prints its events as JSON lines."""

    def __init__(
        self, link: HostLink, ledger: Ledger, desk: Desk, argv: Sequence[str], say: Callable[[str], None]
    ) -> None:
        self._link = link
        self._ledger = ledger
        self._desk = desk
        self._argv = argv
        self._say = say
        self._child: Process | None = None
        self._run = ""
        self._last_words = ""
        self._stops = 0

    def stop(self) -> None:
        """End it early: the VM is deleted at once. Said again: the host is left to do that."""
        self._stops += 1
        if self._stops == 1:
            self._say("stopping: the VM is deleted first")
        self._kill()

    async def carry_out(self) -> DrillResult:
        """Launch, kill, watch. Whatever happens, no VM is left. Raises DrillFailed and what the host says."""
        try:
            await self._begin()
            result = await self._watch()
        except DayflyError:
            await self._leave_nothing()
            raise
        await self._leave_nothing()
        return result

    # ---- a client that dies

    async def _begin(self) -> None:
        self._child = await asyncio.create_subprocess_exec(
            *self._argv, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True
        )
        try:
            async with asyncio.timeout(_LAUNCH_LIMIT_S):
                await self._until_working(self._child)
        except TimeoutError:
            raise DrillFailed(f"The VM did not start in {_LAUNCH_LIMIT_S / 60:.0f} min.") from None
        finally:
            self._kill()
            await self._child.wait()

    async def _until_working(self, child: Process) -> None:
        assert child.stdout is not None  # a pipe was asked for
        async for line in child.stdout:
            event = _event(line)
            match event.get("event"):
                case None:
                    self._last_words = clean_line(line.decode("utf-8", "replace"))
                case "RunSubmitted":
                    self._say(f"a client of its own launches {clean_line(str(event.get('vm')))}")
                    self._run = str(event.get("run"))
                case "PhaseEntered":
                    self._say(f"its run is {clean_line(str(event.get('phase')))}")
                case "WorkEnded":
                    self._last_words = clean_line(str(event["outcome"]["reason"]))
            if event.get("phase") == Phase.WORKING:
                return
        raise DrillFailed("The drill was stopped." if self._stops else f"No VM: {self._last_words}")

    async def _row(self) -> LedgerRow | None:
        """What the client's books say of its run."""
        rows = await asyncio.to_thread(self._ledger.find, self._run) if self._run else ()
        return next((row for row in rows if row.run == self._run), None)

    def _kill(self) -> None:
        if self._child is not None and self._child.returncode is None:
            self._child.kill()

    # ---- a host that cleans up

    async def _watch(self) -> DrillResult:
        row = await self._row()
        if row is None:
            raise DrillFailed("The client's own books know nothing of its run.")
        self._say(f"killed that client (SIGKILL); its grace is {GRACE_S} s; watching from another connection")
        killed = time.monotonic()
        begun = absent = 0.0
        while time.monotonic() - killed < _WATCH_LIMIT_S and not self._stops:
            report = await self._link.say(lambda: self._link.warden.status(row.vm), patience_s=60)
            listed = any(vm.name == row.vm for vm in await self._link.list_now())
            now = time.monotonic() - killed
            if not begun and report.phase is not LeasePhase.LIVE:
                begun = now
                self._say(f"{now:.1f} s: the host cleans up")
            if not absent and not listed:
                absent = now
                self._say(f"{now:.1f} s: the VM is in no list")
            if absent and report.phase in (LeasePhase.GONE, LeasePhase.NONE):
                self._say(f"{now:.1f} s: the lease is closed")
                return DrillResult(vm=row.vm, begun_s=begun, absent_s=absent, closed_s=now)
            await asyncio.sleep(_LOOK_S)
        late = f"{row.vm} was still there after {_WATCH_LIMIT_S:.0f} s."
        raise DrillFailed("The drill was stopped." if self._stops else late)

    # ---- nothing is left

    async def _leave_nothing(self) -> None:
        """Close the books; a VM that is still there is deleted first, and the wait for it bounded."""
        row = await self._row()
        if row is None:
            return
        try:
            async with asyncio.timeout(_CLEAN_LIMIT_S):
                await self._desk.remove(row, self._on_wait)
        except TimeoutError:
            raise HostUnreachable(
                f"{row.vm} is still owed a deletion; {self._link.name} goes on with it.",
                hint=f"see what is owed: dayfly ps; try again: dayfly reap --host {self._link.name}",
            ) from None
        self._say(f"nothing is left of {row.vm}")

    def _on_wait(self, note: str) -> None:
        del note
        if self._stops > 1:
            raise DrillFailed("Left it to the host, which deletes it by itself.")


def _event(line: bytes) -> dict[str, Any]:
    """An event as `run --json` prints it; empty: it is something else."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
