from __future__ import annotations

import pytest

from tests.app.conftest import Stage
from tests.app.fleet_script import NOW, SPEC
from tui.app.screens.home import HomeScreen
from tui.app.screens.pin_for import PinForDialog
from tui.app.screens.run import RunScreen
from tui.model.phase import Phase
from tui.model.spec import RunId

WORKING = (Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING, Phase.WORKING)


@pytest.fixture
async def run(stage: Stage) -> RunId:
    run = stage.fleet.begin(SPEC, *WORKING)
    await stage.sees("▶ working")
    return run


@pytest.mark.parametrize(
    ("keys", "for_s"),
    [
        ((), 3600),
        (("down",), 8 * 3600),
        (("down", "down"), 2 * 86400),
        (("up",), None),
        (tuple("90m"), 5400),
    ],
)
async def test_a_term_is_chosen_or_typed(
    stage: Stage, run: RunId, keys: tuple[str, ...], for_s: int | None
) -> None:
    await stage.press("P", *keys, "enter")
    assert stage.fleet.called("pin") == [(run, for_s)]
    assert isinstance(stage.app.screen, HomeScreen)


async def test_what_is_left_ticks_and_p_still_unpins(stage: Stage, run: RunId) -> None:
    await stage.press("P", "enter")
    stage.fleet.now = NOW + 1
    await stage.sees("◆ pinned, 59m 59s left", "until its pin expires")
    await stage.press("enter")
    assert isinstance(stage.app.screen, RunScreen)
    await stage.sees("◆ pinned for 1s, 59m 59s left")
    await stage.press("P", "up", "enter")
    await stage.sees_no("left")
    await stage.press("p")
    await stage.sees_no("◆ pinned")
    assert stage.fleet.called("unpin") == [(run,)]


async def test_what_is_no_duration_is_refused_and_can_be_mended(stage: Stage, run: RunId) -> None:
    await stage.press("P", *"8x", "enter")
    await stage.sees("✘ '8x' is not a duration")
    await stage.press("backspace")
    await stage.sees_no("✘")
    await stage.press("backspace", "0", "enter")
    await stage.sees("✘ a pin holds for a second at least")
    await stage.press("backspace", *"2d", "enter")
    assert stage.fleet.called("pin") == [(run, 172800)]


async def test_escape_pins_nothing_and_too_late_it_is_not_offered(stage: Stage, run: RunId) -> None:
    await stage.press("P", "escape")
    assert not stage.fleet.calls
    stage.fleet.enter(run, Phase.DELETING)
    await stage.sees("⌫ deleting")
    await stage.press("P")
    assert not isinstance(stage.app.screen, PinForDialog)


async def test_the_palette_and_the_help_have_it(stage: Stage, run: RunId) -> None:
    await stage.press("question_mark")
    await stage.sees("Keep this run's VM for so long")
    await stage.press("escape", "ctrl+p", *"pin the vm for")
    await stage.sees("Pin the VM for...")
    await stage.press("enter")
    await stage.until(lambda: isinstance(stage.app.screen, PinForDialog), "the dialog")
    assert not stage.fleet.called("pin")
    assert run in stage.fleet.state.runs
