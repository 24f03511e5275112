"""What all places have in common: their names in the head, a list to narrow and mark, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.binding import BindingType

from tui.app.commands import everywhere, lists, places
from tui.app.commands.command import Command
from tui.app.lists import GUTTER, Filter, filtered, title, with_marks
from tui.app.present import Label
from tui.app.screens.bottom_line import FilterLine
from tui.app.screens.fleet_screen import Desk, FleetScreen
from tui.app.tables import Table
from tui.app.widgets.fact_table import FactTable
from tui.app.widgets.place_bar import PlaceHeader
from tui.model.text import clean_line


class PlaceScreen(FleetScreen):
    """One of the places. Its head is `header()`, filled by `show_header`; its list by `fill_list`.

    The list is the FactTable `LIST`, in a panel which bears `NOUN` and the filter as its title.
    """

    HERE: ClassVar[type[places.Go]]
    """The command that leads here."""
    LIST: ClassVar[str] = ""
    """The id of the table that `/` narrows; empty: there is none."""
    NOUN: ClassVar[str] = ""
    MARKS: ClassVar[bool] = False
    """Whether rows can be marked, to do something with all of them."""
    BINDINGS: ClassVar[list[BindingType]] = [
        *(place.binding() for place in places.PLACES),
        lists.FilterList.binding(),
        lists.MarkRow.binding(),
        lists.MarkAll.binding(),
        lists.ShowAll.binding(),
        everywhere.Back.binding("escape,q"),
        everywhere.CommandLine.binding(),
        everywhere.Help.binding("question_mark,f1"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._filter = Filter()
        self._marks: set[str] = set()
        self._shown_keys: tuple[str, ...] = ()

    def header(self) -> PlaceHeader:
        """What is to be composed first."""
        return PlaceHeader(self.HERE)

    def show_header(self, left: Sequence[Label], right: Label) -> None:
        """Put labels into the head, beside the places' names."""
        self.query_one(PlaceHeader).show(left, right)

    @on(events.ScreenResume)
    def _catch_up(self) -> None:
        """While it was out of sight it was told nothing."""
        self.state = self.desk.fleet.state

    # ---- the list

    @property
    def list_table(self) -> FactTable:
        """The list's table."""
        return self.query_one(f"#{self.LIST}", FactTable)

    @property
    def list_width(self) -> int:
        """How many cells the columns of the list have."""
        return self.list_table.content_size.width - 1 - (GUTTER.width if self.MARKS else 0)

    def fill_list(self, table: Table) -> None:
        """Show the rows of `table` that the filter takes, the marked ones marked."""
        known = {row.key for row in table.rows}
        self._marks &= known
        shown = filtered(table, self._filter)
        self._shown_keys = tuple(row.key for row in shown.rows)
        self.list_table.fill(with_marks(shown, self._marks) if self.MARKS else shown)
        words = title(self.NOUN, len(shown.rows), len(known), self._filter, len(self.marked))
        markup = Text(clean_line(words)).markup
        panel = self.list_table.parent
        if panel is not None and getattr(panel, "border_title", markup) != markup:
            panel.border_title = markup  # type: ignore[attr-defined]  # a widget, as its child is one

    @property
    def marked(self) -> tuple[str, ...]:
        """The keys of the marked rows that are shown, from the top."""
        return tuple(key for key in self._shown_keys if key in self._marks)

    @property
    def hides_all(self) -> str:
        """What to say of a list that the filter left empty; empty: it left something."""
        if self._shown_keys or not self._filter.is_on:
            return ""
        return f"Nothing here matches /{clean_line(self._filter.text.strip())}. Esc shows all of it."

    def unmark(self) -> None:
        """Mark nothing any more."""
        self._marks.clear()
        self.redraw()

    def can(self, command: type[Command]) -> bool:
        """What has to do with the list needs one."""
        if command is lists.FilterList:
            return bool(self.LIST)
        if command is lists.ShowAll:
            return self._filter.is_on or bool(self._marks)
        if command in (lists.MarkRow, lists.MarkAll):
            return self.MARKS and bool(self._shown_keys)
        return super().can(command)

    @on(lists.FilterList)
    def _ask_for_filter(self) -> None:
        self.app.push_screen(FilterLine(self._filter.text, self._narrow))

    def _narrow(self, text: str) -> None:
        self._filter = Filter(text)
        self.redraw()

    @on(lists.MarkRow)
    def _mark(self) -> None:
        if key := self.list_table.chosen:
            self._marks ^= {key}
            self.list_table.action_cursor_down()
            self.redraw()

    @on(lists.MarkAll)
    def _mark_all(self) -> None:
        shown = set(self._shown_keys)
        self._marks = set() if shown <= self._marks else shown
        self.redraw()

    @on(lists.ShowAll)
    def _show_all(self) -> None:
        if self._marks:
            self.unmark()
        else:
            self._narrow("")

    @on(everywhere.Back)
    def _back(self) -> None:
        self.dismiss(None)
