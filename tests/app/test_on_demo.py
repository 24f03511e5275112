"""The dashboard over the real engine and a private demo host; each ends with the host's world looked at."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from textual.pilot import Pilot
from textual.worker import WorkerFailed

from tests.app.fleet_script import parse_host
from tests.demo_host import FOREIGN, LIMIT_S, DemoHost
from tests.until import until
from tui.app.app import DayflyApp
from tui.app.screens.home import HomeScreen
from tui.app.screens.leaving import LeavingScreen
from tui.app.screens.run import RunScreen
from tui.app.summary import Summary
from tui.app.widgets.facts import Labels
from tui.engine.history import LedgerHistory
from tui.engine.supervisor import Supervisor
from tui.exports import kestra, shell
from tui.model.hosts import DEMO, HostEntry
from tui.model.phase import OutcomeKind, Phase, Pin
from tui.model.spec import RunSpec, SecretRef, SecretSource, VmName
from tui.model.state import RunState
from tui.wiring import Shelf, open_fleet, open_ledger

WAITER = RunSpec(
    image="24.04",
    command="echo begun; until test -e go; do sleep 0.2; done; echo done; exit 3",
    host=DEMO,
    name="waiter",
    grace_s=60,
)
"""Ends when somebody makes the file `go`."""
SLEEPER = RunSpec(image="24.04", command="echo begun; sleep 600", host=DEMO, name="sleeper", grace_s=60)


@dataclass
class Stage:
    """A dashboard on a private demo host."""

    demo: DemoHost
    fleet: Supervisor
    app: DayflyApp
    pilot: Pilot[Summary]

    @property
    def text(self) -> str:
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    @property
    def seconds_lost(self) -> int:
        """For how long the host is unreachable, as the screen says."""
        found = re.search(r"unreachable for (\d+) s; the run goes on; demo ends it in", self.text)
        return int(found[1]) if found else 0

    @property
    def run(self) -> RunState:
        """The one run."""
        (run,) = self.fleet.state.runs.values()
        return run

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        await until(condition, what, timeout_s=LIMIT_S)
        await self.pilot.pause()

    async def sees(self, word: str) -> None:
        await self.until(lambda: word in self.text, f"{word} on\n{self.text}")

    async def reaches(self, phase: Phase) -> None:
        await self.until(lambda: any(entered is phase for entered, _ in self.run.entered), phase)

    def begin(self, spec: RunSpec = SLEEPER) -> None:
        """Submit a run and show its screen."""
        home = self.app.screen
        assert isinstance(home, HomeScreen)
        home.open_run(self.fleet.submit(spec))


@asynccontextmanager
async def dashboard(demo: DemoHost) -> AsyncIterator[Stage]:
    """As `dayfly` opens it: what earlier sessions left is looked for."""
    with open_ledger() as ledger:
        async with open_fleet(ledger, [DEMO]) as fleet:
            for row in ledger.open_rows():
                fleet.recover(row)
            fleet.link(DEMO)
            app = DayflyApp(fleet, Shelf(DEMO), parse_host, history=LedgerHistory(ledger))
            async with app.run_test(size=(80, 24), notifications=True) as pilot:
                await pilot.pause()
                yield Stage(demo, fleet, app, pilot)


async def test_a_run_is_picked_launched_watched_and_gone_by_keys_alone(demo: DemoHost) -> None:
    async with dashboard(demo) as stage:
        await stage.sees("● demo ready")
        await stage.pilot.press("n", "f2")
        await stage.sees("ubuntu-lts-agent")
        await stage.pilot.press(*"lts-agent", "enter")
        await stage.pilot.press(*"echo to stdout; echo to stderr >&2; exit 3", "f5")
        await stage.until(lambda: isinstance(stage.app.screen, RunScreen), "the run's screen")
        await stage.sees("✘ failed 3")
        await stage.sees("Nothing is left on the host.")
        await stage.sees("  to stdout")
        assert "▌ to stderr" in stage.text
        await stage.pilot.press("3")
        await stage.sees("is gone.")
        assert stage.run.spec.image == "ubuntu-lts-agent"
    assert demo.vms() == FOREIGN


async def test_cancel_from_the_run_screen(demo: DemoHost) -> None:
    async with dashboard(demo) as stage:
        stage.begin()
        await stage.sees("  begun")
        await stage.pilot.press("x", "right", "enter")
        await stage.reaches(Phase.GONE)
        assert stage.run.outcome is not None
        assert stage.run.outcome.kind is OutcomeKind.CANCELLED
        assert demo.vms() == FOREIGN
        await stage.sees("■ cancelled")


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING, Phase.WORKING])
async def test_a_pin_in_any_phase_keeps_the_vm(demo: DemoHost, phase: Phase) -> None:
    async with dashboard(demo) as stage:
        stage.begin(RunSpec(image="24.04", command="sleep 2", host=DEMO, name="pinned"))
        await stage.reaches(phase)
        await stage.pilot.press("p")
        await stage.reaches(Phase.KEPT)
        await stage.sees("◆ kept")
        vm = stage.run.vm
        assert demo.ours() == {vm: "Running"}
        await stage.pilot.press("p", "right", "enter")
        await stage.reaches(Phase.GONE)
    assert demo.vms() == FOREIGN


async def test_a_pin_comes_too_late_once_deletion_began(demo: DemoHost) -> None:
    async with dashboard(demo) as stage:
        stage.begin()
        await stage.sees("  begun")
        stage.fleet.cancel(stage.run.id)
        await stage.reaches(Phase.DELETING)
        await stage.pilot.press("p")
        await stage.reaches(Phase.GONE)
        assert stage.run.pin in (Pin.OFF, Pin.REFUSED)
    assert demo.vms() == FOREIGN


async def leave_behind(demo: DemoHost, spec: RunSpec = WAITER) -> VmName:
    """A session that begins a run and leaves it to finish; its VM."""
    async with dashboard(demo) as stage:
        stage.begin(spec)
        await stage.sees("  begun")
        await stage.pilot.press("ctrl+q")
        await stage.sees("Leave to finish (l)")
        await stage.pilot.press("l")
        await stage.until(lambda: stage.app.return_value is not None, "the end")
        run, summary = stage.run, stage.app.return_value
    assert summary is not None
    assert not summary.owed
    assert summary.lines[0].startswith(f"goes on without us: {run.vm} on demo; demo ends it by")
    assert summary.lines[1] == f"  log and result: dayfly attach {run.id}"
    assert demo.ours() == {run.vm: "Running"}
    return run.vm


async def test_staying_changes_nothing_and_ending_leaves_nothing(demo: DemoHost) -> None:
    async with dashboard(demo) as stage:
        stage.begin()
        await stage.sees("  begun")
        await stage.pilot.press("ctrl+q")
        await stage.sees("▸ Stay (s)")
        await stage.pilot.press("s")
        await stage.sees("▶ working")
        assert demo.ours() == {stage.run.vm: "Running"}
        await stage.pilot.press("ctrl+q", "e")
        await stage.until(lambda: stage.app.return_value is not None, "the end")
    assert demo.vms() == FOREIGN


async def test_what_was_left_to_finish_is_taken_over_and_followed_to_its_end(demo: DemoHost) -> None:
    vm = await leave_behind(demo)
    async with dashboard(demo) as stage:
        await stage.sees("Left over from an earlier session")
        await stage.pilot.press("t")
        await stage.until(lambda: not stage.run.orphaned, "it is ours")
        demo.multipass("exec", vm, "--", "touch", "go")
        await stage.reaches(Phase.GONE)
        await stage.sees("✘ failed 3")
        await stage.pilot.press("enter")
        await stage.sees("  done")
        assert "  begun" in stage.text
    assert demo.vms() == FOREIGN


async def test_what_was_left_over_can_be_left_so(demo: DemoHost) -> None:
    vm = await leave_behind(demo)
    async with dashboard(demo) as stage:
        await stage.sees("Left over from an earlier session")
        await stage.pilot.press("l")
        await stage.sees("▷ on its own")
        await stage.pilot.press("ctrl+q")
        await stage.until(lambda: stage.app.return_value is not None, "the end")
    assert demo.ours() == {vm: "Running"}


async def test_what_was_left_over_can_be_ended(demo: DemoHost) -> None:
    await leave_behind(demo)
    async with dashboard(demo) as stage:
        await stage.sees("Left over from an earlier session")
        await stage.pilot.press("e", "y")
        await stage.reaches(Phase.GONE)
        await stage.sees("■ cancelled")
    assert demo.vms() == FOREIGN


async def test_what_ended_without_us_is_shown_with_its_outcome_and_log(demo: DemoHost) -> None:
    vm = await leave_behind(demo, replace(WAITER, grace_s=10))
    demo.multipass("exec", vm, "--", "touch", "go")
    await demo.until_vm(vm, None)
    async with dashboard(demo) as stage:
        await stage.reaches(Phase.GONE)
        await stage.sees("✘ failed 3")
        await stage.pilot.press("enter")
        await stage.sees("  done")
    assert demo.vms() == FOREIGN


async def test_what_is_still_launching_is_left_once_its_command_has_started(demo: DemoHost) -> None:
    async with dashboard(demo) as stage:
        stage.begin(WAITER)
        await stage.reaches(Phase.LAUNCHING)
        await stage.pilot.press("ctrl+q", "l")
        await stage.until(lambda: isinstance(stage.app.screen, LeavingScreen), "the exit screen")
        await stage.until(lambda: stage.app.return_value is not None, "the end")
        run = stage.run
    assert any(phase is Phase.WORKING for phase, _ in run.entered)
    assert demo.ours() == {run.vm: "Running"}


async def test_a_lost_link_ticks_and_the_run_goes_on(demo: DemoHost) -> None:
    async with dashboard(demo) as stage:
        stage.begin(WAITER)
        await stage.sees("  begun")
        await demo.control("sshd 6")
        await stage.sees("the run goes on; demo ends it in")
        first = stage.seconds_lost
        await stage.until(lambda: stage.seconds_lost > first, "the next second")
        await stage.sees("demo is back after")
        demo.multipass("exec", stage.run.vm, "--", "touch", "go")
        await stage.sees("✘ failed 3")
        await stage.sees("  done")
        assert "  begun" in stage.text
        await stage.reaches(Phase.GONE)
    assert demo.vms() == FOREIGN


async def test_a_pin_for_so_long_shows_what_is_left_of_it(demo: DemoHost) -> None:
    async with dashboard(demo) as stage:
        stage.begin(WAITER)
        await stage.sees("  begun")
        await stage.pilot.press("P", *"90m", "enter")
        await stage.sees("◆ pinned")
        await stage.sees("1h 29m left")
        demo.multipass("exec", stage.run.vm, "--", "touch", "go")
        await stage.reaches(Phase.KEPT)
        assert demo.ours() == {stage.run.vm: "Running"}
        await stage.pilot.press("P", *"1s", "enter")
        await stage.reaches(Phase.GONE)
    assert demo.vms() == FOREIGN


async def test_the_way_out_deletes_what_is_not_pinned_and_keeps_what_is(demo: DemoHost) -> None:
    async with dashboard(demo) as stage:
        stage.begin()
        await stage.sees("  begun")
        pinned = stage.run
        await stage.pilot.press("p")
        await stage.sees("◆ pinned")
        await stage.pilot.press("r")
        await stage.until(lambda: len(stage.fleet.state.runs) == 2, "another run")
        other = next(run for run in stage.fleet.state.runs.values() if run.id != pinned.id)
        await demo.until_vm(other.vm, "Running")
        await stage.pilot.press("ctrl+c")
        await stage.sees("Leave dayfly?")
        await stage.pilot.press("e")
        await stage.until(lambda: isinstance(stage.app.screen, LeavingScreen), "the exit screen")
        await stage.until(lambda: stage.app.return_value is not None, "the end")
        summary = stage.app.return_value
    assert summary is not None
    assert not summary.owed
    assert summary.lines[0] == f"pinned: {pinned.vm} on demo stays until you delete it"
    assert f"multipass shell {pinned.vm}" in summary.lines[1]
    assert set(demo.ours()) == {pinned.vm}


async def test_leaving_in_mid_launch_leaves_nothing(demo: DemoHost) -> None:
    async with dashboard(demo) as stage:
        stage.begin()
        await stage.reaches(Phase.LAUNCHING)
        await stage.pilot.press("ctrl+q", "ctrl+q")
        await stage.until(lambda: stage.app.return_value is not None, "the end")
    assert demo.vms() == FOREIGN


async def test_after_an_exception_in_a_widget_the_engine_cleans_up(
    demo: DemoHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a widget failed")

    async def break_it() -> None:
        async with dashboard(demo) as stage:
            stage.begin()
            await stage.sees("  begun")
            apps.append(stage.app)
            monkeypatch.setattr(Labels, "show", fail)
            await stage.until(lambda: stage.app.return_code is not None, "the end of the app")

    apps: list[DayflyApp] = []
    with pytest.raises((RuntimeError, WorkerFailed, BaseExceptionGroup)):
        await break_it()
    assert apps[0].return_code == 1
    assert demo.vms() == FOREIGN


async def test_no_picture_of_a_screen_and_no_export_shows_a_secret(
    demo: DemoHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed, found = "zkqTyped" + "7" * 9, "zkqFound" + "8" * 9
    monkeypatch.setenv("FOUND_HERE", found)
    refs = (
        SecretRef("TYPED", SecretSource.PROMPT, "The token?"),
        SecretRef("FOUND", SecretSource.ENV, "FOUND_HERE"),
    )
    spec = replace(SLEEPER, command='echo "$TYPED and $FOUND"', secrets=refs)
    pictures = [shell.script(spec, HostEntry(name=DEMO)), kestra.flow(spec)]
    async with dashboard(demo) as stage:
        await stage.sees("● demo ready")
        stage.begin(spec)
        await stage.sees("The token?")
        await stage.pilot.press(*typed)
        pictures.append(stage.app.export_screenshot())
        await stage.pilot.press("enter")
        await stage.sees(f"{'*' * len(typed)} and {'*' * len(found)}")
        pictures.append(stage.app.export_screenshot())
        await stage.reaches(Phase.GONE)
        pictures.append(stage.app.export_screenshot())
    assert [text for text in pictures if typed in text or found in text] == []
    assert demo.vms() == FOREIGN


async def test_a_run_of_this_session_is_in_the_history_and_its_record_can_go(demo: DemoHost) -> None:
    async with dashboard(demo) as stage:
        stage.begin(replace(SLEEPER, command="echo said; exit 3"))
        await stage.reaches(Phase.GONE)
        await stage.pilot.press("escape", "4")
        await stage.sees("✘ failed 3")
        await stage.sees("logs")
        await stage.pilot.press("ctrl+d", "y")
        await stage.sees("No runs yet")
    assert demo.vms() == FOREIGN
