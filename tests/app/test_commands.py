"""A walk over the registry: wherever a command is offered, its key, the footer and the palette lead to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from textual.binding import ActiveBinding
from textual.message import Message
from textual.widgets._footer import FooterKey

from tests.app.conftest import Stage, on_stage
from tests.app.fleet_script import ScriptedFleet
from tests.app.scenes import busy, left_over
from tests.app.test_files import FilesFleet
from tui.app import key_help
from tui.app.app import DayflyApp
from tui.app.commands.command import Command, command_of
from tui.app.commands.palette import CommandSearch
from tui.app.names import all_commands
from tui.app.places import SCREENS
from tui.app.screens import file_view, files, inspect, past_run, reading, tiles
from tui.app.screens.leaving import LeavingScreen
from tui.app.screens.new_run import NewRunScreen
from tui.app.screens.run import RunScreen

BUSY = (
    ("runs", ()),
    ("hosts under the runs", ("tab",)),
    ("hosts", ("2",)),
    ("profiles", ("3",)),
    ("history", ("4",)),
    ("commands", ("5",)),
    ("a filter", ("1", "slash", "f", "enter")),
    ("marks", ("escape", "space")),
    ("a run at work", ("escape", "slash", *"bench", "enter", "enter")),
    ("its lines", ("v",)),
    ("logs side by side", ("escape", "escape", "escape", "m")),
    ("a new run", ("escape", "n")),
)
FILES = (("files", ("F",)), ("a folder", ("enter",)))
LEFT = (("left over", ("escape",)), ("its own screen", ("enter",)))


class Walk:
    """Hears every command on its way to its screen, and keeps it from doing anything."""

    def __init__(self) -> None:
        self.heard: list[type[Command]] = []
        self.is_on = False
        self.stage: Stage

    def __call__(self, message: Message) -> None:
        if self.is_on and isinstance(message, Command):
            self.heard.append(type(message))
            message.stop()
            message.prevent_default()

    def offered(self) -> Iterator[tuple[type[Command], str, ActiveBinding]]:
        """Every command that makes sense where one is, with its keys."""
        for key, active in self.stage.app.screen.active_bindings.items():
            if active.enabled and (command := command_of(active.binding.action)):
                yield command, key, active

    async def hears(self, command: type[Command], way: str) -> None:
        await self.stage.until(lambda: command in self.heard, f"{command.__name__} {way}")
        assert self.heard == [command], way
        self.heard.clear()

    async def all_ways(self) -> None:
        """Try every way to every command of this place."""
        offered = list(self.offered())
        assert offered
        self.is_on = True
        await self._by_key(offered)
        await self._by_click()
        await self._by_palette({command for command, _, _ in offered})
        self.is_on = False
        self._help_tells(offered)

    async def _by_key(self, offered: list[tuple[type[Command], str, ActiveBinding]]) -> None:
        for command, key, _ in offered:
            await self.stage.pilot.press(key)
            await self.hears(command, f"by {key}")

    async def _by_click(self) -> None:
        for foot in self.stage.app.screen.query(FooterKey):
            command = command_of(foot.action)
            assert foot.region.right <= self.stage.app.size.width, f"{foot.description} is cut"
            if command and not foot.has_class("-disabled"):
                await self.stage.pilot.click(foot)
                await self.hears(command, "by a click")

    async def _by_palette(self, offered: set[type[Command]]) -> None:
        search = CommandSearch(self.stage.app.screen)
        for command in offered - {command_of("do('CopyOrQuit')")}:
            hits = [hit async for hit in search.search(command.TITLE)]
            titles = [hit.text for hit in sorted(hits, key=lambda hit: -hit.score)]
            assert command.TITLE in titles, f"{command.TITLE} is not in the palette"
            chosen = next(hit for hit in hits if hit.text == command.TITLE)
            result = chosen.command()
            if result is not None:
                await result
            await self.hears(command, "by the palette")

    def _help_tells(self, offered: list[tuple[type[Command], str, ActiveBinding]]) -> None:
        app = self.stage.app
        groups = key_help.groups(app.screen.active_bindings.values(), app.get_key_display)
        told = {line.words for _, lines in groups for line in lines}
        assert {command.__doc__ for command, _, _ in offered} <= told


@pytest.mark.parametrize(
    ("fleet", "steps"),
    [(busy, BUSY), (FilesFleet, FILES), (left_over, LEFT)],
    ids=["busy", "files", "left over"],
)
async def test_every_command_is_reached_by_key_mouse_and_palette(
    fleet: type[ScriptedFleet], steps: tuple[tuple[str, tuple[str, ...]], ...]
) -> None:
    walk = Walk()
    async with on_stage(fleet(), size=(120, 36), hook=walk) as walk.stage:
        for name, keys in steps:
            await walk.stage.press(*keys)
            try:
                await walk.all_ways()
            except (AssertionError, pytest.fail.Exception) as error:
                raise AssertionError(f"at {name}: {error}") from error


def test_every_command_is_offered_somewhere() -> None:
    screens = (
        *SCREENS.values(),
        *(RunScreen, NewRunScreen, LeavingScreen, tiles.TilesScreen, inspect.InspectScreen),
        *(files.FilesScreen, file_view.FileScreen, past_run.PastRunScreen),
        *(reading.DiffScreen, reading.EventsScreen),
    )
    owners = {owner for screen in (*screens, DayflyApp) for owner in screen.__mro__}
    bound = {
        binding.id
        for owner in owners
        for binding in vars(owner).get("BINDINGS", ())
        if hasattr(binding, "id")
    }
    assert set(all_commands()) <= bound


def test_every_command_says_what_it_does_in_a_sentence() -> None:
    commands = all_commands().values()
    assert all(command.__doc__ and command.__doc__.strip().endswith(".") for command in commands)
