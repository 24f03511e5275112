"""Lines of a log as text: those that are selected, the last ones, all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from tui.app.widgets.log_ansi import styled
from tui.app.widgets.log_view import LogView

MOST_LINES = 100_000
"""So many lines go to the clipboard at most."""
Row = tuple[int, int]
"""Which log, and the offset of the row."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows from where it began to where the cursor is."""

    anchor: Row
    cursor: Row

    def has(self, row: Row) -> bool:
        """Whether a row is selected."""
        return self.first <= row <= self.last

    @property
    def first(self) -> Row:
        """The upper end."""
        return min(self.anchor, self.cursor)

    @property
    def last(self) -> Row:
        """The lower end."""
        return max(self.anchor, self.cursor)

    def to(self, row: Row) -> Selection:
        """The same with the cursor there."""
        return replace(self, cursor=row)


def texts_from(view: LogView, first: Row) -> Iterator[tuple[Row, str]]:
    """The rows that are shown from `first` on, as they are shown."""
    for place in view.places:
        if place.section < first[0]:
            continue
        start = first[1] if place.section == first[0] else 0
        for shown in view.sources[place.section].forwards(max(0, start)):
            yield (place.section, shown.row.offset), styled(shown.row.data).text


def selected(view: LogView, selection: Selection) -> list[str]:
    """The selected lines, `MOST_LINES` at most."""
    found: list[str] = []
    for row, text in islice(texts_from(view, selection.first), MOST_LINES):
        if row > selection.last:
            break
        found.append(text)
    return found


def last_lines(view: LogView, count: int) -> list[str]:
    """The last lines, in order, `MOST_LINES` at most."""
    found: list[str] = []
    for place in reversed(view.places):
        source = view.sources[place.section]
        missing = min(count, MOST_LINES) - len(found)
        found += [styled(shown.row.data).text for shown in islice(source.backwards(source.size), missing)]
    return found[::-1]
