"""A TCP connection from this machine."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import cast

from tui.contracts import OnBytes, TerminalSize
from tui.model.errors import ConnectionDropped, PortRefused
from tui.model.spec import HostName
from tui.transport.room import Room

CONNECT_TIMEOUT_S = 20.0


class TcpChannel(asyncio.Protocol):
    """One connection."""

    def __init__(self, host: HostName, on_data: OnBytes) -> None:
        self._host = host
        self._on_data = on_data
        self._room = Room(host)
        self._is_over = False
        self._aborted = False
        self._ended = asyncio.Event()
        self._transport: asyncio.Transport

    def write(self, data: bytes) -> None:
        """Queue bytes for the other end."""
        if data and not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until little is queued. Raises ConnectionDropped where the other end does not read on."""
        await self._room.wait(self._transport.get_write_buffer_size)

    def write_eof(self) -> None:
        """Say that no more comes."""
        if not self._transport.is_closing():
            with suppress(OSError):  # it was reset, and its transport does not know yet
                self._transport.write_eof()

    def pause_reading(self) -> None:
        """The other end waits."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take what it sends again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def resize(self, size: TerminalSize) -> None:
        """It has no terminal."""

    @property
    def ended(self) -> bool:
        """Nothing of it is left with us."""
        return self._transport.is_closing()

    async def wait(self) -> int:
        """0 once the other end sends no more."""
        await self._ended.wait()
        if not self._is_over:
            raise ConnectionDropped(f"a connection from {self._host} was cut off", host=self._host)
        return 0

    def abort(self) -> None:
        """Drop it at once."""
        self._aborted = True
        self._room.close()
        self._transport.abort()
        self._ended.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """The other end sent something."""
        if not self._aborted:
            self._on_data(data)

    def eof_received(self) -> bool:
        """The other end sends no more; it may still read."""
        self._is_over = True
        self._ended.set()
        return True

    def pause_writing(self) -> None:
        """Much is queued."""
        self._room.fill()

    def resume_writing(self) -> None:
        """Little is queued."""
        self._room.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        self._is_over = self._is_over or (exc is None and not self._aborted)
        self._room.close()
        self._ended.set()


async def connect(host: HostName, address: str, port: int, on_data: OnBytes) -> TcpChannel:
    """Connect to a port. Raises PortRefused. Cancelled, it leaves no connection behind."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, channel = await asyncio.get_running_loop().create_connection(
                lambda: TcpChannel(host, on_data), address, port
            )
    except TimeoutError as error:
        raise _refusal(host, address, port, "it does not answer") from error
    except OSError as error:
        raise _refusal(host, address, port, error.strerror or str(error)) from error
    return channel


def _refusal(host: HostName, address: str, port: int, reason: str) -> PortRefused:
    sentence = f"nothing takes connections at port {port} of {address}, as seen from {host}: {reason}"
    return PortRefused(sentence, host=host)
