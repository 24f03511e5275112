"""What comes home: on every screen that tells of a run, and its folder opened or told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.app.conftest import Stage, on_stage
from tests.app.fleet_script import NOW, SPEC, ScriptedFleet
from tests.until import until
from tui.app import results
from tui.app.screens.leaving import LeavingScreen
from tui.app.summary import summarise
from tui.model.phase import Outcome, Phase
from tui.model.results import Result, ResultState
from tui.model.spec import Artifact, RunId
from tui.model.state import RunState
from tui.model.units import MIB

WORKING = (Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING, Phase.WORKING)
ALL = (*WORKING, Phase.COLLECTING, Phase.DELETING, Phase.GONE)
RUN = RunId("r0000001")
BENCH = replace(SPEC, artifacts=(Artifact(path="out/*.csv", required=True), Artifact(path="core.*")))
OUT = Result(path="out/*.csv", folder="/srv/out", required=True)
CORE = Result(path="core.*", folder="/srv/out")
HERE = replace(OUT, state=ResultState.COMPLETE, size=41 * MIB, files=3)
LACKS = replace(OUT, state=ResultState.MISSING, reason="nothing matches")


def brought(*found: Result, phases: tuple[Phase, ...] = ALL) -> RunState:
    fleet = ScriptedFleet()
    run = fleet.begin(BENCH, *phases)
    fleet.bring(run, *found)
    return fleet.state.runs[run]


@pytest.mark.parametrize("state", list(ResultState))
def test_every_state_has_a_glyph_and_a_word(state: ResultState) -> None:
    glyph, word = results.state_label(replace(CORE, state=state)).text.split(" ", 1)
    assert len(glyph) == 1
    assert word


@pytest.mark.parametrize(
    ("found", "words", "tone"),
    [
        ((HERE, replace(CORE, state=ResultState.COMPLETE)), "2 results, 41M, in /srv/out", "good"),
        ((LACKS, HERE), "result missing: out/*.csv; 1 here", "bad"),
        ((HERE, replace(CORE, state=ResultState.MISSING)), "result missing: core.*; 1 here", "warn"),
        ((replace(OUT, state=ResultState.PARTIAL), replace(CORE, state=ResultState.MISSING)),
         "result partial: out/*.csv and 1 more", "bad"),
        ((HERE, replace(CORE, state=ResultState.COLLECTING, size=12 * MIB)),
         "result coming: core.*, 12M so far", "busy"),
        ((), "", "text"),
    ],
)  # fmt: skip
def test_all_results_in_a_few_words(found: tuple[Result, ...], words: str, tone: str) -> None:
    label = results.headline(brought(*found))
    assert (label.text, label.tone) == (words, tone)


def test_what_the_person_s_home_is_is_said_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    assert [results.place(folder) for folder in ("/home/ana/out", "/home/anabel", "/x\x1b[2J")] == [
        "~/out",
        "/home/anabel",
        "/x",
    ]


async def test_home_names_them_in_the_list_and_beside_it(stage: Stage) -> None:
    run = stage.fleet.begin(BENCH, *ALL)
    stage.fleet.end(run, Outcome.of_status(0))
    stage.fleet.bring(run, HERE, replace(CORE, state=ResultState.MISSING, reason="nothing matches"))
    await stage.sees("Results   result missing: core.*")
    stage.fleet.bring(run, HERE)
    await stage.sees("Results   1 result, 41M, in /srv/out", "O Results")


async def test_the_run_screen_lists_each_with_its_reason(stage: Stage) -> None:
    run = stage.fleet.begin(BENCH, *WORKING)
    await stage.press("enter")
    await stage.sees("4 Results")
    assert "O Results" not in stage.text
    await stage.press("4")
    await stage.sees("· waiting   out/*.csv", "core.*", "the results folder of the run")
    stage.fleet.enter(run, Phase.COLLECTING)
    stage.fleet.bring(run, replace(OUT, state=ResultState.COLLECTING, size=12 * MIB), CORE)
    await stage.sees("◕ coming", "12M", "2 results coming, 12M so far")
    stage.fleet.bring(run, LACKS, replace(CORE, state=ResultState.COMPLETE, size=9, files=1))
    await stage.sees("✘ missing   out/*.csv", "✘ missing (required): nothing matches", "✔ here", "O Results")
    await stage.press("down")
    await stage.sees("Folder    /srv/out")
    await stage.press("2")
    await stage.sees("has not printed anything yet")


async def test_a_run_that_brings_nothing_has_no_such_tab(stage: Stage) -> None:
    stage.fleet.begin(SPEC, *WORKING)
    await stage.press("enter", "4")
    await stage.sees("3 Cleanup", "has not printed anything yet")
    assert "4 Results" not in stage.text


async def test_logs_of_jobs_are_there_once_they_say_something(stage: Stage) -> None:
    run = stage.fleet.begin(SPEC, *WORKING)
    stage.fleet.log(run).add("collect-0", b"a tar is no log")
    await stage.press("enter", "5")
    await stage.sees("has not printed anything yet")
    assert "5 Boot" not in stage.text
    stage.fleet.log(run).add("boot", b"cloud-init: all done\n")
    stage.fleet.log(run).add("unpack", b"tar: no room\n", "stderr")
    await stage.sees("5 Boot", "7 Unpack")
    await stage.press("5")
    await stage.sees("cloud-init: all done")
    await stage.press("right_square_bracket")
    await stage.sees("tar: no room")
    assert "6 Send" not in stage.text


async def test_without_a_desktop_the_path_is_copied(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    stage.fleet.bring(stage.fleet.begin(BENCH, *ALL), HERE)
    await stage.sees("O Results")
    await stage.press("O")
    await stage.sees("Copied: /srv/out")
    assert stage.app.clipboard == "/srv/out"


async def test_a_desktop_shows_the_folder(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opener, told, folder = tmp_path / "xdg-open", tmp_path / "told", tmp_path / "a b"
    opener.write_text(f"#!/bin/sh\nprintf %s \"$*\" > '{told}.new'\nmv '{told}.new' '{told}'\n")
    opener.chmod(0o755)
    folder.mkdir()
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    stage.fleet.bring(stage.fleet.begin(BENCH, *ALL), replace(HERE, folder=str(folder)))
    await stage.sees("O Results")
    await stage.press("O")
    await until(told.exists, "the file manager")
    assert told.read_text() == str(folder)
    await stage.sees("Opened:", "a b")


async def test_leaving_waits_for_what_comes_and_says_what_becomes_of_it(fleet: ScriptedFleet) -> None:
    async with on_stage(fleet, size=(100, 30)) as stage:
        run = fleet.begin(BENCH, *WORKING, Phase.COLLECTING, Phase.DELETING)
        fleet.bring(run, replace(OUT, state=ResultState.COLLECTING, size=12 * MIB), HERE)
        await stage.press("ctrl+q")
        assert isinstance(stage.app.screen, LeavingScreen)
        fleet.enter(run, Phase.GONE)
        await stage.sees(
            "✔ gone", "result coming: out/*.csv, 12M so far", "the next start of dayfly fetches them"
        )
        assert stage.app.return_value is None
        fleet.bring(run, HERE)
        await stage.until(lambda: stage.app.return_value is not None, "the end")
        summary = stage.app.return_value
        assert summary is not None
        assert f"results of df-hello-{run}: 1 result, 41M, in /srv/out" in summary.lines


async def test_the_last_words_say_what_waits_and_what_lacks(stage: Stage) -> None:
    run = stage.fleet.begin(BENCH, *ALL)
    stage.fleet.bring(run, replace(OUT, state=ResultState.COLLECTING), LACKS)
    lines = summarise(stage.fleet, NOW).lines
    assert f"result coming: out/*.csv; of df-hello-{run} on demo" in lines
    assert f"result missing: out/*.csv of df-hello-{run}: nothing matches" in lines
    assert "Nothing is owed." not in lines
    await stage.press("ctrl+q", "ctrl+c", "ctrl+c")
    await stage.until(lambda: stage.app.return_value is not None, "the end")
