"""The one destroy path. Others mark; the janitor sees to it that what was marked is seen absent.

It never deletes a VM itself: it tells the warden to reap, again after every lost link, watches, and closes
the books only when the warden has seen the VM absent.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tui.engine.ledger import Ledger
from tui.engine.link import HostLink
from tui.engine.store import Signal, Store
from tui.model.errors import DayflyError, ManagerRefused, NoSuchLease
from tui.model.events import CleanupDelayed, PhaseEntered
from tui.model.lease import LeasePhase, LeaseReport
from tui.model.phase import Phase
from tui.model.spec import RunId, VmName

_log = logging.getLogger("dayfly.janitor")
_FIRST_BACKOFF_S, _LAST_BACKOFF_S = 1.0, 60.0
_ASK_AGAIN_S = 15.0

DELAYS = {
    "manager-silent": "the VM manager on the host does not answer; its administrator may have to restart it",
    "launch-pending": "its launch is still under way; what it makes is deleted as soon as it shows",
    "probing": "making sure that no launch of it is still under way",
    "delete-refused": "the VM manager refuses the deletion; it is tried again",
    "stopping": "stopping the workload",
    "no-owner": "the VM does not carry our label; it is not touched",
}


BringHome = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Marked:
    """One VM that is to be gone."""

    run: RunId
    vm: VmName
    link: HostLink
    bring_home: BringHome


class Janitor:
    """Pays debts, each in a task of its own, for as long as `serve` runs."""

    def __init__(self, ledger: Ledger, store: Store) -> None:
        self._ledger = ledger
        self._store = store
        self._marked: dict[RunId, Marked] = {}
        self._under_way: set[RunId] = set()
        self._signal = Signal()

    def mark(self, run: RunId, vm: VmName, link: HostLink, bring_home: BringHome) -> None:
        """This VM is to be gone. Synchronous, idempotent, cannot be interrupted.

        `bring_home` goes on beside the deletion, and is said again until it succeeds; the host forgets
        nothing before.
        """
        if run not in self._marked:
            self._marked[run] = Marked(run, vm, link, bring_home)
            self._store.apply(PhaseEntered(run=run, at=time.time(), phase=Phase.DELETING))
            self._signal.fire()

    async def serve(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                for run, marked in self._marked.items():
                    if run not in self._under_way:
                        self._under_way.add(run)
                        group.create_task(self._pay(marked), name=f"janitor {marked.vm}")
                await self._signal.wait()

    async def _pay(self, marked: Marked) -> None:
        """See one VM gone, whatever it takes: nothing but success or the end of the engine ends this."""
        backoff = _FIRST_BACKOFF_S
        while True:
            try:
                await self._see_gone(marked)
                return
            except Exception as error:  # the debt must outlive any fault of ours
                _log.warning("cleanup of %s: %s", marked.vm, error)
                self._delay(marked, str(error))
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _LAST_BACKOFF_S)

    async def _see_gone(self, marked: Marked) -> None:
        link, vm = marked.link, marked.vm
        link.hold(vm)  # for the news; a lease that has ended is not revived by a heartbeat
        try:
            await link.say(lambda: link.warden.reap(vm))
        except NoSuchLease:
            await self._check_unleased(marked)
            await marked.bring_home()
        else:
            await self._await_gone_and_home(marked)
        # In this order: a lease that was opened while we asked is refused here, and reaped next time.
        await self._forget_lease(marked)
        await asyncio.to_thread(self._ledger.gone, marked.run)
        link.let_go(vm)
        self._store.apply(PhaseEntered(run=marked.run, at=time.time(), phase=Phase.GONE))

    async def _await_gone_and_home(self, marked: Marked) -> None:
        async with asyncio.TaskGroup() as group:
            bringing = group.create_task(_fault_of(marked.bring_home()))
            await self._await_gone(marked)
        if fault := bringing.result():
            raise fault

    async def _await_gone(self, marked: Marked) -> None:
        link, vm = marked.link, marked.vm
        while True:
            report = await link.say(lambda: link.warden.status(vm))
            link.take_report(report)
            if report.phase in (LeasePhase.GONE, LeasePhase.NONE):
                return
            await self._watch_news(marked, report)

    async def _watch_news(self, marked: Marked, report: LeaseReport) -> None:
        """Until the holder brings the end, or it is time to ask again."""
        try:
            async with asyncio.timeout(_ASK_AGAIN_S):
                while report.phase not in (LeasePhase.GONE, LeasePhase.NONE):
                    self._delay(marked, DELAYS.get(report.note, report.note))
                    report = await marked.link.news_after(report)
        except TimeoutError:
            return

    async def _forget_lease(self, marked: Marked) -> None:
        try:
            await marked.link.say(lambda: marked.link.warden.acknowledge(marked.vm))
        except NoSuchLease:
            return

    async def _check_unleased(self, marked: Marked) -> None:
        """The host knows no such lease: fine if the VM is not there either."""
        vms = await marked.link.list_now()
        if any(vm.name == marked.vm for vm in vms):
            command = marked.link.driver.delete_command(marked.vm)
            message = f"{marked.link.name} has the VM {marked.vm} but no lease of ours; we may not delete it"
            raise ManagerRefused(message, hint=f"on the host: {command}")

    def _delay(self, marked: Marked, reason: str) -> None:
        run = self._store.state.runs.get(marked.run)
        if run is not None and run.delay != reason:
            self._store.apply(CleanupDelayed(run=marked.run, at=time.time(), reason=reason))


async def _fault_of(work: Awaitable[None]) -> DayflyError | OSError | None:
    """What went wrong with it, which is no reason to stop what goes on beside it."""
    try:
        await work
    except (DayflyError, OSError) as error:
        return error
    return None
