"""Bytes between the files of a command and its SSH channel, held back where the other side is slow."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import asyncssh

_BLOCK = 1 << 16
_INPUT_LIMIT = 1 << 18


class Outlet:
    """One stream of output: the kernel's pipe holds it back while the channel can take no more."""

    def __init__(self, fd: int, send: Callable[[bytes], None]) -> None:
        self.fd = fd
        self.closed = asyncio.Event()
        self._send = send
        self._loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)
        self.resume()

    def pause(self) -> None:
        """Take no more for now."""
        if not self.closed.is_set():
            self._loop.remove_reader(self.fd)

    def resume(self) -> None:
        """Go on."""
        if not self.closed.is_set():
            self._loop.add_reader(self.fd, self._take)

    def close(self) -> None:
        """Let go of it. Idempotent."""
        if not self.closed.is_set():
            self._loop.remove_reader(self.fd)
            os.close(self.fd)
            self.closed.set()

    def take_rest(self) -> None:
        """Bring what the terminal still holds, and close."""
        while not self.closed.is_set() and self._take():
            continue
        self.close()

    def _take(self) -> bool:
        try:
            data = os.read(self.fd, _BLOCK)
        except BlockingIOError:
            return False
        except OSError:
            # A terminal without its other side.
            data = b""
        if data:
            self._send(data)
        else:
            self.close()
        return bool(data)


class Inlet:
    """The command's input: the channel is held back while the command takes none."""

    def __init__(self, fd: int, channel: asyncssh.SSHServerChannel[bytes]) -> None:
        self._fd = fd
        self._channel = channel
        self._waiting = bytearray()
        self._ending = False
        self._is_held_back = False
        self._loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)

    def feed(self, data: bytes) -> None:
        """More of it."""
        if self._fd < 0:
            return
        self._waiting += data
        self._push()
        if len(self._waiting) > _INPUT_LIMIT and not self._is_held_back:
            self._is_held_back = True
            self._channel.pause_reading()

    def end(self) -> None:
        """No more will come."""
        self._ending = True
        self._push()

    def close(self) -> None:
        """Let go of it. Idempotent."""
        if self._fd >= 0:
            self._loop.remove_writer(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _push(self) -> None:
        if self._fd < 0:
            return
        try:
            while self._waiting:
                del self._waiting[: os.write(self._fd, self._waiting[:_BLOCK])]
        except BlockingIOError:
            self._loop.add_writer(self._fd, self._push)
            return
        except OSError:
            # The command reads no more.
            self._waiting.clear()
            self.close()
        else:
            self._loop.remove_writer(self._fd)
            if self._ending:
                self.close()
        if self._is_held_back:
            self._is_held_back = False
            # Not from here: it hands over what it holds at once, and we may be in the middle of that.
            self._loop.call_soon(self._channel.resume_reading)
