"""What can be done with one run, wherever it is chosen: pin, cancel, launch again, copy the way in."""

from __future__ import annotations

from textual import on

from tui.app import commands, present
from tui.app.commands import Command
from tui.app.screens.dialogs import Confirm
from tui.app.screens.fleet_screen import FleetScreen
from tui.model.errors import UsageError
from tui.model.phase import Phase, Pin
from tui.model.spec import RunId
from tui.model.state import RunState

_OF_A_RUN = (
    commands.OpenRun,
    commands.PinRun,
    commands.CancelRun,
    commands.RunAgain,
    commands.CopyWayIn,
)


class RunCommandsScreen(FleetScreen):
    """A screen on which one run is chosen."""

    @property
    def chosen_run(self) -> RunState | None:
        """The run that the commands mean."""
        return None

    def open_run(self, run: RunId | None) -> None:
        """Show a run's own screen."""

    def can(self, command: type[Command]) -> bool:
        """A run must be there, and not be over, to be acted upon."""
        if command not in _OF_A_RUN:
            return True
        run = self.chosen_run
        if run is None:
            return False
        if command is commands.PinRun:
            return present.may_pin(run)
        if command is commands.CancelRun:
            return present.may_cancel(run)
        return command is not commands.CopyWayIn or present.has_way_in(run)

    @on(commands.PinRun)
    def _pin(self) -> None:
        run, fleet = self.chosen_run, self.desk.fleet
        if run is None:
            return
        if run.pin not in (Pin.ON, Pin.ASKED):
            fleet.pin(run.id)
        elif run.phase is Phase.KEPT:
            self._ask_to_unpin(run)
        else:
            fleet.unpin(run.id)

    def _ask_to_unpin(self, run: RunState) -> None:
        lines = (f"The work is over: without its pin {run.vm} on {run.host} is deleted now.",)
        dialog = Confirm("Unpin and delete?", lines, yes="Delete it", no="Keep it")
        self.app.push_screen(dialog, lambda yes: self.desk.fleet.unpin(run.id) if yes else None)

    @on(commands.CancelRun)
    def _cancel(self) -> None:
        run = self.chosen_run
        if run is None:
            return
        pinned = ("It is pinned: it will not be kept.",) if run.is_pinned else ()
        lines = (f"This stops {present.run_name(run)} and deletes {run.vm} on {run.host}.", *pinned)
        dialog = Confirm("Stop and delete?", lines, yes="Stop and delete", no="Leave it alone")
        self.app.push_screen(dialog, lambda yes: self.desk.fleet.cancel(run.id) if yes else None)

    @on(commands.RunAgain)
    def _again(self) -> None:
        run = self.chosen_run
        if run is None:
            return
        try:
            self.open_run(self.desk.fleet.submit(run.spec))
        except UsageError as error:
            self.notify(str(error), severity="error", markup=False)

    @on(commands.CopyWayIn)
    def _copy(self) -> None:
        if run := self.chosen_run:
            command = self.desk.fleet.shell_command(run.id)
            self.app.copy_to_clipboard(command)
            self.notify(f"Copied: {command}", markup=False)
