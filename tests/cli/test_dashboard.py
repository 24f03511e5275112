"""The dashboard in a terminal of its own, ended from outside: its host, or what is left of it, cleans up."""

import asyncio
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.cli.conftest import Dayfly, only
from tests.cli.test_ends import GRACE_S, PROMISE_S, leases
from tests.demo_host import FOREIGN
from tests.until import until

pytestmark = [only("demo"), pytest.mark.slow]

F5 = "\x1b[15~"
TO_COMMAND, TO_GRACE = 4, 3
"""Fields to go by, in the order of the form."""
_FRAME_S = 0.2


class Terminal:
    """`dayfly demo` in a pty of 80 by 24; what it paints is kept."""

    def __init__(self, dayfly: Dayfly) -> None:
        self.file, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.child = subprocess.Popen(
            [sys.executable, "-m", "tui", "demo"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**dayfly.env, "TERM": "xterm-256color"},
            cwd=dayfly.folder,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self.painted = b""
        """Since what was last waited for came."""
        asyncio.get_running_loop().add_reader(self.file, self._read)

    def _read(self) -> None:
        try:
            self.painted += os.read(self.file, 65536)
        except OSError:
            self.hang_up()

    async def sees(self, words: str, *, seconds: float = 60) -> None:
        await until(lambda: words.encode() in self.painted, words, timeout_s=seconds)
        self.painted = b""

    def keys(self, keys: str) -> None:
        os.write(self.file, keys.encode())

    async def tab(self, times: int) -> None:
        """To a later field; what is typed before that is painted would go to the one before."""
        for _ in range(times):
            await self.rest()
            self.keys("\t")
            await until(lambda: self.painted != b"", "the focus moved")
        await self.rest()

    async def rest(self) -> None:
        """Until all that was typed is painted."""
        seen = None
        while seen != self.painted:
            seen = self.painted
            await asyncio.sleep(_FRAME_S)
        self.painted = b""

    def hang_up(self) -> None:
        """Close the terminal, as its window does."""
        if self.file >= 0:
            asyncio.get_running_loop().remove_reader(self.file)
            os.close(self.file)
            self.file = -1


@asynccontextmanager
async def dashboard(dayfly: Dayfly) -> AsyncIterator[Terminal]:
    terminal = Terminal(dayfly)
    try:
        yield terminal
    finally:
        terminal.hang_up()
        if terminal.child.poll() is None:
            os.kill(terminal.child.pid, signal.SIGKILL)
        terminal.child.wait()


async def launch(terminal: Terminal) -> None:
    """By keys alone: an image, a command, a short grace."""
    await terminal.sees("New run")
    terminal.keys("lts")
    await terminal.tab(TO_COMMAND)
    terminal.keys("echo be'gun'; sleep 300")  # what is typed is no sign that it runs
    await terminal.sees("ready")
    await terminal.tab(TO_GRACE)
    terminal.keys(f"{GRACE_S}s")  # the field is selected: this replaces it
    await terminal.sees(f"{GRACE_S}s after")
    terminal.keys(F5)


@pytest.mark.parametrize("moment", ["in mid-launch", "in mid-work"])
async def test_killed_its_host_deletes_the_vm(dayfly: Dayfly, moment: str) -> None:
    async with dashboard(dayfly) as terminal:
        await launch(terminal)
        if moment == "in mid-launch":
            await until(lambda: dayfly.demo.clients("launch") != [], "the launch is under way")
        else:
            await terminal.sees("begun")
        os.kill(terminal.child.pid, signal.SIGKILL)
        killed = time.monotonic()
        await until(lambda: leases(dayfly) == {"gone"}, "the lease is closed")
        assert time.monotonic() - killed < GRACE_S + PROMISE_S
    assert dayfly.demo.vms() == FOREIGN


@pytest.mark.parametrize(("end", "status"), [("term", 143), ("hang up", 129)])
async def test_told_to_go_it_cleans_up_first(dayfly: Dayfly, end: str, status: int) -> None:
    async with dashboard(dayfly) as terminal:
        await launch(terminal)
        await terminal.sees("begun")
        if end == "term":
            os.kill(terminal.child.pid, signal.SIGTERM)
        else:
            terminal.hang_up()
        await until(lambda: terminal.child.poll() is not None, "dayfly has ended")
        assert terminal.child.returncode == status
    assert dayfly.demo.vms() == FOREIGN
    assert leases(dayfly) == set()


async def test_the_next_start_shows_what_became_of_a_killed_ones_run(dayfly: Dayfly) -> None:
    async with dashboard(dayfly) as terminal:
        await launch(terminal)
        await terminal.sees("begun")
        os.kill(terminal.child.pid, signal.SIGKILL)
    await until(lambda: leases(dayfly) == {"gone"}, "the lease is closed")
    async with dashboard(dayfly) as terminal:
        await terminal.sees("New run")
        terminal.keys("\x1b")
        await terminal.sees("lost")
        await until(lambda: leases(dayfly) == set(), "the books are closed")
