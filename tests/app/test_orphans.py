from __future__ import annotations

from dataclasses import replace

import pytest

from tests.app.conftest import Stage, on_stage
from tests.app.fleet_script import NOW, SPEC, ScriptedFleet
from tui.app.screens.home import HomeScreen
from tui.app.screens.leaving import LeavingScreen
from tui.app.screens.orphans import OrphansDialog
from tui.app.screens.run import RunScreen
from tui.model.events import QuestionAsked
from tui.model.hosts import DEMO, Question, QuestionKind
from tui.model.phase import Phase
from tui.model.spec import RunId


@pytest.fixture
def two(stage: Stage) -> tuple[RunId, RunId]:
    """Two runs that an earlier session left over."""
    return stage.fleet.leave_over(), stage.fleet.leave_over(replace(SPEC, name="build"), Phase.LAUNCHING)


async def test_they_are_listed_once_a_start_and_escape_leaves_them(
    stage: Stage, two: tuple[RunId, RunId]
) -> None:
    stage.fleet.log(two[0]).add("work", b"x" * 2048)
    await stage.sees("Left over from an earlier session", "▶ working   2K", "◔ launching", "in 14 min")
    await stage.press("escape")
    stage.fleet.boot(two[0])
    await stage.sees("? left over", "ends in 14 min", "T Take over", "L Leave", "x End", "q Quit")
    assert isinstance(stage.app.screen, HomeScreen)
    assert not stage.fleet.calls


async def test_one_is_taken_over_another_left_and_the_dialog_is_done(
    stage: Stage, two: tuple[RunId, RunId]
) -> None:
    await stage.sees("hello", "build")
    await stage.press("t")
    assert stage.fleet.calls == [("adopt", two[0])]
    assert isinstance(stage.app.screen, OrphansDialog)
    await stage.press("l")
    assert stage.fleet.calls[1:] == [("disown", two[1])]
    await stage.sees("▶ working", "▷ on its own")
    assert isinstance(stage.app.screen, HomeScreen)


async def test_ending_one_asks_first(stage: Stage, two: tuple[RunId, RunId]) -> None:
    await stage.sees("Left over")
    await stage.press("down", "e")
    await stage.sees("Stop and delete?", "df-build-r0000002 on demo")
    await stage.press("enter")
    assert not stage.fleet.calls
    await stage.press("e", "y")
    assert stage.fleet.calls == [("cancel", two[1])]
    await stage.sees("⌫ deleting")
    assert isinstance(stage.app.screen, OrphansDialog)


@pytest.mark.parametrize(("key", "call"), [("T", "adopt"), ("L", "disown"), ("E", "cancel")])
async def test_all_at_once(stage: Stage, two: tuple[RunId, RunId], key: str, call: str) -> None:
    await stage.sees("Left over")
    await stage.press(key)
    if call == "cancel":
        await stage.sees("Stop and delete all?", "df-hello-r0000001 on demo", "df-build-r0000002 on demo")
        assert not stage.fleet.calls
        await stage.press("y")
    assert stage.fleet.calls == [(call, two[0]), (call, two[1])]
    await stage.until(lambda: isinstance(stage.app.screen, HomeScreen), "home")


async def test_what_is_heard_of_later_joins_the_list_or_is_asked_of_by_itself(stage: Stage) -> None:
    stage.fleet.leave_over()
    await stage.sees("Left over from")
    stage.fleet.leave_over(replace(SPEC, name="second"))
    await stage.sees("second")
    await stage.press("escape")
    assert isinstance(stage.app.screen, HomeScreen)
    stage.fleet.leave_over(replace(SPEC, name="third"))
    await stage.until(lambda: isinstance(stage.app.screen, OrphansDialog), "the dialog")


async def test_it_waits_until_a_question_is_answered(stage: Stage) -> None:
    asked = Question(id="q1", host=DEMO, kind=QuestionKind.PASSWORD, text="Password:")
    stage.fleet.emit(QuestionAsked(host=DEMO, at=NOW, question=asked))
    await stage.sees("Password:")
    stage.fleet.leave_over()
    await stage.press("a", "enter")
    await stage.until(lambda: isinstance(stage.app.screen, OrphansDialog), "the dialog")


async def test_a_list_that_empties_by_itself_closes_it(stage: Stage) -> None:
    run = stage.fleet.leave_over()
    await stage.sees("Left over from")
    stage.fleet.enter(run, Phase.DELETING)
    await stage.until(lambda: isinstance(stage.app.screen, HomeScreen), "home")


async def test_the_run_screen_has_the_same_keys(stage: Stage) -> None:
    run = stage.fleet.leave_over()
    await stage.sees("Left over from")
    await stage.press("escape", "enter")
    assert isinstance(stage.app.screen, RunScreen)
    await stage.sees(
        "still working on demo (no log", "; demo ends it in 14 min", "T Take over", "x End", "? Help"
    )
    await stage.press("L")
    await stage.sees("▷ on its own", f"dayfly attach {run}")
    assert "L Leave" not in stage.text
    await stage.press("T")
    await stage.sees_no("T Take over")
    await stage.sees("▶ working", "If this client vanishes")
    assert stage.fleet.calls == [("disown", run), ("adopt", run)]


async def test_leaving_needs_no_question_for_what_was_left_over(stage: Stage) -> None:
    run = stage.fleet.leave_over()
    await stage.sees("Left over from")
    await stage.press("escape", "q")
    await stage.until(lambda: stage.app.return_value is not None, "the end")
    assert stage.app.return_value is not None
    assert stage.app.return_value.lines[1] == f"  log and result: dayfly attach {run}"
    assert not isinstance(stage.app.screen, LeavingScreen)


async def test_it_fits_the_smallest_terminal(fleet: ScriptedFleet) -> None:
    for name in "abcdefghijkl":
        fleet.leave_over(replace(SPEC, name=name))
    async with on_stage(fleet, size=(60, 15)) as stage:
        await stage.sees("Left over from")
        await stage.press("T")
        assert len(fleet.called("adopt")) == 12
