"""`dayfly shell`: into a VM that lives, with this very terminal."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tui.engine.shells import Shell, open_shell
from tui.model.errors import DayflyError, UsageError
from tui.verbs import terminal
from tui.verbs.output import say
from tui.verbs.vms import at_desk
from tui.verbs.which import find_row

LEAVE_KEY = b"\x1d"
"""ctrl+], as telnet and virsh have it."""
_STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command("shell")
@click.argument("word", metavar="VM|RUN")
@click.pass_context
def shell(ctx: click.Context, word: str) -> None:
    """Open a shell in the VM of a run: one that is at work, or pinned.

    All keys go to the shell, Ctrl-C too; ctrl+] leaves it at once, and the exit status is 0. Else it is what
    the VM manager's shell command ends with: Multipass says 0, whatever happened in the shell. 125 is ours.

    The run goes on, and the shell ends when its VM is deleted: dayfly pin keeps it.

    \b
    Examples:
      dayfly shell df-hello-x7k2m9qa
      dayfly shell x7k2m9                    a few letters will do
    """  # noqa: D301
    if not terminal.has_terminal():
        raise UsageError(
            "dayfly shell needs a terminal, for what is typed and for what is shown",
            hint=f"for a command without one: dayfly exec {word} -- COMMAND",
        )
    ctx.exit(asyncio.run(_shell(word)))


async def _shell(word: str) -> int:
    async with at_desk() as (ledger, _, desk):
        row = find_row(ledger, word)
        link = await desk.reach(row)
        say(f"opening a shell in {row.vm} on {row.entry.name}; ctrl+] leaves it")
        screen = terminal.Screen(lambda is_full: opened.hold_back(is_full))
        opened = await open_shell(link, row.vm, terminal.size(), screen.put)
        link.look_at(row.vm)
        session = _Session(opened, screen)
        try:
            status = await session.carry_out()
        finally:
            opened.close()
        if session.was_left:
            say(f"left {row.vm}; what runs in it goes on")
        return status


class _Session:
    """One shell from its first key to its end."""

    def __init__(self, shell: Shell, screen: terminal.Screen) -> None:
        self._shell = shell
        self._screen = screen
        self._status: int | None = None
        self.was_left = False

    async def carry_out(self) -> int:
        """Its exit status. Raises ConnectionDropped and LeaseClosing, with the terminal as it was before."""
        with terminal.raw(), self._signals_caught():
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(self._screen.write())
                ending = group.create_task(_outcome(self._shell))
                self._shell.resize(terminal.size())  # it may have changed while the shell was opened
                with terminal.keys(self._type):
                    await asyncio.wait((writing, ending), return_when=asyncio.FIRST_COMPLETED)
                    self._shell.close()
                    outcome = await ending
                self._screen.close()
                await writing
        if self._status is not None:
            return self._status
        if isinstance(outcome, DayflyError):
            raise outcome
        return outcome

    def _type(self, typed: bytes) -> None:
        before, leave, _ = typed.partition(LEAVE_KEY)
        self._shell.write(before)
        if leave:
            self.was_left = True
            self._end(0)
        elif not typed:
            self._end(128 + signal.SIGHUP)

    def _end(self, status: int) -> None:
        self._status = status if self._status is None else self._status
        self._shell.close()

    @contextmanager
    def _signals_caught(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in _STOPPED_BY:
            loop.add_signal_handler(number, self._end, 128 + number)
        loop.add_signal_handler(signal.SIGWINCH, lambda: self._shell.resize(terminal.size()))
        try:
            yield
        finally:
            for number in (*_STOPPED_BY, signal.SIGWINCH):
                loop.remove_signal_handler(number)


async def _outcome(shell: Shell) -> int | DayflyError:
    try:
        return await shell.wait()
    except DayflyError as error:
        return error
