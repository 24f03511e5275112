"""The stages of one run on its host: lease, launch, boot, work. Each says how it went, and ends nothing."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tui.engine.collect import epilogue_limit, epilogue_of
from tui.engine.emitter import Emitter
from tui.engine.errands import Errands
from tui.engine.intake import Intake
from tui.engine.launching import launch_argv
from tui.engine.ledger import Ledger, LedgerRow
from tui.engine.link import HostLink
from tui.engine.logs import RunLogs
from tui.engine.outcomes import AWAY, TIMEOUT, launch_failed, lost, outcome_of_end
from tui.engine.secrets import SecretSources
from tui.engine.takeover import TAIL, fetch_output, outcome_without_us
from tui.model.errors import DayflyError, LogUnwritable
from tui.model.hosts import RUNNING
from tui.model.lease import (
    LAUNCH_JOB,
    WORK_JOB,
    EndKind,
    Identity,
    JobEnd,
    JobPlace,
    LeaseReport,
    LeaseSpec,
)
from tui.model.phase import Outcome, OutcomeKind, Phase
from tui.model.spec import RunId, RunSpec, VmName
from tui.model.units import format_duration

T = TypeVar("T")

PATIENCE_S = 60
"""How much longer than the host waits for us we try to reach it."""
_LAUNCH_MARGIN_S = 60
_LAST_BYTES_S = 30
_BOOT_LOOK_S = 1.0
_NEWS_S = 10.0
_FULL_DISK_PAUSE_S = 2.0


class Stages:
    """Carries one run from stage to stage; what was begun by an earlier process is gone on with."""

    def __init__(
        self,
        run: RunId,
        vm: VmName,
        spec: RunSpec,
        link: HostLink,
        *,
        ledger: Ledger,
        emitter: Emitter,
        identity: Identity,
        logs: RunLogs,
        secrets: SecretSources,
    ) -> None:
        self._run, self._vm, self._spec, self._link = run, vm, spec, link
        self._ledger, self._emitter, self._identity, self._logs = ledger, emitter, identity, logs
        errands = Errands(vm, link, logs, say=self.say, follow=self._follow)
        self._intake = Intake(
            *(run, vm, spec, link, errands),
            emitter=emitter,
            logs=logs,
            folder=ledger.run_folder(run),
            secrets=secrets,
        )
        self._launch_tail = b""
        self._began_at: float | None = None
        self.is_leased = False
        self.has_touched_host = False
        self.works = asyncio.Event()
        """The workload has been started."""
        self.hint = ""
        """What to do about the last failure."""

    def resume(self, row: LedgerRow) -> None:
        """Some earlier process began it."""
        self.has_touched_host = self.is_leased = True
        self._began_at = row.working_at

    @property
    def finish_s(self) -> int:
        """How long the workload may go on where it is left to finish."""
        left = self.left_s
        return self._spec.finish_s if left is None else max(1, math.ceil(left))

    @property
    def left_s(self) -> float | None:
        """How much of the workload's time is left; None: it has no limit."""
        limit = self._spec.timeout_s
        if limit is None or self._began_at is None:
            return limit
        return max(0.0, limit - (time.time() - self._began_at))

    async def carry_out(self, when_leased: Callable[[], Awaitable[None]]) -> Outcome:
        """From the ledger's first line to the end of the workload."""
        return await self._guarded(self._from_start(when_leased))

    async def go_on(self) -> Outcome:
        """From wherever the run is to the end of the workload; its log goes on where it stopped."""
        return await self._guarded(self._from_here())

    async def _guarded(self, stages: Awaitable[Outcome]) -> Outcome:
        try:
            return await stages
        except DayflyError as error:
            self.hint = error.hint
            has_begun = self._emitter.state.phase is Phase.WORKING
            kind = OutcomeKind.LOST if has_begun else OutcomeKind.LAUNCH_FAILED
            return Outcome(kind, None, error.message)

    async def _from_start(self, when_leased: Callable[[], Awaitable[None]]) -> Outcome:
        await self._lease()
        await when_leased()
        return await self._launch() or await self._bring_in() or await self._work()

    async def _from_here(self) -> Outcome:
        warden, spec = self._link.warden, self._spec
        report = await self.say(lambda: warden.status(self._vm))
        finish_s = spec.finish_s if spec.finish else 0
        if report.finish_s != finish_s and not report.phase.is_ending:
            await self.say(lambda: warden.set_grace(self._vm, spec.grace_s, finish_s=finish_s))
        if WORK_JOB in report.started:
            self._begin_work()
            await self._intake.mask_again()
            return await self._await_workload()
        await self._link.first_contact()
        self._intake.go_on_from(report)
        is_launched = LAUNCH_JOB in report.started
        return await self._launch(begun=is_launched) or await self._bring_in() or await self._work()

    async def _lease(self) -> None:
        """Intend, connect, wait for our turn, and have the lease on the host."""
        link, spec = self._link, self._spec
        await asyncio.to_thread(self._ledger.intend, self._run, self._vm, link.entry, spec)
        await self._intake.check()
        self._emitter.progress(f"connecting to {link.name}")
        await link.first_contact()
        launch_argv(link, self._vm, spec)  # what cannot be launched is refused before there is a lease
        await link.enter_lane(self._vm, self._emitter.progress)
        lease = LeaseSpec(
            vm=self._vm,
            client=self._identity.client,
            owner=self._identity.owner,
            grace_s=spec.grace_s,
            finish_s=spec.finish_s if spec.finish else 0,
            pin=spec.pin,
            pin_for_s=spec.pin_for_s,
            recipe=link.driver.recipe(self._vm),
            epilogue=epilogue_of(spec),
            epilogue_s=spec.collect_timeout_s,
            epilogue_limit=epilogue_limit(spec),
        )
        self.has_touched_host = True
        await self.say(lambda: link.warden.open(lease))
        await asyncio.to_thread(self._ledger.leased, self._run)
        link.hold(self._vm)
        self.is_leased = True
        self._emitter.enter(Phase.LEASED)

    async def _launch(self, *, begun: bool = False) -> Outcome | None:
        link, spec = self._link, self._spec
        argv = launch_argv(link, self._vm, spec)
        self._emitter.enter(Phase.LAUNCHING)
        spool = await self._intake.put_user_data(launched=begun)
        await self.say(lambda: link.warden.start(self._vm, LAUNCH_JOB, argv, JobPlace.HOST, spool=spool))
        try:
            async with asyncio.timeout(spec.boot_timeout_s + _LAUNCH_MARGIN_S):
                end = await self._follow(LAUNCH_JOB)
        except TimeoutError:
            return launch_failed(f"no VM after {format_duration(spec.boot_timeout_s)}")
        return None if end.status == 0 else self._explain_launch(end)

    def _explain_launch(self, end: JobEnd) -> Outcome:
        if end.status is None:
            return launch_failed(lost(end.detail).reason)
        stderr = self._logs.tail(LAUNCH_JOB, "stderr", TAIL)
        sentence, self.hint = self._link.driver.explain(stderr, end.status)
        return launch_failed(sentence)

    async def _bring_in(self) -> Outcome | None:
        """What the workload needs in its VM."""
        outcome = await self._boot() or await self._intake.boot() or await self._intake.bring_inputs()
        self.hint = self.hint or self._intake.hint
        return outcome

    async def _boot(self) -> Outcome | None:
        """A launch that says it is done may still have lost its VM: look."""
        self._emitter.enter(Phase.BOOTING)
        state = ""
        try:
            async with asyncio.timeout(self._spec.boot_timeout_s):
                while True:
                    vms = await self._link.list_now()
                    state = next((vm.state for vm in vms if vm.name == self._vm), "")
                    if state == RUNNING:
                        return None
                    if state in AWAY:
                        reason = "somebody deleted or stopped the VM while it was launched"
                        return Outcome(OutcomeKind.LOST, None, reason)
                    self._emitter.progress(f"the VM is {state.lower()}")
                    await asyncio.sleep(_BOOT_LOOK_S)
        except TimeoutError:
            limit = format_duration(self._spec.boot_timeout_s)
            return launch_failed(f"still {state.lower()} after {limit}")

    async def _work(self) -> Outcome:
        argv = await self._intake.workload()
        if isinstance(argv, Outcome):
            self.hint = self._intake.hint
            return argv
        start, place, workdir = self._link.warden.start, JobPlace.GUEST, self._spec.workdir
        await self.say(lambda: start(self._vm, WORK_JOB, argv, place, workdir=workdir))
        await asyncio.to_thread(self._ledger.working, self._run)
        self._began_at = time.time()
        self._begin_work()
        return await self._await_workload()

    def _begin_work(self) -> None:
        self._emitter.enter(Phase.WORKING)
        self.works.set()

    async def _await_workload(self) -> Outcome:
        try:
            async with asyncio.timeout(self.left_s):
                end = await self._follow(WORK_JOB)
        except TimeoutError:
            return await self._end_in_time()
        if end.kind is EndKind.KILLED:
            await asyncio.sleep(_NEWS_S)  # the news of the lease, which say why, are to come first
        return outcome_of_end(end)

    async def _end_in_time(self) -> Outcome:
        self._emitter.progress("stopping the workload: its time is over")
        await self.say(lambda: self._link.warden.kill(self._vm, WORK_JOB, reason=TIMEOUT))
        await self._fetch_last_bytes()
        return Outcome(OutcomeKind.TIMED_OUT, None, f"after {format_duration(self._spec.timeout_s or 0)}")

    async def let_finish(self) -> None:
        """Tell the host that the workload may end by itself. Raises LeaseClosing and HostError kinds."""
        grace_s, finish_s = self._spec.grace_s, self.finish_s
        await self.say(lambda: self._link.warden.set_grace(self._vm, grace_s, finish_s=finish_s))

    async def _fetch_last_bytes(self) -> None:
        """What the workload wrote before it was stopped; bounded."""
        try:
            async with asyncio.timeout(_LAST_BYTES_S):
                await self._follow(WORK_JOB)
        except TimeoutError:
            self._emitter.tell("The workload's last output could not be fetched in time.")

    async def _follow(self, job: str) -> JobEnd:
        log = self._logs.job(job, self._watch_launch if job == LAUNCH_JOB else None)
        while True:
            try:
                end = await self.say(lambda: self._link.warden.follow(self._vm, job, log))
                await log.sync()
                return end
            except LogUnwritable as error:
                await self._await_room(error)

    # ---- what happened without us

    async def fetch_late(self, report: LeaseReport) -> LeaseReport:
        """All that was written without us, however long it takes; the report on what has ended then.

        Cancelled, it leaves here what came so far, and the rest on the host.
        """
        if report.dropped:
            self._emitter.tell(f"{self._link.name} kept its output until the limit; it is gone from there.")
        await self._intake.mask_again()
        try:
            if WORK_JOB in report.started and report.end_of(WORK_JOB) is None:
                await self._fetch_last_bytes()  # it is being stopped
                report = await self._link.say(lambda: self._link.warden.status(self._vm))
            await self._fetch_ended(report)
        except DayflyError as error:
            self._emitter.tell(f"Not all of its output could be fetched: {error.message}")
        return report

    async def _fetch_ended(self, report: LeaseReport) -> None:
        while True:
            try:
                await fetch_output(self._link, report, self._logs)
                return
            except LogUnwritable as error:
                await self._await_room(error)

    async def _await_room(self, error: LogUnwritable) -> None:
        self._emitter.progress(f"{error.message}; the output waits on the host")
        await asyncio.sleep(_FULL_DISK_PAUSE_S)

    def past_outcome(self, report: LeaseReport) -> Outcome:
        """How the run went that nobody of us saw the end of; its output was fetched before."""
        outcome, self.hint = outcome_without_us(self._link, report, self._spec, self._logs)
        return outcome

    # ---- words

    async def say(self, sentence: Callable[[], Awaitable[T]]) -> T:
        """Say it to the host for as long as the host would let the run go on, and a minute more."""
        spec = self._spec
        waits_s = max(spec.grace_s, spec.finish_s if spec.finish else 0)
        return await self._link.say(sentence, patience_s=waits_s + PATIENCE_S)

    def _watch_launch(self, stream: str, data: bytes) -> None:
        if stream == "stdout":
            self._launch_tail = (self._launch_tail + data)[-TAIL:]
            self._emitter.progress(self._link.driver.launch_progress(self._launch_tail))
