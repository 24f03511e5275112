"""`dayfly shell`: on a terminal of the test's own."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.conftest import Dayfly, only
from tests.cli.test_inside import pinned
from tests.client import Client
from tests.until import until
from tui.verbs.terminal import Passage

pytestmark = pytest.mark.speed(40)


class Person:
    """Somebody at a terminal, in which `dayfly` runs."""

    def __init__(self, dayfly: Client) -> None:
        self._dayfly = dayfly
        self._ours, self._theirs = os.openpty()
        self.screen = bytearray()
        self.resize(columns=85, rows=33)
        self.before = termios.tcgetattr(self._theirs)
        asyncio.get_running_loop().add_reader(self._ours, self._see)

    def _see(self) -> None:
        self.screen += os.read(self._ours, 1 << 16)

    async def start(self, *words: str) -> None:
        """It has this terminal, as a shell would give it."""
        leader = 'exec <"$1" >"$1" 2>&1; shift; exec "$@"'
        self.process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", leader, "sh", os.ttyname(self._theirs), sys.executable, "-m", "tui", *words),
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            env=self._dayfly.env | {"TERM": "xterm-256color"},
            cwd=self._dayfly.folder,
            start_new_session=True,
        )
        self._dayfly.started.append(self.process)

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def resize(self, *, columns: int, rows: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def sees(self, text: bytes) -> None:
        await until(lambda: text in self.screen, f"{text!r} is shown", timeout_s=30)

    async def is_in(self) -> None:
        """The shell has answered."""
        await self.sees(b"ctrl+] leaves it")
        await self.sees(b"\x1b[?2004h")
        self.type(b"echo it is'up'\r")
        await self.sees(b"it isup")

    async def end(self) -> int:
        async with asyncio.timeout(30):
            return await self.process.wait()

    def is_as_before(self) -> bool:
        return termios.tcgetattr(self._theirs) == self.before

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._ours)
        os.close(self._ours)
        os.close(self._theirs)


@contextmanager
def person(dayfly: Client) -> Iterator[Person]:
    who = Person(dayfly)
    try:
        yield who
    finally:
        who.close()


async def test_a_shell_with_all_its_keys(dayfly: Dayfly) -> None:
    run = await pinned(dayfly, "exit 3")
    with person(dayfly) as who:
        await who.start("shell", run)
        await who.is_in()
        assert not who.is_as_before()
        who.type(b"stty size; echo $TERM\r")
        await who.sees(b"33 85\r\nxterm-256color\r\n")
        who.resize(columns=50, rows=10)
        who.type(b"until [ \"$(stty size)\" = '10 50' ]; do sleep 0.05; done; yes\r")
        await until(lambda: who.screen.count(b"y\r\n") > 50_000)
        began = time.monotonic()
        who.type(b"\x03echo quick'ly'\r")
        await who.sees(b"quickly\r\n")
        assert time.monotonic() - began < 0.5
        who.type(b"exit\r")
        assert await who.end() == 0
        assert who.is_as_before()
        assert b"left df-run" not in who.screen


@only("demo")
async def test_it_is_left_by_its_key_a_signal_and_the_end_of_its_vm(dayfly: Dayfly) -> None:
    run = await pinned(dayfly, "true")
    with person(dayfly) as who:
        await who.start("shell", run)
        await who.is_in()
        who.type(b"printf '\\033[?1049h\\033[?25l'; sleep 1000\r")
        await who.sees(b"\x1b[?25l")
        who.type(b"\x1d")
        assert await who.end() == 0
        assert who.is_as_before()
        shown = bytes(who.screen)
        assert b"\x1b[?1049l" in shown.rpartition(b"\x1b[?1049h")[2]
        assert b"\x1b[?25h" in shown.rpartition(b"\x1b[?25l")[2]
        assert b"what runs in it goes on" in shown
    await until(lambda: not dayfly.demo.clients("shell"), "it was hung up")
    with person(dayfly) as who:
        await who.start("shell", run)
        await who.is_in()
        who.process.send_signal(signal.SIGTERM)
        assert await who.end() == 143
        assert who.is_as_before()
    with person(dayfly) as who:
        await who.start("shell", run)
        await who.is_in()
        assert (await dayfly("rm", run)).status == 0
        assert await who.end() == 125
        await who.sees(b"is being deleted from demo")
        assert who.is_as_before()


@only("demo")
async def test_a_lost_link_and_no_vm_are_said(dayfly: Dayfly) -> None:
    run = await pinned(dayfly, "true")
    with person(dayfly) as who:
        await who.start("shell", run)
        await who.is_in()
        await dayfly.demo.control("hangup")
        assert await who.end() == 125
        await who.sees(b"the connection to demo")
        assert who.is_as_before()
    vm = next(iter(dayfly.demo.ours()))
    await dayfly.demo.control(f"crash {vm}")
    with person(dayfly) as who:
        await who.start("shell", run)
        assert await who.end() == 125
        await who.sees(b"takes no commands: the VM does not run")
    assert dayfly.demo.vms()[vm] == "Stopped"


@only("demo")
async def test_without_a_terminal_it_says_what_there_is_instead(dayfly: Dayfly) -> None:
    ended = await dayfly("shell", "x7k2m9qa")
    assert ended.status == 2
    assert ended.stderr.splitlines() == [
        "dayfly: dayfly shell needs a terminal, for what is typed and for what is shown",
        "dayfly: for a command without one: dayfly exec x7k2m9qa -- COMMAND",
    ]


def passed(*pieces: bytes) -> bytes:
    passage = Passage()
    return b"".join(passage.feed(piece) for piece in pieces)


def test_a_vm_writes_no_clipboard() -> None:
    text = b"a\x1b]52;c;ZXZpbA==\x07b\x1b]0;title\x07c\x1b]52;p;x\x1b\\d\x1b[31me"
    assert passed(text) == b"ab\x1b]0;title\x07cd\x1b[31me"
    assert passed(*(bytes([byte]) for byte in text)) == b"ab\x1b]0;title\x07cd\x1b[31me"
    assert passed(b"x\x1b]52;c;" + b"A" * 3_000_000, b"A" * 10, b"\x07y") == b"xy"


def test_what_was_switched_on_is_switched_off() -> None:
    passage = Passage()
    passage.feed(b"\x1b[?1049h\x1b[?1000;1006h\x1b[?25")
    passage.feed(b"l and \x1b[?2004h\x1b[?2004l\x1b[?7l\x1b[?7h")
    assert passage.undo() == b"\x1b[?1049l\x1b[?1000l\x1b[?1006l\x1b[?25h\x1b[0m"
    assert Passage().undo() == b""
