"""Something to read in full: in what two runs differ, what happened to one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType

from tui.app import past
from tui.app.commands import everywhere
from tui.app.present import Label
from tui.app.screens.fleet_screen import Desk, FleetScreen
from tui.app.widgets.facts import Labels
from tui.app.widgets.paper import Paper
from tui.contracts import PastRun, RunDiff
from tui.model.spec import RunId
from tui.model.state import FleetState
from tui.model.text import clean_line


class ReadingScreen(FleetScreen):
    """A head and a paper that is filled by `read`, in a thread's time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        everywhere.Back.binding("escape,q"),
        everywhere.Help.binding("question_mark,f1"),
    ]

    def compose_body(self) -> ComposeResult:
        """Head, paper, keys."""
        yield Labels(id="header")
        yield Paper(id="paper")
        yield self.footer()

    def on_mount(self) -> None:
        """The paper has the focus: its keys work at once."""
        super().on_mount()
        self.query_one(Paper).focus()

    @on(everywhere.Back)
    def _back(self) -> None:
        self.dismiss(None)


class DiffScreen(ReadingScreen):
    """In what two runs differ."""

    def __init__(self, desk: Desk, before: PastRun, after: PastRun) -> None:
        super().__init__(desk)
        self._runs = before, after
        self._found: RunDiff | None = None

    def on_mount(self) -> None:
        """Compare them."""
        super().on_mount()
        self._compare()

    @work(exclusive=True)
    async def _compare(self) -> None:
        before, after = self._runs
        try:
            self._found = await asyncio.to_thread(self.desk.history.diff, before.run, after.run)
        except (KeyError, OSError):
            self.notify("One of them is not there any more", severity="warning")
            self.dismiss(None)
            return
        self.redraw()

    def show(self, state: FleetState, now: float) -> None:  # noqa: ARG002
        """Wrap the lines as the width wants it."""
        names = " and ".join(clean_line(past.name) for past in self._runs)
        self.query_one("#header", Labels).show([Label(f"Compare {names}")], Label(""))
        paper = self.query_one(Paper)
        if self._found is None:
            paper.show([Label("Comparing...", "muted")])
        else:
            paper.show(past.diff_lines(self._found, paper.size.width - 2, now))


class EventsScreen(ReadingScreen):
    """What happened to a run; goes on while the run does."""

    def __init__(self, desk: Desk, run: RunId, name: str) -> None:
        super().__init__(desk)
        self._run, self._called = run, name
        self._told: Sequence[tuple[float, str]] | None = None
        self._seen: object = None

    def show(self, state: FleetState, now: float) -> None:  # noqa: ARG002
        """Read again when the run has changed."""
        self.query_one("#header", Labels).show(
            [Label(f"Events of {clean_line(self._called)}")], Label(self._run, "muted")
        )
        if self._told is None or state.runs.get(self._run) is not self._seen:
            self._seen = state.runs.get(self._run)
            self._read()

    @work(exclusive=True)
    async def _read(self) -> None:
        try:
            self._told = await asyncio.to_thread(self.desk.history.sentences, self._run)
        except (KeyError, OSError):
            self._told = ()
        lines = [
            Label(f"{time.strftime('%m-%d %H:%M:%S', time.localtime(at))}  {text}") for at, text in self._told
        ]
        self.query_one(Paper).show(lines or [Label("Nothing was written down of it.", "muted")])
