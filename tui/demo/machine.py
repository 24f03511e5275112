"""A VM as the daemon sees it: a process that it starts, watches, freezes and ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tui.demo import kin, streams, wire
from tui.demo.guest import Guests
from tui.demo.world import Vm

_POLL_S = 0.02
_START_LIMIT_S = 20.0
_PROJECT = Path(__file__).parents[2]
_MAIN = "import sys; sys.path[:0] = [{!r}]; from tui.demo.guest import main; main()"
_UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


@dataclass(frozen=True, slots=True)
class Process:
    """The process that is a VM; it may have been started by an earlier daemon."""

    pid: int
    started: str

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return kin.is_alive(self.pid, self.started)

    def freeze(self) -> None:
        """Stop everything in it, as a suspend does."""
        if self.is_alive():
            kin.signal_tree(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self.is_alive():
            kin.signal_tree(self.pid, signal.SIGCONT)

    async def kill(self) -> None:
        """End it and everything in it, at once. Idempotent."""
        if not self.is_alive():
            return
        kin.signal_tree(self.pid, signal.SIGSTOP)
        kin.signal_tree(self.pid, signal.SIGKILL)
        await asyncio.to_thread(kin.end, [self.pid])


def power_on(folder: Path, vm: Vm, guests: Guests, lifeline: int) -> Process:
    """Start the VM in `folder`; it ends when `lifeline` does. It takes commands once `watch` succeeds."""
    (folder / wire.GUEST_SOCKET).unlink(missing_ok=True)
    command = [sys.executable, "-I", *(() if guests is Guests.BASHKIT else ("-S",))]
    command += ["-c", _MAIN.format(str(_PROJECT)), guests, vm.name, *map(str, (vm.cpus, vm.memory, vm.disk))]
    own_space = guests is Guests.SHELL and can_unshare()
    with (folder / "console.log").open("ab") as console:
        born = subprocess.Popen(
            [*_UNSHARE, *command] if own_space else command,
            cwd=folder,
            stdin=lifeline,
            stdout=console,
            stderr=console,
            env={**os.environ, "DAYFLY_GUEST_NAMESPACE": "1" if own_space else ""},
            start_new_session=True,
        )
    return Process(born.pid, kin.identity(born.pid))


@cache
def can_unshare() -> bool:
    """Whether a guest can have processes and a /tmp of its own (Linux, as root)."""
    try:
        return (
            subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False, timeout=5).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


async def watch(folder: Path, process: Process) -> tuple[StreamReader, StreamWriter] | None:
    """A connection that lives as long as the VM runs; None if it died before it took any."""
    async with asyncio.timeout(_START_LIMIT_S):
        while process.is_alive():
            try:
                reader, writer = await asyncio.open_unix_connection(_short(folder / wire.GUEST_SOCKET))
            except (FileNotFoundError, ConnectionRefusedError):
                await asyncio.sleep(_POLL_S)
                continue
            writer.write(wire.pack({"op": "watch"}))
            if await streams.read(reader):
                return reader, writer
    return None


async def first_boot(folder: Path) -> None:
    """Have cloud-init of the VM do what its user data asks for; returns when it is through or the VM gone."""
    with suppress(ConnectionError, FileNotFoundError):
        reader, writer = await asyncio.open_unix_connection(_short(folder / wire.GUEST_SOCKET))
        try:
            writer.write(wire.pack({"op": "cloud-init"}))
            await streams.read(reader)
        finally:
            writer.close()


def _short(path: Path) -> str:
    """A path that fits a socket's address, from where the daemon runs."""
    return os.path.relpath(path)
