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

from tui.engine.artifacts import Artifacts
from tui.engine.janitor import DELAYS
from tui.engine.ledger import Debt, Ledger, LedgerRow, RunLock
from tui.engine.link import HostLink
from tui.engine.logs import RunLogs
from tui.engine.secrets import TrustedCommands, mask_alone
from tui.engine.takeover import fetch_output, is_work_over, outcome_without_us, phase_of, silence_limit
from tui.model.errors import DayflyError, HostUnreachable, LeaseClosing, ManagerRefused, NoSuchLease
from tui.model.hosts import HostEntry
from tui.model.lease import WORK_JOB, LeasePhase, LeaseReport
from tui.model.phase import Outcome, Phase
from tui.model.spec import VmName
from tui.model.units import format_duration

PATIENCE_S = 20.0
_ASK_AGAIN_S = 1.0
_LIST_S = 10.0
_CLOSED = (LeasePhase.GONE, LeasePhase.NONE)


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
    pinned_until: float | None = None
    """When the pin expires; None: it does not."""
    may_finish: bool = False
    """Its workload goes on by itself, as was asked for."""


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
        if carrier is Carrier.NOBODY and report.phase in _CLOSED:
            return await self._look_at_closed(row, report)
        end = report.end_of(WORK_JOB)
        known = Outcome.of_status(end.status) if end is not None and end.status is not None else None
        left_s = report.pin_left_s
        return Sight(
            row=row,
            phase=phase_of(report),
            pinned=report.pinned,
            pinned_until=time.time() + left_s if report.pinned and left_s is not None else None,
            carrier=carrier,
            outcome=row.outcome or known,
            trouble=_trouble(row, report, carrier),
            may_finish=_may_finish(report),
        )

    async def _look_at_closed(self, row: LedgerRow, report: LeaseReport) -> Sight:
        """The VM is gone: what its jobs wrote is fetched, then the lease forgotten and the books closed."""
        phase, outcome, trouble = Phase.GONE, row.outcome, ""
        try:
            async with asyncio.timeout(PATIENCE_S):
                outcome = await self._close(row, report)
        except (DayflyError, TimeoutError) as error:
            phase, trouble = Phase.DELETING, f"its log waits on {row.entry.name}: dayfly attach {row.run}"
            if str(error):
                trouble += f" ({error})"
        return Sight(
            row=row, phase=phase, pinned=False, carrier=Carrier.NOBODY, outcome=outcome, trouble=trouble
        )

    async def pin(self, row: LedgerRow, for_s: int | None = None) -> None:
        """Keep the VM, for so long or until unpinned. Raises LeaseClosing: too late."""
        link = await self.reach(row)
        await link.say(lambda: link.warden.pin(row.vm, for_s=for_s), patience_s=PATIENCE_S)
        await asyncio.to_thread(self._ledger.pinned, row.run, time.time())

    async def unpin(self, row: LedgerRow) -> bool:
        """Let the VM go; whether it is being deleted now, or a workload still runs in it."""
        link = await self.reach(row)
        await link.say(lambda: link.warden.unpin(row.vm), patience_s=PATIENCE_S)
        await asyncio.to_thread(self._ledger.pinned, row.run, None)
        report = await self._status(row)
        if report.phase is LeasePhase.LIVE and row.outcome is None and not is_work_over(report):
            return False  # whoever carries it out, or its host, ends it in its time
        await link.say(lambda: link.warden.reap(row.vm), patience_s=PATIENCE_S)
        return True

    async def remove(self, row: LedgerRow, on_wait: Callable[[str], None]) -> None:
        """Delete the VM, pinned or not, and return when it is seen absent."""
        link = await self._reach(row)
        try:
            await link.say(lambda: link.warden.reap(row.vm), patience_s=PATIENCE_S)
        except NoSuchLease:
            await self._refuse_unleased(link, row.vm)
        report = await self._await_absence(link, row.vm, on_wait)
        if self._carrier(row) is Carrier.NOBODY:
            await self._close(row, report)

    # ---- leases that this client has no books of

    async def leases_of(self, entry: HostEntry) -> tuple[LeaseReport, ...]:
        """All leases on a host, whoever's. Raises HostError and WardenError kinds."""
        link = self._link_of(entry)
        await link.first_contact(needs_manager=False)
        return await link.say(link.warden.sweep, patience_s=PATIENCE_S)

    async def remove_lease(
        self, entry: HostEntry, vm: VmName, on_wait: Callable[[str], None], *, force: bool
    ) -> None:
        """Delete the VM of a lease, and return when it is seen absent. Raises NotOurs without `force`."""
        link = self._link_of(entry)
        await link.say(lambda: link.warden.reap(vm, force=force), patience_s=PATIENCE_S)
        await self._await_absence(link, vm, on_wait)

    async def _await_absence(self, link: HostLink, vm: VmName, on_wait: Callable[[str], None]) -> LeaseReport:
        while True:
            report = await link.say(lambda: link.warden.status(vm), patience_s=PATIENCE_S)
            if report.phase in _CLOSED:
                return report
            on_wait(report.note)
            await asyncio.sleep(_ASK_AGAIN_S)

    async def reach(self, row: LedgerRow) -> HostLink:
        """The link to the host of a VM that may be there. Raises NoSuchLease where it is gone already."""
        if row.debt is Debt.PAID:
            raise NoSuchLease(f"{row.vm} is gone from {row.entry.name} already")
        return await self._reach(row)

    async def _reach(self, row: LedgerRow) -> HostLink:
        link = self._link_of(row.entry)
        await link.first_contact(needs_manager=False)
        return link

    async def _status(self, row: LedgerRow) -> LeaseReport:
        """The lease; a pinned one whose VM was deleted by hand is closed by its host first."""
        link = await self._reach(row)
        report = await link.say(lambda: link.warden.status(row.vm), patience_s=PATIENCE_S)
        if report.phase is LeasePhase.LIVE and report.pinned and await self._looks_gone(link, row.vm):
            report = await link.say(lambda: link.warden.settle(row.vm), patience_s=PATIENCE_S)
        return report

    async def _looks_gone(self, link: HostLink, vm: VmName) -> bool:
        """Whether its manager does not list it; a silent manager says nothing of it."""
        try:
            return all(there.name != vm for there in await link.list_now(patience_s=_LIST_S))
        except HostUnreachable:
            return False

    async def _close(self, row: LedgerRow, report: LeaseReport) -> Outcome:
        """Fetch what the host still has of it, then let the host forget it, and close the books."""
        folder = self._ledger.run_folder(row.run)
        lock, logs, link = RunLock(folder), RunLogs(folder), self._link_of(row.entry)
        if not lock.take():
            raise LeaseClosing(f"another process has taken up {row.vm}")
        try:
            await mask_alone(logs, row.spec, TrustedCommands(self._ledger.folder))
            await fetch_output(link, report, logs, patience_s=PATIENCE_S)
            artifacts = Artifacts(row.run, row.vm, row.spec, link, folder=folder, show=lambda _: None)
            await artifacts.bring_home()
            if report.phase is LeasePhase.GONE:
                with contextlib.suppress(NoSuchLease):  # somebody else was quicker
                    await link.say(lambda: link.warden.acknowledge(row.vm), patience_s=PATIENCE_S)
            outcome = row.outcome or outcome_without_us(link, report, row.spec, logs)[0]
            await asyncio.to_thread(self._ledger.ended, row.run, outcome)
            await asyncio.to_thread(self._ledger.gone, row.run)
        finally:
            logs.close()
            lock.release()
        return outcome

    async def _refuse_unleased(self, link: HostLink, vm: VmName) -> None:
        if any(there.name == vm for there in await link.list_now()):
            raise ManagerRefused(
                f"{link.name} has the VM {vm} but no lease of ours; we may not delete it",
                hint=f"on the host: {link.driver.delete_command(vm)}",
            )

    def _carrier(self, row: LedgerRow) -> Carrier:
        is_carried = RunLock(self._ledger.run_folder(row.run)).is_taken()
        return Carrier.PROCESS if is_carried else Carrier.NOBODY


def _may_finish(report: LeaseReport) -> bool:
    return phase_of(report) is Phase.WORKING and report.finish_s > 0 and not report.pinned


def _trouble(row: LedgerRow, report: LeaseReport, carrier: Carrier) -> str:
    if carrier is Carrier.NOBODY and report.phase is LeasePhase.LIVE and not report.pinned:
        limit = format_duration(silence_limit(report) or row.spec.grace_s)
        if _may_finish(report):
            return f"it goes on by itself; {row.entry.name} lets it finish, {limit} at most"
        return f"its client is gone; {row.entry.name} ends it within {limit}"
    return DELAYS.get(report.note, report.note)
