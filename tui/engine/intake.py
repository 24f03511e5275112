"""What goes into a VM before its workload begins: cloud-init's user data, files, variables.

Each goes to the host as a spool of the lease, and from there into the VM by jobs. What an earlier process of
ours has got there is not sent again.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path

from tui.engine import environment, packing
from tui.engine.boot import LOG_TAIL, STATUS_TAIL, Verdict, boot_argv, verdict
from tui.engine.emitter import Emitter
from tui.engine.errands import Done, Errands, why_cut
from tui.engine.inputs import survey
from tui.engine.link import HostLink
from tui.engine.logs import RunLogs
from tui.engine.masking import SHORTEST
from tui.engine.outcomes import launch_failed
from tui.engine.secrets import Secret, SecretSources
from tui.model.errors import DayflyError, UsageError
from tui.model.lease import BOOT_JOB, ENV_JOB, SEND_JOB, UNPACK_JOB, Argv, LeaseReport
from tui.model.phase import Outcome
from tui.model.spec import RunId, RunSpec, VmName
from tui.model.units import MIB, approximate_size

CLOUD_INIT_SPOOL = "cloud-init"
_INPUTS_SPOOL, _ENV_SPOOL = "inputs", "env"
_LEAST_S, _SLOWEST = 300.0, MIB
"""How long a step that moves bytes may take: so many seconds, and those of so many bytes a second."""
_ENV_LIMIT_S = 60.0


class Intake:
    """Brings what one run needs into its VM. Each step returns None, or why the run is over.

    All raise HostError and WardenError kinds, and UsageError for what this machine does not give.
    """

    def __init__(
        self,
        run: RunId,
        vm: VmName,
        spec: RunSpec,
        link: HostLink,
        errands: Errands,
        *,
        emitter: Emitter,
        logs: RunLogs,
        folder: Path,
        secrets: SecretSources,
    ) -> None:
        self._run, self._vm, self._spec, self._link, self._errands = run, vm, spec, link, errands
        self._emitter, self._logs, self._folder, self._secrets = emitter, logs, folder, secrets
        self._is_masked = False
        self.hint = ""
        """What to do about the last failure."""

    async def check(self) -> None:
        """Before anything is done to the host: what is to be sent is here, a person has had his say."""
        await asyncio.to_thread(survey, self._spec.inputs, self._spec.disk)
        await self._secrets.prepare()

    def go_on_from(self, report: LeaseReport) -> None:
        """What an earlier process has done is not done again."""
        self._errands.past = report

    # ---- cloud-init

    async def put_user_data(self, *, launched: bool) -> str:
        """The spool that is the launch's stdin; empty: it has none."""
        if self._spec.cloud_init is None:
            return ""
        if not launched:
            await self._errands.put(CLOUD_INIT_SPOOL, self._link.driver.launch_input(self._spec))
        return CLOUD_INIT_SPOOL

    async def boot(self) -> Outcome | None:
        """Until cloud-init is through with its user data."""
        if self._spec.cloud_init is None:
            return None
        await self._errands.drop(CLOUD_INIT_SPOOL)
        self._emitter.progress("cloud-init is at work")
        limit_s = self._spec.boot_timeout_s
        end = await self._errands.enter(BOOT_JOB, boot_argv(), limit_s=limit_s)
        if end.status is None:
            return launch_failed(f"cloud-init: {why_cut(end, limit_s)}")
        told = self._logs.tail(BOOT_JOB, "stderr", STATUS_TAIL)
        return self._judge(verdict(end.status, told, self._logs.tail(BOOT_JOB, "stdout", LOG_TAIL)))

    def _judge(self, said: Verdict) -> Outcome | None:
        assert self._spec.cloud_init is not None  # boot has looked
        if not said.is_there:
            self._emitter.tell("This VM has no cloud-init: its user data did nothing.")
        for warning in said.warnings:
            self._emitter.tell(f"cloud-init warns: {warning.rstrip('.')}.")
        if not said.failures:
            return None
        failed = f"cloud-init failed: {'; '.join(said.failures)}"
        if self._spec.cloud_init.stop_on_failure:
            self.hint = f"see its log: dayfly logs {self._run} --job {BOOT_JOB}"
            return launch_failed(failed)
        self._emitter.tell(f"{failed.rstrip('.')}. The run goes on.")
        return None

    # ---- inputs

    async def bring_inputs(self) -> Outcome | None:
        """Have them in their places in the VM."""
        if not self._spec.inputs:
            return None
        if not self._errands.has_done(UNPACK_JOB):
            package = await self._pack()
            there = f"/var/tmp/dayfly-{self._run}.tar"
            failure = await self._send(package, there) or await self._unpack(package, there)
            if failure is not None:
                return failure
        await self._errands.drop(_INPUTS_SPOOL)
        await asyncio.to_thread(packing.discard, self._folder)
        return None

    async def _pack(self) -> packing.Package:
        package = await asyncio.to_thread(packing.packed, self._folder)
        if package is not None:
            return package
        found = await asyncio.to_thread(survey, self._spec.inputs, self._spec.disk)
        stop, loop = threading.Event(), asyncio.get_running_loop()
        show = _Percent(self._emitter.progress, "packing inputs", found.size)

        def on_packed(size: int) -> None:
            loop.call_soon_threadsafe(show, size)

        try:
            package = await asyncio.to_thread(
                packing.pack, found, self._folder, on_packed=on_packed, stop=stop
            )
        except OSError as error:
            where = f": {error.filename}" if error.filename else ""
            raise UsageError(f"inputs could not be packed: {error.strerror}{where}") from error
        finally:
            stop.set()
        for path in package.changed:
            self._emitter.tell(f"{path} was written to while it was packed: what is sent is not whole.")
        return package

    async def _send(self, package: packing.Package, there: str) -> Outcome | None:
        if self._errands.has_begun(UNPACK_JOB):
            return None
        show = _Percent(self._emitter.progress, "sending inputs", package.size)
        file = os.open(package.path, os.O_RDONLY)
        try:
            done = await self._errands.send(
                SEND_JOB,
                lambda _: self._link.driver.put_argv(self._vm, there),
                spool=_INPUTS_SPOOL,
                fill=lambda: self._errands.put_file(
                    _INPUTS_SPOOL, package.size, lambda at, length: os.pread(file, length, at), show
                ),
                limit_s=_limit_s(package.size),
            )
        finally:
            os.close(file)
        self.hint = done.hint
        return (
            launch_failed(f"inputs could not be sent into the VM: {done.failure}") if done.failure else None
        )

    async def _unpack(self, package: packing.Package, there: str) -> Outcome | None:
        self._emitter.progress("unpacking inputs")
        argv = package.unpack_argv(there, sudo=self._spec.sudo)
        limit_s = _limit_s(package.size)
        end = await self._errands.enter(UNPACK_JOB, argv, limit_s=limit_s)
        if end.status == 0:
            return None
        said = self._errands.said(UNPACK_JOB) or f"status {end.status}"
        why = why_cut(end, limit_s) if end.status is None else said
        return launch_failed(f"inputs could not be unpacked in the VM: {why}")

    # ---- variables and secrets

    async def workload(self) -> Argv | Outcome:
        """The workload's argv, with its variables waiting for it in the VM."""
        if not (self._spec.env or self._spec.secrets):
            return self._spec.argv
        name = f".dayfly-{self._run}"
        attempt = self._errands.has_done(ENV_JOB)
        if attempt:
            await self.mask_again()
        else:
            self._emitter.progress("bringing the variables into the VM")
            try:
                done = await self._bring_variables(name)
            except DayflyError as error:
                raise error.with_traceback(None) from None  # its frames have held the values
            if done.failure:
                self.hint = done.hint
                return launch_failed(f"the variables could not be brought into the VM: {done.failure}")
            attempt = done.attempt
        await self._errands.drop(_ENV_SPOOL)
        return environment.use_argv(self._spec, name, attempt)

    async def _bring_variables(self, name: str) -> Done:
        secrets = await self._secrets.resolve()
        self._mask(secrets)
        text = environment.text_of(self._spec.env, secrets)
        enter = self._link.driver.recipe(self._vm).enter
        return await self._errands.send(
            ENV_JOB,
            lambda number: environment.keep_argv(enter, name, number, len(text.reveal())),
            spool=_ENV_SPOOL,
            fill=lambda: self._errands.put(_ENV_SPOOL, text.reveal()),
            limit_s=_ENV_LIMIT_S,
        )

    async def mask_again(self) -> None:
        """Have stars for the secrets of a run that an earlier process began. Idempotent."""
        if self._is_masked or not (self._spec.mask and self._spec.secrets):
            return
        secrets, missing = await self._secrets.resolve_alone()
        self._mask(secrets)
        if missing:
            names = ", ".join(missing)
            self._emitter.tell(f"Without a person there are no stars for {names} in what is fetched now.")

    def _mask(self, secrets: dict[str, Secret]) -> None:
        self._is_masked = True
        if not self._spec.mask:
            return
        self._logs.mask(secret.reveal() for secret in secrets.values())
        short = [name for name, secret in secrets.items() if 0 < len(secret.reveal()) < SHORTEST]
        if short:
            self._emitter.tell(f"Too short to be masked in the log: {', '.join(short)}.")


class _Percent:
    """Shows how far something is, once for each percent."""

    def __init__(self, show: Callable[[str], None], what: str, size: int) -> None:
        self._show, self._what, self._size = show, what, size

    def __call__(self, done: int) -> None:
        if self._size < MIB:  # it is over before anybody has read it
            self._show(self._what)
            return
        self._show(f"{self._what}: {100 * done // self._size} % of {approximate_size(self._size)}")


def _limit_s(size: int) -> float:
    return _LEAST_S + size / _SLOWEST
