"""The warden's client: `contracts.Warden` over any `contracts.Host`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from tui.contracts import Channel, Completed, Host, LogSink, OnBytes, OnCommand, TerminalSize
from tui.model.errors import (
    ConnectionDropped,
    HostUnreachable,
    ManagerSilent,
    Unguarded,
    WardenError,
)
from tui.model.lease import Argv, JobEnd, JobPlace, LeaseReport, LeaseSpec
from tui.model.spec import VmName
from tui.model.units import GIB
from tui.warden import faults, script, wire
from tui.warden.curtain import Curtain
from tui.warden.holder import Holder
from tui.warden.told import SCRIPT, Teller, ToldChannel, Underway
from tui.warden.upload import Upload

CALL_LIMIT_S = 45.0
SPOOL_LIMIT = GIB
"""Bytes of one stream that the host keeps for us at once."""

_START_LIMIT_S = 75.0
_PIN_LIMIT_S = 75.0
_SETTLE_LIMIT_S = 90.0
_OPEN_LIMIT_S = 30.0
_NO_SCRIPT = (2, 126, 127)
"""What a shell exits with where there is no such script."""
_PUT_TRIES = 5
_PUT_END_LIMIT_S = 300.0
"""For what is under way when all was sent."""
_PUT_STATUS_LIMIT_S = 10.0
"""Where it reads no more: to say why."""


class HostWarden:
    """The guard on one host. See `contracts.Warden`; what is said here comes in addition.

    `client` is this installation's id. `state_dir` is where the host keeps the leases; empty:
    ~/.local/state/dayfly. `tick_s` is how often a supervisor looks at its lease. `spool_limit` is in bytes.
    Any call may be cancelled; the host may have carried it out by then, so it is said again or asked about.
    """

    def __init__(
        self,
        host: Host,
        *,
        client: str,
        state_dir: str = "",
        tick_s: float | None = None,
        spool_limit: int = SPOOL_LIMIT,
    ) -> None:
        self._host = host
        self._client = wire.check_id(client)
        self._state_dir = script.check_state_dir(state_dir)
        self._command = script.command(self._state_dir)
        self._tick = f"{tick_s or 2:g}"
        self._spool_limit = spool_limit
        self._stirred = asyncio.Event()
        self._teller = Teller()
        self._ways_in: dict[VmName, Argv] = {}

    def listen(self, on_command: OnCommand) -> None:
        """From now on tell every command that is run on the host, once it ended.

        The verbs of our script are told as `dayfly-warden VERB ...`; what it runs for us, as it runs it.
        """
        self._teller.listen(on_command)

    async def install(self) -> None:
        """Have this version of the script on the host; other versions stay. Raises Unguarded."""
        with self._teller.telling(self._teller.begin_verb("install")) as command:
            done = await self._host.run("sh", script.installer(self._state_dir), timeout_s=CALL_LIMIT_S)
            command.end(done.status)
        if wire.parse_answer(done.stdout) is None:
            raise Unguarded(
                "The host runs no script of ours.", hint=f"Its sh said: {faults.last_line(done.stderr)}"
            )

    async def ask(self, argv: Argv, *, limit_s: float) -> Completed:
        """Run one command of the manager; both streams byte for byte. Raises ManagerSilent."""
        words = self._words("ask", f"{limit_s:g}", wire.command_line(argv))
        with self._teller.telling(self._teller.begin(argv)) as command:
            done = await self._run(words, limit_s + 10)
            asked = wire.parse_asked(done.stderr)
            command.end(None if asked is None else asked.status)
        if asked is None:
            raise WardenError("The host's answer broke off.")
        if asked.status is None:
            raise ManagerSilent(f"The VM manager did not answer within {limit_s:g} s.")
        return Completed(asked.status, done.stdout, asked.stderr)

    async def open(self, lease: LeaseSpec) -> None:
        """Write the lease; its supervisor runs. Raises NotOurs, Unguarded. Nothing half-written is left."""
        recipe = lease.recipe
        texts = (recipe.running, recipe.probe_busy, recipe.probe_free, recipe.fetching, recipe.taken)
        if any("\n" in text for text in (lease.owner, *texts)):
            raise WardenError("The texts of a recipe must be single lines.")
        commands = (recipe.list, recipe.delete, recipe.enter, recipe.owner, recipe.probe)
        self._ways_in[lease.vm] = recipe.enter
        await self._call(
            "open",
            lease.vm,
            lease.owner,
            str(lease.grace_s),
            str(lease.finish_s),
            self._tick,
            lease.pin.value,
            "none" if lease.pin_for_s is None else str(lease.pin_for_s),
            str(recipe.settle_s),
            str(recipe.lane),
            str(self._spool_limit),
            str(lease.epilogue_s),
            str(lease.epilogue_limit),
            *texts,
            *(wire.command_line(command) for command in commands),
            *(word for name, argv in lease.epilogue for word in (name, wire.command_line(argv))),
            told=(lease.vm,),
        )

    async def start(
        self, vm: VmName, job: str, argv: Argv, place: JobPlace, *, workdir: str = "", spool: str = ""
    ) -> None:
        """Start a durable job, once. Raises LeaseClosing; for the launch job NameTaken and ManagerSilent.

        `spool`: its stdin, for a job of the host. Where that is not there, the job is `killed no-spool`.
        """
        words = [vm, job, place.value, wire.escape(workdir), wire.command_line(argv)]
        if spool:
            words.append(wire.check_id(spool))
        await self._call("start", *words, told=(vm, job), limit_s=_START_LIMIT_S)
        self._teller.begin_job(vm, job, argv if place is JobPlace.HOST else self._way_in(vm, argv))

    async def put(
        self,
        vm: VmName,
        spool: str,
        size: int,
        read: Callable[[int, int], bytes],
        on_sent: Callable[[int], None],
    ) -> None:
        """Have `size` bytes in a spool of the lease. See `contracts.Warden`.

        Whoever still writes there is ended first. With the link lost, say it again: it goes on at the byte.
        Raises LeaseClosing; Unguarded where the host cannot keep it; WardenError where more is there than
        that, or somebody else keeps writing.
        """
        for _ in range(_PUT_TRIES):
            at = wire.parse_size(await self._call("spool", vm, wire.check_id(spool)))
            on_sent(at)
            if at == size:
                return
            if at > size:
                raise WardenError("The host has more bytes than there are to send.")
            await self._put_once(vm, Upload(spool, at, size, read, on_sent))
        raise WardenError("Somebody else writes what is sent to the host.")

    async def drop(self, vm: VmName, spool: str) -> None:
        """Remove a spool from the host's disk, and end who writes there. Idempotent."""
        await self._call("drop", vm, wire.check_id(spool))

    async def follow(self, vm: VmName, job: str, sink: LogSink) -> JobEnd:
        """Bring every byte of the job to `sink`, from where it is; return when it has ended and all is here.

        Cancelled, it leaves in `sink` what came so far; follow again to go on.
        """
        pause = 0.0
        while True:
            report = await self.status(vm)
            end = report.end_of(job)
            if end is not None:
                sink.end(end.stdout_size, end.stderr_size)
            before = sink.sizes()
            if end is not None and _has_all(sink, end):
                self._teller.end_job(vm, job, end.status)
                return end
            if job not in report.started and end is None:
                raise WardenError(f"The host has not started the job {job}.")
            await self._follow_once(vm, job, sink)
            pause = 0.0 if sink.sizes() != before else min(pause + 0.1, 2)
            await asyncio.sleep(pause)

    async def kill(self, vm: VmName, job: str, *, reason: str = "asked") -> None:
        """TERM to its group, KILL after 5 s; returns when it has ended.

        `reason` becomes the detail of its end; `timeout` makes the pin policy on-failure keep the VM.
        A launch under way is never killed, but for a mere download: WardenError.
        """
        await self._call("kill", vm, job, reason)

    async def pin(self, vm: VmName, *, for_s: int | None = None) -> None:
        """Disarm every reaper, for so many seconds or until unpinned; said again, the last word counts.

        Raises LeaseClosing: too late.
        """
        await self._call("pin", vm, *(() if for_s is None else (str(for_s),)), limit_s=_PIN_LIMIT_S)

    async def unpin(self, vm: VmName) -> None:
        """Arm them again; the grace begins anew."""
        await self._call("unpin", vm)

    async def set_grace(self, vm: VmName, grace_s: int, *, finish_s: int = 0) -> None:
        """From now on wait so long for a heartbeat. See LeaseSpec. Raises LeaseClosing."""
        await self._call("grace", vm, str(grace_s), str(finish_s))

    async def enter(self, vm: VmName, argv: Argv, *, on_stdout: OnBytes, on_stderr: OnBytes) -> Channel:
        """Run a command in the VM, bound to this channel. See `contracts.Warden`.

        Aborted, or with its link lost, the command ends on the host within seconds; where the host has no
        perl, only when it writes, reads, or its VM goes.
        """
        await self._call("status", vm)  # puts the script there where it is missing
        told = self._teller.begin(self._way_in(vm, argv), vm)
        words = self._words("enter", vm, wire.command_line(argv))
        return await self._open_channel(told, words, on_stdout, on_stderr)

    async def open_terminal(
        self, vm: VmName, argv: Argv, size: TerminalSize, *, on_bytes: OnBytes
    ) -> Channel:
        """Run a command of the host with a terminal. See `contracts.Warden`. Aborted, it is hung up."""
        await self._call("status", vm)  # puts the script there where it is missing
        curtain = Curtain(on_bytes)
        told = self._teller.begin(argv, vm)
        channel = await self._open_bare(told, curtain, _ignore, terminal=size)
        with contextlib.ExitStack() as undo:
            undo.callback(channel.abort)
            words = self._words("terminal", vm, wire.command_line(argv))
            await curtain.lift(channel, words, self._host.name)
            undo.pop_all()
        return channel

    async def reap(self, vm: VmName, *, force: bool = False) -> None:
        """End the lease: stop the jobs, delete the VM, pinned or not. Returns at once.

        `force`: another client's lease too.
        """
        await self._call("reap", vm, force=force)
        self._stirred.set()

    async def release(self, vm: VmName) -> None:
        """End the lease as `reap` does, unless it is pinned: then LeasePinned. Returns at once."""
        await self._call("release", vm)
        self._stirred.set()

    async def settle(self, vm: VmName) -> LeaseReport:
        """Close the lease if its VM is seen absent twice and nothing can bring it back. Deletes nothing."""
        return _one(wire.parse_reports(await self._call("settle", vm, limit_s=_SETTLE_LIMIT_S)))

    async def status(self, vm: VmName) -> LeaseReport:
        """All about one lease, whoever's; phase NONE where there is none."""
        return _one(wire.parse_reports(await self._call("status", vm)))

    async def sweep(self) -> tuple[LeaseReport, ...]:
        """All leases of this account, whoever's; wakes every one whose supervisor died."""
        return wire.parse_reports(await self._call("sweep"))

    async def acknowledge(self, vm: VmName) -> None:
        """Forget a lease that is GONE. Raises NoSuchLease where it was forgotten already."""
        await self._call("acknowledge", vm)

    async def hold(
        self, leases: Callable[[], Sequence[VmName]], on_news: Callable[[LeaseReport], None], *, beat_s: float
    ) -> None:
        """Renew these leases every `beat_s` until the link dies, telling each report that is new.

        Leases that are ending are looked at every second, and at once after a `reap`. Raises
        ConnectionDropped, and HostUnreachable when beats stay unanswered; then the connection is dropped.
        """
        for _ in range(2):
            holder = Holder(leases, on_news, beat_s=beat_s, stirred=self._stirred)
            if await self._hold_once(holder) not in _NO_SCRIPT:
                break
            await self.install()
        raise ConnectionDropped("The host ended the channel of our heartbeats.", host=self._host.name)

    async def _hold_once(self, holder: Holder) -> int:
        told = self._teller.begin_verb("hold")
        channel = await self._open_channel(told, self._words("hold"), holder.on_bytes, _ignore)
        try:
            return await holder.beat(channel)
        except HostUnreachable:
            self._host.drop()
            raise
        finally:
            channel.abort()

    async def _follow_once(self, vm: VmName, job: str, sink: LogSink) -> None:
        out, err = sink.sizes()
        words = self._words("follow", vm, job, str(out), str(err))
        told = self._teller.begin_verb("follow", vm, job)
        channel = await self._open_channel(told, words, sink.stdout, sink.stderr)
        try:
            status = await channel.wait()
        finally:
            channel.abort()
        faults.check_follow(status)

    async def _put_once(self, vm: VmName, upload: Upload) -> None:
        """Send what lacks. The channel's exit status tells how it went, whatever became of the sending."""
        said = bytearray()
        words = self._words("put", vm, upload.spool, str(upload.at))
        told = self._teller.begin_verb("put", vm, upload.spool)
        channel = await self._open_channel(told, words, _ignore, said.extend)
        try:
            limit_s = _PUT_END_LIMIT_S
            try:
                await upload.send(channel)
            except ConnectionDropped:
                limit_s = _PUT_STATUS_LIMIT_S
            async with asyncio.timeout(limit_s):
                status = await channel.wait()
        except TimeoutError as error:
            raise ConnectionDropped("The host takes no more.", host=self._host.name) from error
        finally:
            channel.abort()
        faults.check_put(status, bytes(said))

    async def _open_channel(
        self, told: Underway, words: bytes, on_stdout: OnBytes, on_stderr: OnBytes
    ) -> Channel:
        channel = await self._open_bare(told, on_stdout, on_stderr)
        channel.write(words)
        return channel

    async def _open_bare(
        self, told: Underway, on_stdout: OnBytes, on_stderr: OnBytes, *, terminal: TerminalSize | None = None
    ) -> Channel:
        """The script on a channel, before anything is said to it."""
        with contextlib.ExitStack() as undo:
            undo.callback(told.end, None)
            await self._host.connect()
            try:
                async with asyncio.timeout(_OPEN_LIMIT_S):
                    channel = await self._host.open(
                        self._command, on_stdout=on_stdout, on_stderr=on_stderr, long=True, terminal=terminal
                    )
            except TimeoutError as error:
                raise HostUnreachable("The host does not answer.", host=self._host.name) from error
            undo.pop_all()
        return ToldChannel(channel, told)

    def _words(self, verb: str, *arguments: str, force: bool = False) -> bytes:
        return wire.call((verb, self._client, "any" if force else "own", *arguments))

    def _way_in(self, vm: VmName, argv: Argv) -> Argv:
        """The command of the host that enters the VM for this one."""
        return (*self._ways_in.get(vm, (SCRIPT, "enter", vm)), *argv)

    async def _call(
        self,
        verb: str,
        *arguments: str,
        told: Argv | None = None,
        force: bool = False,
        limit_s: float | None = None,
    ) -> tuple[str, ...]:
        """`told`: what is told of the arguments, where that is less than all."""
        words = arguments if told is None else told
        with self._teller.telling(self._teller.begin_verb(verb, *words)) as command:
            done = await self._run(self._words(verb, *arguments, force=force), limit_s or CALL_LIMIT_S)
            command.end(done.status)
        answer = wire.parse_answer(done.stdout)
        if answer is None:
            raise ConnectionDropped("The host's answer did not come.", host=self._host.name)
        return answer.lines

    async def _run(self, words: bytes, limit_s: float) -> Completed:
        """Say it; where the script is missing, install it and say it again."""
        done = await self._host.run(self._command, words, timeout_s=limit_s)
        if done.status in _NO_SCRIPT and not done.stdout:
            await self.install()
            done = await self._host.run(self._command, words, timeout_s=limit_s)
            if done.status in _NO_SCRIPT and not done.stdout:
                raise Unguarded("The script does not run on the host.", hint=faults.last_line(done.stderr))
        return done


def _has_all(sink: LogSink, end: JobEnd) -> bool:
    out, err = sink.sizes()
    if out > end.stdout_size or err > end.stderr_size:
        raise WardenError("The host sent more bytes than the job wrote.")
    return (out, err) == (end.stdout_size, end.stderr_size)


def _one(reports: tuple[LeaseReport, ...]) -> LeaseReport:
    if len(reports) != 1:
        raise WardenError("The host's report makes no sense.")
    return reports[0]


def _ignore(_data: bytes) -> None:
    """What the shell says on the holder's stderr is of no use."""
