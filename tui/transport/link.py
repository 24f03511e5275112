"""One authenticated connection and the channels on it; bytes in callbacks, never a stream reader."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

from tui.contracts import OnBytes
from tui.model.errors import ConnectionDropped, HostError
from tui.model.text import clean_line
from tui.model.units import MIB
from tui.transport.asyncssh_import import asyncssh
from tui.transport.faults import Peer
from tui.transport.pool import SessionRefused
from tui.transport.room import Room

OPEN_TIMEOUT_S = 20.0
"""For the server to accept a session and a command; how long that then runs is not our affair."""
_UNKNOWN_SIGNAL = 128
_UNSENT = MIB // 8


class SshChannel(asyncssh.SSHClientSession[bytes]):
    """One command on the host."""

    def __init__(
        self,
        peer: Peer,
        on_stdout: OnBytes,
        on_stderr: OnBytes,
        *,
        on_end: Callable[[], None],
        is_usable: Callable[[], bool],
        link_room: Room,
    ) -> None:
        self._peer = peer
        self._is_usable = is_usable
        self._link_room = link_room
        self._on_stdout = on_stdout
        self._on_stderr = on_stderr
        self._on_end = on_end
        self._status: int | None = None
        self._complete = False
        self._aborted = False
        self._ended = asyncio.Event()
        self._room = Room(peer.host)
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None

    def write(self, data: bytes) -> None:
        """Queue bytes for its stdin."""
        if data and self._channel and not self._channel.is_closing():
            self._channel.write(data)

    async def drain(self) -> None:
        """Wait until little is queued, here and on the connection, whose other channels must not wait long.

        Raises ConnectionDropped, also where nothing moves any more.
        """
        await self._room.wait(self._queued)
        await self._link_room.wait()

    def write_eof(self) -> None:
        """End its stdin."""
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

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """The server gave us a session."""
        self._channel = chan

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


def _signal_status(name: str) -> int:
    try:
        return 128 + signal.Signals[f"SIG{name}"]
    except KeyError:
        return _UNKNOWN_SIGNAL


def _nothing() -> None:
    pass


def _queue_little(connection: asyncssh.SSHClientConnection) -> None:
    """Have the kernel take no more than is soon under way: what is written next would wait behind it."""
    sock: socket.socket | None = connection.get_extra_info("socket")
    if sock is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        with suppress(OSError):  # no TCP, or gone already
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)


class SshLink:
    """`pool.Link` over SSH, with the jump hosts it goes through."""

    def __init__(
        self,
        peer: Peer,
        path: Sequence[asyncssh.SSHClientConnection],
        *,
        attended: bool,
        on_lost: Callable[[], None],
    ) -> None:
        """`path`: the connections to the jump hosts and, last, to the host."""
        self._peer = peer
        self._path = tuple(path)
        self._connection = path[-1]
        self._on_lost = on_lost
        self._usable = not self._connection.is_closed()
        self._attended = attended
        self._room = Room(peer.host)
        self._connection.pause_writing = self._room.fill  # type: ignore[method-assign]
        self._connection.resume_writing = self._room.clear  # type: ignore[method-assign]
        _queue_little(self._connection)

    @property
    def usable(self) -> bool:
        """It was neither lost nor closed."""
        return self._usable

    @property
    def attended(self) -> bool:
        """A person typed a password for it."""
        return self._attended

    async def start(
        self, command: str, on_stdout: OnBytes, on_stderr: OnBytes, on_end: Callable[[], None]
    ) -> SshChannel:
        """Start `command`. Raises SessionRefused, ConnectionDropped, HostError; `on_end` is then not called.

        Nothing is sent of our environment, no terminal is asked for.
        """
        channel = SshChannel(
            self._peer,
            on_stdout,
            on_stderr,
            on_end=on_end,
            is_usable=lambda: self._usable,
            link_room=self._room,
        )
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await self._connection.create_session(lambda: channel, command, encoding=None)
        except TimeoutError as error:
            channel.disown()
            self.abort()
            raise self._dropped() from error
        except (asyncssh.Error, OSError) as error:
            channel.disown()
            raise self._refusal(error) from error
        except asyncio.CancelledError:
            channel.disown()
            raise
        return channel

    def abort(self) -> None:
        """Drop it and its jump hosts at once."""
        self._usable = False
        for connection in reversed(self._path):
            connection.abort()

    def close(self) -> None:
        """Say goodbye and close."""
        self._usable = False
        self._connection.close()

    async def wait_closed(self) -> None:
        """Wait until all of the way is closed."""
        for connection in reversed(self._path):
            connection.close()
            await connection.wait_closed()

    def lost(self) -> None:
        """It has ended: the jump hosts are not needed any more."""
        self._usable = False
        self._room.close()
        for connection in self._path[:-1]:
            connection.abort()
        self._on_lost()

    def _refusal(self, error: Exception) -> Exception:
        if not self._usable or not isinstance(error, asyncssh.ChannelOpenError):
            return self._dropped()
        if error.code == asyncssh.OPEN_REQUEST_SESSION_FAILED:
            reason = clean_line(error.reason)
            return HostError(f"{self._peer} runs no commands for us: {reason}", host=self._peer.host)
        return SessionRefused(clean_line(error.reason))

    def _dropped(self) -> ConnectionDropped:
        return ConnectionDropped(f"the connection to {self._peer} was lost", host=self._peer.host)
