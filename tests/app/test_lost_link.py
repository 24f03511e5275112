from __future__ import annotations

from tests.app.conftest import Stage
from tests.app.fleet_script import NOW, SPEC
from tui.app.screens.run import RunScreen
from tui.model.hosts import DEMO, Health
from tui.model.phase import Phase

WORKING = (Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING, Phase.WORKING)


async def test_a_lost_host_shows_everywhere_and_is_told_when_it_is_back(stage: Stage) -> None:
    fleet = stage.fleet
    fleet.begin(SPEC, *WORKING)
    await stage.sees("▶ working")
    fleet.now = NOW + 12
    fleet.link(DEMO, Health.UNREACHABLE, NOW)
    await stage.sees("✘ demo unreachable", "demo is unreachable")
    stage.app.clear_notifications()  # it lies over the hosts for its five seconds
    await stage.sees("for 12 s; 1 run goes on")
    lines = stage.text.splitlines()
    assert "unreachable for 12 s" in lines[3]
    assert any("unreachable for 12 s; the run goes on; demo ends it in 14 min" in line for line in lines)
    fleet.now = NOW + 32
    fleet.link(DEMO, Health.READY)
    await stage.sees("demo is back after 32 s", "● demo ready", "If this client vanishes")


async def test_it_ticks_every_second_on_the_run_screen_and_nothing_moves(stage: Stage) -> None:
    fleet = stage.fleet
    fleet.begin(SPEC, *WORKING)
    fleet.now = NOW + 30
    fleet.link(DEMO, Health.UNREACHABLE, NOW)
    await stage.sees("unreachable for 30 s")
    await stage.press("enter")
    assert isinstance(stage.app.screen, RunScreen)
    await stage.sees("unreachable for 30 s; the run goes on; demo ends it in 14 min unless we return"[:60])
    stage.app.clear_notifications()
    await stage.sees_no("its runs go on")
    places = {widget: widget.region for widget in stage.app.screen.query("*")}
    fleet.now = NOW + 31
    await stage.sees("unreachable for 31 s")
    fleet.now = NOW + 871
    await stage.sees("unreachable for 14 min; the run goes on; demo ends it in 29 s")
    assert {widget: widget.region for widget in stage.app.screen.query("*")} == places


async def test_a_silent_manager_says_since_when_and_what_waits(stage: Stage) -> None:
    fleet = stage.fleet
    fleet.begin(SPEC, *WORKING, Phase.DELETING)
    fleet.link(DEMO, Health.MANAGER_SILENT)
    fleet.now = NOW + 180
    await stage.sees(
        "? manager silent", "for 3 min; 1 deletion", "manager silent for 3 min; the deletion waits"
    )
