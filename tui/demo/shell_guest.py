"""A VM for test suites: the real shell in a private folder, with its own sessions and process tree.

On Linux as root it has its own process and mount namespaces: /tmp, /var/tmp, /var/log, /dev/shm and /home
are its own, its home is /home/ubuntu, and its end ends every process in it. Elsewhere its processes are the
descendants of this one; HOME and TMPDIR lie in the VM's folder, and DAYFLY_GUEST_DIR names a directory of
its own for scripts that would otherwise meet in /var/tmp.
"""

from __future__ import annotations

import _socket
import fcntl
import os
import select
import signal
import sys
import termios
import time
from collections.abc import Callable

from tui.demo import cloud_init, files, kin, shell_boot, wire
from tui.demo.guest import LIFELINE_FD, Figures
from tui.demo.wire import KILLED

_REQUEST_LIMIT_S = 5.0
_FAREWELL_S = 0.5
_TERM_LIMIT_S = 0.3
_PR_SET_CHILD_SUBREAPER = 36
_MOUNTS = """
mkdir -p tmp var-tmp var-log shm && chmod 1777 tmp var-tmp shm &&
mount --bind tmp /tmp && mount --bind var-tmp /var/tmp && mount --bind home /home &&
mount --bind var-log /var/log && { mount -t tmpfs -o mode=1777 shm /dev/shm || mount --bind shm /dev/shm; }
"""
_TOOLS = {
    "sudo": (
        'while [ $# -gt 0 ]; do case $1 in -u|-g) shift 2;; -*) shift;; *) break;; esac; done\nexec "$@"\n'
    ),
    "poweroff": 'kill -TERM "$DAYFLY_GUEST_INIT"\n',
    "reboot": 'kill -HUP "$DAYFLY_GUEST_INIT"\n',
    "cloud-init": cloud_init.COMMAND,
    "hostname": "echo {name}\n",
}
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games"


class ShellGuest:
    """One VM on the real shell."""

    def __init__(self, figures: Figures) -> None:
        self._name = figures.name
        self._pid = os.getpid()
        self._own_space = bool(os.environ.get("DAYFLY_GUEST_NAMESPACE"))
        self._home = os.path.abspath("home/ubuntu")
        self._plan = shell_boot.plan()
        self._running: dict[int, _socket.socket] = {}
        self._watchers: dict[int, _socket.socket] = {}
        self._closing = ""

    def serve(self, listener: _socket.socket) -> None:
        """Run until powered off or until the lifeline ends."""
        wakeup = self._listen_to_signals()
        self._furnish()
        waiting = select.poll()
        for fd in (listener.fileno(), wakeup, LIFELINE_FD):
            waiting.register(fd, select.POLLIN)
        while not self._closing:
            for fd, _ in waiting.poll():
                if fd == listener.fileno():
                    self._welcome(listener, waiting)
                elif fd == wakeup:
                    os.read(wakeup, 4096)
                    self._reap()
                elif fd == LIFELINE_FD:
                    self._closing = "poweroff"
                else:
                    self._hear_watcher(fd, waiting)
        self._shut_down()

    def _listen_to_signals(self) -> int:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._close("poweroff"))
        signal.signal(signal.SIGHUP, lambda *_: self._close("reboot"))
        return reading

    def _close(self, why: str) -> None:
        self._closing = why

    def _furnish(self) -> None:
        """The guest's own directories and commands."""
        tools = f"{self._home}/.local/bin"
        os.makedirs(tools, exist_ok=True)
        for name, script in _TOOLS.items():
            path = f"{tools}/{name}"
            with open(path, "w") as file:
                file.write("#!/bin/sh\n" + script.replace("{name}", self._name))
            os.chmod(path, 0o755)
        if self._own_space and os.system(_MOUNTS) == 0:
            self._home = "/home/ubuntu"
        else:
            self._own_space = False
            os.makedirs("tmp", exist_ok=True)
            _adopt_orphans()
        self._first_boot = shell_boot.FirstBoot(self._home, self._own_space, self._plan)

    # ---- requests

    def _welcome(self, listener: _socket.socket, waiting: select.poll) -> None:
        fd, _ = listener._accept()  # type: ignore[attr-defined]
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, fileno=fd)
        connection.settimeout(_REQUEST_LIMIT_S)
        fds = list[int]()
        try:
            message, fds = wire.receive_with_files(connection)
            if message is not None:
                self._answer(connection, message, fds, waiting)
        except (OSError, KeyError):
            connection.close()
        finally:
            for each in fds:
                os.close(each)

    def _answer(
        self, connection: _socket.socket, message: wire.Message, fds: list[int], waiting: select.poll
    ) -> None:
        match message["op"]:
            case "watch":
                self._watchers[connection.fileno()] = connection
                waiting.register(connection.fileno(), select.POLLIN)
                wire.send(connection, {"up": True})
            case "exec":
                self._running[self._spawn(message, fds)] = connection
            case "cloud-init":
                environment = self._environment({"tty": False})
                self._in_child(lambda: self._first_boot.carry_out(environment, connection))
                connection.close()
            case _:
                self._in_child(
                    lambda: wire.send(connection, files.answer(files.OwnFiles(), message, fds, connection))
                )
                connection.close()

    def _hear_watcher(self, fd: int, waiting: select.poll) -> None:
        watcher = self._watchers[fd]
        message = wire.receive(watcher)
        if message is None:
            waiting.unregister(fd)
            del self._watchers[fd]
            watcher.close()
        elif message["op"] == "poweroff":
            self._closing = "poweroff"

    def _spawn(self, message: wire.Message, fds: list[int]) -> int:
        argv: list[str] = message["argv"]
        line = " ".join(_quoted(word) for word in argv)
        if message["cwd"]:
            line = f"cd {_quoted(message['cwd'])} && {line}"
        shell = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
        name = shell.rpartition("/")[2]
        words = [name, "-c", line] if argv else [f"-{name}"]

        def become() -> None:
            os.setsid()
            if message["tty"]:
                fcntl.ioctl(fds[0], termios.TIOCSCTTY, 0)
            for number, fd in enumerate(fds if len(fds) == 3 else fds * 3):
                os.dup2(fd, number)
            for fd in fds:
                os.close(fd)
            try:
                os.execve(shell, words, self._environment(message))
            except OSError as error:
                os.write(2, f"{shell}: {os.strerror(error.errno or 0)}\n".encode())
                os._exit(1)

        return self._in_child(become)

    def _in_child(self, work: Callable[[], None]) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            os.chdir(self._home)
            work()
        finally:
            os._exit(1)

    def _environment(self, message: wire.Message) -> dict[str, str]:
        mine = {
            "HOME": self._home,
            "LOGNAME": "ubuntu",
            "USER": "ubuntu",
            "SHELL": "/bin/bash",
            "PATH": f"{self._home}/.local/bin:{_SYSTEM_PATH}",
            "SSH_CONNECTION": "10.77.0.1 40022 10.77.0.2 22",
            "DAYFLY_GUEST_INIT": str(self._pid),
            kin.MARK: os.environ.get(kin.MARK, ""),
        }
        if message["tty"]:
            mine["TERM"] = message["term"]
        if not self._own_space:
            mine["TMPDIR"] = os.path.abspath("tmp")
            mine["DAYFLY_GUEST_DIR"] = os.path.abspath("var-tmp/.dayfly")
        return mine

    # ---- ends

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            connection = self._running.pop(pid, None)
            if connection is not None:
                _tell(connection, {"status": max(os.waitstatus_to_exitcode(status), KILLED)})
                connection.close()

    def _shut_down(self) -> None:
        for watcher in self._watchers.values():
            _tell(watcher, {"closing": self._closing})
        self._reap_for(_FAREWELL_S)
        self._signal_all(signal.SIGTERM)
        self._reap_for(_TERM_LIMIT_S)
        for connection in self._running.values():
            _tell(connection, {"status": KILLED})
        self._signal_all(signal.SIGKILL)
        sys.exit(0)

    def _reap_for(self, limit_s: float) -> None:
        """Deliver the statuses of what ends within that time."""
        deadline = time.monotonic() + limit_s
        while self._running and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.01)

    def _signal_all(self, number: signal.Signals) -> None:
        if self._own_space:
            try:
                os.kill(-1, number)
            except ProcessLookupError:
                return
        else:
            for pid in kin.descendants(os.getpid()):
                kin.signal_tree(pid, number)


# ---- small things


def _tell(connection: _socket.socket, message: wire.Message) -> None:
    """Say it to a client that may be gone."""
    try:
        wire.send(connection, message)
    except OSError:
        return


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\"'\"'") + "'"


def _adopt_orphans() -> None:
    """Become the parent of what our children leave behind, so that none of it is lost from sight."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
