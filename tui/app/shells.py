"""The shells that are open in VMs. They live as long as the dashboard, whichever screen shows them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from enum import StrEnum

from tui.contracts import Inside, Terminal
from tui.contracts.host import TerminalSize
from tui.model.errors import DayflyError, LeaseClosing
from tui.model.phase import Phase
from tui.model.spec import RunId
from tui.model.state import FleetState, RunState
from tui.model.text import clean_line
from tui.term.emulator import Emulator, MouseAct
from tui.term.flood import without_unseen

FRAME_S = 1 / 30
"""Between two paints of one shell, at least."""
_WORK_S = 0.012
"""Of each frame, for what the guest printed; the rest of the time is everybody else's."""
_SLICE = 2048
_HOLD, _RELEASE = 32 * 1024, 8 * 1024
"""Bytes that wait to be shown: from here on the guest is held back, down to there."""
_HURRY_S = 0.5
_INTERRUPTS = ("ctrl+c", "ctrl+z", "ctrl+backslash")
_REPLIES_A_FRAME = 128
_INSIDE = (Phase.WORKING, Phase.COLLECTING, Phase.KEPT)
_ENDING = (Phase.DELETING, Phase.GONE)


class ShellState(StrEnum):
    """How a shell is."""

    OPENING = "opening"
    OPEN = "open"
    ENDED = "ended"
    LOST = "lost"
    """The connection went, or none could be made."""


def may_enter(run: RunState) -> bool:
    """Whether its VM has booted, runs, and stays for a while."""
    return run.phase in _INSIDE and run.vm_state.lower() in ("", "running")


class Shell:
    """One shell in one VM: its emulator, its bytes, and what became of it.

    `run` is its life, in a worker; the rest is called by whoever shows it. `on_change` is called when there
    is something to paint, at most thirty times a second.
    """

    def __init__(self, run: RunId, inside: Inside, size: TerminalSize) -> None:
        self.run_id = run
        self.emulator = Emulator(size.columns, size.rows, self._send)
        self.state = ShellState.OPENING
        self.words = "Opening a shell..."
        """What there is to say of it while it is not open."""
        self.was_used = False
        self.on_change: Callable[[], None] | None = None
        self._inside = inside
        self._size = size
        self._terminal: Terminal | None = None
        self._waiting = bytearray()
        self._more = asyncio.Event()
        self._is_held = False
        self._hurry_until = 0.0
        self._is_closed = False
        self._is_over = False

    @property
    def was_left(self) -> bool:
        """Whether the person ended it, by typing in it: nothing of it needs to be read any more."""
        return self.was_used and self.state is ShellState.ENDED and not self._is_closed

    @property
    def is_open(self) -> bool:
        """Whether keys reach it, or soon will."""
        return self.state in (ShellState.OPENING, ShellState.OPEN)

    async def run(self) -> None:
        """Open it and show what it says, to its end. Cancelled, it hangs up."""
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(self._pump())
            try:
                status = await self._live()
            except LeaseClosing:
                self.end(ShellState.ENDED, "The VM is being deleted: its shells are closed.")
            except DayflyError as error:
                words = " · ".join(part for part in (error.message, error.hint) if part)
                self.end(ShellState.LOST, clean_line(words))
            else:
                self._is_over = True
                self._more.set()
                await pump
                self.end(ShellState.ENDED, f"The shell ended with status {status}.")
            finally:
                pump.cancel()

    async def _live(self) -> int:
        size = self._size
        self._terminal = terminal = await self._inside.open_shell(size, self._take)
        try:
            if self.state is ShellState.OPENING:
                self.state, self.words = ShellState.OPEN, ""
            if self._size != size:
                terminal.resize(self._size)
            if self._is_closed:
                terminal.close()
            self._changed()
            return await terminal.wait()
        finally:
            self._terminal = None
            terminal.close()

    def end(self, state: ShellState, words: str) -> None:
        """It is over; the first reason counts."""
        if self.is_open:
            self.state, self.words = state, words
            self._changed()

    def close(self) -> None:
        """Hang up. Idempotent."""
        self._is_closed = True
        if self._terminal is not None:
            self._terminal.close()

    # ---- what it prints

    def _take(self, data: bytes) -> None:
        self._waiting += data
        self._more.set()
        if len(self._waiting) > _HOLD:
            self._hold(True)

    def _hold(self, hold: bool) -> None:
        if hold is not self._is_held and self._terminal is not None:
            self._is_held = hold
            self._terminal.hold_back(hold)

    async def _pump(self) -> None:
        """Show what came, a little at a time: an endless flood must leave room for keys and other screens."""
        while self._waiting or not self._is_over:
            await self._more.wait()
            self._more.clear()
            began = time.monotonic()
            if began < self._hurry_until:
                self._waiting = bytearray(without_unseen(bytes(self._waiting), self._size.rows))
            self._show_some(until=began + _WORK_S)
            self.emulator.allow_replies(_REPLIES_A_FRAME)
            self._changed()
            await asyncio.sleep(FRAME_S - (time.monotonic() - began))
            if self._waiting:
                self._more.set()

    def _show_some(self, until: float) -> None:
        while self._waiting and time.monotonic() < until:
            self.emulator.feed(bytes(self._waiting[:_SLICE]))
            del self._waiting[:_SLICE]
        if len(self._waiting) < _RELEASE:
            self._hold(False)

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()

    # ---- what is done to it

    def _send(self, data: bytes) -> None:
        if self._terminal is not None:
            self._terminal.write(data)

    def press(self, key: str, character: str | None = None) -> None:
        """Type a key, by Textual's name of it."""
        self.was_used = True
        if key in _INTERRUPTS:
            self._hurry_until = time.monotonic() + _HURRY_S
        self.emulator.press(key, character)

    def paste(self, text: str) -> None:
        """Type what was copied elsewhere."""
        self.was_used = True
        self.emulator.paste(text)

    def point(self, column: int, row: int, button: int, act: MouseAct, modifiers: Sequence[str]) -> None:
        """Tell it what the mouse does."""
        self.emulator.point(column, row, button, act, modifiers)

    def resize(self, size: TerminalSize) -> None:
        """Have another size."""
        if size != self._size:
            self._size = size
            self.emulator.resize(size.columns, size.rows)
            if self._terminal is not None:
                self._terminal.resize(size)


class Shells:
    """All shells, by run, in the order in which they were opened."""

    def __init__(self) -> None:
        self._of: dict[RunId, list[Shell]] = {}

    def of(self, run: RunId) -> Sequence[Shell]:
        """Those of one run."""
        return tuple(self._of.get(run, ()))

    def add(self, shell: Shell) -> None:
        """Keep one more."""
        self._of.setdefault(shell.run_id, []).append(shell)

    def remove(self, shell: Shell) -> None:
        """Hang it up and forget it. Idempotent."""
        shell.close()
        if shell in self.of(shell.run_id):
            self._of[shell.run_id].remove(shell)

    def follow(self, state: FleetState) -> list[str]:
        """Close those whose VM goes, and forget those that nobody looks at; a sentence for each such VM."""
        told = []
        for run, shells in self._of.items():
            now = state.runs.get(run)
            if now is not None and now.phase not in _ENDING:
                continue
            if any(shell.is_open for shell in shells):
                told.append(f"{now.vm if now else 'The VM'} is being deleted: its shells are closed")
            for shell in shells:
                shell.end(ShellState.ENDED, "The VM is being deleted: its shells are closed.")
                shell.close()
            self._of[run] = [shell for shell in shells if shell.on_change is not None]
        return told
