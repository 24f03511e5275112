"""Our link to one host: connected, heartbeats going, news coming back; or on its way to be so again.

Everything the engine says to a host goes through here. A dropped link fails nothing: what was being said
is said again once the link is back.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from tui.contracts import Channel, Completed, HostParts, OnBytes, Version
from tui.engine.store import Signal, Store
from tui.model.errors import (
    DayflyError,
    HostError,
    HostUnreachable,
    ManagerError,
    ManagerMissing,
    ManagerRefused,
    ManagerSilent,
    WardenError,
)
from tui.model.events import CommandRan, HostMeasured, ImagesListed, LinkChanged, VmsListed
from tui.model.hosts import Health, VmInfo
from tui.model.lease import LAUNCH_JOB, Argv, LeasePhase, LeaseReport
from tui.model.spec import HostName, VmName
from tui.model.text import clean_bytes
from tui.model.use import HostCommand

T = TypeVar("T")

QUESTION_LIMIT_S = 60.0
"""For one command of the manager that lists things."""
_FIRST_BACKOFF_S, _LAST_BACKOFF_S = 0.5, 30.0
_MEASURE_AFTER_S, _MEASURE_S = 1.0, 9.0
_REFUSED_BACKOFF_S = 300.0
"""Where only a person can help, and no VM waits for our heartbeats."""


class HostLink:
    """One host as the engine sees it. `serve` and `watch` run for as long as the engine does."""

    def __init__(
        self,
        parts: HostParts,
        store: Store,
        *,
        beat_s: float = 2.0,
        poll_s: float = 5.0,
        ask_s: float = QUESTION_LIMIT_S,
    ) -> None:
        self.entry = parts.entry
        self.driver = parts.driver
        self.warden = parts.warden
        self.version: Version | None = None
        self.reports: dict[VmName, LeaseReport] = {}
        self._host = parts.host
        self._upkeep = parts.upkeep
        self._store = store
        self._beat_s = beat_s
        self._poll_s = poll_s
        self._ask_s = ask_s
        self._held: set[VmName] = set()
        self._looked_at: set[VmName] = set()
        self._launching: set[VmName] = set()
        self._in_line: deque[VmName] = deque()
        self._vms: tuple[VmInfo, ...] = ()
        self._lists_begun = 0
        self._lists_done = 0
        self._up = False
        self._is_installed = False
        self._connections = 0
        self._heard_at: float | None = None
        self._health = Health.UNKNOWN
        self._trouble: ManagerError | None = None
        self._attempts = 0
        self._error: DayflyError | None = None
        self._news = Signal()
        self._retry = Signal()
        self._look = Signal()
        self.warden.listen(self._on_command)

    @property
    def name(self) -> HostName:
        """The host's name."""
        return self.entry.name

    @property
    def is_up(self) -> bool:
        """Whether we can talk to the host now; its manager may be silent all the same."""
        return self._up

    @property
    def spare_channels(self) -> int:
        """How many more long channels there is room for before somebody has to wait for one."""
        return self._host.spare_channels

    # ---- being connected

    async def serve(self) -> None:
        """Keep the link up until cancelled. What is said first on a new connection is a heartbeat."""
        backoff = _FIRST_BACKOFF_S
        while True:
            try:
                await self._connect()
                backoff = _FIRST_BACKOFF_S
                await self.warden.hold(self._leases, self._on_news, beat_s=self._beat_s)
            except DayflyError as error:
                self._fail(error)
                is_idle = self._health is Health.REFUSED and not self._held
                await self._retry.wait_for(_REFUSED_BACKOFF_S if is_idle else backoff)
                backoff = min(backoff * 2, _LAST_BACKOFF_S)

    async def watch(self) -> None:
        """Ask what the host has every few seconds while the link is up, until cancelled."""
        while True:
            connection = self._connections
            if self._up:
                await self._look_around()
            if connection == self._connections:
                await self._look.wait_for(self._poll_s)

    async def measure(self) -> None:
        """Ask how busy the host is every few seconds while the link is up, until cancelled."""
        while True:
            if self._up:
                await asyncio.sleep(_MEASURE_AFTER_S)  # what is said first on a new link is more urgent
                await self._measure_once()
                await asyncio.sleep(_MEASURE_S)
            else:
                await self._news.wait()

    async def _measure_once(self) -> None:
        try:
            load = await self._upkeep.measure()
        except (HostError, WardenError):
            return  # whether the link is dead is for the holder to say; the figures can wait
        self._store.apply(HostMeasured(host=self.name, at=load.at, load=load))

    def reconnect(self) -> None:
        """Try now instead of at the end of the back-off."""
        self._retry.fire()

    async def first_contact(self, *, needs_manager: bool = True) -> None:
        """Return when the host (and its manager) answers; raise why not, if one fresh attempt has failed."""
        attempts = self._attempts
        self.reconnect()
        while not (self._up and (self.version or not needs_manager)):
            if self._error is not None and (self._up or self._attempts > attempts):
                raise self._error
            await self._news.wait()

    async def close(self) -> None:
        """End the connections; bounded to a few seconds."""
        await self._host.aclose()

    async def _connect(self) -> None:
        self._tell(Health.CONNECTING)
        await self._host.connect()
        if not self._is_installed:
            await self.warden.install()
            self._is_installed = True
        self._up = True
        self._connections += 1
        self._hear()
        if self.version is not None:
            self._tell_of_manager(self._trouble)
        self._look.fire()
        self._news.fire()

    async def _look_around(self) -> None:
        """Ask the warden for news, the manager who it is and what it has. Neither ever ends the link."""
        try:
            await self._look_at_leases()
            if self.version is None:
                self.version = self.driver.parse_version((await self._ask(self.driver.version_argv())).stdout)
            await self._list_vms()
        except HostError:
            return  # the holder notices, and the link is made anew
        except ManagerError as error:
            self._tell_of_manager(error)
        else:
            self._tell_of_manager(None)

    def _tell_of_manager(self, trouble: ManagerError | None) -> None:
        self._trouble = trouble
        if isinstance(trouble, ManagerSilent):
            self._tell(Health.MANAGER_SILENT, trouble)
        elif trouble is not None:
            self._tell(Health.REFUSED, trouble)
        elif self._health is not Health.READY:
            self._tell(Health.READY)

    def _fail(self, error: DayflyError) -> None:
        self._up = False
        self._attempts += 1
        self._host.drop()
        self._tell(Health.UNREACHABLE if error.retryable else Health.REFUSED, error)

    def _tell(self, health: Health, error: DayflyError | None = None) -> None:
        self._health, self._error = health, error
        event = LinkChanged(
            host=self.name,
            at=time.time(),
            health=health,
            detail=error.message if error else "",
            hint=error.hint if error else "",
            version=self.version.client if self.version else "",
            heard_at=None if self._up else self._heard_at,
        )
        self._store.apply(event)
        self._news.fire()

    def _hear(self) -> None:
        self._heard_at = time.time()

    # ---- saying things

    async def say(self, sentence: Callable[[], Awaitable[T]], *, patience_s: float | None = None) -> T:
        """Say it until it was heard: again after every lost link, for at most `patience_s` without one.

        Raises what the host answers, HostUnreachable when the patience is over, and any HostError that
        only a person can mend.
        """
        while True:
            await self._be_up(patience_s)
            try:
                answer = await sentence()
                self._hear()
                return answer
            except HostError as error:
                if not error.retryable:
                    raise
                await self._news.wait_for(1.0)

    async def open_tcp(self, address: str, port: int, *, on_data: OnBytes, patience_s: float) -> Channel:
        """Connect to a port that the host can reach. Raises PortRefused, and what `say` raises."""
        return await self.say(
            lambda: self._host.open_tcp(address, port, on_data=on_data), patience_s=patience_s
        )

    async def _be_up(self, patience_s: float | None) -> None:
        try:
            async with asyncio.timeout(patience_s):
                while not self._up:
                    await self._news.wait()
        except TimeoutError:
            error = self._error
            raise HostUnreachable(
                error.message if error else f"{self.name} does not answer",
                host=self.name,
                hint=error.hint if error else "",
            ) from error

    async def _ask(self, argv: Argv) -> Completed:
        completed = await self.warden.ask(argv, limit_s=self._ask_s)
        self._hear()
        if completed.status:
            sentence, hint = self.driver.explain(completed.stderr, completed.status)
            if completed.status == 127:
                raise ManagerMissing(sentence, hint=hint)
            raise ManagerRefused(sentence, detail=clean_bytes(completed.stderr), hint=hint)
        return completed

    def _on_command(self, command: HostCommand) -> None:
        if command.argv in (self.driver.list_argv(), self.driver.version_argv()):
            command = replace(command, is_routine=True)
        self._store.apply(CommandRan(host=self.name, at=time.time(), command=command))

    # ---- what the host has

    def address_of(self, vm: VmName) -> str:
        """The first IPv4 address of a VM, as it was listed last; empty: none is known."""
        return next((info.ipv4[0] for info in self._vms if info.name == vm and info.ipv4), "")

    async def list_now(self, *, patience_s: float = QUESTION_LIMIT_S) -> tuple[VmInfo, ...]:
        """A list of VMs that was begun after this call. Raises HostUnreachable when none comes in time."""
        wanted = self._lists_begun + 1
        try:
            async with asyncio.timeout(patience_s):
                while self._lists_done < wanted:
                    self._look.fire()
                    await self._news.wait_for(1.0)
        except TimeoutError:
            message = f"{self.name} did not list its VMs in {patience_s:.0f} s"
            raise HostUnreachable(message, host=self.name) from None
        return self._vms

    async def list_images(self) -> None:
        """Ask what can be launched; it comes as state. Raises HostError and ManagerError kinds."""
        completed = await self.say(lambda: self._ask(self.driver.images_argv()), patience_s=QUESTION_LIMIT_S)
        images = self.driver.parse_images(completed.stdout)
        self._store.apply(ImagesListed(host=self.name, at=time.time(), images=images))

    async def _list_vms(self) -> None:
        self._lists_begun += 1
        number = self._lists_begun
        began_at = time.monotonic()
        self._vms = self.driver.parse_list((await self._ask(self.driver.list_argv())).stdout)
        took_s = time.monotonic() - began_at
        self._lists_done = number
        self._store.apply(VmsListed(host=self.name, at=time.time(), vms=self._vms, took_s=took_s))
        self._news.fire()

    # ---- leases

    def hold(self, vm: VmName) -> None:
        """Renew this lease from the next beat on. Idempotent."""
        self._held.add(vm)
        self._looked_at.discard(vm)

    def look_at(self, vm: VmName) -> None:
        """Bring news of this lease every few seconds, without renewing it. Idempotent."""
        self._looked_at.add(vm)

    def let_go(self, vm: VmName) -> None:
        """Neither renew it nor look at it any more. Idempotent."""
        self._held.discard(vm)
        self._looked_at.discard(vm)
        self._leave_lane(vm)

    async def report_where(self, vm: VmName, is_it: Callable[[LeaseReport], bool]) -> LeaseReport:
        """Wait for news of this lease that fit."""
        while (report := self.reports.get(vm)) is None or not is_it(report):
            await self._news.wait()
        return report

    async def news_after(self, known: LeaseReport) -> LeaseReport:
        """Wait until the host says something else of this lease than `known`."""
        return await self.report_where(known.vm, lambda report: report != known)

    def take_report(self, report: LeaseReport) -> None:
        """Take in what the host said of a lease."""
        self.reports[report.vm] = report
        if report.end_of(LAUNCH_JOB) is not None or report.phase in (LeasePhase.GONE, LeasePhase.NONE):
            self._leave_lane(report.vm)
        self._news.fire()

    def _on_news(self, report: LeaseReport) -> None:
        self._hear()
        self.take_report(report)

    async def _look_at_leases(self) -> None:
        """One question for all that is looked at. Raises HostError kinds."""
        if not self._looked_at:
            return
        try:
            found = {report.vm: report for report in await self.warden.sweep()}
        except WardenError:
            return  # it makes no sense now; asked again at the next look
        self._hear()
        for vm in list(self._looked_at):
            self.take_report(found.get(vm, LeaseReport(vm=vm, phase=LeasePhase.NONE)))

    def _leases(self) -> tuple[VmName, ...]:
        return tuple(self._held)

    # ---- the lane: how many launches the manager takes at once

    async def enter_lane(self, vm: VmName, on_wait: Callable[[str], None]) -> None:
        """Wait for our turn to launch; the place is given back when the host says that the launch is over."""
        most = max(1, min(self.entry.max_launching, self.driver.max_launching))
        self._in_line.append(vm)
        try:
            while self._in_line[0] != vm or len(self._launching) >= most or self._is_full():
                on_wait(self._why_wait(vm, most))
                await self._news.wait()
            self._launching.add(vm)
        finally:
            self._in_line.remove(vm)
            self._news.fire()

    def leave_lane(self, vm: VmName) -> None:
        """Give the place back: nothing was launched. Idempotent."""
        self._leave_lane(vm)

    def _leave_lane(self, vm: VmName) -> None:
        if vm in self._launching:
            self._launching.discard(vm)
            self._news.fire()

    def _is_full(self) -> bool:
        return self.entry.max_running is not None and len(self._held) >= self.entry.max_running

    def _why_wait(self, vm: VmName, most: int) -> str:
        place = self._in_line.index(vm)
        if self._is_full():
            return f"waiting: {self.entry.max_running} VMs of ours may be on {self.name} at once"
        before = f", {place} before us" if place else ""
        return f"waiting: {self.name} launches {most} at a time{before}"
