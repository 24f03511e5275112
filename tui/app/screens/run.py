"""One run: its phases with their times, its VM, its logs as they come, and what may be done about it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from tui.app import monitor, present, results, tables
from tui.app.commands import everywhere, files, inspect, logs, runs
from tui.app.commands import monitor as monitor_commands
from tui.app.commands.command import Command
from tui.app.present import Label
from tui.app.screens.fleet_screen import Desk
from tui.app.screens.log_screen import LOG_BINDINGS, LogScreen
from tui.app.screens.run_commands import RunCommandsScreen
from tui.app.screens.tiles import TilesScreen, log_span, tiled
from tui.app.widgets.fact_table import FactTable
from tui.app.widgets.facts import Facts, Labels
from tui.app.widgets.gauges import Gauges
from tui.app.widgets.log_heads import heads
from tui.app.widgets.log_pane import LogPane
from tui.app.widgets.log_tabs import ALL, RESULTS, TITLES, LogTabs
from tui.app.widgets.phase_strip import PhaseStrip
from tui.app.widgets.results_pane import ResultsPane
from tui.model.phase import Phase
from tui.model.spec import RunId
from tui.model.state import FleetState, RunState

_ALWAYS = (ALL, "launch", "work", "cleanup")
_TABS: dict[type[Command], str] = {
    logs.ShowAllLogs: ALL,
    logs.ShowLaunch: "launch",
    logs.ShowWork: "work",
    logs.ShowCleanup: "cleanup",
    logs.ShowResults: RESULTS,
    logs.ShowBoot: "boot",
    logs.ShowSend: "send",
    logs.ShowUnpack: "unpack",
}
_EMPTY = {
    ALL: "Nothing has been said yet.",
    "launch": "The launch has not said anything yet.",
    "work": "The command has not printed anything yet.",
    "cleanup": "Nothing has been done yet.",
    "boot": "The VM has not said anything yet.",
    "send": "The sending has not said anything yet.",
    "unpack": "The unpacking has not said anything yet.",
}


class RunScreen(LogScreen, RunCommandsScreen):
    """Shows one run until one goes back, or on to the same run launched again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        runs.TakeOver.binding(),
        runs.LeaveAlone.binding(),
        runs.PinRun.binding(),
        runs.PinFor.binding(),
        runs.CancelRun.binding(),
        runs.RunAgain.binding(),
        runs.CopyWayIn.binding(),
        runs.OpenResults.binding(),
        monitor_commands.ShowUse.binding(),
        inspect.OpenShell.binding(),
        files.OpenFiles.binding(),
        files.ForwardPort.binding(),
        files.ClosePorts.binding(),
        inspect.OpenOutside.binding(),
        *LOG_BINDINGS,
        logs.FoldPhase.binding(),
        logs.NextPhase.binding(),
        logs.PreviousPhase.binding(),
        logs.TileRuns.binding(),
        logs.NextLog.binding(),
        logs.PreviousLog.binding(),
        *(command.binding() for command in _TABS),
        everywhere.Back.binding("escape,q"),
        everywhere.CommandLine.binding(),
        everywhere.Help.binding("question_mark,f1"),
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
            yield Gauges(id="gauges")
        yield LogTabs(id="tabs")
        yield LogPane(id="log")
        yield ResultsPane(id="results-pane")
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
        asked = Label(tables.command_text(run.spec), "muted")
        self.query_one("#header", Labels).show([*left, *([pin] if pin.text else []), asked], state_label)
        self.query_one(PhaseStrip).show(present.phase_steps(run, now))
        way_in = self.desk.fleet.shell_command(run.id) if present.has_way_in(run) else ""
        fate = self.fate_of(run, now)
        head = tables.run_head(run, state.hosts.get(run.host), now)
        facts = (*head, *tables.live_facts(run, now, way_in=way_in, fate=fate))
        self.query_one("#facts", Facts).show(facts)
        self.query_one(Gauges).show(monitor.gauges(run, now))
        self._show_tab(run)

    def _show_tab(self, run: RunState) -> None:
        job = self._picked or self._telling_log(run)
        log, pane = self.query_one(LogPane), self.query_one(ResultsPane)
        if log.display is (job == RESULTS):
            had_focus = bool(log.has_focus or pane.has_focus_within)
            log.display, pane.display = job != RESULTS, job == RESULTS
            if had_focus:
                (log if log.display else pane.query_one(FactTable)).focus()
        log.span = log_span(run)
        if job == RESULTS:
            pane.show(results.of(run))
        elif job == ALL:
            log.show_log(self._reader, job, _EMPTY[job], heads(run, self._reader, self.desk.clock()))
        else:
            log.show_log(self._reader, job, _EMPTY[job])
        self.set_class(log.is_zoomed and job != RESULTS, "-zoomed")
        self.query_one(LogTabs).show(job, self._tabs(run), is_following=not log.paused)

    def _tabs(self, run: RunState) -> list[str]:
        """What there is to be shown: results that are to come, other logs once they say something."""
        return [tab for tab in TITLES if tab in _ALWAYS or self._has(run, tab)]

    def _has(self, run: RunState, tab: str) -> bool:
        return bool(results.of(run)) if tab == RESULTS else self._reader.size(tab) > 0

    @property
    def log_pane(self) -> LogPane | None:
        """The log, while it is shown."""
        pane = self.query_one(LogPane)
        return pane if pane.display else None

    @property
    def log_name(self) -> str:
        """The VM's name, and which of its logs."""
        run, look = self.chosen_run, self._shown
        job = "all" if look is None or look.view.heads else look.view.sources[0].job
        return f"{run.vm if run else self._run}-{job}"

    @property
    def results_folder(self) -> str:
        """Of the result under the cursor, while the list is shown."""
        pane = self.query_one(ResultsPane)
        chosen = pane.chosen if pane.display else None
        return chosen.folder if chosen and results.is_here(chosen) else super().results_folder

    def can(self, command: type[Command]) -> bool:
        """A tab must be there to be shown."""
        if command in _TABS and (run := self.chosen_run):
            return _TABS[command] in self._tabs(run)
        return super().can(command)

    def _telling_log(self, run: RunState) -> str:
        """The log that says most: the launch until the work begins, then the work, seen by us or not."""
        has_begun = any(phase is Phase.WORKING for phase, _ in run.entered)
        is_past = run.phase.is_over or run.phase is Phase.DELETING
        return "work" if has_begun or (is_past and self._reader.size("work")) else "launch"

    @on(monitor_commands.ShowUse)
    def _toggle_gauges(self) -> None:
        self.toggle_class("-gauges")
        self.call_after_refresh(self.redraw)

    @on(logs.TileRuns)
    def _tile(self) -> None:
        self.app.push_screen(TilesScreen(self.desk, tiled(self.state, (self._run,))))

    @on(LogPane.Moved)
    def _moved(self) -> None:
        self.redraw()

    @on(LogTabs.Picked)
    def _tab_clicked(self, event: LogTabs.Picked) -> None:
        self._pick(event.job)

    def _pick(self, job: str) -> None:
        self._picked = job
        self.redraw()

    @on(logs.ShowAllLogs)
    @on(logs.ShowLaunch)
    @on(logs.ShowWork)
    @on(logs.ShowCleanup)
    @on(logs.ShowResults)
    @on(logs.ShowBoot)
    @on(logs.ShowSend)
    @on(logs.ShowUnpack)
    def _tab_asked_for(self, command: Command) -> None:
        self._pick(_TABS[type(command)])

    @on(logs.NextLog)
    def _next_log(self) -> None:
        self._turn(1)

    @on(logs.PreviousLog)
    def _previous_log(self) -> None:
        self._turn(-1)

    def _turn(self, tabs: int) -> None:
        if run := self.chosen_run:
            shown = self._picked or self._telling_log(run)
            there = self._tabs(run)
            self._pick(there[(there.index(shown) + tabs) % len(there)])

    @on(everywhere.Back)
    def _back(self) -> None:
        self.dismiss(None)

    def open_run(self, run: RunId | None) -> None:
        """Give way to the screen of the run that was launched again."""
        self.dismiss(run)
