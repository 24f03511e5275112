"""cloud-init of a guest on the real shell. It writes nothing but what is the guest's own."""

from __future__ import annotations

import _socket
import os
from pathlib import Path

from tui.demo import cloud_init, wire
from tui.demo.cloud_init import File, Plan

_STATUS = ".local/share/cloud-init"
_HOME = "/home/ubuntu"
_OWN = ("/tmp", "/var/tmp", "/var/log", "/dev/shm", "/home")


def plan() -> Plan | None:
    """What the user data in this folder asks for. To be asked before the guest has its own mounts."""
    if not os.path.exists(cloud_init.USER_DATA):
        return None
    from tui.demo import user_data

    return user_data.plan(Path(cloud_init.USER_DATA).read_text())


class FirstBoot:
    """cloud-init of one guest; `Hands` of what it does."""

    def __init__(self, home: str, own_space: bool, plan_: Plan | None) -> None:
        self._home = home
        self._own = _OWN if own_space else (home,)
        self._plan = plan_
        self._folder = f"{home}/{_STATUS}"
        self._log = cloud_init.LOG if own_space else f"{self._folder}/output.log"
        self._environment: dict[str, str] = {}
        status = cloud_init.Status(Path(self._folder))
        if not status.is_known:
            status.save(cloud_init.DONE if plan_ is None else cloud_init.RUNNING)
            self.log("")

    def carry_out(self, environment: dict[str, str], client: _socket.socket) -> None:
        """Do it, in the home, and tell the client when it is done."""
        self._environment = environment
        status = cloud_init.Status(Path(self._folder))
        if self._plan is not None:
            cloud_init.carry_out(self._plan, self, status)
        status.save(cloud_init.DONE)
        wire.send(client, {"done": True})

    def write(self, file: File) -> None:
        """Put a file into its place. Raises OSError for a place that is the machine's."""
        path = file.path
        if path.startswith(f"{_HOME}/"):
            path = self._home + path.removeprefix(_HOME)
        path = os.path.realpath(os.path.join(self._home, path))
        if not any(path.startswith(f"{own}/") for own in self._own):
            raise OSError(f"{file.path} is the machine's own in this kind of demo guest")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "ab" if file.append else "wb") as target:
            target.write(file.content)
            os.fchmod(target.fileno(), file.mode)

    def run(self, name: str, script: str) -> int:
        """Run a script, its output into the log; its exit status."""
        path = f"{self._folder}/{name}"
        Path(path).write_text(script)
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, self._log, os.O_WRONLY | os.O_APPEND, 0),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        pid = os.posix_spawn("/bin/sh", ["sh", path], self._environment, file_actions=actions)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def log(self, text: str) -> None:
        """Append to its log."""
        with open(self._log, "a") as log:
            log.write(text)
