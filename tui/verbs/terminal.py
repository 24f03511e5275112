"""This process's own terminal while somebody else's bytes go through it, as they are."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tui.contracts import TerminalSize
from tui.model.units import MIB

_MUCH, _LITTLE = 64 * 1024, 16 * 1024
"""Bytes that wait for the terminal: who sends them waits too, and goes on."""
_MODES = re.compile(rb"\x1b\[\?([0-9;]{1,40})([hl])")
_LONGEST_MODE = 48
_ON_BY_ITSELF = {b"7", b"25"}
"""The line wraps, the cursor is seen."""
_CLIPBOARD = b"\x1b]52;"
_CLIPBOARD_END = re.compile(rb"\x07|\x1b\\|\x18|\x1a")
_CLIPBOARD_LIMIT = MIB


def has_terminal() -> bool:
    """Whether a person types here and sees what is printed."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def size() -> TerminalSize:
    """How large it is now."""
    with suppress(OSError):
        found = os.get_terminal_size(sys.stdout.fileno())
        return TerminalSize(columns=found.columns or 80, rows=found.lines or 24)
    return TerminalSize(columns=80, rows=24)


@contextmanager
def raw() -> Iterator[None]:
    """Every key goes through; as it was at the end, however that comes."""
    before = termios.tcgetattr(sys.stdin.fileno())
    tty.setraw(sys.stdin.fileno(), termios.TCSADRAIN)
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)


@contextmanager
def keys(on_keys: Callable[[bytes], None]) -> Iterator[None]:
    """Hear what is typed; nothing: the terminal is gone."""
    loop, keyboard = asyncio.get_running_loop(), sys.stdin.fileno()

    def read() -> None:
        typed = b""
        with suppress(OSError):
            typed = os.read(keyboard, _LITTLE)
        if not typed:
            loop.remove_reader(keyboard)
        on_keys(typed)

    loop.add_reader(keyboard, read)
    try:
        yield
    finally:
        loop.remove_reader(keyboard)


class Passage:
    """What passes: nothing that writes the clipboard; and what it leaves switched on is known."""

    def __init__(self) -> None:
        self._held = b""
        self._tail = b""
        self._changed: dict[bytes, bool] = {}
        """Modes that are not as they were, and how they are."""

    def feed(self, data: bytes) -> bytes:
        """What may be shown of it, and of what was held back before."""
        shown = self._without_clipboard(data)
        for modes, verb in _MODES.findall(self._tail + shown):
            for mode in modes.split(b";"):
                self._changed[mode] = verb == b"h"
        self._tail = (self._tail + shown)[-_LONGEST_MODE:]
        return shown

    def undo(self) -> bytes:
        """What puts the terminal back as it was."""
        wrong = [mode for mode, is_on in self._changed.items() if is_on is not (mode in _ON_BY_ITSELF)]
        undone = [b"\x1b[?%s%s" % (mode, b"h" if mode in _ON_BY_ITSELF else b"l") for mode in wrong]
        return b"".join((*undone, b"\x1b[0m")) if undone else b""

    def _without_clipboard(self, data: bytes) -> bytes:
        self._held += data
        passed = b""
        while (begin := self._held.find(_CLIPBOARD)) >= 0:
            passed += self._held[:begin]
            end = _CLIPBOARD_END.search(self._held, begin + len(_CLIPBOARD))
            if end is None:
                is_endless = len(self._held) - begin > _CLIPBOARD_LIMIT
                self._held = _CLIPBOARD if is_endless else self._held[begin:]
                return passed
            self._held = self._held[end.end() :]
        kept = _beginning(self._held)
        passed, self._held = (
            passed + self._held[: len(self._held) - kept],
            self._held[-kept:] if kept else b"",
        )
        return passed


def _beginning(data: bytes) -> int:
    """How many bytes at its end may be the first ones of a write to the clipboard."""
    return next((n for n in range(len(_CLIPBOARD) - 1, 0, -1) if data.endswith(_CLIPBOARD[:n])), 0)


class Screen:
    """Bytes on their way to our terminal, written in a thread: it may be slow.

    `on_full` hears when much waits (True) and when little does again.
    """

    def __init__(self, on_full: Callable[[bool], None]) -> None:
        self._on_full = on_full
        self._passage = Passage()
        self._waiting = bytearray()
        self._is_full = False
        self._is_closed = False
        self._news = asyncio.Event()

    def put(self, data: bytes) -> None:
        """Queue what came."""
        self._waiting += self._passage.feed(data)
        self._look_how_full()
        self._news.set()

    def close(self) -> None:
        """No more will come."""
        self._waiting += self._passage.undo()
        self._is_closed = True
        self._news.set()

    async def write(self) -> None:
        """Write until closed and empty, or until the terminal is gone."""
        while True:
            while self._waiting:
                data = bytes(self._waiting[:_LITTLE])
                del self._waiting[: len(data)]
                if not await asyncio.to_thread(_write, data):
                    return
                self._look_how_full()
            if self._is_closed:
                return
            self._news.clear()
            await self._news.wait()

    def _look_how_full(self) -> None:
        is_full = len(self._waiting) > (_LITTLE if self._is_full else _MUCH)
        if is_full is not self._is_full:
            self._is_full = is_full
            self._on_full(is_full)


def _write(data: bytes) -> bool:
    try:
        while data:
            data = data[os.write(sys.stdout.fileno(), data) :]
    except OSError:
        return False
    return True
