"""A table of labelled cells with fixed columns: nothing in it jumps when a number changes."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.theme import Theme
from textual.widgets import DataTable

from tui.app.present import Label, fit
from tui.app.tables import Table
from tui.app.widgets.tones import tone_colours


class FactTable(DataTable[Text], inherit_bindings=False):
    """Shows a `Table`; keeps its cursor on the same row whatever comes and goes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor_up", "Up", show=False),
        Binding("down,j", "cursor_down", "Down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("home,g", "scroll_top", "First", show=False),
        Binding("end,G", "scroll_bottom", "Last", show=False),
    ]

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, cursor_type="row", cell_padding=0, cursor_foreground_priority="renderable")
        self._table = Table((), ())

    @property
    def chosen(self) -> str | None:
        """The key of the row under the cursor."""
        rows = self._table.rows
        return rows[self.cursor_row].key if 0 <= self.cursor_row < len(rows) else None

    class Resized(Message):
        """Other columns may fit."""

    def on_resize(self) -> None:
        """Have it filled for the new width."""
        self.post_message(self.Resized())

    def on_mount(self) -> None:
        """Paint anew in other colours when the theme changes."""
        self.app.theme_changed_signal.subscribe(self, self._repaint)

    def choose(self, key: str) -> None:
        """Put the cursor on a row, if it is there."""
        keys = [row.key for row in self._table.rows]
        if key in keys:
            self.move_cursor(row=keys.index(key))

    def fill(self, table: Table) -> None:
        """Show `table`, touching only the cells that differ."""
        old, self._table = self._table, table
        same_rows = [row.key for row in old.rows] == [row.key for row in table.rows]
        if old.columns != table.columns or not same_rows:
            self._rebuild(old)
            return
        for index, (row, before) in enumerate(zip(table.rows, old.rows, strict=True)):
            for column, cell in enumerate(row.cells):
                if cell != before.cells[column]:
                    self.update_cell_at((index, column), self._text(cell, column))  # type: ignore[arg-type]

    def _rebuild(self, old: Table) -> None:
        at = self.cursor_row
        chosen = old.rows[at].key if 0 <= at < len(old.rows) else None
        self.clear(columns=True)
        for index, column in enumerate(self._table.columns):
            self.add_column(fit(column.title, column.width), width=column.width, key=str(index))
        for row in self._table.rows:
            cells = (self._text(cell, column) for column, cell in enumerate(row.cells))
            self.add_row(*cells, key=row.key)
        if chosen is not None:
            self.move_cursor(row=min(at, max(0, len(self._table.rows) - 1)))
            self.choose(chosen)

    def _text(self, cell: tuple[Label, ...], column: int) -> Text:
        colours = tone_colours(self.app)
        text = Text(no_wrap=True)
        for label in cell:
            text.append("  " if text else "").append(label.text, colours[label.tone])
        width = self._table.columns[column].width - 1
        text.truncate(width, overflow="ellipsis")
        return text

    def _repaint(self, _: Theme) -> None:
        self._rebuild(self._table)
