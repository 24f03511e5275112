"""The bell and the terminal's own notification, for somebody who looks elsewhere when a run ends."""

from __future__ import annotations

from typing import Any

from textual.app import App

from tui.app import present
from tui.model.settings import Notify
from tui.model.state import FleetState, RunState
from tui.model.text import clean_line

_LONGEST = 200


def ended(old: FleetState, new: FleetState, notify: Notify) -> tuple[RunState, ...]:
    """The runs that have ended between two states, and whose end is to be told."""
    return tuple(
        run
        for run in new.runs.values()
        if (before := old.runs.get(run.id)) is not None
        and run.has_ended
        and not before.has_ended
        and run.outcome is not None
        and notify.wants(run.outcome, lacks_results=run.lacks_results)
    )


def osc_9(run: RunState) -> str:
    """What has the terminal show a notification; nothing that a guest said is in it."""
    words = f"dayfly: {present.run_name(run)} {present.outcome_label(run.outcome).text}"
    return f"\x1b]9;{clean_line(words)[:_LONGEST]}\x07"


class Alarm:
    """Rings for an app, once it is mounted."""

    def __init__(self, app: App[Any], notify: Notify) -> None:
        self._app = app
        self._notify = notify
        self._tells_focus = False
        """Whether the terminal says when somebody looks elsewhere: it is seen when it first does."""
        self._has_terminal = True

    def attach(self) -> None:
        """Follow whether the terminal is given away."""
        self._app.app_suspend_signal.subscribe(self._app, lambda _: self._hold(has_terminal=False))
        self._app.app_resume_signal.subscribe(self._app, lambda _: self._hold(has_terminal=True))

    def looked_away(self) -> None:
        """The terminal says that somebody looks elsewhere now: so it will say when he is back."""
        self._tells_focus = True

    def ring(self, old: FleetState, new: FleetState) -> None:
        """Tell of what has ended, if anything has."""
        runs = ended(old, new, self._notify)
        if not runs or not self._has_terminal:
            return
        if self._notify.bell:
            self._app.bell()
        is_looked_at = self._tells_focus and self._app.app_focus
        if self._notify.terminal and not is_looked_at and not self._app.is_web:
            for run in runs:
                self._write(osc_9(run))

    def _write(self, sequence: str) -> None:
        driver = self._app._driver  # Textual has no other way to the terminal
        if driver is not None:
            driver.write(sequence)

    def _hold(self, *, has_terminal: bool) -> None:
        self._has_terminal = has_terminal
