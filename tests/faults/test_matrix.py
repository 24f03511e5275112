"""A covering subset of the matrix: every column and every row, over both ways."""

from pathlib import Path

import pytest

from tests.faults.cells import Cell, Column, Kind, Row, cells
from tests.faults.matrix import carry_out, covering
from tests.faults.place import Way, missing_tools
from tests.faults.report import Book, table
from tests.faults.trial import Record
from tests.faults.workload import read

OVER_DEMO = covering()
OVER_SSHD = covering(after=OVER_DEMO)
JOBS = 4
SUBSETS = [
    pytest.param(Way.DEMO, OVER_DEMO, id="demo"),
    pytest.param(Way.SSHD, OVER_SSHD, id="sshd", marks=pytest.mark.sshd),
]


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("way", "subset"), SUBSETS)
async def test_each_cell_holds(way: Way, subset: list[Cell], tmp_path: Path) -> None:
    if lacking := missing_tools(way):
        pytest.skip(f"this needs {', '.join(lacking)}")
    book = Book(None)
    await carry_out([(cell, 0) for cell in subset], way, tmp_path, jobs=JOBS, book=book)
    assert [f"{each.row} x {each.column}: {each.faults}" for each in book.records if not each.holds] == []
    assert len(book.records) == len(subset)
    assert book.leftovers == []


@pytest.mark.parametrize("subset", [OVER_DEMO, OVER_SSHD])
def test_the_subsets_cover_every_column_and_every_row(subset: list[Cell]) -> None:
    assert {cell.column for cell in subset} == set(Column)
    assert {cell.row for cell in subset} == set(Row)


def test_a_cell_without_a_meaning_says_why() -> None:
    assert all(cell.fate.kind is not Kind.NO_MEANING for cell in cells())
    page = table(Book(None, [Record(way=Way.DEMO, row=Row.BEFORE, column=Column.SIGKILL, repetition=0)]))
    assert f"- {Column.EXEC_KILL}; " in page
    assert ": no exec is running then" in page
    assert "| E 1 |" in page


LINES = b"stdout 1\nstdout 2\nstdout 3\n"


@pytest.mark.parametrize(
    ("data", "whole", "prefix", "lost", "doubled"),
    [
        (LINES + b"end stdout 3\n", True, True, 0, 0),
        (b"end stdout 0\n", True, True, 0, 0),
        (b"", False, True, 0, 0),
        (LINES, False, True, 0, 0),
        (LINES[:-4], False, True, 0, 0),
        (LINES + b"end std", False, True, 0, 0),
        (LINES[:9] + LINES[18:] + b"end stdout 3\n", False, False, 9, 0),
        (LINES[:18] + LINES[9:] + b"end stdout 3\n", False, False, 0, 9),
        (LINES[:9] + LINES[18:], False, False, 9, 9),
        (LINES + LINES[3:5], False, False, 9, 2),
        (LINES + b"noise\n", False, False, 9, 6),
    ],
)
def test_a_log_is_compared_byte_for_byte(
    data: bytes, whole: bool, prefix: bool, lost: int, doubled: int
) -> None:
    reading = read(data, "stdout")
    assert (reading.whole, reading.prefix) == (whole, prefix)
    assert (reading.lost, reading.doubled) == (lost, doubled)
