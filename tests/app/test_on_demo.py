"""The dashboard over the real engine and a private demo host; each ends with the host's world looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

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
from tui.engine.supervisor import Supervisor
from tui.model.hosts import DEMO
from tui.model.phase import OutcomeKind, Phase, Pin
from tui.model.spec import RunSpec
from tui.model.state import RunState
from tui.wiring import Shelf, open_fleet, open_ledger

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
    with open_ledger() as ledger:
        async with open_fleet(ledger, [DEMO]) as fleet:
            fleet.link(DEMO)
            app = DayflyApp(fleet, Shelf(DEMO), parse_host)
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
