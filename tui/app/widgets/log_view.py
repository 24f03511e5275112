"""A window on a log that may be endless: which lines are seen, found by byte offset. Nothing here draws.

Only the neighbourhood of the window is ever read. A line of one stream that is interrupted by the other
is put together again; one longer than `ROW_MAX` is shown in pieces that begin at multiples of it, so that
the same pieces are found from wherever one comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len, chop_cells, set_cell_size

from tui.contracts import LogChunk, LogReader
from tui.model.text import clean_bytes

ROW_MAX = 8 * 1024
_BLOCK = 32 * 1024
_BLOCK_MAX = 64 * _BLOCK

Spot = tuple[int, int]
"""A line on the screen: offset of its row, and which of its wrapped lines."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of one stream as it lies in the merged log."""

    offset: int
    """Of its first byte."""
    stream: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """One line on the screen, safe to be painted."""

    spot: Spot
    stream: str
    text: str
    is_cut: bool = False
    """There is more of it to the right."""


@dataclass(slots=True)
class _Open:
    offset: int
    is_headless: bool
    data: bytearray


def rows(chunks: Iterable[LogChunk], start: int, *, is_end: bool) -> list[Row]:
    """Put the rows of consecutive chunks together, in the order in which they begin.

    What runs into `start` from before is left out; so is what has no end, unless `is_end`.
    """
    lines: dict[str, _Open] = {}
    found: list[Row] = []
    position = start
    for chunk in chunks:
        for piece in _pieces(chunk.data):
            line = lines.setdefault(chunk.stream, _Open(position, 0 < start == position, bytearray()))
            found.extend(_grow(line, chunk.stream, piece, position))
            if piece.endswith(b"\n"):
                found.extend(_close(lines.pop(chunk.stream), chunk.stream))
            position += len(piece)
    if is_end:
        found.extend(row for stream, line in lines.items() for row in _close(line, stream))
    return sorted(found, key=lambda row: row.offset)


def _pieces(data: bytes) -> list[bytes]:
    *whole, rest = data.split(b"\n")
    pieces = [piece + b"\n" for piece in whole]
    return [*pieces, rest] if rest else pieces


def _grow(line: _Open, stream: str, piece: bytes, position: int) -> Iterator[Row]:
    while len(line.data) + len(piece) > ROW_MAX:
        least = position + ROW_MAX - len(line.data)
        cut = -(-least // ROW_MAX) * ROW_MAX
        if cut >= position + len(piece):
            break
        line.data += piece[: cut - position]
        yield from _close(line, stream)
        piece, position = piece[cut - position :], cut
        line.offset, line.is_headless, line.data = cut, False, bytearray()
    line.data += piece


def _close(line: _Open, stream: str) -> Iterator[Row]:
    if not line.is_headless and line.data:
        yield Row(line.offset, stream, bytes(line.data))


@lru_cache(maxsize=1024)
def _texts(data: bytes, width: int, wrap: bool) -> tuple[tuple[str, bool], ...]:
    text = clean_bytes(data).expandtabs(8)
    if cell_len(text) <= width:
        return ((text, False),)
    if wrap:
        return tuple((part, False) for part in chop_cells(text, width))
    return ((set_cell_size(text, width - 1), True),)


class LogView:
    """Where one looks at one job's log: at its end, following it, or at a fixed spot."""

    def __init__(self, reader: LogReader, job: str) -> None:
        self.job = job
        self.width = 80
        self.height = 10
        self.wrap = False
        self._reader = reader
        self._top: Spot | None = None
        self._left_at = 0

    @property
    def size(self) -> int:
        """Bytes of the log by now."""
        return self._reader.size(self.job)

    @property
    def is_following(self) -> bool:
        """The end is shown, wherever it moves."""
        return self._top is None

    @property
    def unseen(self) -> int:
        """Bytes that came since one stopped following."""
        return 0 if self.is_following else self.size - self._left_at

    def page(self) -> list[Line]:
        """The lines to be seen now, at most `height`."""
        if self._top is None:
            return self._before((self.size, 0), self.height)
        return self._after(self._top, self.height)

    def follow(self) -> None:
        """Show the end and stay there."""
        self._top = None

    def home(self) -> None:
        """Show the beginning."""
        self._stay((0, 0))
        self._settle()

    def move(self, lines: int) -> None:
        """Scroll down by so many lines, or up by minus so many; at the end it follows again."""
        page = self.page()
        if not page or (lines > 0 and self.is_following):
            return
        top = page[0].spot
        if lines < 0:
            above = self._before(top, -lines)
            self._stay(above[0].spot if above else top)
        else:
            below = self._after(top, lines + 1)
            self._stay(below[-1].spot)
        self._settle()

    def rewrap(self, *, wrap: bool) -> None:
        """Show long lines whole, or cut."""
        self.wrap = wrap
        if self._top is not None:
            self._top = (self._top[0], 0)

    def _stay(self, spot: Spot) -> None:
        if self._top is None:
            self._left_at = self.size
        self._top = spot

    def _settle(self) -> None:
        """Follow again if the end is in sight."""
        if self._top is not None and len(self._after(self._top, self.height + 1)) <= self.height:
            self._top = None

    def _lines(self, row: Row) -> list[Line]:
        texts = _texts(row.data, max(self.width, 2), self.wrap)
        if texts == (("", False),) and not row.data.endswith(b"\n"):
            return []  # begun, and nothing to be seen yet
        return [Line((row.offset, sub), row.stream, text, cut) for sub, (text, cut) in enumerate(texts)]

    def _after(self, spot: Spot, count: int) -> list[Line]:
        """Up to `count` lines from `spot` on."""
        ahead = _BLOCK
        while True:
            start, end = max(0, spot[0] - 2 * ROW_MAX), min(self.size, spot[0] + ahead)
            found: list[Line] = []
            for row in self._rows(start, end):
                if row.offset >= spot[0] and len(found) < count:
                    found.extend(line for line in self._lines(row) if line.spot >= spot)
            if len(found) >= count or end == self.size or ahead >= _BLOCK_MAX:
                return found[:count]
            ahead *= 4

    def _before(self, spot: Spot, count: int) -> list[Line]:
        """Up to `count` lines that lie before `spot`."""
        behind, end = _BLOCK, min(self.size, spot[0] + 2 * ROW_MAX)
        while True:
            start = max(0, spot[0] - behind)
            found: list[Line] = []
            for row in reversed(self._rows(start, end)):
                if row.offset <= spot[0] and len(found) < count:
                    found[:0] = (line for line in self._lines(row) if line.spot < spot)
            if len(found) >= count or start == 0 or behind >= _BLOCK_MAX:
                return found[-count:] if count else []
            behind *= 4

    def _rows(self, start: int, end: int) -> list[Row]:
        chunks = self._reader.read(self.job, start, end - start)
        return rows(chunks, start, is_end=end >= self.size)
