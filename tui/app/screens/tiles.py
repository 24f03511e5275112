"""The logs of several runs side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.css.query import NoMatches
from textual.widgets import Static

from tui.app import present
from tui.app.commands import everywhere
from tui.app.present import Label
from tui.app.screens.fleet_screen import Desk
from tui.app.screens.log_screen import LOG_BINDINGS, LogScreen
from tui.app.widgets.facts import Labels
from tui.app.widgets.log_pane import LogPane, Span
from tui.model.phase import Phase
from tui.model.spec import RunId
from tui.model.state import FleetState, RunState

MOST = 6
"""So many logs can still be read on one screen."""


def tiled(state: FleetState, first: Iterable[RunId]) -> tuple[RunId, ...]:
    """The runs to be shown: these, and where that is one at most, those that work, the newest first."""
    wanted = tuple(run for run in dict.fromkeys(first) if run in state.runs)
    if len(wanted) < 2:
        working = sorted(state.unfinished, key=lambda run: run.submitted_at, reverse=True)
        wanted = tuple(dict.fromkeys((*wanted, *(run.id for run in working))))
    return wanted[:MOST]


def log_span(run: RunState) -> Span:
    """When its work began, or it itself; and when it was over."""
    began = next((at for phase, at in run.entered if phase is Phase.WORKING), run.submitted_at)
    return Span(began, run.ended_at or 0.0)


def telling_log(run: RunState) -> str:
    """The log that says most: the launch until the work begins, then the work."""
    return "work" if any(phase is Phase.WORKING for phase, _ in run.entered) else "launch"


def columns(count: int, width: int) -> int:
    """How many logs stand side by side: lines of 38 cells can be read."""
    side_by_side = max(1, width // 38)
    return min(side_by_side, 1 if count < 2 else 2 if count < 5 else 3)


class TilesScreen(LogScreen):
    """A pane for each run; tab goes from one to the next, and every key of a log is its own."""

    CSS = """
    #tiles { layout: grid; height: 1fr; grid-gutter: 0 1; }
    .tile { height: 1fr; border-top: solid $rule; border-title-color: $quiet; }
    .tile:focus-within { border-top: solid $busy; border-title-color: $busy; border-title-style: bold; }
    .tile LogPane { padding: 0; background: $background; }
    #no-tiles { height: 1fr; content-align: center middle; color: $quiet; }
    TilesScreen.-zoomed .tile { display: none; }
    TilesScreen.-zoomed .tile:focus-within { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *LOG_BINDINGS,
        everywhere.Back.binding("escape,q,m"),
        everywhere.CommandLine.binding(),
        everywhere.Help.binding("question_mark,f1"),
    ]

    def __init__(self, desk: Desk, runs: Sequence[RunId]) -> None:
        super().__init__(desk)
        self._runs = tuple(runs)

    def compose_body(self) -> ComposeResult:
        """Header, a tile for each run, footer."""
        yield Labels(id="header")
        if not self._runs:
            yield Static("No run works. Mark some with space, and press m again.", id="no-tiles")
        else:
            with Container(id="tiles"):
                for run in self._runs:
                    with Container(classes="tile", id=f"tile-{run}"):
                        yield LogPane()
        yield self.footer()

    def on_mount(self) -> None:
        """The first log has the focus."""
        super().on_mount()
        if self._runs:
            self.query(LogPane).first().focus()

    @property
    def log_pane(self) -> LogPane | None:
        """The pane with the focus."""
        return self.focused if isinstance(self.focused, LogPane) else None

    @property
    def log_name(self) -> str:
        """The name of the focused run's VM."""
        pane = self.log_pane
        runs = [run for run in self._runs if pane is not None and self._pane(run) is pane]
        return self.state.runs[runs[0]].vm if runs else "log"

    def _pane(self, run: RunId) -> LogPane | None:
        try:
            return self.query_one(f"#tile-{run} LogPane", LogPane)
        except NoMatches:
            return None

    def show(self, state: FleetState, now: float) -> None:
        """Each log under the name and the state of its run."""
        self.query_one("#header", Labels).show(
            [Label("dayfly"), Label("logs side by side", "muted")], present.counts(state)
        )
        zoomed = self.log_pane is not None and self.log_pane.is_zoomed
        self.set_class(zoomed, "-zoomed")
        if self._runs:
            self._arrange(1 if zoomed else columns(len(self._runs), self.size.width))
        for run in (state.runs[run] for run in self._runs if run in state.runs):
            pane = self._pane(run.id)
            if pane is None:
                continue
            pane.span = log_span(run)
            job = telling_log(run)
            pane.show_log(self.desk.fleet.log(run.id), job, "Nothing has been said yet.")
            title = f"{present.run_name(run)} {run.id} · {present.run_label(run).text}"
            follows = "■ paused" if pane.paused else "▼ following"
            words = Text(f"{title} · {present.run_age(run, now)} · {follows}")
            self.query_one(f"#tile-{run.id}").border_title = words.markup

    def _arrange(self, side: int) -> None:
        grid = self.query_one("#tiles")
        if grid.styles.grid_size_columns != side:
            grid.styles.grid_size_columns = side
            last = self.query_one(f"#tile-{self._runs[-1]}")
            last.styles.column_span = side - (len(self._runs) - 1) % side  # no hole is left

    @on(LogPane.Moved)
    def _moved(self) -> None:
        self.redraw()

    @on(everywhere.Back)
    def _back(self) -> None:
        self.dismiss(None)
