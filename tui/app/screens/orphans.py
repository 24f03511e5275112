"""What an earlier session left over, and what is to become of each: taken over, left, or ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Static

from tui.app import tables
from tui.app.screens.dialogs import Answer, Confirm
from tui.app.screens.fleet_screen import Desk, Dialog
from tui.app.screens.run_commands import cancel_dialog
from tui.app.widgets.fact_table import FactTable
from tui.model.spec import RunId
from tui.model.state import RunState

_LOOK_S = 0.5


class OrphansDialog(Dialog[None]):
    """Lists them as long as there are any; escape leaves them as they are."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t,enter", "decide('adopt', False)", "Take over", show=False),
        Binding("l", "decide('disown', False)", "Leave", show=False),
        Binding("e,x", "decide('end', False)", "End", show=False),
        Binding("T", "decide('adopt', True)", "Take over all", show=False),
        Binding("L", "decide('disown', True)", "Leave all", show=False),
        Binding("E,X", "decide('end', True)", "End all", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
        Binding("escape", "dismiss(None)", "Later", show=False),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def compose_body(self) -> ComposeResult:
        """The runs, and what may be done with the one under the cursor."""
        with VerticalScroll(classes="box tall", can_focus=False) as box:
            box.border_title = "Left over from an earlier session"
            yield Static("Their hosts end them, unless they are taken over or pinned.")
            yield FactTable(id="orphans")
            with Horizontal(classes="buttons"):
                yield Answer("Take over (t)", id="adopt")
                yield Answer("Leave (l)", id="disown")
                yield Answer("End (e)", id="end", variant="error")
            yield Static("T L E: all of them · esc: leave them as they are", classes="hint")

    def on_mount(self) -> None:
        """Show them; more may come as more hosts are heard of."""
        self.query_one(FactTable).focus()
        self._fill()
        self.set_interval(_LOOK_S, self._fill)

    @property
    def _orphans(self) -> tuple[RunState, ...]:
        return self._desk.fleet.state.orphans

    @on(FactTable.Resized)
    def _fill(self) -> None:
        fleet, table = self._desk.fleet, self.query_one(FactTable)
        runs = [(run, fleet.log(run.id).size("work")) for run in self._orphans]
        if runs:
            table.fill(tables.orphans_table(runs, self._desk.clock(), table.content_size.width - 1))
        else:
            self.dismiss(None)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.action_decide(str(event.button.id), False)

    def action_decide(self, what: str, all_of_them: bool) -> None:
        """Take over, leave or end the run under the cursor, or every one."""
        chosen = self.query_one(FactTable).chosen
        runs = [run for run in self._orphans if all_of_them or run.id == chosen]
        if what == "end" and runs:
            dialog = cancel_dialog(runs[0]) if len(runs) == 1 else _end_all_dialog(runs)
            self.app.push_screen(
                dialog, lambda yes: self._do("cancel", [run.id for run in runs] if yes else [])
            )
        else:
            self._do(what, [run.id for run in runs])

    def _do(self, what: str, runs: Sequence[RunId]) -> None:
        fleet = self._desk.fleet
        do = {"adopt": fleet.adopt, "disown": fleet.disown, "cancel": fleet.cancel}[what]
        for run in runs:
            do(run)
        self._fill()


def _end_all_dialog(runs: Sequence[RunState]) -> Confirm:
    lines = (
        f"This stops {len(runs)} runs and deletes their VMs:",
        *(f"  {run.vm} on {run.host}" for run in runs),
    )
    return Confirm("Stop and delete all?", lines, yes="Stop and delete", no="Leave them alone")
