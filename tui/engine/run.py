"""One run: who may end it, leave it or take it up. What ends it only marks; the janitor cleans up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

from tui.contracts import Ask
from tui.engine import narrate
from tui.engine.artifacts import Artifacts
from tui.engine.emitter import Emitter
from tui.engine.janitor import Janitor
from tui.engine.ledger import Ledger, LedgerRow, RunLock
from tui.engine.link import HostLink
from tui.engine.logs import RunLogs
from tui.engine.outcomes import AWAY, lost
from tui.engine.pin import PinSwitch
from tui.engine.racing import first_of
from tui.engine.secrets import SecretSources, TrustedCommands
from tui.engine.stages import PATIENCE_S, Stages
from tui.engine.store import Store
from tui.engine.takeover import Standing, ends_at, phase_of, standing_of
from tui.model.errors import DayflyError, LeaseClosing, LeasePinned, NoSuchLease
from tui.model.events import RunAdopted, RunLeft, RunOrphaned, UsePeaked, VmObserved
from tui.model.hosts import VmInfo
from tui.model.lease import WORK_JOB, Identity, LeasePhase, LeaseReport
from tui.model.phase import Outcome, OutcomeKind, Phase, may_move
from tui.model.spec import PinPolicy, RunId, RunSpec, VmName
from tui.model.state import RunState
from tui.model.use import PeakUse

_VERDICT_S = 15.0
"""How long the host may take to say what became of a workload whose VM is in no list any more."""
_LOCK_LOOK_S = 5.0
_LAST_WORD_S = 10.0
"""How long to look whether somebody has pinned it, before the janitor takes it over."""
_FAILURES = (OutcomeKind.FAILED, OutcomeKind.TIMED_OUT, OutcomeKind.LOST)


class Run:
    """Carries out one run spec on one host. `carry_out` or `take_up` is its one task."""

    def __init__(
        self,
        run: RunId,
        vm: VmName,
        spec: RunSpec,
        link: HostLink,
        *,
        ledger: Ledger,
        store: Store,
        janitor: Janitor,
        identity: Identity,
        ask: Ask,
    ) -> None:
        self.id, self.vm, self.spec, self.link = run, vm, spec, link
        self._ledger, self._janitor = ledger, janitor
        self.folder = ledger.run_folder(run)
        self.logs = RunLogs(self.folder)
        self.lock = RunLock(self.folder)
        self._emitter = Emitter(run, store)
        self._stages = Stages(
            *(run, vm, spec, link),
            ledger=ledger,
            emitter=self._emitter,
            identity=identity,
            logs=self.logs,
            secrets=SecretSources(spec, ask=ask, trusted=TrustedCommands(ledger.folder)),
        )
        patience_s = spec.grace_s + PATIENCE_S
        self._pin = PinSwitch(run, vm, link, store=store, ledger=ledger, patience_s=patience_s)
        self._artifacts = Artifacts(run, vm, spec, link, folder=self.folder, show=self._emitter.show_results)
        self._stop = asyncio.Event()
        self._leave = asyncio.Event()
        self._finish = asyncio.Event()
        self._adopt = asyncio.Event()
        self._vm_lost = asyncio.Event()
        self._absences = 0
        self._is_exec_bound = False
        self._spares_pins = True

    @property
    def state(self) -> RunState:
        """As the store has it."""
        return self._emitter.state

    # ---- orders: each returns at once

    def cancel(self) -> None:
        """Stop, and delete the VM, pinned or not. Idempotent."""
        self._spares_pins = False
        self._stop.set()
        if self.state.phase is Phase.KEPT:
            self._mark()

    def leave(self, *, finish: bool = False) -> None:
        """The client goes: what is pinned stays as it is, what is not is cancelled, or left to `finish`.

        Idempotent; a later call without `finish` cancels after all what was left to finish.
        """
        if not self._finish.is_set() and not self.state.is_ours_to_end:
            return
        if finish:
            self._finish.set()
        elif self._pin.is_wanted and self._stages.is_leased:
            self._leave.set()
        else:
            self.cancel()
            self._spares_pins = True

    def adopt(self) -> None:
        """Take an orphan over, or a run that was left. Idempotent."""
        self._adopt.set()

    def disown(self) -> None:
        """Leave an orphan to its host. Idempotent."""
        if self.state.orphaned:
            self._emitter.emit(RunLeft(run=self.id, at=time.time(), ends_at=self.state.ends_at))

    async def set_pin(self, wanted: bool, for_s: int | None = None) -> None:
        """Pin or unpin; what came of it is in the state."""
        if wanted:
            await self._pin.pin(is_leased=self._stages.is_leased, for_s=for_s)
            return
        await self._pin.unpin(is_leased=self._stages.is_leased)
        if self.state.phase is Phase.KEPT:
            self._mark()

    def observe(self, vms: tuple[VmInfo, ...]) -> bool:
        """Take in what the host listed; whether a kept VM looks as if somebody else had ended it."""
        info = next((vm for vm in vms if vm.name == self.vm), None)
        state, report = self.state, self.link.reports.get(self.vm)
        seen = (info.state, info.ipv4) if info else ("", ())
        if seen != (state.vm_state, state.ipv4):
            self._emitter.emit(VmObserved(run=self.id, at=time.time(), state=seen[0], ipv4=seen[1]))
        self._count_absences(seen[0])
        return state.phase is Phase.KEPT and (info is None or (report is not None and not report.pinned))

    def _count_absences(self, vm_state: str) -> None:
        """A manager's exec may hang for ever when its VM goes away: two lists without it say so too."""
        is_away = self.state.phase is Phase.WORKING and vm_state in AWAY
        self._absences = self._absences + 1 if is_away else 0
        if self._absences == 2:
            self._vm_lost.set()

    # ---- its life

    async def carry_out(self) -> None:
        """From the ledger's first line to a VM that is kept or left, or marked for the janitor."""
        await self._see_through(self._stages.carry_out(self._pin_by_policy))

    async def take_up(self, row: LedgerRow) -> None:
        """Find out what became of a run whose process is no more.

        What is over is fetched and brought to its end; what lives waits for a word: adopt, disown, cancel.
        Cancelled, it leaves all as it is.
        """
        self._stages.resume(row)
        await self._artifacts.recall()
        report = await self.link.say(lambda: self.link.warden.status(self.vm))
        self.link.take_report(report)
        self._pin.take(report, since=row.pinned_at)
        if standing_of(report, has_ended=row.outcome is not None) is not Standing.ALIVE:
            await self._wrap_up(report)
            return
        self._emitter.enter(phase_of(report))
        if self._adopt.is_set():
            await self._take_over()
        else:
            self._let_go(RunOrphaned(run=self.id, at=time.time(), ends_at=ends_at(report)))
            await self._stand_by()

    async def settle(self) -> None:
        """Close the books of a kept VM that was deleted by hand, or removed from another terminal."""
        try:
            report = await self.link.say(lambda: self.link.warden.settle(self.vm))
        except NoSuchLease:
            report = LeaseReport(vm=self.vm, phase=LeasePhase.NONE)
        self.link.take_report(report)
        if self.state.phase is Phase.KEPT and (not report.pinned or report.phase is LeasePhase.GONE):
            self._emitter.tell("The VM was ended from elsewhere.")
            self._mark()

    async def _see_through(self, work: Awaitable[Outcome]) -> None:
        """Until the work is over, or somebody ends it, or we leave it; then draw the conclusion."""
        try:
            end = await first_of(work, self._told_to_go(), self._ended_by_others(), self._bereft())
            if isinstance(end, LeaseReport):
                report = await self._stages.fetch_late(end)
                await self._conclude(self._stages.past_outcome(report))
            elif end is not None:
                await self._conclude(end)
            elif self._pin.is_wanted:
                self._keep("The workload goes on in it without us.")
            else:
                ends = time.time() + self._stages.finish_s
                self._let_go(RunLeft(run=self.id, at=time.time(), ends_at=ends))
        except asyncio.CancelledError:
            self._mark_what_is_owed()
            raise
        if self.state.left:
            await self._stand_by()

    # ---- what ends it, besides its work

    async def _told_to_go(self) -> Outcome | None:
        """Someone here stops the run, or leaves it."""
        await first_of(self._stop.wait(), self._leave.wait(), self._works_alone())
        return Outcome(OutcomeKind.CANCELLED) if self._stop.is_set() else None

    async def _works_alone(self) -> bool:
        """We are to leave it to finish, its workload runs, and its host knows how long it may."""
        await self._finish.wait()
        await self._stages.works.wait()
        try:
            if not self._pin.is_wanted:
                await self._stages.let_finish()
        except LeaseClosing:
            return await self._stop.wait()  # too late: what the host says of it comes first
        except DayflyError as error:
            self._emitter.tell(f"Its host could not be told that it may finish: {error.message}")
        return True

    async def _ended_by_others(self) -> LeaseReport:
        """The host, or another terminal, ends the lease; pins set elsewhere show meanwhile."""
        while True:
            report = await self.link.report_where(self.vm, self._is_news)
            if report.phase is LeasePhase.NONE:  # too grave to believe at once
                report = await self._stages.say(lambda: self.link.warden.status(self.vm))
                self.link.take_report(report)
            if _is_over(report):
                return report
            self._tell_how_bound(report)
            if self._pin.differs_from(report):
                self._pin.take(report)

    def _is_news(self, report: LeaseReport) -> bool:
        is_bound = WORK_JOB in report.exec_bound and not self._is_exec_bound
        return _is_over(report) or is_bound or self._pin.differs_from(report)

    def _tell_how_bound(self, report: LeaseReport) -> None:
        if WORK_JOB in report.exec_bound and not self._is_exec_bound:
            self._is_exec_bound = True
            self._emitter.tell(narrate.EXEC_BOUND)

    async def _bereft(self) -> Outcome:
        """The VM went away under the workload, and its host does not say what became of that."""
        await self._vm_lost.wait()
        await asyncio.sleep(_VERDICT_S)
        return lost("vm-not-running" if self.state.vm_state else "vm-absent")

    # ---- without us, and with us again

    def _let_go(self, event: RunOrphaned | RunLeft) -> None:
        """From now on another process may take it over: its lease, its log and its books."""
        self._adopt.clear()
        self._emitter.emit(event)
        self.link.let_go(self.vm)
        self.logs.close()
        self.lock.release()

    async def _stand_by(self) -> None:
        """For as long as it lives on its host without us, and nobody here adopts or cancels it."""
        self.link.look_at(self.vm)
        await first_of(self._adopt.wait(), self._stop.wait(), self._over_there())
        while not self.lock.take():
            await self._yield_to_another()
            await first_of(self._adopt.wait(), self._stop.wait(), self._over_there())
        if self._stop.is_set():
            await self._conclude(Outcome(OutcomeKind.CANCELLED))
        elif self._adopt.is_set():
            await self._take_over()
        else:
            await self._wrap_up(self.link.reports[self.vm])

    async def _yield_to_another(self) -> None:
        """Another process of this client has taken it over: it keeps the books."""
        if self._stop.is_set():
            self._stop.clear()
            await self.link.say(lambda: self.link.warden.reap(self.vm))
        if self._adopt.is_set():
            self._adopt.clear()
            self._emitter.tell(f"{self.vm} is in the hands of another process here already.")
        await asyncio.sleep(_LOCK_LOOK_S)

    async def _over_there(self) -> bool:
        """Its host says that it is over; how far it is, and pins set elsewhere, show meanwhile."""
        report = await self.link.report_where(self.vm, lambda _: True)
        while True:
            if report.phase is LeasePhase.NONE:  # too grave to believe at once
                report = await self.link.say(lambda: self.link.warden.status(self.vm))
                self.link.take_report(report)
            if standing_of(report) is not Standing.ALIVE:
                return True
            if may_move(self.state.phase, phase_of(report)):
                self._emitter.enter(phase_of(report))
            if self._pin.differs_from(report):
                self._pin.take(report)
            report = await self.link.news_after(report)

    async def _take_over(self) -> None:
        self._adopt.clear()
        self._finish.clear()
        self.link.hold(self.vm)
        self._emitter.emit(RunAdopted(run=self.id, at=time.time()))
        await self._see_through(self._stages.go_on())

    async def _wrap_up(self, report: LeaseReport) -> None:
        """What became of a run that nobody of us saw the end of: its log and status first, then its end."""
        if report.phase is LeasePhase.LIVE:
            self.link.hold(self.vm)  # or its host might end it while we fetch
        row = await asyncio.to_thread(self._ledger.row, self.id)
        report = await self._stages.fetch_late(report)
        outcome = row.outcome or self._stages.past_outcome(report)
        if standing_of(report, has_ended=True) is Standing.KEPT:
            await self._end_work(outcome)
            await self._collect()
            self._keep("Pinned since an earlier session.")
        else:
            await self._conclude(outcome)

    # ---- its end

    async def _conclude(self, outcome: Outcome) -> None:
        await self._end_work(outcome)
        if self._stages.hint:
            self._emitter.tell(f"What to do: {self._stages.hint}")
        if not self._stages.has_touched_host:
            self.link.leave_lane(self.vm)
            await asyncio.to_thread(self._ledger.gone, self.id)
            self._emitter.enter(Phase.GONE)
            return
        if not self._is_urgent(outcome):
            await self._collect()
        if await self._stays(outcome) or not await self._is_released():
            await self._collect()
            self._keep(f"To get in, type on {self.link.name}: {self.link.driver.shell_command(self.vm)}")
        else:
            self._mark()

    async def _end_work(self, outcome: Outcome) -> None:
        """How it went, and what its VM used, into the state and the ledger; the first word counts."""
        is_news, peak = self.state.outcome is None, self.state.peak
        self._emitter.end_work(outcome)
        await asyncio.to_thread(self._ledger.ended, self.id, outcome)
        if is_news and peak != PeakUse():
            self._emitter.emit(UsePeaked(run=self.id, at=time.time(), peak=peak))
            await asyncio.to_thread(self._ledger.peaked, self.id, peak)

    def _is_urgent(self, outcome: Outcome) -> bool:
        """It is told to end, or its time is over: its results come home beside the deletion."""
        keeps = self._pin.is_wanted or self.spec.pin is PinPolicy.ON_FAILURE
        is_late = outcome.kind is OutcomeKind.TIMED_OUT and not keeps
        return self._stop.is_set() or self._is_ending() or is_late

    def _is_ending(self) -> bool:
        report = self.link.reports.get(self.vm)
        return report is not None and (report.phase.is_ending or report.phase is LeasePhase.NONE)

    async def _collect(self) -> None:
        """Bring the results home; whoever ends the run meanwhile does not wait for that."""
        if self._artifacts.is_home or self.state.phase.is_over:
            return
        if may_move(self.state.phase, Phase.COLLECTING):
            self._emitter.enter(Phase.COLLECTING)
        async with asyncio.TaskGroup() as group:
            stopping = group.create_task(self._mark_when_stopped())
            try:
                await self._artifacts.bring_home()
            except (DayflyError, OSError) as error:
                self._emitter.tell(f"Its results are not home yet: {error}")
            stopping.cancel()

    async def _mark_when_stopped(self) -> None:
        await self._stop.wait()
        if await self._is_released():
            self._mark()

    def _mark(self) -> None:
        """It is to be gone; what it has for us is brought home before its host forgets it."""
        self._janitor.mark(self.id, self.vm, self.link, self._artifacts.bring_home)

    def _mark_what_is_owed(self) -> None:
        """The engine is going down around us: mark, and leave the deed to the janitor and the host."""
        if self.state.is_pinned:
            self._emitter.enter(Phase.KEPT)
        elif self._stages.has_touched_host and not self.state.phase.is_over:
            self._mark()

    async def _pin_by_policy(self) -> None:
        """As soon as there is a lease: what was asked for before, or always."""
        if self._pin.is_wanted or self.spec.pin is PinPolicy.ALWAYS:
            await self._pin.pin(is_leased=True, for_s=self.spec.pin_for_s)

    async def _stays(self, outcome: Outcome) -> bool:
        """Whether the pin, or the policy, keeps the VM now that the work is over."""
        if self._stop.is_set() or not self._stages.is_leased or self._is_ending():
            return False
        if outcome.kind is OutcomeKind.LAUNCH_FAILED:
            return self._pin.is_on and await self._vm_exists()
        has_failed = outcome.kind in _FAILURES or self.state.lacks_results
        if self.spec.pin is PinPolicy.ON_FAILURE and has_failed and await self._vm_exists():
            await self._pin.pin(is_leased=True, for_s=self.spec.pin_for_s)
        return self._pin.is_on

    async def _is_released(self) -> bool:
        """End the lease, unless its owner ends it himself; False: it was pinned elsewhere just now."""
        if not self._spares_pins:
            return True
        try:
            await self.link.say(lambda: self.link.warden.release(self.vm), patience_s=_LAST_WORD_S)
        except LeasePinned:
            report = await self._stages.say(lambda: self.link.warden.status(self.vm))
            self.link.take_report(report)
            self._pin.take(report)
            return not self._pin.is_on
        except DayflyError:
            return True  # the janitor goes on from here
        return True

    async def _vm_exists(self) -> bool:
        try:
            vms = await self.link.list_now()
        except DayflyError:
            return True  # not known: what the owner wants kept is not given up for that
        return any(vm.name == self.vm for vm in vms)

    def _keep(self, note: str) -> None:
        self._emitter.enter(Phase.KEPT)
        self._emitter.tell(note)


def _is_over(report: LeaseReport) -> bool:
    return report.phase is LeasePhase.NONE or report.phase.is_ending or report.foreign
