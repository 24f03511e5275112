"""A command in a VM of ours that no run waits for: what `exec` and `cp` do from another terminal.

It is bound to the channel that entered the VM, not durable like a job. The guest's sh says on stderr who it
is before it becomes the command: so a refusal of the host is told apart from the command's own exit status,
and the command can be ended in the guest, where the manager's exec passes no signal on.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from importlib.resources import files

from tui.contracts import Channel, Completed, OnBytes
from tui.engine.link import HostLink
from tui.model.errors import DayflyError, LeaseClosing, ManagerRefused, NoSuchLease, NotOurs
from tui.model.lease import Argv
from tui.model.spec import VmName
from tui.model.text import clean_bytes

PATIENCE_S = 20.0
_STOP_LIMIT_S = 20.0
_MARK_LIMIT_S = 3.0
_MARK_AT_MOST = 4096
"""Bytes on stderr before we know that no mark comes."""


class Visit:
    """One command. `begin`, then write to its stdin, and `wait`; `abort` at the end in any case.

    The callbacks get every byte of the command, in order, and nothing of ours.
    """

    def __init__(self, link: HostLink, vm: VmName, *, on_stdout: OnBytes, on_stderr: OnBytes) -> None:
        self._link = link
        self._vm = vm
        self._on_stdout = on_stdout
        self._stderr = _Marked(secrets.token_hex(8), on_stderr)
        self._channel: Channel | None = None

    async def begin(self, argv: Argv, *, workdir: str = "", env: bytes | None = None) -> None:
        """Start it in `workdir`, or the guest user's home.

        `env`: a text for sh that sets its variables; then its stdin is /dev/null. Raises HostError kinds.
        """
        place, sudo = ("-", ()) if env is None else ("env", _sudo_of(argv))
        entry = ("sh", "-c", _script("enter"), "dayfly", self._stderr.token, place, workdir)
        words = (*sudo, *entry, *argv[len(sudo) :])
        self._channel = await self._link.say(lambda: self._enter(words), patience_s=PATIENCE_S)
        if env is not None:
            await self.write(env)
            self.write_eof()

    async def _enter(self, words: Argv) -> Channel:
        warden = self._link.warden
        return await warden.enter(self._vm, words, on_stdout=self._on_stdout, on_stderr=self._stderr)

    async def write(self, data: bytes) -> None:
        """Pass these bytes to its stdin; waits while it takes none. Raises ConnectionDropped."""
        channel = self._begun
        channel.write(data)
        await channel.drain()

    def write_eof(self) -> None:
        """End its stdin."""
        self._begun.write_eof()

    def hold_back(self, is_full: bool) -> None:
        """Let it wait with what it writes, or no longer."""
        if is_full:
            self._begun.pause_reading()
        else:
            self._begun.resume_reading()

    async def wait(self) -> int:
        """Its exit status, as the manager's exec gave it, once every byte is here.

        Raises ConnectionDropped; NoSuchLease, NotOurs, LeaseClosing and ManagerRefused where the host lets
        nobody in.
        """
        status = await self._begun.wait()
        waiting = self._stderr.end()
        if self._stderr.process is None and status in _REFUSALS:
            raise refusal(self._link, self._vm, status, clean_bytes(waiting).removeprefix("dayfly: "))
        self._stderr.release()
        return status

    async def stop(self) -> bool:
        """End it in the guest: TERM, after 5 s KILL, to it and its descendants. Whether that can be said.

        Its streams go on to be heard. Idempotent; raises nothing but what a lost link raises.
        """
        process = await self._stderr.wait_for_mark(_MARK_LIMIT_S)
        if process is None:
            return False
        argv = ("sh", "-c", _script("stop"), "dayfly", *process)
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                return (await visit(self._link, self._vm, argv)).status == 0
        except (DayflyError, TimeoutError):
            return False

    def abort(self) -> None:
        """Leave it at once. Idempotent."""
        if self._channel is not None:
            self._channel.abort()

    @property
    def _begun(self) -> Channel:
        assert self._channel is not None, "begin first"
        return self._channel


async def visit(link: HostLink, vm: VmName, argv: Argv) -> Completed:
    """One command that says little and reads nothing, to its end. Raises what `Visit` raises."""
    stdout, stderr = bytearray(), bytearray()
    command = Visit(link, vm, on_stdout=stdout.extend, on_stderr=stderr.extend)
    try:
        await command.begin(argv)
        command.write_eof()
        return Completed(await command.wait(), bytes(stdout), bytes(stderr))
    finally:
        command.abort()


def refusal(link: HostLink, vm: VmName, status: int, reason: str) -> DayflyError:
    """What it means that the host let nobody in, with that exit status."""
    return _REFUSALS[status](link, vm, reason)


def closing(link: HostLink, vm: VmName) -> LeaseClosing:
    """The VM is being deleted."""
    return LeaseClosing(
        f"{vm} is being deleted from {link.name}",
        hint="to keep the VM of the next run: dayfly run --pin always",
    )


class _Marked:
    """Its stderr: what is before and after the line in which the guest's sh says who it is."""

    def __init__(self, token: str, on_bytes: OnBytes) -> None:
        self.token = token
        self.process: tuple[str, str] | None = None
        """Its pid and start time in the guest, once known; the time is empty where the guest tells none."""
        self._mark = f"dayfly {token} ".encode()
        self._on_bytes = on_bytes
        self._waiting = bytearray()
        self._is_open = False
        self._is_known = asyncio.Event()

    async def wait_for_mark(self, limit_s: float) -> tuple[str, str] | None:
        """Which process it is, as soon as that is known; None: it does not say."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._is_known.wait()
        return self.process

    def __call__(self, data: bytes) -> None:
        if self._is_open:
            self._on_bytes(data)
            return
        self._waiting += data
        before, mark, rest = bytes(self._waiting).partition(self._mark)
        line, newline, after = rest.partition(b"\n")
        if mark and newline:
            pid, _, born = line.decode("ascii", "replace").partition(" ")
            self.process = (pid, born)
            self._is_known.set()
            self._waiting[:] = before + after
        if self.process is not None or len(self._waiting) > _MARK_AT_MOST:
            self.release()

    def end(self) -> bytes:
        """What waits as no mark has come."""
        return bytes(self._waiting)

    def release(self) -> None:
        """Let through what waits, and all that comes."""
        self._is_open = True
        if self._waiting:
            self._on_bytes(bytes(self._waiting))
            self._waiting.clear()


def _sudo_of(argv: Argv) -> Argv:
    """What becomes root before the variables are set, as sudo passes none on."""
    return argv[:2] if argv[:2] == ("sudo", "--") else ()


def _script(name: str) -> str:
    return (files("tui.engine") / f"{name}.sh").read_text("utf-8")


def _no_lease(link: HostLink, vm: VmName, _reason: str) -> DayflyError:
    return NoSuchLease(f"{link.name} keeps no VM {vm} for us any more", hint="dayfly ps shows what there is")


def _not_ours(link: HostLink, vm: VmName, reason: str) -> DayflyError:
    return NotOurs(f"{vm} on {link.name} is not ours: {reason}", hint="whose it is: dayfly ps --all")


def _not_running(link: HostLink, vm: VmName, reason: str) -> DayflyError:
    return ManagerRefused(
        f"{vm} on {link.name} takes no commands: {reason}",
        hint="one that is still launched takes them once its command runs: dayfly logs -f --job launch " + vm,
    )


_REFUSALS: dict[int, Callable[[HostLink, VmName, str], DayflyError]] = {
    65: _no_lease,
    68: _not_ours,
    69: lambda link, vm, _reason: closing(link, vm),
    70: _not_running,
}
