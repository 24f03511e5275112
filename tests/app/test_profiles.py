"""Profiles as a place, over real files; an editor that is a script."""

from __future__ import annotations

import shlex
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from textual import events
from textual.drivers.headless_driver import HeadlessDriver

from tests.app.conftest import Stage, on_stage
from tests.app.fleet_script import NOW, SPEC, ScriptedFleet
from tui.app.alarm import ended, osc_9
from tui.app.profile_pages import LINES_SHOWN, EarlierRun, profile_facts, profiles_table, text_lines
from tui.app.screens.new_run import NewRunScreen
from tui.app.screens.profiles import ProfilesScreen
from tui.app.screens.run import RunScreen
from tui.app.widgets.fact_table import FactTable
from tui.contracts import ProfilePage, ProfileSource, TextFault
from tui.model.phase import Outcome, OutcomeKind, Phase
from tui.model.settings import Notify, Settings, TellOf
from tui.model.spec import PinPolicy, RunId
from tui.profiles import places
from tui.wiring import Shelf

WORKING = (Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING, Phase.WORKING)
MINE = '# ask Ana first\nimage = "24.04"  # not lts\ncommand = "make"\n'
PAGE = ProfilePage(
    name="mine",
    source=ProfileSource.YOURS,
    path=Path("/p/mine.toml"),
    text=MINE,
    spec=replace(SPEC, name="mine"),
)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A profile of one's own; one is in a folder that has none."""
    monkeypatch.chdir(tmp_path)
    path = places.user_folder() / "mine.toml"
    path.parent.mkdir(parents=True)
    path.write_text(MINE)
    return path


@pytest.fixture
async def there(fleet: ScriptedFleet, mine: Path) -> AsyncIterator[Stage]:  # noqa: ARG001 - it is there before
    async with on_stage(fleet, shelf=Shelf("demo")) as stage:
        await stage.press("3")
        await stage.sees("WHAT IT DOES")
        yield stage


async def choose(stage: Stage, name: str) -> None:
    stage.app.screen.query_one("#profiles", FactTable).choose(name)
    await stage.sees(f"{name}.toml")


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """$EDITOR: a script for which the next of the `.edit` files is what a person leaves. A terminal, too."""
    script = tmp_path / "editor.py"
    script.write_text(
        "import pathlib, sys\n"
        f"edits = sorted(pathlib.Path({str(tmp_path)!r}).glob('*.edit'))\n"
        "pathlib.Path(sys.argv[-1]).write_text(edits[0].read_text())\n"
        "edits[0].unlink()\n"
    )
    monkeypatch.setenv("EDITOR", shlex.join([sys.executable, str(script)]))
    monkeypatch.setattr(HeadlessDriver, "can_suspend", True)
    return tmp_path


# ---- what is said


def test_a_table_that_gives_up_columns_and_never_names() -> None:
    wide, narrow = profiles_table([PAGE], 110), profiles_table([PAGE], 56)
    assert [column.title for column in wide.columns] == ["NAME", "FROM", "IMAGE", "SIZE", "WHAT IT DOES"]
    assert [column.title for column in narrow.columns] == ["NAME", "FROM", "WHAT IT DOES"]


def test_faults_stand_below_their_lines_and_nothing_hostile_is_said() -> None:
    faults = (TextFault(2, "cpus: found 0"), TextFault(0, "command: missing"))
    text = "# one\n\x1b]0;title\x07cpus = 0\n\tx = 1\n"
    page = replace(PAGE, text=text, spec=None, faults=faults)
    said = [(line.number, line.label.text) for line in text_lines(page)]
    assert said == [
        (0, "✘ command: missing"),
        (1, "# one"),
        (2, "cpus = 0"),
        (0, "✘ cpus: found 0"),
        (3, "    x = 1"),
    ]


def test_a_long_file_ends_in_a_count() -> None:
    lines = text_lines(replace(PAGE, text="x\n" * (LINES_SHOWN + 3)))
    assert len(lines) == LINES_SHOWN + 1
    assert lines[-1].label.text == "… 3 more lines: E opens it"


def test_what_a_run_of_it_would_be_and_how_the_last_ones_went() -> None:
    spec = replace(SPEC, pin=PinPolicy.ON_FAILURE, pin_for_s=7200, timeout_s=60, sudo=True, command="a\nb\nc")
    runs = [
        EarlierRun(RunId("b"), NOW - 30, None),
        EarlierRun(RunId("a"), NOW - 900, Outcome(OutcomeKind.FAILED, 7), 62.0),
    ]
    facts = {word: label.text for word, label in profile_facts(replace(PAGE, spec=spec), runs, NOW)}
    assert facts["Command"] == "sudo a … and 2 more lines"
    assert facts["Then"] == "time limit 1m; the VM is deleted, or kept 2h if the command fails"
    assert facts["Last runs"] == "▶ begun 30 s ago · ✘ failed 7 in 62 s, 15 min ago"


def test_a_faulty_one_says_what_to_do() -> None:
    page = replace(PAGE, spec=None, faults=(TextFault(1, "x"),))
    facts = {word: label.text for word, label in profile_facts(page, [], NOW)}
    assert facts["Wanted"] == "✘ 1 fault: not usable yet. E opens it in your editor."


# ---- the place


async def test_the_place_shows_every_profile_and_its_file(there: Stage) -> None:
    await there.sees("hello", "shipped", "mine", "yours", "all usable")
    await choose(there, "mine")
    await there.sees("ask Ana first", "24.04", "none yet: enter runs it")


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 36), (200, 50)])
async def test_it_fits_every_terminal(fleet: ScriptedFleet, mine: Path, size: tuple[int, int]) -> None:
    mine.write_text("cpus = 0\n")
    async with on_stage(fleet, shelf=Shelf("demo"), size=size) as stage:
        await stage.press("3")
        await stage.sees("Profiles", "1 not usable")
        stage.app.screen.query_one("#profiles", FactTable).choose("mine")
        await stage.sees("mine", "3 faults", "E opens it", "Help")
        if size[1] >= 24:
            await stage.sees("mine.toml", "cpus: found 0")


async def test_enter_launches_and_escape_comes_back(there: Stage, fleet: ScriptedFleet) -> None:
    await choose(there, "mine")
    await there.press("enter")
    await there.until(lambda: isinstance(there.app.screen, RunScreen), "the run")
    ((spec,),) = fleet.called("submit")
    assert (spec.name, spec.image) == ("mine", "24.04")
    await there.press("escape")
    await there.until(lambda: isinstance(there.app.screen, ProfilesScreen), "the place")
    await there.sees("▶ begun")


async def test_a_change_from_the_form_keeps_the_comments(there: Stage, mine: Path) -> None:
    await choose(there, "mine")
    await there.press("e")
    await there.until(lambda: isinstance(there.app.screen, NewRunScreen), "the form")
    await there.sees("24.04", "ready", "Edit mine")
    await there.press("tab", "end", "1", "ctrl+s")
    await there.sees("The comments of what was loaded stay")
    await there.press("backspace", "enter")
    await there.sees("Not saved", "give it a name")
    await there.press("ctrl+s", "enter")
    await there.sees("Saved as")
    assert mine.read_text() == MINE + "cpus = 11\n"


async def test_a_copy_and_its_end(there: Stage, mine: Path) -> None:
    await choose(there, "mine")
    await there.press("c")
    await there.sees("Duplicate mine")
    await there.press("enter")
    await there.sees("mine-2")
    copy = mine.with_name("mine-2.toml")
    assert copy.read_text() == MINE
    await choose(there, "mine-2")
    await there.press("ctrl+d")
    await there.sees("is deleted for good")
    await there.press("enter")
    await there.sees_no("is deleted for good")
    assert copy.exists()
    await there.press("ctrl+d")
    await there.sees("is deleted for good")
    await there.press("y")
    await there.until(lambda: not copy.exists(), "the end of the copy")
    assert mine.exists()


async def test_what_came_with_dayfly_is_not_changed(there: Stage) -> None:
    await choose(there, "hello")
    await there.press("ctrl+d")
    await there.press("E")
    await there.sees("came with dayfly and stays so")
    assert isinstance(there.app.screen, ProfilesScreen)


async def test_the_editor_and_back_until_it_is_right(there: Stage, mine: Path, editor: Path) -> None:
    (editor / "1.edit").write_text('image = "lts"\ncpus = 0\n')
    (editor / "2.edit").write_text('image = "lts"\ncpus = 3\ncommand = "true"\n')
    await choose(there, "mine")
    await there.press("E")
    await there.sees("line 2: cpus: found 0", "Back to the editor")
    assert mine.read_text().endswith("cpus = 0\n")
    await there.press("y")
    await there.sees("3 cpu 1G 5G")
    assert not list(editor.glob("*.edit"))


async def test_without_a_terminal_or_an_editor_it_says_so(
    there: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await choose(there, "mine")
    await there.press("E")
    await there.sees("There is no terminal here")
    monkeypatch.setattr(HeadlessDriver, "can_suspend", True)
    monkeypatch.setenv("EDITOR", "/no/such/editor")
    await there.press("E")
    await there.sees("Set $EDITOR to your editor")


async def test_the_command_of_a_form_in_the_editor(stage: Stage, editor: Path) -> None:
    (editor / "1.edit").write_text("set -e\nmake\n")
    await stage.press("n")
    await stage.press("ctrl+e")
    await stage.sees("set -e", "make")
    form = stage.app.screen
    assert isinstance(form, NewRunScreen)
    assert form._form.fields["command"] == "set -e\nmake"


async def test_a_new_run_begins_with_ones_defaults(fleet: ScriptedFleet) -> None:
    settings = Settings(defaults={"image": "24.04", "memory": "3G", "pin": "on-failure"})
    async with on_stage(fleet, settings=settings) as stage:
        await stage.press("n")
        form = stage.app.screen
        assert isinstance(form, NewRunScreen)
        fields = form._form.fields
        assert (fields["image"], fields["memory"], fields["pin"], fields["cpus"]) == (
            "24.04",
            "3G",
            "on-failure",
            "1",
        )
        assert not form.holds_text


# ---- bell and notification


def test_only_wanted_ends_are_told() -> None:
    fleet = ScriptedFleet()
    run = fleet.begin(SPEC, *WORKING)
    before = fleet.state
    fleet.end(run, Outcome.of_status(0))
    assert ended(before, fleet.state, Notify()) == ()  # its results are still to come
    fleet.enter(run, Phase.DELETING)
    after = fleet.state
    assert ended(before, after, Notify()) == (after.runs[run],)
    assert ended(after, after, Notify()) == ()
    assert ended(before, after, Notify(of=TellOf.FAILURES)) == ()


def test_a_notification_holds_no_escape_of_a_name() -> None:
    fleet = ScriptedFleet()
    run = fleet.begin(replace(SPEC, name="", command="x\x1b]52;c;AAAA\x07y"), *WORKING)
    fleet.end(run, Outcome(OutcomeKind.FAILED, 3, "\x07reason"))
    assert osc_9(fleet.state.runs[run]) == "\x1b]9;dayfly: xy ✘ failed 3\x07"


async def test_it_rings_and_tells_while_one_looks_elsewhere(
    fleet: ScriptedFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    rung: list[bool] = []
    monkeypatch.setattr(HeadlessDriver, "write", lambda _, data: written.append(data))
    async with on_stage(fleet, settings=Settings(notify=Notify(terminal=True))) as stage:
        monkeypatch.setattr(stage.app, "bell", lambda: rung.append(True))
        for is_looked_at in (False, True):
            stage.app.post_message(events.AppFocus() if is_looked_at else events.AppBlur())
            await stage.pilot.pause()
            run = fleet.begin(SPEC, *WORKING)
            await stage.pilot.pause(0.1)
            fleet.end(run, Outcome.of_status(0))
            fleet.enter(run, Phase.DELETING)
            await stage.until(lambda wanted=1 + is_looked_at: len(rung) == wanted, "the bell")
    told = [data for data in written if data.startswith("\x1b]9;")]
    assert len(told) == 1
