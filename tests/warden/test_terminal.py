"""A command of the host on a terminal: only where we may enter, and nothing of ours is seen."""

from __future__ import annotations

import asyncio

import pytest

from tests.until import until
from tests.warden.test_shells import CASES, NAMES, any_world
from tests.warden.world import World
from tui.contracts import Channel, OnBytes, TerminalSize
from tui.model.errors import EntryRefused, HostUnreachable
from tui.model.hosts import HostEntry
from tui.model.spec import HostName
from tui.transport.local import LocalChannel, LocalHost
from tui.transport.local_terminal import TerminalChannel
from tui.warden import curtain
from tui.warden.client import HostWarden

__all__ = ["any_world"]

SIZE = TerminalSize(columns=77, rows=22)


class Screen:
    """What came on a terminal."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    async def open(self, world: World, *argv: str, warden: HostWarden | None = None) -> Channel:
        of = warden or world.warden
        return await of.open_terminal(world.vm, argv, SIZE, on_bytes=self.bytes.extend)

    async def shows(self, text: bytes) -> None:
        await until(lambda: text in self.bytes, f"{text!r} is shown")


async def end_of(channel: Channel) -> int:
    async with asyncio.timeout(20):
        return await channel.wait()


@pytest.mark.parametrize("any_world", CASES, ids=NAMES, indirect=True)
async def test_it_is_an_ordinary_terminal_and_all_on_it_is_the_commands(any_world: World) -> None:
    world, screen = any_world, Screen()
    await world.launch()
    longer_than_a_line_of_a_terminal = "long " * 2000
    words = ("it's", "", "a  b", '"$HOME" `x`', "\\n\n", "ünï", "*", longer_than_a_line_of_a_terminal)
    script = 'printf "<%s>" "$@"; stty size; read -r line; echo "got $line"; exit 37'
    channel = await screen.open(world, "sh", "-c", script, "sh", *words)
    await screen.shows(b"22 77\r\n")
    channel.write("grüß\x7f\x7f dich\r".encode())
    assert await end_of(channel) == 37
    shown = bytes(screen.bytes).decode()
    assert shown.startswith("".join(f"<{word}>" for word in words).replace("\n", "\r\n") + "22 77\r\n")
    assert shown.endswith("got grü dich\r\n")
    assert "dayfly" not in shown


async def test_ctrl_c_reaches_the_command(world: World) -> None:
    await world.launch()
    screen = Screen()
    channel = await screen.open(world, "sh", "-c", "echo begun; exec sleep 1000")
    await screen.shows(b"begun")
    channel.write(b"\x03")
    assert await end_of(channel) == 130


async def refused(world: World, *, warden: HostWarden | None = None) -> EntryRefused:
    screen = Screen()
    with pytest.raises(EntryRefused) as raised:
        await screen.open(world, "echo", "in", warden=warden)
    assert not screen.bytes
    return raised.value


async def test_it_is_refused_where_nobody_enters(world: World) -> None:
    assert (await refused(world)).status == 65
    await world.launch()
    assert (await refused(world, warden=world.warden_of("client-b"))).status == 68
    (world.root / "vms" / world.vm).write_text("Stopped\n")
    refusal = await refused(world)
    assert (refusal.status, str(refusal)) == (70, "the VM does not run, the manager says: Stopped")
    (world.root / "vms" / world.vm).write_text("Running\n")
    await world.warden.pin(world.vm)
    assert await end_of(await Screen().open(world, "true")) == 0
    world.order("fail-list")
    await world.warden.reap(world.vm)
    assert (await refused(world)).status == 69
    world.revoke("fail-list")
    await world.gone()


async def test_a_chatty_login_shell_is_not_heard(world: World) -> None:
    """As much as a person's .bashrc may print, with what looks like a mark but is before the first."""
    await world.launch()
    screen = Screen()
    noise = "yes 'welcome' | head -n 3000; echo dayfly begin; printf 'no newline'; "
    host = _Chatty(world, noise)
    channel = await screen.open(world, "echo", "mine", warden=host.warden)
    assert await end_of(channel) == 0
    await host.aclose()
    assert bytes(screen.bytes) == b"mine\r\n"


@pytest.mark.parametrize("silence", ["sleep 1000; ", "stty raw -echo; echo dayfly ready; sleep 1000; "])
async def test_a_host_that_stays_silent_is_left(
    world: World, silence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.launch()
    monkeypatch.setattr(curtain, "READY_LIMIT_S", 2.0)
    monkeypatch.setattr(curtain, "BEGIN_LIMIT_S", 1.0)
    host = _Chatty(world, silence)
    with pytest.raises(HostUnreachable, match="gives no terminal"):
        await Screen().open(world, "echo", "mine", warden=host.warden)
    await host.aclose()


class _Chatty(LocalHost):
    """The host of a world whose shell does something else first, where it has a terminal."""

    def __init__(self, world: World, first: str) -> None:
        super().__init__(HostEntry(name=HostName("here")))
        self._first = first
        self.warden = HostWarden(self, client=world.client, state_dir=str(world.root / "state"))

    async def open(
        self,
        command: str,
        *,
        on_stdout: OnBytes,
        on_stderr: OnBytes,
        long: bool = False,
        terminal: TerminalSize | None = None,
    ) -> LocalChannel | TerminalChannel:
        before = self._first if terminal else ""
        return await super().open(
            before + command, on_stdout=on_stdout, on_stderr=on_stderr, long=long, terminal=terminal
        )


def test_the_mark_may_come_in_pieces() -> None:
    heard = bytearray()
    shown = curtain.Curtain(heard.extend)
    for byte in b"motd\r\ndayfly begin\ndayfly ready\n dayfly begin\r\nfirst\r\ndayfly begin\r\n":
        shown(bytes([byte]))
    assert bytes(heard) == b"first\r\ndayfly begin\r\n"
