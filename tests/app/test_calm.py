"""A screen at rest paints only what changes; a key typed right behind Tab is the next field's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from textual import events
from textual._compositor import CompositorUpdate
from textual.widgets import Input, TextArea

from tests.app.conftest import Stage, on_stage
from tests.app.fleet_script import NOW, SPEC, ScriptedFleet
from tui.app.screens.fleet_screen import FleetScreen
from tui.app.screens.new_run import NewRunScreen
from tui.app.screens.run import RunScreen
from tui.model.events import LinkChanged
from tui.model.hosts import DEMO, Health
from tui.model.phase import Phase
from tui.model.spec import RunId

WORKING = (Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING, Phase.WORKING)
BLINK = 160
"""Bytes of a cursor that blinks, at most."""


@contextmanager
def painted(stage: Stage) -> Iterator[list[int]]:
    """The bytes of every update of the terminal."""
    sizes: list[int] = []
    app, display = stage.app, stage.app._display

    def count(screen: object, update: object) -> None:
        if isinstance(update, CompositorUpdate):
            sizes.append(len(update.render_segments(app.console)))
        display(screen, update)  # type: ignore[arg-type]

    app._display = count  # type: ignore[assignment, method-assign]
    yield sizes
    app._display = display  # type: ignore[method-assign]


async def settle(stage: Stage) -> None:
    """Until what was begun before is painted."""
    for _ in range(50):
        with painted(stage) as sizes:
            await stage.pilot.pause(0.05)
        if all(size < BLINK for size in sizes):
            return


async def ticks(stage: Stage, times: int = 3) -> None:
    """What the clock does to every screen, once a second."""
    for _ in range(times):
        for screen in stage.app.screen_stack:
            assert isinstance(screen, FleetScreen)
            screen._keep_up()
        await stage.pilot.pause()


async def test_where_nothing_changes_nothing_is_painted(stage: Stage) -> None:
    stage.fleet.begin(SPEC, *WORKING)
    await stage.sees("▶ working")
    await settle(stage)
    with painted(stage) as sizes:
        await ticks(stage)
    assert sizes == []
    await stage.press("enter")
    await stage.sees("has not printed anything yet")
    await settle(stage)
    with painted(stage) as sizes:
        await ticks(stage)
    assert sizes == []


async def test_of_a_run_only_the_times_are_painted(stage: Stage) -> None:
    stage.fleet.begin(SPEC, *WORKING)
    await stage.press("enter")
    await stage.sees("has not printed anything yet")
    await settle(stage)
    with painted(stage) as sizes:
        for second in range(1, 4):
            stage.fleet.now = NOW + second
            await ticks(stage, 1)
    assert isinstance(stage.app.screen, RunScreen)
    assert 0 < sum(sizes) < 3 * 700
    await stage.sees("▶ 3s")


async def test_a_form_at_rest_is_not_painted_by_what_happens_behind_it(stage: Stage) -> None:
    stage.fleet.begin(SPEC, *WORKING)
    await stage.press("n", *"24.04")
    await stage.sees("something is missing")
    await settle(stage)
    with painted(stage) as sizes:
        for second in range(1, 4):
            stage.fleet.now = NOW + second
            stage.fleet.emit(LinkChanged(host=DEMO, at=NOW + second, health=Health.READY))
            await ticks(stage, 1)
    assert all(size < BLINK for size in sizes)
    await stage.press("escape", "tab", "enter")
    await stage.sees("3s", "▶ working")


async def test_what_is_typed_right_behind_tab_goes_to_the_next_field(stage: Stage) -> None:
    await stage.press("n")
    app, screen = stage.app, stage.app.screen
    assert isinstance(screen, NewRunScreen)
    for key in (*"lts", "tab", *"2", "tab", *"4G", "shift+tab", "7", "tab", "tab", "tab", *"make"):
        app.post_message(events.Key(key, key if len(key) == 1 else None))
    await stage.until(lambda: screen.query_one(TextArea).text == "make", "the command")
    typed = {key: screen.query_one(f"#{key}", Input).value for key in ("image", "cpus", "memory", "disk")}
    assert typed == {"image": "lts", "cpus": "7", "memory": "4G", "disk": "5G"}


@pytest.mark.parametrize("width", [60, 72, 80, 120])
async def test_help_and_the_way_out_are_in_every_footer(fleet: ScriptedFleet, width: int) -> None:
    async with on_stage(fleet, size=(width, 24)) as stage:
        fleet.begin(SPEC, *WORKING)
        fleet.boot(RunId("r0000001"))
        await stage.sees("n New", "x Cancel", "? Help", "q Quit")
        await stage.press("enter")
        await stage.sees("x Cancel", "esc Back", "? Help")
        await stage.press("escape", "n")
        await stage.sees("f5 Launch", "esc Back", "f1 Help")
