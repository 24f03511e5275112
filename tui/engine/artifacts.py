"""Brings the results of one run home: from the host's spools into files here, whoever was there meanwhile.

The epilogue of the lease has them brought out of the VM; here they are fetched from where the last process
stopped, unpacked, and written down. The host forgets them only after that.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

from tui.engine.collect import NO_TAR, NOTHING_MATCHES, cut_at
from tui.engine.link import HostLink
from tui.engine.logs import STREAMS, JobLog, RunLogs
from tui.engine.manifest import Collected, read_manifest, result_folder, write_manifest
from tui.engine.names_inside import Names
from tui.engine.outcomes import LOSSES, TIMEOUT
from tui.engine.unpack import Unpacked, new_names, unpack
from tui.model.errors import HostUnreachable, LogUnwritable, WardenError
from tui.model.lease import WORK_JOB, EndKind, JobEnd, LeasePhase, LeaseReport, collect_job
from tui.model.results import Result, ResultState
from tui.model.spec import Artifact, RunId, RunSpec, VmName
from tui.model.text import clean, clean_bytes
from tui.model.units import approximate_size, format_duration

PATIENCE_S = 60
"""How much longer than the host waits for us we wait for its next byte."""
_SHOW_EVERY_S = 0.5
_FULL_DISK_PAUSE_S = 2.0
_TAIL = 4096
_UNREADABLE = ("Exiting with failure status", "error exit delayed", "file shrank")
"""What tar says where it had to leave something out, or to make something up."""

ShowResults = Callable[[tuple[Result, ...]], None]


class Artifacts:
    """What one run is to bring home. `bring_home` is for whoever needs it first; the others wait for it."""

    def __init__(
        self, run: RunId, vm: VmName, spec: RunSpec, link: HostLink, *, folder: Path, show: ShowResults
    ) -> None:
        self._run, self._vm, self._spec, self._link = run, vm, spec, link
        self._folder, self._show = folder, show
        self._lock = asyncio.Lock()
        self._shown_at = 0.0
        self._is_home = not spec.artifacts
        self._results = tuple(
            Result(
                path=artifact.path,
                folder=str(result_folder(artifact, run, folder)),
                required=artifact.required,
            )
            for artifact in spec.artifacts
        )

    @property
    def is_home(self) -> bool:
        """Nothing more of it is on the host, or ever will be."""
        return self._is_home

    async def recall(self) -> None:
        """Show what an earlier process has brought home already."""
        collected = None if self._is_home else await asyncio.to_thread(read_manifest, self._folder)
        if collected is not None:
            await asyncio.to_thread(self._remove_raw)
            self._is_home = True
            self._results = tuple(one.result for one in collected)
            self._show(self._results)

    async def bring_home(self) -> None:
        """Return when all is here and on the disk, or can't come any more: then its result says why.

        The work is over, or being ended. Cancelled, it leaves here what came so far, and the rest on the
        host; said again it goes on from there. Raises HostError kinds where the host can't be reached.
        """
        async with self._lock:
            await self.recall()
            if self._is_home:
                return
            logs = RunLogs(self._folder)
            try:
                ends = [await self._fetch(index, logs) for index in range(len(self._spec.artifacts))]
            finally:
                logs.close()
            await self._keep(ends)
            self._is_home = True

    # ---- from the host

    async def _fetch(self, index: int, logs: RunLogs) -> JobEnd | str:
        """All of one artifact's tar; how its job ended, or why nothing more of it comes."""
        job = collect_job(index)
        stall_s = self._spec.collect_timeout_s + self._spec.grace_s + PATIENCE_S
        self._change(index, state=ResultState.COLLECTING)
        try:
            async with asyncio.timeout(stall_s) as patience:
                report = await self._begun(job)
                if why := _why_nothing(report, job, self._link.name):
                    return why
                log = logs.job(job)
                log.on_bytes = self._counter(index, log, patience, stall_s)
                return await self._follow(job, log)
        except WardenError as error:
            return error.message.rstrip(".")
        except TimeoutError:
            if not self._link.is_up:
                raise HostUnreachable(f"{self._link.name} does not answer", host=self._link.name) from None
            return f"nothing came from {self._link.name} for {format_duration(stall_s)}"

    async def _begun(self, job: str) -> LeaseReport:
        """The first report by which the job runs, has run, or never will."""
        link = self._link
        report = await link.say(lambda: link.warden.status(self._vm))
        link.take_report(report)
        while not _is_decided(report, job):
            report = await link.news_after(report)
            if report.phase is LeasePhase.NONE:  # too grave to believe at once
                report = await link.say(lambda: link.warden.status(self._vm))
                link.take_report(report)
        return report

    async def _follow(self, job: str, log: JobLog) -> JobEnd:
        while True:
            try:
                end = await self._link.say(partial(self._link.warden.follow, self._vm, job, log))
                await log.sync()
                return end
            except LogUnwritable:
                await asyncio.sleep(_FULL_DISK_PAUSE_S)  # the rest waits on the host

    def _counter(
        self, index: int, log: JobLog, patience: asyncio.Timeout, stall_s: float
    ) -> Callable[[str, bytes], None]:
        """Each byte is a sign of life; what is shown moves a few times a second."""
        size = log.sizes()[0]

        def count(stream: str, data: bytes) -> None:
            nonlocal size
            patience.reschedule(asyncio.get_running_loop().time() + stall_s)
            if stream == STREAMS[0]:
                size += len(data)
                if time.monotonic() - self._shown_at > _SHOW_EVERY_S:
                    self._change(index, size=size)

        return count

    # ---- into its folders

    async def _keep(self, ends: list[JobEnd | str]) -> None:
        """Unpack, write down, and only then remove the raw tars."""
        names: dict[Path, Names] = {}
        collected = []
        for index, end in enumerate(ends):
            one = await self._unpack(index, end, names)
            collected.append(one)
            self._results = (*self._results[:index], one.result, *self._results[index + 1 :])
            self._show(self._results)
        await asyncio.to_thread(write_manifest, self._folder, tuple(collected))
        await asyncio.to_thread(self._remove_raw)

    async def _unpack(self, index: int, end: JobEnd | str, names: dict[Path, Names]) -> Collected:
        artifact, result = self._spec.artifacts[index], self._results[index]
        tar = self._raw(index)
        reason = end if isinstance(end, str) else _trouble(end, self._spec, self._said(index))
        if not await asyncio.to_thread(_has_bytes, tar):
            missing = replace(result, state=ResultState.MISSING, size=0, reason=reason or "nothing came")
            return Collected(result=missing)
        folder, stop = Path(result.folder), Event()
        if folder not in names:
            names[folder] = new_names(self._run)
        work = partial(unpack, max_size=artifact.max_size, mark=self._run, names=names[folder], stop=stop)
        try:
            unpacked = await asyncio.to_thread(work, tar, folder)
        except asyncio.CancelledError:
            stop.set()
            raise
        except OSError as error:
            reason = f"{error.strerror or error}; what came is in {self._keep_raw(index)}"
            return Collected(result=replace(result, state=ResultState.PARTIAL, reason=reason))
        collected = _collected(result, unpacked, _limit_of(artifact, tar) or reason)
        if not unpacked.is_obstructed:
            return collected
        kept = f"{collected.result.reason}; all that came is in {self._keep_raw(index)}"
        return replace(collected, result=replace(collected.result, state=ResultState.PARTIAL, reason=kept))

    def _keep_raw(self, index: int) -> Path:
        """It cannot be unpacked here, or not all of it: what came is not thrown away."""
        kept = self._folder / f"result-{index}.tar"
        self._raw(index).replace(kept)
        return kept

    def _raw(self, index: int) -> Path:
        return self._folder / f"{collect_job(index)}.stdout"

    def _said(self, index: int) -> list[str]:
        """What tar said of what it could not read."""
        path = self._folder / f"{collect_job(index)}.stderr"
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            return [clean_bytes(line) for line in file.read(_TAIL).splitlines() if line.strip()]
        return []

    def _remove_raw(self) -> None:
        for index in range(len(self._spec.artifacts)):
            for suffix in (*STREAMS, "index"):
                (self._folder / f"{collect_job(index)}.{suffix}").unlink(missing_ok=True)

    def _change(self, index: int, **changes: object) -> None:
        self._shown_at = time.monotonic()
        changed = replace(self._results[index], **changes)  # type: ignore[arg-type]
        self._results = (*self._results[:index], changed, *self._results[index + 1 :])
        self._show(self._results)


def _is_decided(report: LeaseReport, job: str) -> bool:
    is_here = job in report.started or report.end_of(job) is not None
    is_over = report.phase in (LeasePhase.GONE, LeasePhase.NONE)
    return is_here or is_over or report.dropped or WORK_JOB not in report.started


def _why_nothing(report: LeaseReport, job: str, host: str) -> str:
    if report.phase is LeasePhase.NONE:
        return f"{host} knows nothing of this run any more"
    if WORK_JOB not in report.started:
        return "the command never began"
    if report.dropped:
        return f"{host} kept it until its limit; it is gone from there"
    if job not in report.started and report.end_of(job) is None:
        return "it was never brought out of the VM"
    return ""


def _trouble(end: JobEnd, spec: RunSpec, said: list[str]) -> str:
    """Why what the guest sent may not be all; empty: it is."""
    if end.kind is EndKind.LOST:
        return LOSSES.get(end.detail, end.detail)
    if end.kind is EndKind.KILLED:
        limit = format_duration(spec.collect_timeout_s)
        return f"its time was over: {limit}" if end.detail == TIMEOUT else "it was stopped"
    if end.status == NOTHING_MATCHES:
        return "nothing in the VM matches"
    if end.status == NO_TAR:
        return "the VM has no tar"
    if end.status or any(word in line for line in said for word in _UNREADABLE):
        return said[0] if said else f"its command failed with status {end.status}"
    return ""


def _limit_of(artifact: Artifact, tar: Path) -> str:
    """Where the guest was asked for no more, that is why it breaks off."""
    over = tar.stat().st_size >= cut_at(artifact.max_size)
    return f"more than {approximate_size(artifact.max_size)}" if over else ""


def _collected(result: Result, unpacked: Unpacked, reason: str) -> Collected:
    reason = reason or unpacked.cut
    if not reason and unpacked.refused:
        first = unpacked.refused[0]
        others = f", and {unpacked.refused_count - 1} more" if unpacked.refused_count > 1 else ""
        reason = f"refused: {clean(first.name)!r}: {first.reason}{others}"
    state = ResultState.PARTIAL if reason else ResultState.COMPLETE
    if reason and not unpacked.files:
        state = ResultState.MISSING
    return Collected(
        result=replace(result, state=state, size=unpacked.size, files=len(unpacked.files), reason=reason),
        files=unpacked.files,
        refused=unpacked.refused,
        renamed=unpacked.renamed,
    )


def _has_bytes(tar: Path) -> bool:
    try:
        return tar.stat().st_size > 0
    except FileNotFoundError:
        return False
