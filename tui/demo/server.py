"""The demo host's SSH server: real commands under the real /bin/sh, in the demo's own home.

It behaves as OpenSSH does where that matters: a command without a terminal outlives its connection
until it writes, one with a terminal is hung up, and a channel stays open for as long as somebody holds
the command's output.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import struct
import termios
from asyncio import TaskGroup
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import cast

import asyncssh

from tui.demo import account, forwarding
from tui.demo.guest import Guests
from tui.demo.pipes import Inlet, Outlet

_CANNOT_START = 254


class SshServer:
    """Serves on 127.0.0.1, always on the same port; only the holder of `client_key` gets in."""

    def __init__(
        self,
        world: Path,
        guests: Guests,
        tasks: TaskGroup,
        host_key: asyncssh.SSHKey,
        client_key: asyncssh.SSHKey,
    ) -> None:
        self.port = 0
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self._world = world
        self._guests = guests
        self._tasks = tasks
        self._host_key = host_key
        self._client_key = client_key
        self._acceptor: asyncssh.SSHAcceptor | None = None
        account.furnish(world)

    async def open(self) -> None:
        """Take connections."""
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=lambda: _Server(self._world, self._guests, self._tasks, self.connections),
            server_host_keys=[self._host_key],
            authorized_client_keys=asyncssh.import_authorized_keys(
                self._client_key.export_public_key().decode()
            ),
            encoding=None,
            line_editor=False,
            allow_scp=False,
            agent_forwarding=False,
            compression_algs=None,
            login_timeout=30,
        )
        self.port = self._acceptor.get_port()

    def hang_up(self) -> None:
        """Drop every connection; the server goes on."""
        for connection in list(self.connections):
            connection.abort()

    async def be_gone(self, seconds: float) -> None:
        """Drop every connection and take none for so long."""
        if self._acceptor is not None:
            self._acceptor.close()
            self._acceptor = None
            self.hang_up()
            await asyncio.sleep(seconds)
            await self.open()


class _Server(asyncssh.SSHServer):
    """One connection."""

    def __init__(
        self,
        world: Path,
        guests: Guests,
        tasks: TaskGroup,
        connections: set[asyncssh.SSHServerConnection],
    ) -> None:
        self._world = world
        self._guests = guests
        self._tasks = tasks
        self._connections = connections
        self._mine: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._mine = conn
        self._connections.add(conn)

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._mine is not None:
            self._connections.discard(self._mine)

    def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
        return _Session(self._world, self._tasks)

    def connection_requested(
        self, dest_host: str, dest_port: int, _orig_host: str, _orig_port: int
    ) -> asyncssh.SSHTCPSession[bytes] | Awaitable[asyncssh.SSHTCPSession[bytes]]:
        answers = forwarding.connection_to(self._world, self._guests, dest_host, dest_port)
        if not isinstance(answers, int):
            return answers
        assert self._mine is not None
        return self._forwarded(self._mine, answers)

    async def _forwarded(
        self, connection: asyncssh.SSHServerConnection, port: int
    ) -> asyncssh.SSHTCPSession[bytes]:
        """It passes the bytes on as a session does, though it is not declared as one."""
        return cast("asyncssh.SSHTCPSession[bytes]", await connection.forward_connection("127.0.0.1", port))


class _Session(asyncssh.SSHServerSession[bytes]):
    """One command, from request to exit status."""

    def __init__(self, world: Path, tasks: TaskGroup) -> None:
        self._world = world
        self._tasks = tasks
        self._command = ""
        self._terminal = ""
        self._process: asyncio.subprocess.Process | None = None
        self._outlets: list[Outlet] = []
        self._inlet: Inlet | None = None
        self._early: list[bytes | None] = []
        """Input that came before the command ran; None: its end."""

    # ---- what the client asks for

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def pty_requested(
        self, term_type: str, _term_size: tuple[int, int, int, int], _term_modes: Mapping[int, int]
    ) -> bool:
        self._terminal = term_type or "dumb"
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command
        return True

    def shell_requested(self) -> bool:
        return True

    def session_started(self) -> None:
        self._tasks.create_task(self._run())

    def data_received(self, data: bytes, _datatype: int | None) -> None:
        if self._inlet is None:
            self._early.append(data)
        else:
            self._inlet.feed(data)

    def eof_received(self) -> bool:
        if self._inlet is None:
            self._early.append(None)
        elif not self._terminal:
            self._inlet.end()
        return True

    def signal_received(self, signal: str) -> None:
        self._to_group(signal)

    def break_received(self, _msec: int) -> bool:
        self._to_group("INT")
        return True

    def terminal_size_changed(self, width: int, height: int, *_pixels: int) -> None:
        if self._terminal and self._outlets:
            _resize(self._outlets[0].fd, width, height)

    def pause_writing(self) -> None:
        for outlet in self._outlets:
            outlet.pause()

    def resume_writing(self) -> None:
        for outlet in self._outlets:
            outlet.resume()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Close our ends. What that means to the command is between it and the kernel."""
        for outlet in self._outlets:
            outlet.close()
        if self._inlet is not None:
            self._inlet.close()

    # ---- the command

    async def _run(self) -> None:
        try:
            self._process = await (self._start_on_terminal() if self._terminal else self._start_on_pipes())
        except OSError:
            # Too many processes or files: one command fails, not the host.
            self._say_goodbye(_CANNOT_START)
            return
        if self._channel.is_closing():
            self.connection_lost(None)
        for data in self._early:
            if data is None:
                self.eof_received()
            else:
                self.data_received(data, None)
        status = await self._process.wait()
        for outlet in self._outlets:
            if self._terminal:
                outlet.take_rest()
            await outlet.closed.wait()
        if self._inlet is not None:
            self._inlet.close()
        self._say_goodbye(status)

    def _say_goodbye(self, status: int) -> None:
        if self._channel.is_closing():
            return
        if status < 0:
            self._channel.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        else:
            self._channel.exit(status)

    async def _start_on_pipes(self) -> asyncio.subprocess.Process:
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        ours_err, theirs_err = os.pipe()
        try:
            process = await self._spawn(theirs_in, theirs_out, theirs_err)
        finally:
            for fd in (theirs_in, theirs_out, theirs_err):
                os.close(fd)
        self._inlet = Inlet(ours_in, self._channel)
        self._outlets = [
            Outlet(ours_out, self._channel.write),
            Outlet(ours_err, lambda data: self._channel.write(data, asyncssh.EXTENDED_DATA_STDERR)),
        ]
        return process

    async def _start_on_terminal(self) -> asyncio.subprocess.Process:
        ours, theirs = os.openpty()
        width, height, _, _ = self._channel.get_terminal_size()
        _resize(ours, width, height)
        try:
            process = await self._spawn(theirs, theirs, theirs)
        finally:
            os.close(theirs)
        self._inlet = Inlet(os.dup(ours), self._channel)
        self._outlets = [Outlet(ours, self._channel.write)]
        return process

    async def _spawn(self, stdin: int, stdout: int, stderr: int) -> asyncio.subprocess.Process:
        words = ["/bin/sh", "-c", self._command] if self._command else ["/bin/sh", "-l"]
        with_terminal = bool(self._terminal)
        return await asyncio.create_subprocess_exec(
            *words,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=self._world / "home",
            env=self._environment(),
            start_new_session=True,
            preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if with_terminal else None,
        )

    def _environment(self) -> dict[str, str]:
        own = account.environment(self._world)
        sent = self._channel.get_environment()
        own |= {name: value for name, value in sent.items() if name == "LANG" or name.startswith("LC_")}
        return own | {"TERM": self._terminal} if self._terminal else own

    def _to_group(self, name: str) -> None:
        number = getattr(signal, f"SIG{name}", None)
        if self._process is None or self._process.returncode is not None or number is None:
            return
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return


def _resize(fd: int, width: int, height: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", height or 24, width or 80, 0, 0))
