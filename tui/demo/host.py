"""The demo host's own process: it holds the world, the SSH server and the emulated daemon, and cleans up.

It is found by a file that says which process it is and how to get in. A lock held for its whole life
makes it the only one; a pipe that only it holds open tells the daemon and the VMs when it is gone.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from asyncio import TaskGroup
from pathlib import Path

import asyncssh

from tui.demo import account, kin, streams, wire
from tui.demo.daemon import HOST_SOCKET
from tui.demo.guest import Guests
from tui.demo.server import SshServer

FOUND_BY = "demo.json"
LOCK = "host.lock"
WORLD = "world"
_PROJECT = Path(__file__).parents[2]
_RESTART_S = 0.5
_LOOK_S = 2.0
_SHIM = """\
#!/bin/sh
# The emulated multipass of dayfly's demo host.
exec {python} -I -S -c {code} "$@"
"""


def main() -> None:
    """`host.py FOLDER SPEED GUESTS IDLE_SECONDS`; goes into the background by itself."""
    folder, speed, guests, idle_s = (
        Path(sys.argv[1]).resolve(),
        sys.argv[2],
        Guests(sys.argv[3]),
        float(sys.argv[4]),
    )
    if os.fork():
        os._exit(0)
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os._exit(0)
    _adopt_orphans()
    asyncio.run(_Host(folder, speed, guests, idle_s).run())


class _Host:
    """One life of the demo host."""

    def __init__(self, folder: Path, speed: str, guests: Guests, idle_s: float) -> None:
        self._folder = folder
        self._world = folder / WORLD
        self._speed = speed
        self._guests = guests
        self._idle_s = idle_s
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Serve until TERM or until nobody has needed it for long."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._over.set)
        kin.end(kin.marked(self._world))
        self._furnish()
        lifeline, held = os.pipe()
        try:
            async with TaskGroup() as tasks:
                await self._serve(tasks, lifeline)
        except* _Over:
            (self._folder / FOUND_BY).unlink(missing_ok=True)
        finally:
            os.close(held)
            kin.end(set(kin.descendants(os.getpid())) | set(kin.marked(self._world)))

    async def _serve(self, tasks: TaskGroup, lifeline: int) -> None:
        host_key, client_key = self._key("host"), self._key("client")
        server = SshServer(self._world, self._guests, tasks, host_key, client_key)
        await server.open()
        await self._take_orders(server)
        tasks.create_task(self._keep_daemon(lifeline))
        tasks.create_task(self._watch_idleness(server))
        tasks.create_task(self._reap_orphans())
        await self._daemon_answers()
        self._publish(server.port, host_key, client_key)
        await self._over.wait()
        raise _Over

    def _key(self, name: str) -> asyncssh.SSHKey:
        """A key pair that stays the same over restarts, as a host's does."""
        file = self._folder / f"{name}.key"
        if not file.exists():
            key = asyncssh.generate_private_key("ssh-ed25519", comment=f"dayfly demo {name}")
            new = file.with_suffix(".new")
            new.touch(mode=0o600)
            new.write_bytes(key.export_private_key("openssh"))
            new.replace(file)
        return asyncssh.read_private_key(file)

    async def _take_orders(self, server: SshServer) -> None:
        """Orders about the SSH server come from the daemon: see `faults`."""

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            message = await streams.read(reader)
            match str(message["order"]).split() if message else []:
                case ["hangup"]:
                    server.hang_up()
                case ["sshd", seconds]:
                    await server.be_gone(float(seconds))
            writer.write(wire.pack({"end": True}))
            writer.close()

        os.chdir(self._world)  # a path short enough for a socket's address
        await asyncio.start_unix_server(hear, HOST_SOCKET)

    def _furnish(self) -> None:
        (self._world / "bin").mkdir(parents=True, exist_ok=True)
        code = (
            f"import sys; sys.path[:0] = [{str(_PROJECT)!r}]; "
            f"from tui.demo.multipass import main; main({str(self._world)!r})"
        )
        shim = self._world / "bin" / "multipass"
        shim.write_text(_SHIM.format(python=shlex.quote(sys.executable), code=shlex.quote(code)))
        shim.chmod(0o755)

    def _publish(self, port: int, host_key: asyncssh.SSHKey, client_key: asyncssh.SSHKey) -> None:
        """Write the file by which clients find us; readable by this account alone."""
        data = {
            "pid": os.getpid(),
            "pid_started": kin.identity(os.getpid()),
            "port": port,
            "user": account.USER,
            "key": client_key.export_private_key("openssh").decode(),
            "host_key": host_key.export_public_key("openssh").decode().strip(),
            "world": str(self._world),
            "guests": self._guests,
            "started": time.time(),
        }
        new = self._folder / f"{FOUND_BY}.new"
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(data, file)
        new.replace(self._folder / FOUND_BY)

    async def _keep_daemon(self, lifeline: int) -> None:
        """Start the emulated daemon, again and again, as systemd would."""
        main_ = f"import sys; sys.path[:0] = [{str(_PROJECT)!r}]; from tui.demo.daemon import main; main()"
        while True:
            with (self._folder / "daemon.log").open("ab") as log:
                daemon = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", "-c", main_, str(self._world), self._speed, self._guests),
                    stdin=lifeline,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, kin.MARK: str(self._world)},
                    start_new_session=True,
                )
            await daemon.wait()
            await asyncio.sleep(_RESTART_S / float(self._speed))

    async def _daemon_answers(self) -> None:
        async with asyncio.timeout(20):
            while True:
                version = await asyncio.create_subprocess_exec(
                    self._world / "bin" / "multipass",
                    "version",
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                if await version.wait() == 0:
                    return
                await asyncio.sleep(0.05)

    async def _watch_idleness(self, server: SshServer) -> None:
        """End when for long nobody was connected and no VM but foreign ones was there."""
        since = time.monotonic()
        while time.monotonic() - since < self._idle_s:
            await asyncio.sleep(min(_LOOK_S, self._idle_s / 4))
            if server.connections or self._has_our_vms():
                since = time.monotonic()
        self._over.set()

    def _has_our_vms(self) -> bool:
        vms = json.loads((self._world / "world.json").read_text())["vms"]
        return any(not vm["foreign"] for vm in vms)

    async def _reap_orphans(self) -> None:
        """Collect what detached processes left behind; those we started are waited for elsewhere."""
        before: set[int] = set()
        while True:
            await asyncio.sleep(_LOOK_S)
            dead = kin.dead_children(os.getpid())
            for pid in dead & before:
                _collect(pid)
            before = dead - before


def _collect(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


class _Over(Exception):
    """Ends the task group."""


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
