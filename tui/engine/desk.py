"""What another terminal does with runs that it does not carry out: look, pin, unpin, remove, pay debts.

Where a live process has the run, that process hears of it through its own heartbeats and keeps the books;
where none has, they are kept here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tui.engine.ledger import Debt, Ledger, LedgerRow, RunLock
from tui.engine.link import HostLink
from tui.engine.outcomes import outcome_of_past
from tui.engine.takeover import phase_of
from tui.model.errors import DayflyError, ManagerRefused, NoSuchLease
from tui.model.hosts import HostEntry
from tui.model.lease import WORK_JOB, LeasePhase, LeaseReport
from tui.model.phase import Outcome, Phase
from tui.model.spec import VmName
from tui.model.units import format_duration

PATIENCE_S = 20.0
_ASK_AGAIN_S = 1.0


class Carrier(StrEnum):
    """Who carries a run out now."""

    PROCESS = "process"
    """A live process of this client."""
    NOBODY = "nobody"
    """Only the host: the client died, or left it pinned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One run as it is seen from here."""

    row: LedgerRow
    phase: Phase | None
    """None: the host could not be asked."""
    pinned: bool
    carrier: Carrier
    outcome: Outcome | None
    trouble: str = ""
    """Why the host could not be asked, or what cleanup waits for."""


class Desk:
    """Works on ledger rows; `link_of` gives the link to a row's host."""

    def __init__(self, ledger: Ledger, link_of: Callable[[HostEntry], HostLink]) -> None:
        self._ledger = ledger
        self._link_of = link_of

    async def look(self, row: LedgerRow) -> Sight:
        """What the host says of a run now. A debt that turns out to be paid is closed on the way."""
        carrier = self._carrier(row)
        try:
            async with asyncio.timeout(PATIENCE_S):
                report = await self._status(row)
        except (DayflyError, TimeoutError) as error:
            trouble = str(error) or f"{row.entry.name} did not answer in {PATIENCE_S:.0f} s"
            pinned = row.pinned_at is not None
            return Sight(
                row=row, phase=None, pinned=pinned, carrier=carrier, outcome=row.outcome, trouble=trouble
            )
        if carrier is Carrier.NOBODY and report.phase in (LeasePhase.GONE, LeasePhase.NONE):
            await self._close(row, report)
        end = report.end_of(WORK_JOB)
        known = Outcome.of_status(end.status) if end is not None and end.status is not None else None
        return Sight(
            row=row,
            phase=phase_of(report),
            pinned=report.pinned,
            carrier=carrier,
            outcome=row.outcome or known,
            trouble=_trouble(row, report, carrier),
        )

    async def pin(self, row: LedgerRow) -> None:
        """Keep the VM. Raises LeaseClosing: too late."""
        link = await self._reach_unpaid(row)
        await link.say(lambda: link.warden.pin(row.vm), patience_s=PATIENCE_S)
        await asyncio.to_thread(self._ledger.pinned, row.run, time.time())

    async def unpin(self, row: LedgerRow) -> bool:
        """Let the VM go; whether it is being deleted now, or a workload still runs in it."""
        link = await self._reach_unpaid(row)
        await link.say(lambda: link.warden.unpin(row.vm), patience_s=PATIENCE_S)
        await asyncio.to_thread(self._ledger.pinned, row.run, None)
        report = await self._status(row)
        if self._carrier(row) is Carrier.PROCESS and report.end_of(WORK_JOB) is None:
            return False
        await link.say(lambda: link.warden.reap(row.vm), patience_s=PATIENCE_S)
        return True

    async def remove(self, row: LedgerRow, on_wait: Callable[[str], None]) -> None:
        """Delete the VM, pinned or not, and return when it is seen absent."""
        link = await self._reach(row)
        try:
            await link.say(lambda: link.warden.reap(row.vm), patience_s=PATIENCE_S)
        except NoSuchLease:
            await self._refuse_unleased(link, row.vm)
        while (report := await self._status(row)).phase not in (LeasePhase.GONE, LeasePhase.NONE):
            on_wait(report.note)
            await asyncio.sleep(_ASK_AGAIN_S)
        if self._carrier(row) is Carrier.NOBODY:
            await self._close(row, report)

    async def _reach_unpaid(self, row: LedgerRow) -> HostLink:
        if row.debt is Debt.PAID:
            raise NoSuchLease(f"{row.vm} is gone from {row.entry.name} already")
        return await self._reach(row)

    async def _reach(self, row: LedgerRow) -> HostLink:
        link = self._link_of(row.entry)
        await link.first_contact()
        return link

    async def _status(self, row: LedgerRow) -> LeaseReport:
        """The lease; a pinned one whose VM was deleted by hand is closed by its host first."""
        link = await self._reach(row)
        report = await link.say(lambda: link.warden.status(row.vm), patience_s=PATIENCE_S)
        if report.phase is LeasePhase.LIVE and report.pinned:
            vms = await link.list_now()
            if not any(vm.name == row.vm for vm in vms):
                report = await link.say(lambda: link.warden.settle(row.vm), patience_s=PATIENCE_S)
        return report

    async def _close(self, row: LedgerRow, report: LeaseReport) -> None:
        link = self._link_of(row.entry)
        if report.phase is LeasePhase.GONE:
            with contextlib.suppress(NoSuchLease):  # somebody else was quicker
                await link.say(lambda: link.warden.acknowledge(row.vm), patience_s=PATIENCE_S)
        await asyncio.to_thread(self._ledger.ended, row.run, outcome_of_past(report, row.spec))
        await asyncio.to_thread(self._ledger.gone, row.run)

    async def _refuse_unleased(self, link: HostLink, vm: VmName) -> None:
        if any(there.name == vm for there in await link.list_now()):
            raise ManagerRefused(
                f"{link.name} has the VM {vm} but no lease of ours; we may not delete it",
                hint=f"on the host: {link.driver.delete_command(vm)}",
            )

    def _carrier(self, row: LedgerRow) -> Carrier:
        lock = RunLock(self._ledger.run_folder(row.run))
        try:
            return Carrier.NOBODY if lock.take() else Carrier.PROCESS
        finally:
            lock.release()


def _trouble(row: LedgerRow, report: LeaseReport, carrier: Carrier) -> str:
    if carrier is Carrier.NOBODY and report.phase is LeasePhase.LIVE and not report.pinned:
        return f"its client is gone; {row.entry.name} ends it within {format_duration(row.spec.grace_s)}"
    return report.note
