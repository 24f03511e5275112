"""A shell of this machine on a pty, as a `contracts.Terminal`; what has no place in it raises."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Sequence

from tui.contracts.host import OnBytes, TerminalSize
from tui.model.errors import ConnectionDropped

_PIECE = 16 * 1024


class LocalTerminal:
    def __init__(self, argv: Sequence[str], size: TerminalSize, on_bytes: OnBytes) -> None:
        self._on_bytes = on_bytes
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.gone = asyncio.Event()
        self.is_held = False
        self.holds = 0
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", PS1="$ ", LC_ALL="C.UTF-8", HOME="/nonexistent", ENV="")
            os.execvp(argv[0], list(argv))
        self.resize(size)
        os.set_blocking(self._fd, False)
        asyncio.get_running_loop().add_reader(self._fd, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, _PIECE)
        except OSError:
            data = b""
        if data:
            self._on_bytes(data)
            return
        asyncio.get_running_loop().remove_reader(self._fd)
        _, status = os.waitpid(self.pid, 0)
        os.close(self._fd)
        self.gone.set()
        if not self._ended.done():
            self._ended.set_result(os.waitstatus_to_exitcode(status) % 256)

    def write(self, data: bytes) -> None:
        if not self.gone.is_set():
            with contextlib.suppress(OSError):
                os.write(self._fd, data)

    def resize(self, size: TerminalSize) -> None:
        if not self.gone.is_set():
            fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.columns, 0, 0))

    def hold_back(self, hold: bool) -> None:
        if hold is self.is_held or self.gone.is_set():
            return
        self.is_held = hold
        self.holds += hold
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._fd) if hold else loop.add_reader(self._fd, self._read)

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def drop(self) -> None:
        """The connection goes; the shell does not matter any more."""
        if not self._ended.done():
            self._ended.set_exception(ConnectionDropped("demo: the connection was lost", hint="try again"))
        self.close()

    def close(self) -> None:
        if self.gone.is_set():
            return
        self.hold_back(False)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGHUP)


class LocalInside:
    """As much of `contracts.Inside` as a shell needs."""

    def __init__(self, *argv: str) -> None:
        self.argv = argv or ("sh",)
        self.terminals: list[LocalTerminal] = []

    async def open_shell(self, size: TerminalSize, on_bytes: OnBytes) -> LocalTerminal:
        terminal = LocalTerminal(self.argv, size, on_bytes)
        self.terminals.append(terminal)
        return terminal

    async def close(self) -> None:
        """End every shell, and see it ended."""
        for terminal in self.terminals:
            terminal.close()
            await asyncio.wait_for(terminal.gone.wait(), 10)
