"""The channels of an SSH connection: a command, or a TCP connection that the host makes for us."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.contracts import OnBytes, TerminalSize
from tui.model.errors import ConnectionDropped
from tui.transport.asyncssh_import import asyncssh
from tui.transport.faults import Peer
from tui.transport.room import Room

if TYPE_CHECKING:
    AnyChannel = asyncssh.SSHClientChannel[bytes] | asyncssh.SSHTCPChannel[bytes]

_UNKNOWN_SIGNAL = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """What a channel knows of the connection that it is on."""

    peer: Peer
    is_usable: Callable[[], bool]
    room: Room
    on_end: Callable[[], None]
    """Said once the channel is closed."""


class SshChannel:
    """What both have in common: bytes both ways, room to write, an end."""

    _channel: AnyChannel | None = None

    def __init__(self, tie: Tie) -> None:
        self._peer = tie.peer
        self._is_usable = tie.is_usable
        self._link_room = tie.room
        self._on_end = tie.on_end
        self._status: int | None = None
        self._complete = False
        self._aborted = False
        self._ended = asyncio.Event()
        self._room = Room(tie.peer.host)

    def write(self, data: bytes) -> None:
        """Queue bytes for the other end."""
        if data and self._channel and not self._channel.is_closing():
            self._channel.write(data)

    async def drain(self) -> None:
        """Wait until little is queued, here and on the connection, whose other channels must not wait long.

        Raises ConnectionDropped, also where nothing moves any more.
        """
        await self._room.wait(self._queued)
        await self._link_room.wait()

    def write_eof(self) -> None:
        """Say that no more comes."""
        if self._channel and not self._channel.is_closing():
            self._channel.write_eof()

    def pause_reading(self) -> None:
        """Its window fills; the connection's other channels go on."""
        if self._channel:
            self._channel.pause_reading()

    def resume_reading(self) -> None:
        """Take what it writes again."""
        if self._channel:
            self._channel.resume_reading()

    async def wait(self) -> int:
        """Its exit status, once every byte is here; 128+n after a signal."""
        await self._ended.wait()
        if self._status is None or not self._complete:
            raise ConnectionDropped(
                f"the connection to {self._peer} was lost; what ran there may go on", host=self._peer.host
            )
        return self._status

    def abort(self) -> None:
        """Drop it at once."""
        self._aborted = True
        self._room.close()
        if self._channel:
            self._channel.abort()
        self._ended.set()

    def disown(self) -> None:
        """It was never given to anybody: drop it, and don't count its end."""
        self._on_end = _nothing
        self.abort()

    def pause_writing(self) -> None:
        """Much is queued."""
        self._room.fill()

    def resume_writing(self) -> None:
        """Little is queued."""
        self._room.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed, or the whole connection lost."""
        self._room.close()
        if exc is None and not self._aborted and self._is_usable():
            self._complete = True
        self._ended.set()
        self._on_end()

    def _queued(self) -> int:
        return self._channel.get_write_buffer_size() if self._channel else 0


class SshCommand(SshChannel, asyncssh.SSHClientSession[bytes]):
    """One command on the host."""

    def __init__(self, tie: Tie, on_stdout: OnBytes, on_stderr: OnBytes, *, has_terminal: bool) -> None:
        super().__init__(tie)
        self._on_stdout = on_stdout
        self._on_stderr = on_stderr
        self._has_terminal = has_terminal
        self._terminal: asyncssh.SSHClientChannel[bytes] | None = None

    def resize(self, size: TerminalSize) -> None:
        """Tell its terminal, if it has one."""
        if self._terminal and not self._terminal.is_closing():
            self._terminal.change_terminal_size(size.columns, size.rows)

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """The server gave us a session."""
        self._channel = chan
        self._terminal = chan if self._has_terminal else None

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """It wrote something."""
        if not self._aborted:
            (self._on_stdout if datatype is None else self._on_stderr)(data)

    def exit_status_received(self, status: int) -> None:
        """It has ended; its last bytes may follow."""
        self._status = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        """A signal ended it."""
        del core_dumped, msg, lang
        self._status = _signal_status(signal)

    def eof_received(self) -> bool:
        """All its output is here."""
        self._complete = True
        return True  # our side stays open: it may still read


class SshTcp(SshChannel, asyncssh.SSHTCPSession[bytes]):
    """One TCP connection from the host to somewhere."""

    def __init__(self, tie: Tie, on_data: OnBytes) -> None:
        super().__init__(tie)
        self._on_data = on_data

    def resize(self, size: TerminalSize) -> None:
        """It has no terminal."""

    def connection_made(self, chan: asyncssh.SSHTCPChannel[bytes]) -> None:
        """The host is connected."""
        self._channel = chan
        if self._aborted:  # nobody waits for it any more
            chan.abort()

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """The other end sent something."""
        del datatype
        if not self._aborted:
            self._on_data(data)

    def eof_received(self) -> bool:
        """The other end sends no more; it may still read."""
        self._status, self._complete = 0, True
        self._ended.set()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The other end is closed, or the whole connection lost."""
        super().connection_lost(exc)
        if self._complete:
            self._status = 0


def _signal_status(name: str) -> int:
    try:
        return 128 + signal.Signals[f"SIG{name}"]
    except KeyError:
        return _UNKNOWN_SIGNAL


def _nothing() -> None:
    pass
