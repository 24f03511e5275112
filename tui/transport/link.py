"""One authenticated connection and the channels on it; bytes in callbacks, never a stream reader."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypedDict

from tui.contracts import OnBytes, TerminalSize
from tui.model.errors import ConnectionDropped, HostError, PortRefused
from tui.model.text import clean_line
from tui.model.units import MIB
from tui.transport.asyncssh_import import asyncssh
from tui.transport.channels import SshCommand, SshTcp, Tie
from tui.transport.faults import Peer
from tui.transport.pool import SessionRefused
from tui.transport.room import Room

OPEN_TIMEOUT_S = 20.0
"""For the server to accept a session and a command; how long that then runs is not our affair."""
TERMINAL = "xterm-256color"
_WINDOW, _PACKET = 64 * 1024, 16 * 1024
"""Bytes under way at most, where somebody waits for the answer to a key: that answer comes behind them."""
_TCP_WINDOW = MIB // 4
_UNSENT = MIB // 8


def _queue_little(connection: asyncssh.SSHClientConnection) -> None:
    """Have the kernel take no more than is soon under way: what is written next would wait behind it."""
    sock: socket.socket | None = connection.get_extra_info("socket")
    if sock is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        with suppress(OSError):  # no TCP, or gone already
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)


class _TerminalOptions(TypedDict, total=False):
    request_pty: str
    term_type: str
    term_size: tuple[int, int]
    window: int
    max_pktsize: int


def _terminal_options(size: TerminalSize | None) -> _TerminalOptions:
    if size is None:
        return {}
    return {
        "request_pty": "force",
        "term_type": TERMINAL,
        "term_size": (size.columns, size.rows),
        "window": _WINDOW,
        "max_pktsize": _PACKET,
    }


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
        self,
        command: str,
        on_stdout: OnBytes,
        on_stderr: OnBytes,
        on_end: Callable[[], None],
        terminal: TerminalSize | None = None,
    ) -> SshCommand:
        """Start `command`. Raises SessionRefused, ConnectionDropped, HostError; `on_end` is then not called.

        Nothing is sent of our environment.
        """
        channel = SshCommand(self._tie(on_end), on_stdout, on_stderr, has_terminal=terminal is not None)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await self._connection.create_session(
                    lambda: channel, command, encoding=None, **_terminal_options(terminal)
                )
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

    async def connect_tcp(
        self, address: str, port: int, on_data: OnBytes, on_end: Callable[[], None]
    ) -> SshTcp:
        """Connect to a port. Raises PortRefused, ConnectionDropped; `on_end` is then not called."""
        channel = SshTcp(self._tie(on_end), on_data)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await self._connection.create_connection(
                    lambda: channel, address, port, encoding=None, window=_TCP_WINDOW
                )
        except TimeoutError as error:
            channel.disown()
            raise self._no_port(address, port, "it does not answer") from error
        except (asyncssh.Error, OSError) as error:
            channel.disown()
            if not self._usable or not isinstance(error, asyncssh.ChannelOpenError):
                raise self._dropped() from error
            raise self._no_port(address, port, clean_line(error.reason), error.code) from error
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

    def _tie(self, on_end: Callable[[], None]) -> Tie:
        return Tie(peer=self._peer, is_usable=lambda: self._usable, room=self._room, on_end=on_end)

    def _no_port(self, address: str, port: int, reason: str, code: int = 0) -> PortRefused:
        host = self._peer.host
        if code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
            return PortRefused(
                f"{self._peer} passes no connections on",
                host=host,
                hint="its sshd must allow it: AllowTcpForwarding and PermitOpen in sshd_config there",
            )
        sentence = f"nothing takes connections at port {port} of {address}, as seen from {host}: {reason}"
        return PortRefused(sentence, host=host)

    def _refusal(self, error: Exception) -> Exception:
        if not self._usable or not isinstance(error, asyncssh.ChannelOpenError):
            return self._dropped()
        if error.code == asyncssh.OPEN_REQUEST_SESSION_FAILED:
            reason = clean_line(error.reason)
            return HostError(f"{self._peer} runs no commands for us: {reason}", host=self._peer.host)
        return SessionRefused(clean_line(error.reason))

    def _dropped(self) -> ConnectionDropped:
        return ConnectionDropped(f"the connection to {self._peer} was lost", host=self._peer.host)
