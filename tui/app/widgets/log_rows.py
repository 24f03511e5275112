"""From the chunks of a log to its lines, each found by the offset of its first byte.

A line of one stream that is interrupted by the other is put together again; one longer than `ROW_MAX` is
shown in pieces that begin at multiples of it, so that the same pieces are found from wherever one comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tui.contracts import LogChunk, LogReader

ROW_MAX = 8 * 1024
_OTHER = {"stdout": "stderr", "stderr": "stdout"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of one stream as it lies in the merged log."""

    offset: int
    """Of its first byte."""
    stream: str
    data: bytes
    at: float = 0.0
    """When its first byte arrived, epoch seconds."""


@dataclass(slots=True)
class _Open:
    offset: int
    at: float
    is_headless: bool
    data: bytearray


def rows(
    chunks: Iterable[LogChunk], start: int, continues: Callable[[LogChunk], bool] = lambda _: False
) -> list[Row]:
    """Put the rows of consecutive chunks together, in the order in which they begin.

    What runs into `start` from before is left out: that is whatever is at `start` itself, and of a stream
    that begins later, what `continues` says. A line that has no end yet is there as far as it goes.
    """
    lines: dict[str, _Open] = {}
    met: set[str] = set()
    found: list[Row] = []
    for chunk in chunks:
        stream, position = chunk.stream, chunk.offset
        for piece in _pieces(chunk.data):
            if stream not in lines:
                is_first = stream not in met
                headless = is_first and (0 < start == position or (position > 0 and continues(chunk)))
                lines[stream] = _Open(position, chunk.at, headless, bytearray())
            met.add(stream)
            found.extend(_grow(lines[stream], stream, piece, position, chunk.at))
            if piece.endswith(b"\n"):
                found.extend(_close(lines.pop(stream), stream))
            position += len(piece)
    found.extend(row for stream, line in lines.items() for row in _close(line, stream))
    return sorted(found, key=lambda row: row.offset)


def first_cut(offset: int) -> int:
    """Where the first piece of a long line that begins at `offset` ends."""
    return -(-(offset + ROW_MAX) // ROW_MAX) * ROW_MAX


def begins_line(reader: LogReader, job: str, chunk: LogChunk) -> bool:
    """Whether no line of an earlier chunk of its stream goes on in `chunk`; blocks."""
    other = _OTHER.get(chunk.stream)
    if other is None:
        return True
    before = reader.back(job, chunk.offset, 1, other)
    last = reader.read(job, before, 1, other)
    return not last or last[0].offset >= chunk.offset or last[0].data == b"\n"


def _pieces(data: bytes) -> list[bytes]:
    *whole, rest = data.split(b"\n")
    pieces = [piece + b"\n" for piece in whole]
    return [*pieces, rest] if rest else pieces


def _grow(line: _Open, stream: str, piece: bytes, position: int, at: float) -> Iterator[Row]:
    while len(line.data) + len(piece) > ROW_MAX:
        cut = first_cut(position - len(line.data))
        if cut >= position + len(piece):
            break
        line.data += piece[: cut - position]
        yield from _close(line, stream)
        piece, position = piece[cut - position :], cut
        line.offset, line.at, line.is_headless, line.data = cut, at, False, bytearray()
    line.data += piece


def _close(line: _Open, stream: str) -> Iterator[Row]:
    if not line.is_headless and line.data:
        yield Row(line.offset, stream, bytes(line.data), line.at)
