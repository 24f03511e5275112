"""Shells in a VM, as the dashboard shows them: here a shell of this machine stands in for the guest's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

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
        keys = {" ": "space", "\n": "enter", "-": "minus", ";": "semicolon", "'": "apostrophe", "/": "slash"}
        await self.stage.pilot.press(*(keys.get(char, char) for char in text))

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
        for terminal in fleet.rooms.terminals:
            terminal.close()
            await terminal.wait()


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
