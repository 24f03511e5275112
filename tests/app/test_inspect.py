"""Shells in a VM, as the dashboard shows them: here a shell of this machine stands in for the guest's."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import AsyncIterator, Callable

import pytest
from rich.cells import cell_len
from textual.events import MouseScrollUp, Paste

from tests.app.conftest import Stage, on_stage
from tests.app.fleet_script import SPEC, ScriptedFleet
from tests.term.local_terminal import LocalInside
from tui.app.screens.inspect import InspectScreen
from tui.app.widgets.terminal import TerminalView
from tui.model.phase import Phase
from tui.model.spec import RunId


class InsideFleet(ScriptedFleet):
    """One whose VM has shells."""

    def __init__(self) -> None:
        super().__init__()
        self.rooms = LocalInside("sh")

    def inside(self, run: RunId) -> LocalInside:
        self.calls.append(("inside", run))
        return self.rooms


class Room:
    """The stage with one working run, and what is asked of it."""

    def __init__(self, stage: Stage, fleet: InsideFleet, run: RunId) -> None:
        self.stage, self.fleet, self.run = stage, fleet, run

    @property
    def view(self) -> TerminalView:
        return self.stage.app.screen.query_one(TerminalView)

    async def open(self) -> None:
        await self.stage.press("s")
        await self.stage.sees("\n$\n", "^] Menu")

    async def type(self, text: str) -> None:
        self.view.post_message(Paste(text))
        await self.stage.pilot.pause()

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        await self.stage.until(condition, what)


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    fleet = InsideFleet()
    fleet.add_demo()
    run = fleet.begin(SPEC, Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING, Phase.WORKING)
    fleet.boot(run)
    async with on_stage(fleet) as stage:
        yield Room(stage, fleet, run)
        await fleet.rooms.close()


async def test_a_shell_opens_and_takes_every_key(room: Room) -> None:
    await room.open()
    await room.type("stty size; echo t'a'b\n")
    await room.stage.sees("21 80", "tab")
    await room.type("cat\n")
    await room.stage.pilot.press("ctrl+q", "tab", "ctrl+p", "question_mark", "escape", "enter")
    await room.stage.sees("        ^P?^[")
    await room.stage.pilot.press("ctrl+c")
    await room.stage.sees("^C")
    assert isinstance(room.stage.app.screen, InspectScreen)


async def test_its_menu_opens_more_and_goes_back_to_them(room: Room) -> None:
    await room.open()
    await room.type("echo fir''st\n")
    await room.stage.sees("first")
    await room.stage.press("ctrl+right_square_bracket")
    await room.stage.sees("New", "Detach", "Close")
    await room.stage.press("n")
    await room.stage.sees(" 2 shell ")
    await room.stage.sees_no("first")
    await room.stage.press("ctrl+right_square_bracket", "left", "escape")
    await room.stage.sees("first", "^] Menu")
    await room.stage.press("ctrl+right_square_bracket", "d")
    assert not isinstance(room.stage.app.screen, InspectScreen)
    await room.stage.press("s")
    await room.stage.sees(" 2 shell ")
    await room.stage.press("ctrl+right_square_bracket", "1")
    await room.stage.sees("first")
    assert len(room.fleet.rooms.terminals) == 2


async def test_an_interrupted_flood_ends_at_once(room: Room) -> None:
    await room.open()
    await room.type("yes\n")
    terminal = room.fleet.rooms.terminals[0]
    await room.until(lambda: terminal.holds > 1, "a flood that is held back")
    began = time.monotonic()
    await room.stage.pilot.press("ctrl+c")
    await room.until(lambda: room.stage.text.splitlines()[-2].strip() == "$", "the prompt")
    assert time.monotonic() - began < 0.5
    shell = room.view.shell
    assert shell is not None
    assert len(shell._waiting) < 64 * 1024


async def test_the_mouse_and_pastes_are_the_guests_if_it_asked(room: Room) -> None:
    await room.open()
    await room.type("seq 1 90\n")
    await room.stage.sees("90")
    await room.stage.pilot._post_mouse_events([MouseScrollUp], TerminalView, offset=(5, 5))
    await room.stage.sees("3 rows back", "\n68\n")
    await room.stage.pilot.press("enter")
    await room.stage.sees_no("rows back")
    await room.type("printf '\\033[?1000h\\033[?1006h\\033[?2004h'; cat -v\n")
    await room.until(lambda: room.view.shell is not None and room.view.shell.emulator.takes_clicks, "clicks")
    await room.stage.pilot.click(TerminalView, offset=(4, 2))
    await room.stage.pilot._post_mouse_events([MouseScrollUp], TerminalView, offset=(5, 5))
    room.view.post_message(Paste("two\nlines"))
    await room.stage.sees("[<0;5;3M", "[<0;5;3m", "[<64;6;6M", "[200~two", "lines")


async def test_a_lost_connection_is_told_and_mended(room: Room) -> None:
    await room.open()
    await room.type("echo old\n")
    room.fleet.rooms.terminals[0].drop()
    await room.stage.sees("the connection was lost", "r tries again")
    await room.stage.press("r")
    await room.stage.sees("\n$\n", "^] Menu")
    await room.stage.sees_no("r tries again")
    await room.stage.pilot.press("e", "x", "i", "t", "space", "3", "enter")
    await room.until(lambda: not isinstance(room.stage.app.screen, InspectScreen), "back")
    await room.stage.sees("The shell ended with status 3")


async def test_shells_end_with_their_vm_and_say_so(room: Room) -> None:
    await room.open()
    room.fleet.enter(room.run, Phase.DELETING)
    await room.stage.sees("The VM is being deleted: its shells are closed.", "d goes back")
    await room.stage.sees_no("r opens another")
    await room.stage.press("d")
    assert not isinstance(room.stage.app.screen, InspectScreen)
    await room.until(room.fleet.rooms.terminals[0].gone.is_set, "a hangup")
    await room.stage.press("s")
    assert not isinstance(room.stage.app.screen, InspectScreen)


async def test_a_guest_gets_the_room_there_is_and_what_it_shows_can_be_copied(room: Room) -> None:
    await room.open()
    await room.stage.pilot.resize_terminal(100, 30)
    await room.type("stty size\n")
    await room.stage.sees("27 100")
    await room.stage.press("ctrl+right_square_bracket", "z")
    await room.type("stty size\n")
    await room.stage.sees("30 100")
    await room.stage.press("ctrl+right_square_bracket", "c")
    assert "stty size\n30 100" in room.stage.app.clipboard


async def test_what_is_painted_has_no_control_in_it_and_fits(room: Room) -> None:
    await room.open()
    hostile = "\x1b[3;1H\u200b\u202e\x9b[31m漢\u00ad👨‍👩‍👧🏴e\u0301\u0085\u2028[bold]\ue000 end"
    room.fleet.rooms.terminals[0]._on_bytes(hostile.encode())
    await room.stage.sees("[bold]", "end")
    for y in range(room.view.content_size.height):
        strip = room.view.render_line(y)
        assert 80 == strip.cell_length == sum(cell_len(segment.text) for segment in strip)
        assert all(unicodedata.category(char) not in ("Cc", "Cf", "Zl", "Zp") for char in strip.text)


async def test_the_menu_fits_a_small_terminal(room: Room) -> None:
    await room.open()
    await room.stage.pilot.resize_terminal(60, 15)
    await room.type("stty size\n")
    await room.stage.sees("12 60")
    await room.stage.press("ctrl+right_square_bracket")
    await room.stage.sees("esc Type", "d Detach", "n New")
