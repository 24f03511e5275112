"""One run: who may end it, leave it or take it up. What ends it only marks; the janitor cleans up."""

from __future__ import annotations

import asyncio
import time

from tui.engine.emitter import Emitter
from tui.engine.janitor import Janitor
from tui.engine.ledger import Ledger, LedgerRow, RunLock
from tui.engine.link import HostLink
from tui.engine.logs import RunLogs
from tui.engine.outcomes import AWAY, lost, outcome_of_end, outcome_of_report
from tui.engine.pin import PinSwitch
from tui.engine.racing import first_of
from tui.engine.stages import PATIENCE_S, Stages
from tui.engine.store import Store
from tui.engine.takeover import Standing, ends_at, phase_of, standing_of
from tui.model.errors import DayflyError, LeaseClosing, NoSuchLease
from tui.model.events import RunAdopted, RunEvent, RunLeft, RunOrphaned, VmObserved
from tui.model.hosts import VmInfo
from tui.model.lease import WORK_JOB, Identity, LeasePhase, LeaseReport
from tui.model.phase import Outcome, OutcomeKind, Phase
from tui.model.spec import PinPolicy, RunId, RunSpec, VmName
from tui.model.state import RunState

_VERDICT_S = 15.0
"""How long the host may take to say what became of a workload whose VM is in no list any more."""
_LOCK_LOOK_S = 5.0
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
    ) -> None:
        self.id, self.vm, self.spec, self.link = run, vm, spec, link
        self._ledger, self._janitor = ledger, janitor
        self.folder = ledger.run_folder(run)
        self.logs = RunLogs(self.folder)
        self.lock = RunLock(self.folder)
        self._emitter = Emitter(run, store)
        self._stages = Stages(
            run, vm, spec, link, ledger=ledger, emitter=self._emitter, identity=identity, logs=self.logs
        )
        patience_s = spec.grace_s + PATIENCE_S
        self._pin = PinSwitch(run, vm, link, store=store, ledger=ledger, patience_s=patience_s)
        self._stop = asyncio.Event()
        self._leave = asyncio.Event()
        self._finish = asyncio.Event()
        self._adopt = asyncio.Event()
        self._vm_lost = asyncio.Event()
        self._absences = 0
        self._is_exec_bound = False

    @property
    def state(self) -> RunState:
        """As the store has it."""
        return self._emitter.state

    # ---- orders: each returns at once

    def cancel(self) -> None:
        """Stop, and delete the VM, pinned or not. Idempotent."""
        self._stop.set()
        if self.state.phase is Phase.KEPT:
            self._janitor.mark(self.id, self.vm, self.link)

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
            self._janitor.mark(self.id, self.vm, self.link)

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
        try:
            outcome = await first_of(self._stages.carry_out(self._pin_by_policy), *self._other_ends())
            await self._part(outcome)
        except asyncio.CancelledError:
            self._mark_what_is_owed()
            raise
        await self._stand_by()

    async def take_up(self, row: LedgerRow) -> None:
        """Find out what became of a run whose process is no more.

        What is over is fetched and brought to its end; what lives waits for a word: adopt, disown, cancel.
        """
        self._stages.resume(row)
        report = await self.link.say(lambda: self.link.warden.status(self.vm))
        self.link.take_report(report)
        self._pin.take(report, since=row.pinned_at)
        if standing_of(report, has_ended=row.outcome is not None) is Standing.ALIVE:
            self._emitter.enter(phase_of(report))
            if not self._adopt.is_set():
                self._let_go(RunOrphaned(run=self.id, at=time.time(), ends_at=ends_at(report)))
            await self._stand_by()
        else:
            await self._wind_up(report)

    async def _stand_by(self) -> None:
        """For as long as it lives on its host: until somebody here adopts or cancels it, or it is over."""
        while self.state.phase is Phase.KEPT or not self._is_alive_without_us:
            return
