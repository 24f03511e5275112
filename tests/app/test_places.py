from __future__ import annotations

from tests.app.conftest import Stage
from tui.app.commands import places
from tui.app.places import SCREENS


def test_every_place_has_its_screen_and_a_digit_of_its_own() -> None:
    assert set(SCREENS) == set(places.PLACES)
    assert [place.KEY for place in places.PLACES] == sorted({place.KEY for place in places.PLACES})
    assert all(screen.HERE is place for place, screen in SCREENS.items())


async def test_escape_on_the_runs_leads_nowhere(stage: Stage) -> None:
    await stage.press("escape", "1")
    await stage.sees("No runs yet", " 1 Runs ")
    assert "esc" not in stage.text
