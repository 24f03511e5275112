from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input

from tests.app.conftest import Stage
from tests.app.fleet_script import SPEC
from tui.app.command_words import NotUnderstoodError, Word, completions, understand
from tui.app.screens.help_dialog import HelpDialog
from tui.app.screens.home import HomeScreen
from tui.app.screens.new_run import NewRunScreen
from tui.app.screens.run import RunScreen
from tui.app.themes import LIGHT

SAID: list[tuple[str, str]] = []


def word(name: str, **more: object) -> Word:
    return Word(name=name, help="", do=lambda value: SAID.append((name, value)), **more)  # type: ignore[arg-type]


WORDS = (
    word("hosts"),
    word("pin-run"),
    word("pin-for"),
    word("pin", is_short=True),
    word("run", takes="PROFILE", values=("ci", "nightly-ci")),
    word("forward", takes="PORT"),
)


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        ("", ["hosts", "pin-run", "pin-for", "run ", "forward "]),
        ("pin", ["pin-run", "pin-for"]),
        ("r", ["run ", "pin-run", "pin-for", "forward "]),
        ("run ", ["run ci", "run nightly-ci"]),
        ("run c", ["run ci", "run nightly-ci"]),
        ("run x", []),
        ("forward 8", []),
        ("nothing here", []),
    ],
)
def test_completion_puts_what_begins_alike_first(typed: str, lines: list[str]) -> None:
    assert [found.line for found in completions(WORDS, typed)] == lines


@pytest.mark.parametrize(
    ("line", "done"),
    [
        ("hosts", ("hosts", "")),
        (" ho ", ("hosts", "")),
        ("pin", ("pin", "")),
        ("run ci", ("run", "ci")),
        ("forward 8080", ("forward", "8080")),
    ],
)
def test_a_line_does_what_it_says(line: str, done: tuple[str, str]) -> None:
    SAID.clear()
    understand(WORDS, line)()
    assert [done] == SAID


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("hsots", "there is no hsots here; did you mean hosts?"),
        ("zzz", "there is no zzz here; tab shows what there is"),
        ("pin-", "pin- may be pin-run, pin-for"),
        ("run", "run needs a PROFILE behind it"),
        ("run nightly", "there is no PROFILE nightly; did you mean nightly-ci?"),
        ("hosts x", "hosts takes nothing behind it"),
    ],
)
def test_a_line_that_says_nothing_is_told_so(line: str, fault: str) -> None:
    with pytest.raises(NotUnderstoodError) as caught:
        understand(WORDS, line)
    assert str(caught.value) == fault


async def test_commands_places_and_runs_are_reached_by_name(stage: Stage) -> None:
    run = stage.fleet.begin(SPEC)
    await stage.sees("queued")
    await stage.press("colon", *"comm", "tab", "enter")
    await stage.sees("Command log")
    await stage.press("colon", *"df-hel", "tab", "enter")
    assert isinstance(stage.app.screen, RunScreen)
    await stage.press("colon", *"pin-run", "enter")
    await stage.until(lambda: stage.fleet.called("pin") == [(run, None)], "the pin")
    await stage.press("colon", *"runs", "enter")
    assert isinstance(stage.app.screen, HomeScreen)
    await stage.press("colon", *"new", "enter")
    await stage.until(lambda: isinstance(stage.app.screen, NewRunScreen), "the form")


async def test_what_is_not_understood_stays_and_says_what_is_near(stage: Stage) -> None:
    await stage.press("colon", *"hlep", "enter")
    await stage.sees("✘ there is no hlep here; did you mean help?", ": hlep")
    await stage.press(*["backspace"] * 3, *"elp", "enter")
    await stage.until(lambda: isinstance(stage.app.screen, HelpDialog), "the help")
    await stage.press("escape", "colon", "up")
    await stage.sees(": help")
    await stage.press("escape")
    assert isinstance(stage.app.screen, HomeScreen)


async def test_a_theme_and_a_profile_are_named_behind_their_words(stage: Stage) -> None:
    await stage.press("colon", *f"theme {LIGHT}", "enter")
    assert stage.app.theme == LIGHT
    name = stage.shelf.names()[0]
    await stage.press("colon", *f"run {name[:2]}", "tab", "enter")
    await stage.until(lambda: isinstance(stage.app.screen, RunScreen), "the run")
    assert len(stage.fleet.called("submit")) == 1


async def test_a_line_typed_in_one_burst_is_all_in_the_field(stage: Stage) -> None:
    run = stage.fleet.begin(SPEC)
    await stage.sees("queued")
    for character in ":forward":
        stage.app.post_message(events.Key("colon" if character == ":" else character, character))
    await stage.until(
        lambda: [field.value for field in stage.app.screen.query(Input)] == ["forward"], "the whole line"
    )
    assert stage.fleet.called("submit") == []
    assert run in stage.fleet.state.runs
