"""A command of this machine on a terminal of its own."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import struct
import termios
from contextlib import suppress
from pathlib import Path
from typing import cast

from tui.contracts import OnBytes, TerminalSize
from tui.model.errors import ConnectionDropped
from tui.model.spec import HostName
from tui.transport.room import Room

TERMINAL = "xterm-256color"
_KILL_AFTER_S = 5.0
_BLOCK = 16 * 1024
"""Bytes read at once: a key is never behind much output."""
_BECOME_LEADER = 'exec <"$1" >"$1" 2>&1; exec /bin/sh -c "$2"'
"""Whoever leads a session and opens a terminal that nobody controls has it from then on."""


class TerminalChannel(asyncio.SubprocessProtocol):
    """One command under `/bin/sh`, in a session of its own that has a terminal.

    Aborting hangs the terminal up; what is still there after 5 s is killed.
    """

    def __init__(self, host: HostName, on_bytes: OnBytes, ours: int) -> None:
        self._host = host
        self._on_bytes = on_bytes
        self._ours = ours
        self._loop = asyncio.get_running_loop()
        self._room = Room(host)
        self._waiting = bytearray()
        self._is_paused = False
        self._has_ended = False
        self._aborted = False
        self._ended = asyncio.Event()
        self._transport: asyncio.SubprocessTransport | None = None
        os.set_blocking(ours, False)

    def write(self, data: bytes) -> None:
        """Type."""
        if data and self._ours >= 0:
            self._waiting += data
            self._push()

    async def drain(self) -> None:
        """Wait until little is queued. Raises ConnectionDropped where it does not read on."""
        await self._room.wait(lambda: len(self._waiting))

    def write_eof(self) -> None:
        """The key that says so; it counts at the beginning of a line."""
        self.write(b"\x04")

    def pause_reading(self) -> None:
        """The terminal's buffer fills."""
        self._is_paused = True
        if self._ours >= 0:
            self._loop.remove_reader(self._ours)

    def resume_reading(self) -> None:
        """Take what it writes again."""
        self._is_paused = False
        if self._ours >= 0:
            self._loop.add_reader(self._ours, self._take)

    def resize(self, size: TerminalSize) -> None:
        """Tell the terminal; whoever runs on it hears of it from the kernel."""
        if self._ours >= 0:
            _set_size(self._ours, size)

    @property
    def ended(self) -> bool:
        """Nothing of it is left with us."""
        return self._ended.is_set()

    async def wait(self) -> int:
        """Its exit status, once every byte is here; 128+n after a signal."""
        await self._ended.wait()
        status = self._transport.get_returncode() if self._transport else None
        if self._aborted or status is None:
            raise ConnectionDropped(f"the command on {self._host} was cut off", host=self._host)
        return 128 - status if status < 0 else status

    def abort(self) -> None:
        """Hang up: HUP to its group now, KILL after 5 s."""
        if self._aborted or self._ended.is_set():
            return
        self._aborted = True
        self._signal(signal.SIGHUP)
        self._loop.call_later(_KILL_AFTER_S, self.kill)
        self._close()

    def kill(self) -> None:
        """KILL to its group, if it is still there."""
        self._signal(signal.SIGKILL)

    async def until_ended(self) -> None:
        """Wait until nothing of it is left with us."""
        await self._ended.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It runs."""
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """It has ended; what it wrote last may still be in the terminal."""
        assert self._transport is not None
        self._transport.close()
        self._has_ended = True
        self._end_if_over()

    def _take(self) -> None:
        try:
            data = os.read(self._ours, _BLOCK)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # nobody has its other side any more
        if data:
            self._on_bytes(data)
        else:
            self._close()

    def _push(self) -> None:
        try:
            while self._waiting:
                del self._waiting[: os.write(self._ours, self._waiting)]
        except BlockingIOError:
            self._room.fill()
            self._loop.add_writer(self._ours, self._push)
            return
        except OSError:
            self._waiting.clear()
        self._loop.remove_writer(self._ours)
        self._room.clear()

    def _close(self) -> None:
        """Let go of the terminal. Idempotent."""
        if self._ours >= 0:
            self._loop.remove_reader(self._ours)
            self._loop.remove_writer(self._ours)
            os.close(self._ours)
            self._ours = -1
            self._room.close()
        self._end_if_over()

    def _end_if_over(self) -> None:
        if self._has_ended and self._ours < 0:
            self._ended.set()

    def _signal(self, number: signal.Signals) -> None:
        if self._transport is None or self._transport.get_returncode() is not None:
            return  # reaped: its number may be somebody else's by now
        with suppress(ProcessLookupError):
            os.killpg(self._transport.get_pid(), number)


async def open_terminal(
    host: HostName, command: str, size: TerminalSize, on_bytes: OnBytes
) -> TerminalChannel:
    """Start `command` in the home directory, on a new terminal of that size. Raises OSError."""
    ours, theirs = os.openpty()
    channel = TerminalChannel(host, on_bytes, ours)
    try:
        channel.resize(size)
        await asyncio.get_running_loop().subprocess_exec(
            lambda: channel,
            *("/bin/sh", "-c", _BECOME_LEADER, "sh", os.ttyname(theirs), command),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=Path.home(),
            env={**os.environ, "TERM": TERMINAL},
            start_new_session=True,
        )
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return channel


def _set_size(fd: int, size: TerminalSize) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.columns, 0, 0))
