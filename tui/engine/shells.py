"""Shells in VMs: opened by a front end, ended before their VM is deleted."""

from __future__ import annotations

import asyncio

from tui.contracts import Channel, OnBytes, TerminalSize
from tui.engine.link import HostLink
from tui.engine.racing import first_of
from tui.engine.store import Store
from tui.engine.visit import PATIENCE_S, closing, refusal
from tui.model.errors import ConnectionDropped, EntryRefused, HostUnreachable
from tui.model.events import Event, PhaseEntered
from tui.model.lease import LeasePhase, LeaseReport
from tui.model.phase import Phase
from tui.model.spec import RunId, VmName

OPEN_LIMIT_S = 90.0
"""For all of it: the link, the look at the lease, the manager's own time."""
_OVER = (Phase.DELETING, Phase.GONE)


class Shell:
    """A `contracts.Terminal`: one shell."""

    def __init__(self, link: HostLink, vm: VmName, channel: Channel) -> None:
        self._link = link
        self._vm = vm
        self._channel = channel
        self._is_closing = asyncio.Event()
        self.is_over = False
        """It ended, or was left."""

    def write(self, data: bytes) -> None:
        """Type."""
        self._channel.write(data)

    def resize(self, size: TerminalSize) -> None:
        """Tell it that the window changed."""
        self._channel.resize(size)

    def hold_back(self, hold: bool) -> None:
        """Let it wait with what it prints, or go on."""
        if hold:
            self._channel.pause_reading()
        else:
            self._channel.resume_reading()

    async def wait(self) -> int:
        """Its exit status, as the manager's command gave it. Raises ConnectionDropped, LeaseClosing.

        Where the host says that the lease is ending, the shell is ended, too.
        """
        try:
            status = await first_of(self._ending(), self._lease_ends())
        finally:
            self.is_over = True
        if isinstance(status, int):
            return status
        self.close()
        raise status or closing(self._link, self._vm)

    def close(self) -> None:
        """Hang up. Idempotent."""
        self.is_over = True
        self._channel.abort()

    def end(self) -> None:
        """Its VM is about to be deleted: hang up, and tell whoever waits. Idempotent."""
        self._is_closing.set()
        self.close()

    async def _ending(self) -> int | ConnectionDropped | None:
        try:
            return await self._channel.wait()
        except ConnectionDropped as error:
            return None if self._is_closing.is_set() else error

    async def _lease_ends(self) -> None:
        await first_of(self._is_closing.wait(), self._link.report_where(self._vm, _is_over))


async def open_shell(link: HostLink, vm: VmName, size: TerminalSize, on_bytes: OnBytes) -> Shell:
    """A login shell in a VM of ours that runs.

    Raises HostError kinds; NoSuchLease, NotOurs, LeaseClosing and ManagerRefused where the host lets
    nobody in. Cancelled, it leaves no shell behind.
    """
    warden, argv = link.warden, link.driver.shell_argv(vm)
    try:
        async with asyncio.timeout(OPEN_LIMIT_S):
            channel = await link.say(
                lambda: warden.open_terminal(vm, argv, size, on_bytes=on_bytes), patience_s=PATIENCE_S
            )
    except EntryRefused as error:
        raise refusal(link, vm, error.status, error.message) from error
    except TimeoutError as error:
        raise HostUnreachable(f"{link.name} opened no shell within {OPEN_LIMIT_S:.0f} s") from error
    return Shell(link, vm, channel)


class Shells:
    """The open shells of one run. They end when its VM is marked for deletion."""

    def __init__(self, run: RunId, vm: VmName, link: HostLink, store: Store) -> None:
        self._run, self._vm, self._link, self._store = run, vm, link, store
        self._open: set[Shell] = set()
        store.listen(self._on_event)

    async def open(self, size: TerminalSize, on_bytes: OnBytes) -> Shell:
        """One more. See `open_shell`."""
        shell = await open_shell(self._link, self._vm, size, on_bytes)
        if self._store.state.runs[self._run].phase in _OVER:
            shell.end()
        self._open = {other for other in self._open if not other.is_over} | {shell}
        return shell

    def end(self) -> None:
        """End them all. Idempotent."""
        for shell in self._open:
            shell.end()
        self._open.clear()

    def _on_event(self, event: Event) -> None:
        if isinstance(event, PhaseEntered) and event.run == self._run and event.phase in _OVER:
            self.end()


def _is_over(report: LeaseReport) -> bool:
    return report.phase.is_ending or report.phase is LeasePhase.NONE
