"""`exec` and `shell`: the client's own connection into a VM.

The client makes pipes (or a terminal), passes the guest's ends to the VM and carries the bytes itself.
So its death is a broken pipe for whoever writes in the guest, and nothing for a quiet process.
"""

from __future__ import annotations

import _socket
import fcntl
import os
import select
import signal
import sys
import termios

from tui.demo import wire
from tui.demo.multipass import COMMAND_FAILED, Command, complain, connect, finish, write
from tui.demo.options import Line, Wrong
from tui.demo.wire import GUEST_SOCKET, KILLED, Message

_BLOCK = 1 << 16
_WINDOW = 2 << 20
"""How far the guest's reader may be behind before the rest of stdin is taken for its end, and lost."""
_PATIENCE_MS = 500
"""How long it may be that far behind."""
_SIGNAL_STATUS = 255


def exec_(command: Command, line: Line) -> int:
    """`multipass exec`."""
    argv = line.words[1:] + line.behind
    if not line.words or not argv:
        raise Wrong("Wrong number of arguments")
    if line.has("working-directory") and line.has("no-map-working-directory"):
        raise Wrong("Options --working-directory and --no-map-working-directory clash")
    name = line.words[0]
    if not line.has("working-directory") and not line.has("no-map-working-directory"):
        # To find the mount to enter, the real one asks for `info` first; its failure is only printed.
        info: Message = {
            "verb": "info",
            "format": "json",
            "names": [name],
            "snapshots": False,
            "runtime": False,
        }
        answer = command.ask(info)
        if "error" in answer:
            finish("exec", answer)
    order: Message = {"op": "exec", "argv": argv, "cwd": line.given.get("working-directory", "")}
    return _enter(command, "exec", name, order)


def shell(command: Command, line: Line) -> int:
    """`multipass shell`. Its status is 0 whatever happened in the shell."""
    name = line.words[0] if line.words else "primary"
    order: Message = {"op": "exec", "argv": [], "cwd": ""}
    status = _enter(command, "shell", name, order)
    return status if status == COMMAND_FAILED else 0


def enter(command: Command, verb: str, name: str) -> str | int:
    """The folder of a running VM, started if need be; a number: the status of a failure, explained."""
    answer = command.ask({"verb": verb, "name": name})
    if answer.get("stopped"):
        start: Message = {"verb": "start", "format": "table", "names": [name]}
        started = command.watch(start, f"Starting {name}")
        command.spinner.stop()
        command.spinner.stop()
        if "error" in started:
            return finish("start", started)
        answer = command.ask({"verb": verb, "name": name})
    if "error" in answer:
        return finish(verb, answer)
    return str(answer.get("folder", ""))


def _enter(command: Command, verb: str, name: str, order: Message) -> int:
    folder = enter(command, verb, name)
    if isinstance(folder, int):
        return folder
    connection = connect(folder, GUEST_SOCKET) if folder else None
    if connection is None:
        complain(f"{verb} failed: ssh connection failed: 'Failed to connect: Connection refused'")
        return COMMAND_FAILED
    with_terminal = os.isatty(0) and os.isatty(1)
    order |= {"tty": with_terminal, "term": os.environ.get("TERM", "xterm")}
    status = _on_terminal(connection, order) if with_terminal else _on_pipes(connection, order)
    return _SIGNAL_STATUS if status == KILLED else status


# ---- pipes


def _on_pipes(connection: _socket.socket, order: Message) -> int:
    guest_in, to_guest = os.pipe()
    from_out, guest_out = os.pipe()
    from_err, guest_err = os.pipe()
    wire.send(connection, order, (guest_in, guest_out, guest_err))
    for fd in (guest_in, guest_out, guest_err):
        os.close(fd)
    stdin = _Stdin(to_guest)
    sources = {from_out: 1, from_err: 2}
    poll = select.poll()
    for fd in (*sources, connection.fileno()):
        poll.register(fd, select.POLLIN)
    stdin.register(poll)
    status: int | None = None
    while sources or status is None:
        ready = poll.poll(_PATIENCE_MS if stdin.is_full else None)
        if not ready:
            stdin.lose_patience()
        for fd, event in ready:
            if fd == connection.fileno():
                poll.unregister(fd)
                status = _status(connection)
            elif fd in sources:
                if not _carry(fd, sources[fd]):
                    poll.unregister(fd)
                    del sources[fd]
            else:
                stdin.on_event(fd, event, poll)
    return status


def _status(connection: _socket.socket) -> int:
    """What the guest says at the end. A VM that died under us says nothing, and the client waits for ever."""
    try:
        message = wire.receive(connection)
    except OSError:
        message = None
    while message is None:
        signal.pause()
    return int(message["status"])


def _carry(source: int, target: int) -> bool:
    """Bring one block along; False at the end."""
    data = os.read(source, _BLOCK)
    write(target, data)
    return bool(data)


class _Stdin:
    """Our stdin on its way to the guest, with the real client's bug: see `_WINDOW`."""

    def __init__(self, to_guest: int) -> None:
        self._to_guest = to_guest
        self._waiting = b""
        self._ended = False
        self.is_full = False
        """The guest is a whole window behind."""
        os.set_blocking(to_guest, False)

    def register(self, poll: select.poll) -> None:
        """Begin to listen."""
        try:
            os.fstat(0)
            poll.register(0, select.POLLIN)
        except OSError:
            self._ended = True
        poll.register(self._to_guest, 0)
        self._push(poll)

    def on_event(self, fd: int, event: int, poll: select.poll) -> None:
        """One end is ready."""
        if fd == 0:
            self._take(poll)
        elif event & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
            self._close(poll)
            return
        self._push(poll)

    def _take(self, poll: select.poll) -> None:
        room = _WINDOW - len(self._waiting) - _unread(self._to_guest)
        if room <= 0:
            self.is_full = True
            poll.unregister(0)
            return
        data = os.read(0, min(_BLOCK, room))
        self._waiting += data
        if not data:
            self._ended = True
            poll.unregister(0)

    def lose_patience(self) -> None:
        """Take "nothing more fits" for the end of input."""
        self.is_full, self._ended = False, True

    def _push(self, poll: select.poll) -> None:
        try:
            while self._waiting:
                self._waiting = self._waiting[os.write(self._to_guest, self._waiting[:_BLOCK]) :]
        except BlockingIOError:
            poll.modify(self._to_guest, select.POLLOUT)
            if self.is_full and len(self._waiting) + _unread(self._to_guest) < _WINDOW:
                self.is_full = False
                poll.register(0, select.POLLIN)
            return
        except BrokenPipeError:
            self._close(poll)
            return
        if self._ended:
            self._close(poll)
        else:
            poll.modify(self._to_guest, 0)

    def _close(self, poll: select.poll) -> None:
        if self._to_guest < 0:
            return
        poll.unregister(self._to_guest)
        if not self._ended and not self.is_full:
            poll.unregister(0)
        os.close(self._to_guest)
        self._to_guest, self._ended, self.is_full, self._waiting = -1, True, False, b""


def _unread(pipe: int) -> int:
    """Bytes that the guest has not taken yet."""
    try:
        return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0"), sys.byteorder)
    except OSError:
        return 0


# ---- a terminal


def _on_terminal(connection: _socket.socket, order: Message) -> int:
    ours, theirs = os.openpty()
    before = termios.tcgetattr(0)

    def resize(*_: object) -> None:
        size = fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(ours, termios.TIOCSWINSZ, size)

    resize()
    signal.signal(signal.SIGWINCH, resize)
    wire.send(connection, order, (theirs,))
    os.close(theirs)
    try:
        _make_raw(before)
        _until_hang_up(ours)
        return _status(connection)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def _make_raw(before: list[int | list[bytes | int]]) -> None:
    raw = termios.tcgetattr(0)
    raw[0] = 0
    raw[1] = 0
    raw[3] = 0
    raw[2] = before[2]
    termios.tcsetattr(0, termios.TCSADRAIN, raw)


def _until_hang_up(ours: int) -> None:
    poll = select.poll()
    poll.register(ours, select.POLLIN)
    poll.register(0, select.POLLIN)
    while True:
        for fd, event in poll.poll():
            try:
                if fd == ours:
                    alive = _carry(ours, 1)
                elif event & select.POLLIN:
                    alive = _carry(0, ours)
                else:
                    alive = False
            except OSError:
                # The other side of a terminal is gone: Linux says EIO.
                alive = False
            if not alive and fd == ours:
                return
            if not alive:
                poll.unregister(0)
                os.write(ours, b"\x04")
