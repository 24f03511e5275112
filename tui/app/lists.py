"""Lists that are narrowed and marked: pure functions from tables to tables."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from tui.app.present import Label
from tui.app.tables import Column, Table, TableRow

GUTTER = Column("", 2)
"""Before the first column: where the marks are."""
_MARK, _NO_MARK = (Label("▌", "warn"),), (Label(""),)


@dataclass(frozen=True, slots=True)
class Filter:
    """Words that a row must bear, in any cell and any case; `!word`: must not bear."""

    text: str = ""

    @property
    def is_on(self) -> bool:
        """Whether it hides anything."""
        return any(word.strip("!") for word in self.text.split())

    def takes(self, row: TableRow) -> bool:
        """Whether a row is shown."""
        seen = "\n".join(label.text for cell in row.cells for label in cell).lower()
        words = [word for word in self.text.lower().split() if word.strip("!")]
        return all((word.lstrip("!") in seen) is not word.startswith("!") for word in words)


def filtered(table: Table, chosen: Filter) -> Table:
    """The rows that the filter takes."""
    if not chosen.is_on:
        return table
    return replace(table, rows=tuple(row for row in table.rows if chosen.takes(row)))


def with_marks(table: Table, marks: Collection[str]) -> Table:
    """The same with a gutter in which the marked rows bear a bar."""
    rows = (TableRow(row.key, (_MARK if row.key in marks else _NO_MARK, *row.cells)) for row in table.rows)
    return Table((GUTTER, *table.columns), tuple(rows))


def title(noun: str, shown: int, known: int, chosen: Filter, marked: int) -> str:
    """What stands over a list: `Runs 3 of 12 · /lab · 2 marked`."""
    parts = [f"{noun} {shown} of {known}", f"/{chosen.text.strip()}"] if chosen.is_on else [noun]
    return " · ".join((*parts, f"{marked} marked") if marked else parts)
