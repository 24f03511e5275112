"""Shells in VMs of a private demo host, through the real engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.demo_host import DemoHost
from tests.until import until
from tui.contracts import Terminal, TerminalSize
from tui.engine.supervisor import Supervisor
from tui.model.errors import ConnectionDropped, LeaseClosing, ManagerRefused
from tui.model.hosts import DEMO
from tui.model.phase import Phase
from tui.model.spec import PinPolicy, RunId, RunSpec
from tui.wiring import open_fleet, open_ledger

SIZE = TerminalSize(columns=90, rows=25)
LIMIT_S = 60.0
KEPT = RunSpec(image="24.04", command="echo done", host=DEMO, name="kept", grace_s=60, pin=PinPolicy.ALWAYS)

pytestmark = pytest.mark.speed(40)


@dataclass
class Kept:
    """A run whose VM is pinned, its work done."""

    demo: DemoHost
    fleet: Supervisor
    run: RunId

    async def shell(self, screen: bytearray) -> Terminal:
        return await self.fleet.inside(self.run).open_shell(SIZE, screen.extend)

    @property
    def vm(self) -> str:
        return self.fleet.state.runs[self.run].vm


@asynccontextmanager
async def kept(demo: DemoHost) -> AsyncIterator[Kept]:
    with open_ledger() as ledger:
        async with open_fleet(ledger, [DEMO]) as fleet:
            run = fleet.submit(KEPT)
            await until(lambda: fleet.state.runs[run].phase is Phase.KEPT, "it is kept", timeout_s=LIMIT_S)
            yield Kept(demo, fleet, run)


async def end_of(shell: Terminal) -> int:
    async with asyncio.timeout(LIMIT_S):
        return await shell.wait()


async def shows(screen: bytearray, text: bytes) -> None:
    await until(lambda: text in screen, f"{text!r} is shown", timeout_s=20)


async def is_up(shell: Terminal, screen: bytearray) -> None:
    """It has answered."""
    shell.write(b"echo it is'up'\r")
    await shows(screen, b"it isup")


async def test_a_shell_in_a_vm_as_a_person_uses_it(demo: DemoHost) -> None:
    async with kept(demo) as at:
        screen = bytearray()
        shell = await at.shell(screen)
        shell.write(b"stty size; echo $TERM $USER ~; tty >/dev/null && echo on-a-tty\r")
        await shows(screen, b"\r25 90\r\nxterm-256color ubuntu /")
        await shows(screen, b"\non-a-tty\r\n")
        assert b"dayfly ready" not in screen
        shell.resize(TerminalSize(columns=60, rows=11))
        shell.write(b"until [ \"$(stty size)\" = '11 60' ]; do sleep 0.05; done; echo it is'smaller'\r")
        await shows(screen, b"it issmaller")
        shell.write(b"yes\r")
        await until(lambda: screen.count(b"y\r\n") > 100_000)
        began = time.monotonic()
        shell.write(b"\x03")
        shell.write(b"echo quic'kly'\r")
        await shows(screen, b"quickly\r\n")
        assert time.monotonic() - began < 0.5
        shell.write(b"exit 3\r")
        assert await end_of(shell) == 0  # Multipass's shell says so, whatever happened in it
        shell.write(b"nobody hears this")
        told = [command for _, command in at.fleet.state.commands]
        (shown,) = (command for command in told if command.argv == ("multipass", "shell", at.vm))
        assert (shown.status, shown.about, shown.is_routine) == (0, at.vm, False)
        assert all(command.is_routine for command in told if command.argv[:2] == ("multipass", "list"))
        at.fleet.cancel(at.run)


async def test_it_is_ended_before_its_vm_is_deleted(demo: DemoHost) -> None:
    async with kept(demo) as at:
        screen = bytearray()
        shell = await at.shell(screen)
        await is_up(shell, screen)
        await demo.control(f"hang delete:{at.vm}")
        at.fleet.cancel(at.run)
        with pytest.raises(LeaseClosing):
            await end_of(shell)
        await until(lambda: not demo.clients("shell"), "nobody is in it")
        assert at.vm in demo.vms()
        with pytest.raises(LeaseClosing):
            await at.shell(screen)
        await demo.control(f"release delete:{at.vm}")


async def test_it_ends_where_somebody_else_removes_the_vm(demo: DemoHost) -> None:
    async with kept(demo) as at:
        screen = bytearray()
        shell = await at.shell(screen)
        await is_up(shell, screen)
        link = at.fleet.link(DEMO)
        await link.warden.reap(at.fleet.state.runs[at.run].vm)
        with pytest.raises(LeaseClosing):
            await end_of(shell)


async def test_a_lost_link_ends_it_and_a_new_one_opens(demo: DemoHost) -> None:
    async with kept(demo) as at:
        screen = bytearray()
        shell = await at.shell(screen)
        await is_up(shell, screen)
        await demo.control("hangup")
        with pytest.raises(ConnectionDropped):
            await end_of(shell)
        again = bytearray()
        shell = await at.shell(again)
        await is_up(shell, again)
        await until(lambda: len(demo.clients("shell")) == 1, "the first one was hung up")
        shell.close()
        await until(lambda: not demo.clients("shell"), "so was the second one")
        at.fleet.cancel(at.run)


async def test_it_never_starts_a_stopped_vm_and_ends_with_the_front_end(demo: DemoHost) -> None:
    async with kept(demo) as at:
        screen = bytearray()
        shell = await at.shell(screen)
        await is_up(shell, screen)
        waiting = asyncio.ensure_future(end_of(shell))
    with pytest.raises(LeaseClosing):
        await waiting
    async with kept(demo) as at:
        await demo.control(f"crash {at.vm}")
        await demo.until_vm(at.vm, "Stopped")
        with pytest.raises(ManagerRefused, match="takes no commands: the VM does not run"):
            await at.shell(screen)
        assert demo.vms()[at.vm] == "Stopped"
        at.fleet.cancel(at.run)
