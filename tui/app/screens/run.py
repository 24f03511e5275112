"""One run: its phases with their times, its VM, its logs as they come, and what may be done about it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from tui.app import commands, present, tables
from tui.app.present import Label
from tui.app.screens.fleet_screen import Desk
from tui.app.screens.run_commands import RunCommandsScreen
from tui.app.widgets.facts import Facts, Labels
from tui.app.widgets.log_pane import LogPane
from tui.app.widgets.log_tabs import LogTabs
from tui.app.widgets.phase_strip import PhaseStrip
from tui.model.phase import Phase
from tui.model.spec import RunId
from tui.model.state import FleetState, RunState

LOGS = ("launch", "work", "cleanup")
_EMPTY = {
    "launch": "The launch has not said anything yet.",
    "work": "The command has not printed anything yet.",
    "cleanup": "Nothing has been done yet.",
}


class RunScreen(RunCommandsScreen):
    """Shows one run until one goes back, or on to the same run launched again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        commands.TakeOver.binding(),
        commands.LeaveAlone.binding(),
        commands.PinRun.binding(),
        commands.PinFor.binding(),
        commands.CancelRun.binding(),
        commands.RunAgain.binding(),
        commands.CopyWayIn.binding(),
        commands.NextLog.binding(),
        commands.PreviousLog.binding(),
        commands.ShowLaunch.binding(),
        commands.ShowWork.binding(),
        commands.ShowCleanup.binding(),
        commands.Back.binding("escape,q"),
        commands.Help.binding("question_mark,f1"),
    ]

    def __init__(self, desk: Desk, run: RunId) -> None:
        super().__init__(desk)
        self._run = run
        self._reader = desk.fleet.log(run)
        self._picked: str | None = None
        """The log that the person chose; until then the phase decides."""

    @property
    def chosen_run(self) -> RunState | None:
        """The run of this screen."""
        return self.state.runs.get(self._run)

    def compose_body(self) -> ComposeResult:
        """Head, strip, facts, logs, footer."""
        yield Labels(id="header")
        with Container(id="run-facts"):
            yield PhaseStrip(id="strip")
            yield Facts(id="facts")
        yield LogTabs(id="tabs")
        yield LogPane(id="log")
        yield self.footer()

    def on_mount(self) -> None:
        """The log has the focus: its keys work at once."""
        super().on_mount()
        self.query_one(LogPane).focus()

    def show(self, state: FleetState, now: float) -> None:
        """Draw the run as it is."""
        run = state.runs.get(self._run)
        if run is None:
            return
        state_label = present.run_label(run)
        left = [Label(present.run_name(run), "text"), Label(f"{run.vm} on {run.host}", "muted")]
        pin = present.pin_label(run, now)
        self.query_one("#header", Labels).show([*left, *([pin] if pin.text else [])], state_label)
        self.query_one(PhaseStrip).show(present.phase_steps(run, now))
        way_in, fate = self.desk.fleet.shell_command(run.id), self.fate_of(run, now)
        head = tables.run_head(run, state.hosts.get(run.host), now)
        facts = (*head, *tables.live_facts(run, now, way_in=way_in, fate=fate))
        self.query_one("#facts", Facts).show(facts)
        self._show_log(run)

    def _show_log(self, run: RunState) -> None:
        job = self._picked or self._telling_log(run)
        pane = self.query_one(LogPane)
        pane.show_log(self._reader, job, _EMPTY[job])
        self.query_one(LogTabs).show(job, is_following=not pane.paused)

    def _telling_log(self, run: RunState) -> str:
        """The log that says most: the launch until the work begins, then the work, seen by us or not."""
        has_begun = any(phase is Phase.WORKING for phase, _ in run.entered)
        is_past = run.phase.is_over or run.phase is Phase.DELETING
        return "work" if has_begun or (is_past and self._reader.size("work")) else "launch"

    @on(LogPane.Moved)
    def _moved(self) -> None:
        self.redraw()

    @on(LogTabs.Picked)
    def _tab_clicked(self, event: LogTabs.Picked) -> None:
        self._pick(event.job)

    def _pick(self, job: str) -> None:
        self._picked = job
        self.redraw()

    @on(commands.ShowLaunch)
    def _launch_log(self) -> None:
        self._pick("launch")

    @on(commands.ShowWork)
    def _work_log(self) -> None:
        self._pick("work")

    @on(commands.ShowCleanup)
    def _cleanup_log(self) -> None:
        self._pick("cleanup")

    @on(commands.NextLog)
    def _next_log(self) -> None:
        self._turn(1)

    @on(commands.PreviousLog)
    def _previous_log(self) -> None:
        self._turn(-1)

    def _turn(self, tabs: int) -> None:
        if run := self.chosen_run:
            shown = self._picked or self._telling_log(run)
            self._pick(LOGS[(LOGS.index(shown) + tabs) % len(LOGS)])

    @on(commands.Back)
    def _back(self) -> None:
        self.dismiss(None)

    def open_run(self, run: RunId | None) -> None:
        """Give way to the screen of the run that was launched again."""
        self.dismiss(run)
