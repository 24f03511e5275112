"""A VM for people: bashkit, a sandbox that can't reach this machine's files, processes or network.

The only module that runs bashkit. Its disk is a folder that bashkit confines itself to; every exec is
an interpreter of its own over it.
"""

from __future__ import annotations

import _socket
import asyncio
import os
import signal
import sys
import termios
from asyncio import TaskGroup
from collections.abc import Callable
from pathlib import Path

import bashkit

from tui.demo import files, ubuntu, wire
from tui.demo.coreutils import HOME
from tui.demo.disk import Disk
from tui.demo.guest import LIFELINE_FD, Figures
from tui.demo.pulse import Pulse
from tui.demo.wire import KILLED, Message

_DISK = Path("disk")
_REQUEST_LIMIT_S = 5.0
_STDIN_PATIENCE_S = 0.2
_FAREWELL_S = 0.2
_BLOCK = 1 << 16
_MOST = 1_000_000
_FOR_EVER_S = 86400.0 * 30
_CTRL_C = b"\x03"


class BashkitGuest:
    """One VM in the sandbox."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._disk = _DISK.absolute()
        ubuntu.furnish(self._disk, figures)
        self._place = Disk(self._disk, HOME)
        self._files = bashkit.FileSystem.real(str(self._disk), writable=True)
        self._commands = ubuntu.commands(self._disk, figures, self._close)
        self._watchers: list[asyncio.StreamWriter] = []
        self._inputs = 0
        self._running = 0
        self._pulse = Pulse(self._place, figures, lambda: self._running > 1)  # one only looks at it

    def serve(self, listener: _socket.socket) -> None:
        """Run until powered off or until the lifeline ends."""
        asyncio.run(self._serve(listener))

    async def _serve(self, listener: _socket.socket) -> None:
        self._closing = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._close, "poweroff")
        loop.add_reader(LIFELINE_FD, self._close, "poweroff")
        async with TaskGroup() as tasks:
            tasks.create_task(self._pulse.beat())
            loop.add_reader(listener.fileno(), self._welcome, listener, tasks)
            why = await self._closing
            for watcher in self._watchers:
                watcher.write(wire.pack({"closing": why}))
            await asyncio.sleep(_FAREWELL_S)
            sys.stdout.flush()
            os._exit(0)

    def _close(self, why: str) -> None:
        if not self._closing.done():
            self._closing.set_result(why)

    def _welcome(self, listener: _socket.socket, tasks: TaskGroup) -> None:
        fd, _ = listener._accept()  # type: ignore[attr-defined]
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, fileno=fd)
        connection.settimeout(_REQUEST_LIMIT_S)
        try:
            message, fds = wire.receive_with_files(connection)
        except OSError:
            connection.close()
            return
        if message is not None:
            tasks.create_task(self._answer(connection, message, fds))

    async def _answer(self, connection: _socket.socket, message: Message, fds: list[int]) -> None:
        try:
            if message["op"] == "watch":
                await self._be_watched(connection)
                return
            if message["op"] == "cloud-init":
                loop = asyncio.get_running_loop()
                await asyncio.to_thread(self._first_boot, loop)
                answer: Message = {"done": True}
            elif message["op"] == "exec":
                self._running += 1
                try:
                    answer = {"status": await self._exec(message, fds)}
                finally:
                    self._running -= 1
            else:
                answer = await asyncio.to_thread(files.answer, self._place, message, fds, connection)
            for fd in fds:
                os.close(fd)
            fds.clear()
            wire.send(connection, answer)
        except OSError:
            return
        finally:
            connection.close()
            for fd in fds:
                os.close(fd)

    async def _be_watched(self, connection: _socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=_stream(connection))
        self._watchers.append(writer)
        writer.write(wire.pack({"up": True}))
        # The daemon sends nothing but the order to power off, or goes away.
        if await reader.read(1):
            self._close("poweroff")
            return
        self._watchers.remove(writer)

    def _first_boot(self, loop: asyncio.AbstractEventLoop) -> None:
        def run(line: str, log: int) -> int:
            return asyncio.run_coroutine_threadsafe(_run(self._interpreter(), line, log, log), loop).result()

        ubuntu.first_boot(self._disk, self._place, run)

    # ---- commands

    def _interpreter(self) -> bashkit.Bash:
        bash = bashkit.Bash(
            username="ubuntu",
            hostname=self._figures.name,
            cwd=HOME,
            env={"HOME": HOME, "PATH": ubuntu.PATH, "SHELL": "/bin/bash", "LOGNAME": "ubuntu"},
            max_commands=_MOST,
            max_loop_iterations=_MOST,
            timeout_seconds=_FOR_EVER_S,
            profile=bashkit.ExecutionProfile.Interactive,
        )
        bash.mount("/", self._files)
        for name, command in self._commands.items():
            bash.add_command(name, command)
        return bash

    async def _exec(self, message: Message, fds: list[int]) -> int:
        if message["tty"] and not message["argv"]:
            return await _Terminal(self._interpreter(), fds[0], self._figures.name).run()
        line = " ".join(_quoted(word) for word in message["argv"])
        if message["cwd"]:
            line = f"cd {_quoted(message['cwd'])} && {line}"
        if message["tty"]:
            return await _run(self._interpreter(), line, fds[0], fds[0])
        stdin, stdout, stderr = fds
        given = await _read_all(stdin)
        if not message["argv"]:
            return await _run(self._interpreter(), given.decode(errors="replace"), stdout, stderr)
        if not given:
            return await _run(self._interpreter(), line, stdout, stderr)
        return await self._run_with_input(line, given, stdout, stderr)

    async def _run_with_input(self, line: str, given: bytes, stdout: int, stderr: int) -> int:
        """Bashkit takes no stream for its stdin: a file of the guest stands in."""
        self._inputs += 1
        name = f"run/stdin-{self._inputs}"
        place = self._disk / name
        place.write_bytes(given)
        try:
            return await _run(self._interpreter(), f"{{ {line}; }} < /{name}", stdout, stderr)
        finally:
            place.unlink(missing_ok=True)


class _Terminal:
    """An interactive shell: the terminal edits the line, we run it."""

    def __init__(self, bash: bashkit.Bash, tty: int, name: str) -> None:
        self._bash = bash
        self._tty = tty
        self._name = name
        self._ahead: list[bytes] = []
        """Lines typed while a command was running."""

    async def run(self) -> int:
        """Until `exit` or the end of input."""
        self._return_on_ctrl_c()
        os.set_blocking(self._tty, False)
        await _write(
            self._tty, b"Welcome to Ubuntu 24.04.3 LTS. This guest is a sandbox of dayfly's demo host.\n\n"
        )
        while True:
            await _write(self._tty, f"ubuntu@{self._name}:{self._place()}$ ".encode())
            line = self._ahead.pop(0) if self._ahead else await _read(self._tty)
            if not line:
                return 0
            if line.endswith(_CTRL_C):
                await _write(self._tty, b"^C\n")
                continue
            words = line.split()
            if words[:1] in ([b"exit"], [b"logout"]):
                return int(words[1]) & 255 if len(words) > 1 and words[1].isdigit() else 0
            await self._run_line(line.decode(errors="replace"))

    async def _run_line(self, line: str) -> None:
        async with TaskGroup() as tasks:
            running = tasks.create_task(_run(self._bash, line, self._tty, self._tty))
            typing = tasks.create_task(self._interrupt(running))
            running.add_done_callback(lambda _: typing.cancel())
        self._bash.clear_cancel()

    async def _interrupt(self, running: asyncio.Task[int]) -> None:
        """End it on ctrl-c: it needs both, the flag for a busy loop and the cancel for a sleep."""
        while typed := await _read(self._tty):
            if typed.endswith(_CTRL_C):
                break
            self._ahead.append(typed)
        self._bash.cancel()
        running.cancel()

    def _place(self) -> str:
        cwd = self._bash.shell_state().cwd
        return "~" + cwd.removeprefix(HOME) if cwd.startswith(HOME) else cwd

    def _return_on_ctrl_c(self) -> None:
        """No process group of the kernel's is behind this terminal: ctrl-c arrives as the end of a line."""
        mode = termios.tcgetattr(self._tty)
        mode[3] &= ~termios.ISIG
        mode[6][termios.VEOL] = _CTRL_C
        termios.tcsetattr(self._tty, termios.TCSANOW, mode)


async def _run(bash: bashkit.Bash, line: str, stdout: int, stderr: int) -> int:
    """Run a line; the exit status, KILLED where a signal ended it or its reader went away."""
    for fd in (stdout, stderr):
        os.set_blocking(fd, False)

    async def to_stdout(data: bytes) -> None:
        await _write(stdout, data)

    async def to_stderr(data: bytes) -> None:
        await _write(stderr, data)

    try:
        result = await bash.execute(
            line,
            capture=0,
            stdout=to_stdout,
            stderr=to_stderr,
        )
    except BrokenPipeError:
        return KILLED
    except bashkit.BashError as error:
        await _write(stderr, f"bash: {error}\n".encode())
        return 2
    if result.error:
        await _write(stderr, f"bash: {result.error}\n".encode())
    if result.exit_code > 128 and "kill" in line:
        # It says 128+n of a command that ended itself by a signal; SSH has no number for that.
        return KILLED
    return int(result.exit_code)


async def _write(fd: int, data: bytes) -> None:
    """Write all of it, waiting while the reader is behind. Raises BrokenPipeError."""
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            await _ready(fd, asyncio.get_running_loop().add_writer, asyncio.get_running_loop().remove_writer)


async def _read(fd: int) -> bytes:
    """What is there next; nothing at the end."""
    loop = asyncio.get_running_loop()
    await _ready(fd, loop.add_reader, loop.remove_reader)
    try:
        return os.read(fd, _BLOCK)
    except OSError:
        return b""


async def _read_all(stdin: int) -> bytes:
    """All input, if any comes soon: a command whose input merely stays open must not wait for its end."""
    os.set_blocking(stdin, False)
    try:
        async with asyncio.timeout(_STDIN_PATIENCE_S):
            data = await _read(stdin)
    except TimeoutError:
        return b""
    given = data
    while data:
        data = await _read(stdin)
        given += data
    return given


async def _ready(fd: int, add: Callable[..., object], remove: Callable[[int], object]) -> None:
    ready = asyncio.Event()
    add(fd, ready.set)
    try:
        await ready.wait()
    finally:
        remove(fd)


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\"'\"'") + "'"


def _stream(connection: _socket.socket) -> object:
    import socket

    connection.settimeout(None)
    return socket.socket(fileno=os.dup(connection.fileno()))
