from __future__ import annotations

from dataclasses import replace

from tests.app.conftest import Stage
from tests.app.fleet_script import SPEC
from tui.app.screens.home import HomeScreen
from tui.model.phase import Outcome, Phase
from tui.model.spec import RunId

WORKING = (Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING, Phase.WORKING)


async def begin(stage: Stage, count: int) -> list[RunId]:
    runs = [stage.fleet.begin(replace(SPEC, name=f"job-{number}"), *WORKING) for number in range(count)]
    await stage.sees(f"job-{count - 1}")
    return runs


async def test_what_is_marked_is_pinned_at_once_and_unpinned_again(stage: Stage) -> None:
    runs = await begin(stage, 3)
    await stage.press("space", "space")
    await stage.sees("Runs · 2 marked", "p Pin 2")
    await stage.press("p")
    assert stage.fleet.called("pin") == [(runs[2], None), (runs[1], None)]
    await stage.sees_no("marked")
    await stage.press("asterisk", "p")
    assert stage.fleet.called("pin")[2:] == [(runs[0], None)]
    await stage.press("asterisk", "p")
    assert {run for (run,) in stage.fleet.called("unpin")} == set(runs)


async def test_a_few_are_cancelled_after_a_question_that_names_them(stage: Stage) -> None:
    runs = await begin(stage, 3)
    await stage.press("asterisk", "x")
    await stage.sees("Stop and delete 3 VMs?", *(f"df-job-{number}-{run}" for number, run in enumerate(runs)))
    await stage.press("enter")
    assert not stage.fleet.called("cancel")
    await stage.sees("3 marked")
    await stage.press("ctrl+d", "y")
    assert {run for (run,) in stage.fleet.called("cancel")} == set(runs)


async def test_many_are_deleted_only_by_words(stage: Stage) -> None:
    runs = await begin(stage, 6)
    await stage.press("asterisk", "x")
    await stage.sees("Type delete 6 to go on")
    await stage.press("enter", "y", "enter")
    await stage.sees("Nothing was deleted")
    assert not stage.fleet.called("cancel")
    await stage.press("backspace", *"delete 6", "enter")
    assert len(stage.fleet.called("cancel")) == len(runs)


async def test_pinned_ones_are_deleted_only_by_words_and_escape_leaves_them(stage: Stage) -> None:
    runs = await begin(stage, 2)
    stage.fleet.pin(runs[0])
    await stage.sees("◆ pinned")
    await stage.press("asterisk", "x")
    await stage.sees("One of them is pinned: not kept.", "Type delete 2")
    await stage.press("escape")
    assert not stage.fleet.called("cancel")
    assert isinstance(stage.app.screen, HomeScreen)


async def test_letting_kept_ones_go_asks(stage: Stage) -> None:
    for run in (runs := await begin(stage, 2)):
        stage.fleet.pin(run)
        stage.fleet.end(run, Outcome.of_status(0))
        stage.fleet.enter(run, Phase.KEPT)
    await stage.sees("◆ kept")
    await stage.press("asterisk", "p")
    await stage.sees("Unpin and delete?", "df-job-0", "df-job-1")
    await stage.press("y")
    assert {run for (run,) in stage.fleet.called("unpin")} == set(runs)


async def test_marks_that_the_filter_hides_are_spared(stage: Stage) -> None:
    runs = await begin(stage, 3)
    await stage.press("asterisk", "slash", *"job-1", "enter")
    await stage.sees("Runs 1 of 3 · /job-1 · 1 marked")
    await stage.press("x", "y")
    assert stage.fleet.called("cancel") == [(runs[1],)]
