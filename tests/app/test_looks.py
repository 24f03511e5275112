from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme
from textual.timer import Timer

import tui.app
from tests.app.conftest import Stage, on_stage
from tests.app.fleet_script import SPEC, ScriptedFleet
from tui.app.commands import places
from tui.app.glyphs import ASCII, AsciiOnly, needs_ascii
from tui.app.screens.fleet_screen import FleetScreen
from tui.app.themes import CURSOR, THEMES, TONES, contrast, variables_for
from tui.model.phase import Phase
from tui.model.settings import Looks, Settings

PACKAGE = Path(tui.app.__file__).parent
GROUNDS = ("background", "surface", "panel")


def colours(theme: Theme) -> dict[str, str]:
    return {**variables_for(theme), **theme.to_color_system().generate(), **theme.variables}


def grounds(found: dict[str, str]) -> dict[str, Color]:
    plain = {name: Color.parse(found[name]) for name in GROUNDS}
    cursor = plain["background"].blend(Color.parse(found["primary"]), CURSOR)
    return {**plain, "cursor": cursor}


PAINTED = [theme for theme in BUILTIN_THEMES.values() if colours(theme)["background"].startswith("#")]
"""Those that do not use the terminal's own colours, which nobody knows."""


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_tone_is_read_on_every_ground(theme: Theme) -> None:
    found = colours(theme)
    for tone, variable in TONES.items():
        for name, ground in grounds(found).items():
            ratio = contrast(Color.parse(found[variable]), ground)
            assert ratio >= 4.5, f"{tone} on {name}: {ratio:.2f}"


@pytest.mark.parametrize("theme", PAINTED, ids=lambda theme: theme.name)
def test_our_tones_are_read_in_the_themes_of_others(theme: Theme) -> None:
    found = colours(theme)
    for variable in set(TONES.values()) - {"foreground"}:
        for ground in grounds(found).values():
            assert contrast(Color.parse(found[variable]), ground) >= 4.4


def test_contrast_is_that_of_the_standard() -> None:
    black, white = Color(0, 0, 0), Color(255, 255, 255)
    assert contrast(black, white) == pytest.approx(21)
    assert contrast(Color.parse("#777777"), white) == pytest.approx(4.48, abs=0.01)
    assert contrast(white, white) == 1


async def test_every_theme_renders_every_place(stage: Stage) -> None:
    run = stage.fleet.begin(SPEC, Phase.LEASED, Phase.LAUNCHING)
    for theme in stage.app.available_themes:
        stage.app.take_theme(theme)
        for place in places.PLACES:
            stage.app.go(place)
            await stage.pilot.pause()
            assert f"{place.KEY} {place.WORD}" in stage.text
        stage.app.open_run(run)
        await stage.pilot.pause()
        assert "launching" in stage.text


def strings(source: Path) -> Iterator[str]:
    tree = ast.parse(source.read_text())
    docs = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docs:
            yield node.value


def test_every_glyph_that_the_dashboard_writes_has_an_ascii_one() -> None:
    sources = [*PACKAGE.rglob("*.py")]
    written = {char for source in sources for text in strings(source) for char in text if not char.isascii()}
    assert len(written) > 15
    assert not {char for char in written if char not in ASCII and char.isprintable()}


def test_a_glyph_and_its_stand_in_are_both_one_cell() -> None:
    assert {cell_len(glyph) for glyph in ASCII} == {1}
    assert all(len(plain) == 1 and " " <= plain <= "~" for plain in ASCII.values())


def test_the_states_of_runs_stay_apart_in_ascii() -> None:
    states = "◌◔◑◕▶⌫■◆✔✘●"
    assert len({ASCII[glyph] for glyph in states}) == len(states)


def test_words_in_other_scripts_are_left_alone() -> None:
    (segment,) = AsciiOnly().apply([Segment("✔ Käse")], Color(0, 0, 0))
    assert segment.text == "+ Käse"


def test_ascii_is_for_who_asks_or_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    assert needs_ascii(None)
    assert not needs_ascii(False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert needs_ascii(True)


async def test_in_ascii_nothing_else_is_painted(fleet: ScriptedFleet) -> None:
    settings = Settings(looks=Looks(ascii=True, animations=False))
    async with on_stage(fleet, settings=settings) as stage:
        run = fleet.begin(SPEC, Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING, Phase.WORKING)
        fleet.boot(run)
        await stage.sees("> working")
        for keys in ("", "x", "question_mark", "n", "enter", "5"):
            await stage.press("escape", *filter(None, [keys]))
            assert stage.text.isascii(), {char for char in stage.text if not char.isascii()}


async def test_the_person_s_keys_and_theme_are_taken_and_clashes_named(fleet: ScriptedFleet) -> None:
    keys = {"pin-run": "ctrl+k", "cancel-run": "n", "back": "b"}
    settings = Settings(looks=Looks(theme="nord", keys=keys))
    async with on_stage(fleet, settings=settings) as stage:
        run = fleet.begin(SPEC, Phase.LEASED)
        await stage.sees("^k Pin", "n is cancel-run now, no longer new-run")
        assert stage.app.theme == "nord"
        await stage.press("p")
        assert not fleet.called("pin")
        await stage.press("ctrl+k", "n")
        assert fleet.called("pin") == [(run, None)]
        await stage.sees("Stop and delete?")
        await stage.press("escape", "space", "escape")
        await stage.sees_no("marked")
        await stage.press("enter", "escape", "b")
        await stage.sees("1 Runs")


async def test_a_theme_that_is_not_there_is_said(fleet: ScriptedFleet) -> None:
    async with on_stage(fleet, settings=Settings(looks=Looks(theme="nrod"))) as stage:
        await stage.sees("There is no theme nrod.")


async def test_ages_move_on_as_often_as_the_settings_say(
    fleet: ScriptedFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    paces: list[float] = []
    set_interval = FleetScreen.set_interval

    def noted(screen: FleetScreen, pace_s: float, *work: Any, **more: Any) -> Timer:
        paces.append(pace_s)
        return set_interval(screen, pace_s, *work, **more)

    monkeypatch.setattr(FleetScreen, "set_interval", noted)
    async with on_stage(fleet, settings=Settings(looks=Looks(refresh_s=0.25))):
        assert 0.25 in paces


async def test_the_footer_tells_of_the_palette_only_where_there_is_room(stage: Stage) -> None:
    assert "palette" not in stage.text
    await stage.pilot.resize_terminal(120, 36)
    await stage.sees("palette")
    await stage.pilot.resize_terminal(80, 24)
    await stage.until(lambda: "palette" not in stage.text, "the entry is gone again")
