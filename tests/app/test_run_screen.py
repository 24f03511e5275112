from __future__ import annotations

import gc
import time
from statistics import median

import pytest
from textual.widget import Widget

from tests.app.conftest import Stage, on_stage
from tests.app.fleet_script import NOW, SPEC, ScriptedFleet
from tui.app.screens.home import HomeScreen
from tui.app.screens.leaving import LeavingScreen
from tui.app.screens.run import RunScreen
from tui.app.widgets.log_pane import LogPane
from tui.model.events import CleanupDelayed, ProgressMade
from tui.model.phase import Outcome, OutcomeKind, Phase
from tui.model.spec import RunId

WORKING = (Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING, Phase.WORKING)
RUN = RunId("r0000001")


@pytest.fixture
async def run_stage(stage: Stage) -> Stage:
    stage.fleet.begin(SPEC, *WORKING)
    stage.fleet.boot(RUN)
    await stage.sees("▶ working")
    await stage.press("enter")
    assert isinstance(stage.app.screen, RunScreen)
    return stage


def pane_of(stage: Stage) -> list[str]:
    """The lines of the log pane."""
    pane = stage.app.screen.query_one(LogPane)
    return [pane.render_line(y).text for y in range(pane.size.height)]


async def test_phases_vm_pin_way_in_and_fate_are_told(run_stage: Stage) -> None:
    run_stage.fleet.now = NOW + 65
    await run_stage.sees(
        "▶ 1m 05s", "queued", "collecting", "Running  10.7.0.4", "not pinned: deleted as soon"
    )
    await run_stage.sees(
        "ssh -t demo multipass shell df-hello-r0000001", "If this client vanishes, demo deletes"
    )


async def test_progress_outcome_and_delay_are_told(run_stage: Stage) -> None:
    fleet = run_stage.fleet
    fleet.emit(ProgressMade(run=RUN, at=NOW, text="step 3 of 4"))
    await run_stage.sees("step 3 of 4")
    fleet.end(RUN, Outcome(OutcomeKind.TIMED_OUT, reason="after 20m"))
    fleet.enter(RUN, Phase.DELETING)
    await run_stage.sees("✘ timed out: after 20m", "the host goes on deleting the VM")
    fleet.emit(CleanupDelayed(run=RUN, at=NOW, reason="the manager does not answer"))
    await run_stage.sees("the manager does not answer")
    fleet.enter(RUN, Phase.GONE)
    await run_stage.sees("Nothing is left on the host.")


async def test_pin_cancel_copy_and_again(run_stage: Stage) -> None:
    await run_stage.press("p")
    await run_stage.sees("◆ pinned")
    await run_stage.press("y")
    await run_stage.sees("Copied: ssh -t demo")
    assert run_stage.app.clipboard == "ssh -t demo multipass shell df-hello-r0000001"
    await run_stage.press("x")
    await run_stage.sees("It is pinned: it will not be kept.")
    await run_stage.press("tab", "enter")
    assert run_stage.fleet.called("cancel") == [(RUN,)]
    await run_stage.press("r")
    await run_stage.sees("df-hello-r0000002 on demo")
    await run_stage.press("escape")
    assert isinstance(run_stage.app.screen, HomeScreen)


async def test_the_log_shown_follows_the_run_until_one_is_picked(stage: Stage) -> None:
    stage.fleet.begin(SPEC, Phase.LEASED, Phase.LAUNCHING)
    stage.fleet.log(RUN).add("launch", b"Launched: df\n")
    stage.fleet.log(RUN).add("work", b"hello from the work\n")
    stage.fleet.log(RUN).add("cleanup", b"deleting it\n", "narration")
    await stage.sees("◔ launching")
    await stage.press("enter")
    await stage.sees("Launched: df")
    stage.fleet.enter(RUN, Phase.BOOTING)
    stage.fleet.enter(RUN, Phase.WORKING)
    await stage.sees("hello from the work")
    await stage.press("3")
    await stage.sees("· deleting it")
    stage.fleet.enter(RUN, Phase.DELETING)
    await stage.press("right_square_bracket")
    await stage.sees("cleanup", "hello from the work", "▸ ✔ launch")
    await stage.press("right_square_bracket")
    await stage.sees("Launched: df")
    await stage.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
    await stage.sees("hello from the work")


async def test_of_a_run_that_ended_without_us_the_work_is_shown(stage: Stage) -> None:
    run = stage.fleet.leave_over(phase=Phase.COLLECTING)
    stage.fleet.log(run).add("work", b"hello from the work\n")
    stage.fleet.end(run, Outcome.of_status(3))
    for phase in (Phase.DELETING, Phase.GONE):
        stage.fleet.enter(run, phase)
    await stage.sees("✘ failed 3")
    await stage.press("enter")
    await stage.sees("hello from the work")


async def test_an_empty_log_says_so(run_stage: Stage) -> None:
    await run_stage.sees("The command has not printed anything yet.")


async def test_what_was_asked_for_stands_in_the_head(fleet: ScriptedFleet) -> None:
    async with on_stage(fleet, size=(100, 30)) as stage:
        fleet.begin(SPEC, *WORKING)
        await stage.sees("▶ working")
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, RunScreen), "the run")
        await stage.until(lambda: "make test" in stage.text.splitlines()[0], "the command")


async def test_stderr_is_marked_and_not_by_colour_alone(run_stage: Stage) -> None:
    run_stage.fleet.log(RUN).add("work", b"plain\n")
    run_stage.fleet.log(RUN).add("work", b"trouble\n", "stderr")
    await run_stage.until(lambda: "▌ trouble" in pane_of(run_stage)[1], "the marked line")
    assert pane_of(run_stage)[0].startswith("  plain")


async def test_no_control_byte_reaches_the_terminal(run_stage: Stage) -> None:
    hostile = b"\x1b]0;title\x07\x1b[2J\x1b[10;40Ha\xc2\x9b31mb\x1bP0;1|x\x1b\\c\x1b]52;c;QQ==\x07d\x00\xff\n"
    run_stage.fleet.log(RUN).add("work", hostile + bytes(range(256)) + b"\nlast\n", "stderr")
    await run_stage.sees("last")
    strips = run_stage.app.screen._compositor.render_strips()
    assert not [char for strip in strips for char in strip.text if ord(char) < 32 or 127 <= ord(char) < 160]
    for strip in strips:
        assert all(segment.control is None for segment in strip)


async def test_scrolling_pauses_and_end_follows(run_stage: Stage) -> None:
    log = run_stage.fleet.log(RUN)
    log.add("work", b"".join(b"line %d\n" % number for number in range(1000)))
    await run_stage.sees("line 999", "▼ following")
    await run_stage.press("pageup")
    await run_stage.sees("■ paused · End follows again")
    log.add("work", b"new\n" * 500)
    await run_stage.sees("500 lines new")
    await run_stage.press("end")
    await run_stage.sees("▼ following")
    assert pane_of(run_stage)[-1].strip() == "new"
    await run_stage.press("home")
    await run_stage.sees("line 0", "■ paused")
    assert pane_of(run_stage)[0].strip() == "line 0"


async def test_each_log_keeps_its_place(run_stage: Stage) -> None:
    log = run_stage.fleet.log(RUN)
    log.add("work", b"".join(b"line %d\n" % number for number in range(1000)))
    log.add("launch", b"launched\n")
    await run_stage.sees("line 999")
    await run_stage.press("home", "1")
    await run_stage.sees("launched")
    await run_stage.press("2")
    await run_stage.sees("line 0")


async def test_a_million_lines_are_walked_without_reading_them(run_stage: Stage) -> None:
    log = run_stage.fleet.log(RUN)
    for block in range(20):
        log.add("work", b"".join(b"line %d\n" % (block * 50_000 + number) for number in range(50_000)))
    await run_stage.sees("line 999999")
    await run_stage.press("pageup", "pageup", "home", "pagedown", "end")
    await run_stage.sees("line 999999")
    assert log.largest_read <= 128 * 1024


async def test_keys_are_quick_while_a_firehose_writes(run_stage: Stage) -> None:
    """Idle and flooded in turn: what else the machine does slows both."""
    log = run_stage.fleet.log(RUN)
    block = (b"x" * 99 + b"\n") * 10_000
    idle: list[float] = []
    flooded: list[float] = []
    for _ in range(20):
        for times, arrives in ((idle, b""), (flooded, block)):
            log.add("work", arrives)
            begun = time.monotonic()
            await run_stage.press("p")
            times.append(time.monotonic() - begun)
    assert len(run_stage.fleet.called("pin")) + len(run_stage.fleet.called("unpin")) == 40
    assert median(flooded) < 1.5 * median(idle) + 0.02, (idle, flooded)
    assert log.largest_read <= 256 * 1024


async def test_a_log_behind_another_screen_is_not_read(run_stage: Stage) -> None:
    log = run_stage.fleet.log(RUN)
    log.add("work", b"one\n")
    await run_stage.sees("one")
    await run_stage.press("ctrl+q", "e")
    assert isinstance(run_stage.app.screen, LeavingScreen)
    before = log.reads
    log.add("work", b"two\n")
    await run_stage.pilot.pause(0.3)
    assert log.reads == before


async def test_help_tells_the_keys_of_the_log_too(run_stage: Stage) -> None:
    await run_stage.press("question_mark")
    await run_stage.sees("Find a text in the log")
    await run_stage.press("end")
    await run_stage.sees("until you delete it")


async def test_dialogs_leave_no_widgets_behind(run_stage: Stage) -> None:
    async def alive() -> int:
        await run_stage.press("f1", "escape")
        await run_stage.sees_no("until you delete it")
        gc.collect()
        return sum(isinstance(thing, Widget) for thing in gc.get_objects())

    before = [await alive() for _ in range(2)][-1]
    for _ in range(4):
        after = await alive()
    assert after <= before
