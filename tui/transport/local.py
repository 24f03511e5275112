"""This very machine as a host: the same contract as over SSH, by subprocess."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import cast

from tui.contracts import Completed, OnBytes, TerminalSize
from tui.model.errors import ConnectionDropped, HostError
from tui.model.hosts import HostEntry
from tui.model.spec import HostName
from tui.transport.collect import run_command
from tui.transport.local_tcp import TcpChannel, connect
from tui.transport.local_terminal import TerminalChannel, open_terminal
from tui.transport.room import Room

_STDERR = 2
_KILL_AFTER_S = 5.0
_CLOSE_WITHIN_S = 2.0
_PLENTY = 64


class LocalChannel(asyncio.SubprocessProtocol):
    """One command under `/bin/sh`, in a session of its own.

    Aborting ends its process group; what has detached itself from that group lives on.
    """

    def __init__(self, host: HostName, on_stdout: OnBytes, on_stderr: OnBytes) -> None:
        self._host = host
        self._on_bytes = {1: on_stdout, _STDERR: on_stderr}
        self._ended = asyncio.Event()
        self._room = Room(host)
        self._aborted = False
        self._transport: asyncio.SubprocessTransport

    def write(self, data: bytes) -> None:
        """Queue bytes for its stdin."""
        stdin = self._stdin()
        if data and not stdin.is_closing():
            stdin.write(data)

    async def drain(self) -> None:
        """Wait until little is queued. Raises ConnectionDropped where it does not read on."""
        await self._room.wait(self._stdin().get_write_buffer_size)

    def write_eof(self) -> None:
        """End its stdin."""
        stdin = self._stdin()
        if not stdin.is_closing():
            stdin.write_eof()

    def pause_reading(self) -> None:
        """Its pipes fill."""
        for pipe in self._outputs():
            pipe.pause_reading()

    def resume_reading(self) -> None:
        """Take what it writes again."""
        for pipe in self._outputs():
            pipe.resume_reading()

    def resize(self, size: TerminalSize) -> None:
        """It has no terminal."""

    @property
    def ended(self) -> bool:
        """Nothing of it is left with us."""
        return self._ended.is_set()

    async def wait(self) -> int:
        """Its exit status, once it has ended and both its streams have; 128+n after a signal."""
        await self._ended.wait()
        status = self._transport.get_returncode()
        if self._aborted or status is None:
            raise ConnectionDropped(f"the command on {self._host} was cut off", host=self._host)
        return 128 - status if status < 0 else status

    def abort(self) -> None:
        """TERM to its group now, KILL after 5 s; its pipes are closed at once."""
        if self._aborted or self._ended.is_set():
            return
        self._aborted = True
        self._room.close()
        self._signal(signal.SIGTERM)
        asyncio.get_running_loop().call_later(_KILL_AFTER_S, self.kill)
        for fd in (0, 1, 2):
            pipe = self._transport.get_pipe_transport(fd)
            if pipe is not None:
                pipe.close()

    def kill(self) -> None:
        """KILL to its group, if it is still there."""
        self._signal(signal.SIGKILL)

    async def until_ended(self) -> None:
        """Wait until nothing of it is left with us."""
        await self._ended.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It runs."""
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """It wrote something."""
        if not self._aborted:
            self._on_bytes[fd](data)

    def pause_writing(self) -> None:
        """Much is queued."""
        self._room.fill()

    def resume_writing(self) -> None:
        """Little is queued."""
        self._room.clear()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """It has closed one of its streams."""
        del exc
        if fd == 0:
            self._room.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """It has ended, and so have its streams."""
        self._transport.close()
        self._ended.set()

    def _stdin(self) -> asyncio.WriteTransport:
        return cast("asyncio.WriteTransport", self._transport.get_pipe_transport(0))

    def _outputs(self) -> list[asyncio.ReadTransport]:
        pipes = [self._transport.get_pipe_transport(fd) for fd in self._on_bytes]
        return [cast("asyncio.ReadTransport", pipe) for pipe in pipes if pipe is not None]

    def _signal(self, number: signal.Signals) -> None:
        if self._transport.get_returncode() is not None:
            return  # reaped: its number may be somebody else's by now
        with suppress(ProcessLookupError):
            os.killpg(self._transport.get_pid(), number)


async def start(host: HostName, command: str, on_stdout: OnBytes, on_stderr: OnBytes) -> LocalChannel:
    """Start `command` in the home directory. Raises OSError."""
    _, channel = await asyncio.get_running_loop().subprocess_exec(
        lambda: LocalChannel(host, on_stdout, on_stderr),
        *("/bin/sh", "-c", command),
        cwd=Path.home(),
        start_new_session=True,
    )
    return channel


class LocalHost:
    """`contracts.Host` for a VM manager on this machine."""

    def __init__(self, entry: HostEntry) -> None:
        self._entry = entry
        self._channels: set[LocalChannel | TerminalChannel] = set()
        self._connections: set[TcpChannel] = set()

    @property
    def name(self) -> HostName:
        """Which host it is."""
        return self._entry.name

    @property
    def spare_channels(self) -> int:
        """Many: they are processes of this machine."""
        return _PLENTY

    async def connect(self) -> None:
        """Nothing to do: we are there."""

    async def open(
        self,
        command: str,
        *,
        on_stdout: OnBytes,
        on_stderr: OnBytes,
        long: bool = False,
        terminal: TerminalSize | None = None,
    ) -> LocalChannel | TerminalChannel:
        """Start `command` in the home directory. Raises HostError where no process can be had."""
        del long
        try:
            if terminal is None:
                channel: LocalChannel | TerminalChannel = await start(
                    self.name, command, on_stdout, on_stderr
                )
            else:
                channel = await open_terminal(self.name, command, terminal, on_stdout)
        except OSError as error:
            raise HostError(f"no command can be started on {self.name}: {error}", host=self.name) from error
        self._channels = {other for other in self._channels if not other.ended} | {channel}
        return channel

    async def open_tcp(self, address: str, port: int, *, on_data: OnBytes) -> TcpChannel:
        """Connect to a port. Raises PortRefused with the reason."""
        channel = await connect(self.name, address, port, on_data)
        self._connections = {other for other in self._connections if not other.ended} | {channel}
        return channel

    async def run(self, command: str, stdin: bytes = b"", *, timeout_s: float) -> Completed:
        """Run `command` to its end; after `timeout_s` it is ended and HostUnreachable raised."""
        return await run_command(self, command, stdin, timeout_s=timeout_s)

    def drop(self) -> None:
        """Abort every running command, and every connection."""
        for channel in (*self._channels, *self._connections):
            channel.abort()

    async def aclose(self) -> None:
        """End every running command, with KILL after two seconds."""
        self.drop()
        if await self._all_ended():
            return
        for channel in self._channels:
            channel.kill()
        await self._all_ended()

    async def _all_ended(self) -> bool:
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                for channel in self._channels:
                    await channel.until_ended()
        except TimeoutError:
            return False
        return True
