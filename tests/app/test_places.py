from __future__ import annotations

from dataclasses import replace

from tests.app.conftest import Stage
from tests.app.fleet_script import SPEC
from tui.app.commands import places
from tui.app.places import SCREENS
from tui.app.widgets.place_bar import PlaceBar


def test_every_place_has_its_screen_and_a_digit_of_its_own() -> None:
    assert set(SCREENS) == set(places.PLACES)
    assert [place.KEY for place in places.PLACES] == sorted({place.KEY for place in places.PLACES})
    assert all(screen.HERE is place for place, screen in SCREENS.items())


async def test_escape_on_the_runs_leads_nowhere(stage: Stage) -> None:
    await stage.press("escape", "1")
    await stage.sees("No runs yet", " 1 Runs")
    assert "esc" not in stage.text


async def test_digits_and_clicks_lead_to_the_places_and_escape_back(stage: Stage) -> None:
    await stage.press("5")
    await stage.sees("Command log", "5 Commands", "Nothing was run on a host yet.")
    await stage.press("5", "escape")
    await stage.sees("No runs yet", "1 Runs")
    bar = stage.app.screen.query_one(PlaceBar)
    await stage.pilot.click(PlaceBar, offset=(bar.size.width - 2, 0))
    await stage.sees("Command log")
    await stage.pilot.click(PlaceBar, offset=(1, 0))
    await stage.sees("No runs yet")


async def test_a_place_is_as_one_left_it_but_knows_what_is_new(stage: Stage) -> None:
    stage.fleet.ran("multipass list", "multipass launch")
    await stage.press("5", "slash", *"launch", "enter")
    await stage.sees("Commands 1 of 2 · /launch")
    await stage.press("q")
    await stage.sees_no("/launch")
    stage.fleet.ran("multipass launch --name b")
    await stage.press("5")
    await stage.sees("Commands 2 of 3 · /launch", "--name b")


async def test_a_filter_narrows_while_it_is_typed_and_escape_shows_all(stage: Stage) -> None:
    for name in ("lint", "build", "bench"):
        stage.fleet.begin(replace(SPEC, name=name))
    await stage.sees("lint")
    await stage.press("slash", "b")
    await stage.sees("Runs 2 of 3 · /b")
    await stage.press(*"uild", "enter")
    await stage.sees("Runs 1 of 3 · /build", "esc Clear")
    await stage.press("slash", "backspace", *"X!")
    await stage.sees("Nothing here matches /builX!")
    await stage.press("escape")
    await stage.sees("lint", "build", "bench")
    await stage.press("slash", *"!b", "enter")
    await stage.sees("Runs 1 of 3 · /!b", "lint")
    assert "build" not in stage.text
    await stage.press("escape")
    await stage.sees("build")
