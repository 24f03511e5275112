"""Jobs that carry something into a VM: bounded, said again where they fail, gone on with after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tui.engine.link import HostLink
from tui.engine.logs import RunLogs
from tui.engine.outcomes import TIMEOUT, lost
from tui.model.lease import Argv, EndKind, JobEnd, JobPlace, LeasePhase, LeaseReport
from tui.model.spec import VmName
from tui.model.text import clean_bytes
from tui.model.units import format_duration

T = TypeVar("T")

_TRIES = 3
_LAST_BYTES_S = 60.0
_TAIL = 4096


class Say(Protocol):
    """Says it to the host until it was heard."""

    async def __call__(self, sentence: Callable[[], Awaitable[T]]) -> T:
        """Raises what the host answers, and HostUnreachable when the patience is over."""


@dataclass(frozen=True, slots=True)
class Done:
    """How an errand ended."""

    attempt: int
    """Which one was the last; from 1."""
    failure: str = ""
    """In a sentence; empty: it went well."""
    hint: str = ""


class Errands:
    """The jobs of one lease, but for its launch and its workload."""

    def __init__(
        self,
        vm: VmName,
        link: HostLink,
        logs: RunLogs,
        *,
        say: Say,
        follow: Callable[[str], Awaitable[JobEnd]],
    ) -> None:
        self._vm, self._link, self._logs = vm, link, logs
        self._say, self._follow = say, follow
        self.past = LeaseReport(vm=vm, phase=LeasePhase.NONE)
        """What an earlier process of ours has come to."""

    def has_done(self, job: str) -> int:
        """Which attempt an earlier process saw through; 0: none."""
        return next((n for n in range(1, _TRIES + 1) if _went_well(self.past.end_of(_name(job, n)))), 0)

    def has_begun(self, job: str) -> bool:
        """Whether an earlier process has started it."""
        return job in self.past.started

    async def put(self, spool: str, data: bytes) -> None:
        """Have these bytes in a spool, whatever an earlier process has left there."""

        def read(offset: int, length: int) -> bytes:
            return data[offset : offset + length]

        await self.drop(spool)
        await self._say(lambda: self._link.warden.put(self._vm, spool, len(data), read, lambda _: None))

    async def put_file(
        self, spool: str, size: int, read: Callable[[int, int], bytes], on_sent: Callable[[int], None]
    ) -> None:
        """Have a file in a spool, from where it stands."""
        await self._say(lambda: self._link.warden.put(self._vm, spool, size, read, on_sent))

    async def drop(self, spool: str) -> None:
        """Remove it from the host."""
        await self._say(lambda: self._link.warden.drop(self._vm, spool))

    async def send(
        self,
        job: str,
        argv_of: Callable[[int], Argv],
        *,
        spool: str,
        fill: Callable[[], Awaitable[None]],
        limit_s: float,
    ) -> Done:
        """Run a command on the host with a spool as its stdin, a few times until it succeeds.

        `fill` puts there what is to be in it; it is called before each attempt, and only then.
        """
        done = Done(0)
        for attempt in range(1, _TRIES + 1):
            name = _name(job, attempt)
            if not self.has_begun(name):
                await fill()
                await self._start(name, argv_of(attempt), JobPlace.HOST, spool)
            end = await self._end_of(name, limit_s)
            done = Done(attempt, *self._why(name, end, limit_s))
            if not done.failure:
                break
        return done

    async def enter(self, job: str, argv: Argv, *, limit_s: float) -> JobEnd:
        """Run a command in the VM, once; it is stopped where its time is over."""
        if not self.has_begun(job):
            await self._start(job, argv, JobPlace.GUEST)
        return await self._end_of(job, limit_s)

    def said(self, job: str) -> str:
        """The last line on its stderr, made harmless."""
        lines = self._logs.tail(job, "stderr", _TAIL).rstrip().splitlines()
        return clean_bytes(lines[-1]).strip() if lines else ""

    async def _start(self, name: str, argv: Argv, place: JobPlace, spool: str = "") -> None:
        await self._say(lambda: self._link.warden.start(self._vm, name, argv, place, spool=spool))

    async def _end_of(self, name: str, limit_s: float) -> JobEnd:
        try:
            async with asyncio.timeout(limit_s):
                return await self._follow(name)
        except TimeoutError:
            await self._say(lambda: self._link.warden.kill(self._vm, name, reason=TIMEOUT))
        try:
            async with asyncio.timeout(_LAST_BYTES_S):
                return await self._follow(name)  # it may have ended while the link was down
        except TimeoutError:
            return JobEnd(EndKind.KILLED, TIMEOUT, 0, 0)

    def _why(self, name: str, end: JobEnd, limit_s: float) -> tuple[str, str]:
        """What failed, and a hint; both empty where nothing did."""
        if end.status is None:
            return why_cut(end, limit_s), ""
        if end.status == 0:
            return "", ""
        return self._link.driver.explain(self._logs.tail(name, "stderr", _TAIL), end.status)


def why_cut(end: JobEnd, limit_s: float) -> str:
    """Why a job has no exit status."""
    if end.kind is EndKind.LOST:
        return lost(end.detail).reason
    return f"not done after {format_duration(limit_s)}" if end.detail == TIMEOUT else "it was stopped"


def _name(job: str, attempt: int) -> str:
    return job if attempt == 1 else f"{job}-{attempt}"


def _went_well(end: JobEnd | None) -> bool:
    return end is not None and end.status == 0
