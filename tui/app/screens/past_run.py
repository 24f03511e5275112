"""A run of the past on its own screen: its phases, results and logs, as they were."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import BindingType

from tui.app.commands import everywhere, history, lists, logs, places, runs
from tui.app.commands.command import Command
from tui.app.screens.fleet_screen import Desk, FleetScreen
from tui.app.screens.new_run import NewRunScreen
from tui.app.screens.reading import EventsScreen
from tui.app.screens.run import RunScreen
from tui.contracts import RunRecord
from tui.model.spec import RunId
from tui.model.state import FleetState

_OF_ANY_RUN = (runs.RunAgain, runs.OpenResults)
_MODULES = {module.__name__ for module in (everywhere, history, lists, logs, places)}


class PastRunScreen(RunScreen):
    """As the run's own screen; what needs its VM cannot be done. Its state is the fleet's with it put in."""

    BINDINGS: ClassVar[list[BindingType]] = [history.RunChanged.binding(), history.ShowEvents.binding()]

    def __init__(self, desk: Desk, record: RunRecord) -> None:
        super().__init__(desk, record.past.run)
        self._record = record
        self.set_reactive(FleetScreen.state, self.validate_state(desk.fleet.state))

    def validate_state(self, state: FleetState) -> FleetState:
        """With this run in it."""
        return state if self._record.past.run in state.runs else state.with_run(self._record.state)

    def can(self, command: type[Command]) -> bool:
        """Nothing that asks its host."""
        is_possible = command in _OF_ANY_RUN or command.__module__ in _MODULES
        return is_possible and super().can(command)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What can never be done here is hidden, not dimmed."""
        return bool(super().check_action(action, parameters))

    @on(history.RunChanged)
    def _change(self) -> None:
        self.app.push_screen(NewRunScreen(self.desk, spec=self._record.spec), self.open_run_if_any)

    def open_run_if_any(self, run: RunId | None) -> None:
        """Give way to the run that was launched."""
        if run is not None:
            self.open_run(run)

    @on(history.ShowEvents)
    def _events(self) -> None:
        self.app.push_screen(EventsScreen(self.desk, self._record.past.run, self._record.past.name))
