"""The way out: what is still being seen to, what goes on or stays, and what happens if one does not wait."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll

from tui.app import results, tables
from tui.app.commands import everywhere, runs
from tui.app.commands.command import Command
from tui.app.present import Label
from tui.app.screens.fleet_screen import Desk, FleetScreen
from tui.app.summary import lines_of_left, owed_line, owed_runs, pinned_lines, runs_on_their_own
from tui.app.widgets.fact_table import FactTable
from tui.app.widgets.facts import Labels
from tui.app.widgets.sheet import Sheet
from tui.model.spec import RunId
from tui.model.state import FleetState


class LeavingScreen(FleetScreen):
    """Shows what is unfinished to its end; the app leaves by itself then. `finish`: what works is let go."""

    BINDINGS: ClassVar[list[BindingType]] = [
        runs.EndAll.binding(),
        everywhere.Quit.binding("ctrl+c,ctrl+q", "Do not wait"),
    ]

    def __init__(self, desk: Desk, *, finish: bool = False) -> None:
        super().__init__(desk)
        self._finish = finish
        self._runs: tuple[RunId, ...] = tuple(run.id for run in owed_runs(desk.fleet.state))
        self._is_hurried = False

    def compose_body(self) -> ComposeResult:
        """What goes, what stays, what to press."""
        yield Labels(id="header")
        with Container(id="leaving"):
            with Container(id="cleaning-panel", classes="panel") as cleaning:
                cleaning.border_title = "Before we go" if self._finish else "Being deleted"
                yield FactTable(id="cleaning")
            with VerticalScroll(id="staying-panel", classes="panel", can_focus=False) as staying:
                staying.border_title = "Goes on, or stays"
                yield Sheet(id="staying")
            yield Sheet(id="owed")
        yield self.footer()

    def hurry(self) -> None:
        """One pressed again: say what is still owed, and what the host does about it."""
        self._is_hurried = True
        self.redraw()

    def show(self, state: FleetState, now: float) -> None:
        """Draw how far it is."""
        waited_for = {run.id for run in (*owed_runs(state), *results.runs_coming(state))}
        self._runs = tuple(run for run in state.runs if run in {*self._runs, *waited_for})
        left = len(waited_for)
        words = f"{len(self._runs) - left} of {len(self._runs)} {'done' if self._finish else 'gone'}"
        self.query_one("#header", Labels).show([Label("Leaving dayfly")], Label(words, "busy"))
        table = self.query_one("#cleaning", FactTable)
        runs = [state.runs[run] for run in self._runs]
        table.fill(tables.cleaning_table(runs, now, table.content_size.width - 1, finish=self._finish))
        stays = [line for run in runs_on_their_own(state) for line in lines_of_left(run, now)]
        stays += [line for run in state.pinned for line in pinned_lines(run, self._way_in(run.id), now)]
        stays += [line for run in state.runs.values() for line in results.lines_of_here(run)]
        self.query_one("#staying", Sheet).put_text("\n".join(stays) or "nothing")
        self.query_one("#owed", Sheet).put_text(self._owed(state))

    def _way_in(self, run: RunId) -> str:
        return self.desk.fleet.shell_command(run)

    def _owed(self, state: FleetState) -> str:
        if not self._is_hurried and self._finish:
            return "dayfly ends when every command runs on its own. Not waiting? Ctrl+C."
        come = [line for run in results.runs_coming(state) for line in results.lines_of_coming(run)]
        if not self._is_hurried:
            ends = "every VM was seen absent and every result is here" if come else "every VM was seen absent"
            return "\n".join((*come, f"dayfly ends when {ends}. Not waiting? Ctrl+C."))
        owed = [*(owed_line(run) for run in owed_runs(state)), *come]
        return "\n".join((*owed, "Ctrl+C once more leaves at once."))

    def can(self, command: type[Command]) -> bool:
        """What was to finish can be ended after all."""
        return command is not runs.EndAll or self._finish

    @on(runs.EndAll)
    def _end_all(self) -> None:
        self._finish = False
        self.query_one("#cleaning-panel").border_title = "Being deleted"
        self.desk.fleet.leave()
        self.redraw()
