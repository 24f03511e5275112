"""The way out: what is still being cleaned, what stays, and what happens if one does not wait."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll
from textual.widgets import Static

from tui.app import commands, tables
from tui.app.present import Label
from tui.app.screens.dialogs import Confirm
from tui.app.screens.fleet_screen import Desk, FleetScreen
from tui.app.summary import owed_line, owed_runs, pinned_lines
from tui.app.widgets.fact_table import FactTable
from tui.app.widgets.facts import Labels
from tui.model.spec import RunId
from tui.model.state import FleetState


class LeavingScreen(FleetScreen):
    """Shows the cleanup to its end; the app leaves by itself when nothing is unfinished."""

    BINDINGS: ClassVar[list[BindingType]] = [commands.Quit.binding("ctrl+c,ctrl+q", "Do not wait")]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._runs: tuple[RunId, ...] = tuple(run.id for run in owed_runs(desk.fleet.state))
        self._is_hurried = False

    def compose_body(self) -> ComposeResult:
        """What goes, what stays, what to press."""
        yield Labels(id="header")
        with Container(id="leaving"):
            with Container(id="cleaning-panel", classes="panel") as cleaning:
                cleaning.border_title = "Being deleted"
                yield FactTable(id="cleaning")
            with VerticalScroll(id="staying-panel", classes="panel", can_focus=False) as staying:
                staying.border_title = "Stays"
                yield Static(id="staying", markup=False)
            yield Static(id="owed", markup=False)
        yield self.footer()

    def hurry(self) -> None:
        """One pressed again: say what is still owed, and what the host does about it."""
        self._is_hurried = True
        self.redraw()

    def show(self, state: FleetState, now: float) -> None:
        """Draw how far it is."""
        known = {*self._runs, *(run.id for run in owed_runs(state))}
        self._runs = tuple(run for run in state.runs if run in known)
        left = len(owed_runs(state))
        words = f"{len(self._runs) - left} of {len(self._runs)} gone"
        self.query_one("#header", Labels).show([Label("Leaving dayfly")], Label(words, "busy"))
        table = self.query_one("#cleaning", FactTable)
        runs = [state.runs[run] for run in self._runs]
        table.fill(tables.cleaning_table(runs, now, table.content_size.width - 1))
        stays = [line for run in state.pinned for line in pinned_lines(run, self._way_in(run.id))]
        self.query_one("#staying", Static).update(Text("\n".join(stays) or "nothing"))
        self.query_one("#owed", Static).update(Text(self._owed(state)))

    def _way_in(self, run: RunId) -> str:
        return self.desk.fleet.shell_command(run)

    def _owed(self, state: FleetState) -> str:
        if not self._is_hurried:
            return "dayfly ends when every VM was seen absent. Not waiting? Ctrl+C."
        owed = [owed_line(run) for run in owed_runs(state)]
        return "\n".join((*owed, "Ctrl+C once more leaves at once."))


def leave_dialog(state: FleetState, *, loses_text: bool) -> Confirm:
    """The question before anything is cancelled or lost; it names every VM."""
    goes = [f"  {run.vm} on {run.host}" for run in owed_runs(state)]
    stays = [
        f"  {run.vm} on {run.host}{'; its work goes on' if run.outcome is None else ''}"
        for run in state.pinned
    ]
    parts = (
        ["What you typed is lost."] if loses_text else [],
        ["Leaving stops and deletes:", *goes] if goes else [],
        ["Pinned, and kept:", *stays] if stays else [],
    )
    text = "\n\n".join("\n".join(part) for part in parts if part)
    return Confirm("Leave dayfly?", (text,), yes="Delete and leave" if goes else "Leave", no="Stay")
