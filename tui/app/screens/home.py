"""Home: every run, every host, and all about the one under the cursor."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.widgets import DataTable

from tui.app import away, present, tables
from tui.app.commands import everywhere, files, hosts, inspect, lists, logs, places, runs
from tui.app.commands.command import Command
from tui.app.present import Label
from tui.app.screens.host_commands import HostCommandsScreen
from tui.app.screens.new_run import NewRunScreen
from tui.app.screens.place_screen import PlaceScreen
from tui.app.screens.run import RunScreen
from tui.app.screens.run_commands import RunCommandsScreen
from tui.app.screens.tiles import TilesScreen, tiled
from tui.app.widgets.disk_warning import DiskWarning
from tui.app.widgets.fact_table import FactTable
from tui.app.widgets.facts import Facts
from tui.app.widgets.sheet import Sheet
from tui.model.hosts import DEMO
from tui.model.spec import HostName, RunId
from tui.model.state import FleetState, HostState, RunState
from tui.model.text import clean_line


class HomeScreen(PlaceScreen, RunCommandsScreen, HostCommandsScreen):
    """What is going on, at a glance."""

    HERE = places.GoRuns
    LIST, NOUN, MARKS = "runs", "Runs", True

    BINDINGS: ClassVar[list[BindingType]] = [
        runs.NewRun.binding(),
        runs.OpenRun.binding(),
        runs.TakeOver.binding(),
        runs.LeaveAlone.binding(),
        runs.PinRun.binding(),
        runs.PinFor.binding(),
        runs.CancelRun.binding(),
        runs.RunAgain.binding(),
        runs.CopyWayIn.binding(),
        runs.OpenResults.binding(),
        logs.TileRuns.binding(),
        inspect.OpenShell.binding(),
        files.OpenFiles.binding(),
        files.ForwardPort.binding(),
        files.ClosePorts.binding(),
        inspect.OpenOutside.binding(),
        hosts.AddHost.binding(),
        hosts.Reconnect.binding(),
        everywhere.Quit.binding("q"),
    ]

    def compose_body(self) -> ComposeResult:
        """Header, runs, details, hosts, footer."""
        yield self.header()
        yield DiskWarning(self.desk.history)
        with Container(id="home"):
            with Container(id="runs-panel", classes="panel"):
                yield FactTable(id="runs")
                yield Sheet(id="no-runs")
            with Container(id="details-panel", classes="panel"):
                yield Facts(id="details")
            with Container(id="hosts-panel", classes="panel") as hosts:
                hosts.border_title = "Hosts"
                yield FactTable(id="hosts")
        yield self.footer()

    def show(self, state: FleetState, now: float) -> None:
        """Fill the tables, and the details of what is under the cursor."""
        hosts = state.hosts.values()
        self.show_header([Label("dayfly"), *map(_host_mark, hosts)], present.counts(state))
        self.fill_list(tables.runs_table(state, now, self.list_width))
        hosts_table = self.query_one("#hosts", FactTable)
        hosts_table.fill(tables.hosts_table(state, now, hosts_table.content_size.width - 1))
        self.set_class(not state.runs or bool(self.hides_all), "-no-runs")
        self.query_one("#no-runs", Sheet).put_text(self.hides_all or _empty(state))
        self._show_details(state, now)

    @property
    def chosen_run(self) -> RunState | None:
        """The run under the cursor, unless one is among the hosts."""
        if self.chosen_host or not self.is_mounted:
            return None
        key = self.query_one("#runs", FactTable).chosen
        return self.state.runs.get(RunId(key)) if key else None

    @property
    def chosen_runs(self) -> tuple[RunState, ...]:
        """The marked runs, or the one under the cursor."""
        marked = tuple(self.state.runs[RunId(key)] for key in self.marked if key in self.state.runs)
        return marked or super().chosen_runs

    @property
    def chosen_host(self) -> HostName | None:
        """The host under the cursor of the hosts' table, if that has the focus."""
        if not self.is_mounted:
            return None
        table = self.query_one("#hosts", FactTable)
        return HostName(table.chosen) if table.has_focus and table.chosen else None

    def can(self, command: type[Command]) -> bool:
        """A run must be there to act upon it; there is no way further back."""
        if command is everywhere.Back:
            return False
        if self.chosen_host and command in (lists.MarkRow, lists.MarkAll):
            return False
        return super().can(command)

    def _show_details(self, state: FleetState, now: float) -> None:
        panel, facts = self.query_one("#details-panel"), self.query_one("#details", Facts)
        if host := state.hosts.get(self.chosen_host or HostName("")):
            title = f"Host {host.entry.name}"
            facts.show(tables.host_facts(state, host, now))
        elif run := self.chosen_run:
            title = present.run_name(run)
            way_in = self.desk.fleet.shell_command(run.id)
            fate, host_of_run = self.fate_of(run, now), state.hosts.get(run.host)
            facts.show(tables.run_facts(run, host_of_run, now, way_in=way_in, fate=fate))
        else:
            title = "First steps"
            facts.show(tables.FIRST_STEPS)
        markup = Text(clean_line(title)).markup
        if panel.border_title != markup:
            panel.border_title = markup

    @on(DataTable.RowHighlighted)
    def _cursor_moved(self) -> None:
        self.redraw()

    @on(DataTable.RowSelected, "#runs")
    def _row_opened(self) -> None:
        self.post_message(runs.OpenRun())

    @on(runs.OpenRun)
    def _open(self) -> None:
        if run := self.chosen_run:
            self.open_run(run.id)

    @on(runs.NewRun)
    def _new(self) -> None:
        self.app.push_screen(NewRunScreen(self.desk, self.chosen_host), self.open_run)

    @on(logs.TileRuns)
    def _tile(self) -> None:
        marked = [RunId(key) for key in self.marked]
        self.app.push_screen(TilesScreen(self.desk, tiled(self.state, marked)))

    def open_run(self, run: RunId | None) -> None:
        """Show a run's own screen; the cursor will be on it when one comes back."""
        if run is not None:
            self.state = self.desk.fleet.state
            self.redraw()
            self.query_one("#runs", FactTable).choose(run)
            self.app.push_screen(RunScreen(self.desk, run), self.open_run)


def _host_mark(host: HostState) -> Label:
    label = away.host_label(host)
    glyph, word = label.text.split(" ", 1)
    return Label(clean_line(f"{glyph} {host.entry.name} {word}"), label.tone)


def _empty(state: FleetState) -> str:
    where = "the demo host" if DEMO in state.hosts else next(iter(state.hosts), "")
    if not where:
        return "No hosts yet. Press a to add one; type demo there to try dayfly without one."
    return f"No runs yet. Press n to start a run on {clean_line(where)}."
