"""One run, top to bottom: lease, launch, boot, work. What ends it only marks; the janitor cleans up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tui.engine.janitor import Janitor
from tui.engine.ledger import Ledger, RunLock
from tui.engine.link import HostLink
from tui.engine.logs import RunLogs
from tui.engine.outcomes import TIMEOUT, lost, outcome_of_end, outcome_of_past, outcome_of_report
from tui.engine.pin import PinSwitch
from tui.engine.racing import first_of
from tui.engine.store import Store
from tui.model.errors import DayflyError, LogUnwritable, NoSuchLease
from tui.model.events import (
    Narrated,
    PhaseEntered,
    ProgressMade,
    RunEvent,
    VmObserved,
    WorkEnded,
)
from tui.model.hosts import VmInfo
from tui.model.lease import (
    LAUNCH_JOB,
    WORK_JOB,
    EndKind,
    Identity,
    JobEnd,
    JobPlace,
    LeasePhase,
    LeaseReport,
    LeaseSpec,
)
from tui.model.phase import Outcome, OutcomeKind, Phase
from tui.model.spec import PinPolicy, RunId, RunSpec, VmName
from tui.model.state import RunState
from tui.model.units import format_duration

T = TypeVar("T")

_LAUNCH_MARGIN_S = 60
_LAST_BYTES_S = 30
_BOOT_LOOK_S = 1.0
_AWAY = ("", "Deleted", "Stopped")
"""What the manager says of a VM in which nothing runs any more; empty: it is not listed."""
_NEWS_S = 10.0
_PATIENCE_S = 60
"""How much longer than the grace we try to reach the host."""
_TAIL = 4096

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
        self._ledger, self._store, self._janitor = ledger, store, janitor
        self._identity = identity
        self.folder = ledger.run_folder(run)
        self.logs = RunLogs(self.folder)
        self.lock = RunLock(self.folder)
        self._stop = asyncio.Event()
        self._leave = asyncio.Event()
        self._vm_lost = asyncio.Event()
        self._absences = 0
        patience_s = spec.grace_s + _PATIENCE_S
        self._pin = PinSwitch(run, vm, link, store=store, ledger=ledger, patience_s=patience_s)
        self._launch_tail = b""
        self._hint = ""
        self._is_leased = False
        self._has_touched_host = False

    @property
    def state(self) -> RunState:
        """As the store has it."""
        return self._store.state.runs[self.id]

    # ---- orders: each returns at once

    def cancel(self) -> None:
        """Stop, and delete the VM, pinned or not. Idempotent."""
        self._stop.set()
        if self.state.phase is Phase.KEPT:
            self._janitor.mark(self.id, self.vm, self.link)

    def leave(self) -> None:
        """The client goes: a pinned VM is kept as it is, any other run is cancelled. Idempotent."""
        if self._pin.is_wanted and self._is_leased:
            self._leave.set()
        else:
            self.cancel()

    async def set_pin(self, wanted: bool) -> None:
        """Pin or unpin; what came of it is in the state."""
        if wanted:
            await self._pin.pin(is_leased=self._is_leased)
            return
        await self._pin.unpin(is_leased=self._is_leased)
        if self.state.phase is Phase.KEPT:
            self._janitor.mark(self.id, self.vm, self.link)

    def observe(self, vms: tuple[VmInfo, ...]) -> bool:
        """Take in what the host listed; whether a kept VM looks as if somebody else had ended it."""
        info = next((vm for vm in vms if vm.name == self.vm), None)
        state, report = self.state, self.link.reports.get(self.vm)
        seen = (info.state, info.ipv4) if info else ("", ())
        if seen != (state.vm_state, state.ipv4):
            self._emit(VmObserved(run=self.id, at=time.time(), state=seen[0], ipv4=seen[1]))
        self._count_absences(seen[0])
        return state.phase is Phase.KEPT and (info is None or (report is not None and not report.pinned))

    def _count_absences(self, vm_state: str) -> None:
        """A manager's exec may hang for ever when its VM goes away: two lists without it say so too."""
        is_away = self.state.phase is Phase.WORKING and vm_state in _AWAY
        self._absences = self._absences + 1 if is_away else 0
        if self._absences == 2:
            self._vm_lost.set()

    # ---- its life

    async def carry_out(self) -> None:
        """From the ledger's first line to a VM that is kept, or marked for the janitor."""
        await self._see_through(self._work())

    async def take_up(self, pinned_at: float | None) -> None:
        """Find out what became of a run whose process is no more; see what is left of it to its end."""
        self.link.hold(self.vm)
        report = await self.link.say(lambda: self.link.warden.status(self.vm))
        self.link.take_report(report)
        self._has_touched_host = self._is_leased = True
        self._pin.take(report, since=pinned_at)
        outcome = outcome_of_past(report, self.spec)
        if not report.pinned or report.phase is not LeasePhase.LIVE:
            await self._conclude(outcome)
        elif WORK_JOB in report.started and report.end_of(WORK_JOB) is None:
            self._enter(Phase.WORKING)
            await self._see_through(self._await_workload())
        else:
            self._end_work(outcome)
            self._keep("Pinned since an earlier session.")

    async def _see_through(self, work: Awaitable[Outcome]) -> None:
        """Until the work is over, or somebody ends it, or we leave it pinned; then draw the conclusion."""
        try:
            outcome = await first_of(work, self._stopped(), self._ended_by_others(), self._bereft())
            if outcome is None:
                self._keep("The workload goes on in it without us.")
            else:
                await self._conclude(outcome)
        except asyncio.CancelledError:
            self._mark_what_is_owed()
            raise

    async def settle(self) -> None:
        """Close the books of a kept VM that was deleted by hand, or removed from another terminal."""
        try:
            report = await self.link.say(lambda: self.link.warden.settle(self.vm))
        except NoSuchLease:
            report = LeaseReport(vm=self.vm, phase=LeasePhase.NONE)
        self.link.take_report(report)
        if self.state.phase is Phase.KEPT and (not report.pinned or report.phase is LeasePhase.GONE):
            self._tell("The VM was ended from elsewhere.")
            self._janitor.mark(self.id, self.vm, self.link)

    async def _work(self) -> Outcome:
        try:
            await asyncio.to_thread(self._ledger.intend, self.id, self.vm, self.link.entry, self.spec)
            await self._lease()
            failure = await self._launch() or await self._boot()
            return failure or await self._run_workload()
        except DayflyError as error:
            self._hint = error.hint
            has_begun = self.state.phase is Phase.WORKING
            kind = OutcomeKind.LOST if has_begun else OutcomeKind.LAUNCH_FAILED
            return Outcome(kind, None, error.message)

    async def _lease(self) -> None:
        link = self.link
        self._progress(f"connecting to {link.name}")
        await link.first_contact()
        await link.enter_lane(self.vm, self._progress)
        lease = LeaseSpec(
            vm=self.vm,
            client=self._identity.client,
            owner=self._identity.owner,
            grace_s=self.spec.grace_s,
            pin=self.spec.pin,
            recipe=link.driver.recipe(self.vm),
        )
        self._has_touched_host = True
        await self._say(lambda: link.warden.open(lease))
        await asyncio.to_thread(self._ledger.leased, self.id)
        link.hold(self.vm)
        self._is_leased = True
        self._enter(Phase.LEASED)
        if self._pin.is_wanted or self.spec.pin is PinPolicy.ALWAYS:
            await self._pin.pin(is_leased=True)

    async def _launch(self) -> Outcome | None:
        link, spec = self.link, self.spec
        assert link.version is not None  # first_contact saw to it
        argv = link.driver.launch_argv(self.vm, spec, link.entry.image(spec.image), link.version)
        self._enter(Phase.LAUNCHING)
        await self._say(lambda: link.warden.start(self.vm, LAUNCH_JOB, argv, JobPlace.HOST))
        try:
            async with asyncio.timeout(spec.boot_timeout_s + _LAUNCH_MARGIN_S):
                end = await self._follow(LAUNCH_JOB)
        except TimeoutError:
            return Outcome(
                OutcomeKind.LAUNCH_FAILED, None, f"no VM after {format_duration(spec.boot_timeout_s)}"
            )
        if end.status == 0:
            return None
        if end.status is None:
            return Outcome(OutcomeKind.LAUNCH_FAILED, None, lost(end.detail).reason)
        sentence, hint = link.driver.explain(self.logs.tail(LAUNCH_JOB, "stderr", _TAIL), end.status)
        self._hint = hint
        return Outcome(OutcomeKind.LAUNCH_FAILED, None, sentence)

    async def _boot(self) -> Outcome | None:
        """A launch that says it is done may still have lost its VM: look."""
        self._enter(Phase.BOOTING)
        running = self.link.driver.recipe(self.vm).running
        state = ""
        try:
            async with asyncio.timeout(self.spec.boot_timeout_s):
                while True:
                    vms = await self.link.list_now()
                    state = next((vm.state for vm in vms if vm.name == self.vm), "")
                    if state == running:
                        return None
                    if state in _AWAY:
                        reason = "somebody deleted or stopped the VM while it was launched"
                        return Outcome(OutcomeKind.LOST, None, reason)
                    self._progress(f"the VM is {state.lower()}")
                    await asyncio.sleep(_BOOT_LOOK_S)
        except TimeoutError:
            limit = format_duration(self.spec.boot_timeout_s)
            return Outcome(OutcomeKind.LAUNCH_FAILED, None, f"still {state.lower()} after {limit}")

    async def _run_workload(self) -> Outcome:
        warden, spec = self.link.warden, self.spec
        await self._say(
            lambda: warden.start(self.vm, WORK_JOB, spec.argv, JobPlace.GUEST, workdir=spec.workdir)
        )
        self._enter(Phase.WORKING)
        return await self._await_workload()

    async def _await_workload(self) -> Outcome:
        warden, spec = self.link.warden, self.spec
        try:
            async with asyncio.timeout(spec.timeout_s):
                end = await self._follow(WORK_JOB)
        except TimeoutError:
            limit = format_duration(spec.timeout_s or 0)
            self._progress("stopping the workload: its time is over")
            await self._say(lambda: warden.kill(self.vm, WORK_JOB, reason=TIMEOUT))
            await self._fetch_last_bytes()
            return Outcome(OutcomeKind.TIMED_OUT, None, f"after {limit}")
        if end.kind is EndKind.KILLED:
            await self._hear_why()
        return outcome_of_end(end)

    async def _hear_why(self) -> None:
        """The host stopped the workload: give the news of the lease, which say why, time to come first."""
        await asyncio.sleep(_NEWS_S)

    async def _fetch_last_bytes(self) -> None:
        try:
            async with asyncio.timeout(_LAST_BYTES_S):
                await self._follow(WORK_JOB)
        except TimeoutError:
            self._tell("The workload's last output could not be fetched in time.")

    async def _follow(self, job: str) -> JobEnd:
        log = self.logs.job(job, self._watch_launch if job == LAUNCH_JOB else None)
        while True:
            try:
                end = await self._say(lambda: self.link.warden.follow(self.vm, job, log))
                await log.sync()
                return end
            except LogUnwritable as error:
                self._progress(f"{error.message}; the output waits on the host")
                await asyncio.sleep(2)

    # ---- its end

    async def _conclude(self, outcome: Outcome) -> None:
        self._end_work(outcome)
        if self._hint:
            self._tell(f"What to do: {self._hint}")
        await asyncio.to_thread(self._ledger.ended, self.id, outcome)
        if not self._has_touched_host:
            self.link.leave_lane(self.vm)
            await asyncio.to_thread(self._ledger.gone, self.id)
            self._enter(Phase.GONE)
        elif await self._stays(outcome):
            self._keep(f"To get in, type on {self.link.name}: {self.link.driver.shell_command(self.vm)}")
        else:
            self._janitor.mark(self.id, self.vm, self.link)

    def _mark_what_is_owed(self) -> None:
        """The engine is going down around us: mark, and leave the deed to the janitor and the host."""
        if self.state.is_pinned:
            self._enter(Phase.KEPT)
        elif self._has_touched_host and not self.state.phase.is_over:
            self._janitor.mark(self.id, self.vm, self.link)

    async def _stays(self, outcome: Outcome) -> bool:
        """Whether the pin, or the policy, keeps the VM now that the work is over."""
        report = self.link.reports.get(self.vm)
        is_ending = report is not None and (report.phase.is_ending or report.phase is LeasePhase.NONE)
        if self._stop.is_set() or not self._is_leased or is_ending:
            return False
        if outcome.kind is OutcomeKind.LAUNCH_FAILED:
            return self._pin.is_on and await self._vm_exists()
        if self.spec.pin is PinPolicy.ON_FAILURE and outcome.kind in _FAILURES and await self._vm_exists():
            await self._pin.pin(is_leased=True)
        return self._pin.is_on

    async def _vm_exists(self) -> bool:
        try:
            vms = await self.link.list_now()
        except DayflyError:
            return True  # not known: what the owner wants kept is not given up for that
        return any(vm.name == self.vm for vm in vms)

    def _keep(self, note: str) -> None:
        self._enter(Phase.KEPT)
        self._tell(note)

    def _end_work(self, outcome: Outcome) -> None:
        self._emit(WorkEnded(run=self.id, at=time.time(), outcome=outcome))

    async def _stopped(self) -> Outcome | None:
        """Someone here stops the run, or leaves a pinned one."""
        await first_of(self._stop.wait(), self._leave.wait())
        return Outcome(OutcomeKind.CANCELLED) if self._stop.is_set() else None

    async def _ended_by_others(self) -> Outcome:
        """The host, or another terminal, ends the lease; pins set elsewhere show meanwhile."""
        while True:
            report = await self.link.report_where(self.vm, self._is_news)
            if report.phase is LeasePhase.NONE:  # too grave to believe at once
                report = await self._say(lambda: self.link.warden.status(self.vm))
                self.link.take_report(report)
            if report.phase is LeasePhase.NONE or report.phase.is_ending or report.foreign:
                return outcome_of_report(report, self.spec)
            self._pin.take(report)

    async def _bereft(self) -> Outcome:
        """The VM went away under the workload."""
        await self._vm_lost.wait()
        return lost("vm-not-running" if self.state.vm_state else "vm-absent")

    def _is_news(self, report: LeaseReport) -> bool:
        is_over = report.phase is LeasePhase.NONE or report.phase.is_ending or report.foreign
        return is_over or self._pin.differs_from(report)

    # ---- words

    async def _say(self, sentence: Callable[[], Awaitable[T]]) -> T:
        """Say it to the host for as long as the host would let the run go on, and a minute more."""
        return await self.link.say(sentence, patience_s=self.spec.grace_s + _PATIENCE_S)

    def _emit(self, event: RunEvent) -> None:
        self._store.apply(event)

    def _enter(self, phase: Phase) -> None:
        self._emit(PhaseEntered(run=self.id, at=time.time(), phase=phase))

    def _progress(self, text: str) -> None:
        if text and text != self.state.progress:
            self._emit(ProgressMade(run=self.id, at=time.time(), text=text))

    def _tell(self, text: str) -> None:
        self._emit(Narrated(run=self.id, at=time.time(), text=text))

    def _watch_launch(self, stream: str, data: bytes) -> None:
        if stream == "stdout":
            self._launch_tail = (self._launch_tail + data)[-_TAIL:]
            self._progress(self.link.driver.launch_progress(self._launch_tail))
