"""Programs as they were recorded must look here as they look in tmux, cell by cell."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.term.record import FOLDER
from tests.term.tmux_grid import COLUMNS, ROWS, parse, shown_by_tmux
from tui.term.cells import PLAIN, Cell
from tui.term.emulator import Emulator

NAMES = sorted(path.stem for path in FOLDER.glob("*.bytes"))


def visible(cell: Cell) -> Cell:
    """Of a blank, what can be seen of its look."""
    if cell.text.strip() or cell.look.reverse or cell.look.underline or cell.look.strike:
        return cell
    return Cell(cell.text, replace(PLAIN, background=cell.look.background))


def compare(data: bytes, truth: str, piece: int) -> None:
    """Feed it in pieces; say every cell that differs."""
    emulator = Emulator(COLUMNS, ROWS, lambda _: None)
    for start in range(0, len(data), piece):
        emulator.feed(data[start : start + piece])
    cursor, grid = parse(truth)
    ours = emulator.rows()
    differ = [
        f"{row},{column}: {ours[row][column]} where tmux has {cell}"
        for row, cells in enumerate(grid)
        for column, cell in enumerate(cells)
        if visible(ours[row][column]) != visible(cell)
    ]
    assert not differ, "\n".join(differ[:20])
    # Of what was never written, tmux tells no colours.
    differ = [
        f"{row},{column}: {ours[row][column]} where tmux has nothing"
        for row, cells in enumerate(grid)
        for column in range(len(cells), COLUMNS)
        if ours[row][column].text != " "
    ]
    assert not differ, "\n".join(differ[:20])
    assert emulator.cursor is None or emulator.cursor == cursor
    assert len(grid) == ROWS


def test_there_are_recordings() -> None:
    assert {"vim", "htop", "less", "tmux", "top", "nano", "mc"} <= set(NAMES)


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
@pytest.mark.parametrize("name", NAMES)
def test_it_looks_as_in_tmux(name: str, piece: int) -> None:
    data = (FOLDER / f"{name}.bytes").read_bytes()
    compare(data, (FOLDER / f"{name}.screen").read_text(), piece)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux here")
@pytest.mark.parametrize("name", NAMES)
def test_the_tmux_of_here_shows_the_same(name: str, tmp_path: Path) -> None:
    data = (FOLDER / f"{name}.bytes").read_bytes()
    compare(data, shown_by_tmux(data, tmp_path), 4096)
