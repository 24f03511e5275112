"""The results of a run: a line for each artifact, and all about the one under the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import DataTable

from tui.app import results, tables
from tui.app.widgets.fact_table import FactTable
from tui.app.widgets.facts import Facts
from tui.model.results import Result


class ResultsPane(Vertical):
    """Shows how far each is, how big, and where."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._results: tuple[Result, ...] = ()

    def compose(self) -> ComposeResult:
        """The list, and the details under it."""
        yield FactTable(id="results")
        yield Facts(id="result-details")

    @property
    def chosen(self) -> Result | None:
        """The result under the cursor."""
        row = self.query_one(FactTable).cursor_row
        return self._results[row] if 0 <= row < len(self._results) else None

    def show(self, found: Sequence[Result]) -> None:
        """Show these and nothing else."""
        self._results = tuple(found)
        table = self.query_one(FactTable)
        table.fill(tables.results_table(self._results, table.content_size.width - 1))
        self._show_details()

    @on(DataTable.RowHighlighted)
    def _show_details(self) -> None:
        chosen = self.chosen
        self.query_one(Facts).show(results.details(chosen) if chosen else ())
