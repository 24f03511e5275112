"""The lines of one job's log around an offset, whole or filtered. Reads the neighbourhood, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from tui.app.widgets.log_find import Hits
from tui.app.widgets.log_rows import ROW_MAX, Row, begins_line, rows
from tui.contracts import LogChunk, LogReader

_BLOCK = 8 * 1024
_BLOCK_MAX = 128 * _BLOCK
_PAD = 2 * ROW_MAX
_REDRAWN = 64 * ROW_MAX
"""Of a line that redraws itself for ever, one piece in so many bytes is shown, and its end."""


class Shown(NamedTuple):
    """A row, and how it came here."""

    row: Row
    is_context: bool = False
    """It did not match, but what is near it did."""
    is_after_gap: bool = False
    """Rows before it were left out."""


class LogSource:
    """One job's log without the stream `skip`; with `hits`, only those and `context` rows around each."""

    def __init__(self, reader: LogReader, job: str) -> None:
        self.reader = reader
        self.job = job
        self.skip = ""
        self.hits: Hits | None = None
        self.context = 0
        self._begins: dict[tuple[str, int], bool] = {}
        self._group = lru_cache(maxsize=512)(self._read_group)

    @property
    def size(self) -> int:
        """Where the log ends by now."""
        return self.reader.size(self.job, self.skip)

    def keep(self, hits: Hits | None, context: int) -> None:
        """Show only what matched, with so many rows around it; or all again."""
        self.hits, self.context = hits, context
        self._group.cache_clear()

    def forwards(self, offset: int) -> Iterator[Shown]:
        """What is shown from `offset` on."""
        return map(Shown, self.rows_from(offset)) if self.hits is None else self._kept_from(offset)

    def backwards(self, offset: int) -> Iterator[Shown]:
        """What is shown before `offset`, the nearest first."""
        return map(Shown, self.rows_before(offset)) if self.hits is None else self._kept_before(offset)

    def rows_from(self, offset: int) -> Iterator[Row]:
        """The rows that begin at `offset` or later."""
        block = _BLOCK
        while offset < (size := self.size):
            start = self.reader.back(self.job, offset, _PAD, self.skip)
            chunks = self.reader.read(self.job, start, block + 2 * _PAD, self.skip)
            if not chunks:
                return
            reach = chunks[-1].offset + len(chunks[-1].data)
            end = size if reach >= size else max(offset + 1, reach - _PAD)
            yield from self._put_together(chunks, start, offset, end)
            offset, block = end, min(4 * block, _BLOCK_MAX)

    def rows_before(self, offset: int) -> Iterator[Row]:
        """The rows that begin before `offset`, the last one first."""
        block, end = _BLOCK, offset
        while end > 0:
            first = self.reader.back(self.job, end, block, self.skip)
            start = self.reader.back(self.job, first, _PAD, self.skip)
            chunks = self.reader.read(self.job, start, block + 2 * _PAD, self.skip)
            yield from reversed(self._put_together(chunks, start, first, end))
            end, block = first, min(4 * block, _BLOCK_MAX)

    def _put_together(self, chunks: Sequence[LogChunk], start: int, first: int, end: int) -> list[Row]:
        """The rows that begin from `first` to before `end`; the chunks begin at `start`."""
        near = _near(chunks, first, end)
        if near and near[0].offset != start:
            start = 0  # no line runs into it
        found = rows(near, start, self._continues)
        return [row for row in found if first <= row.offset < end and not _is_redrawn(row)]

    def _continues(self, chunk: LogChunk) -> bool:
        """Whether the line at the start of `chunk` began in an earlier one of its stream."""
        key = chunk.stream, chunk.offset
        if key not in self._begins:
            if len(self._begins) > 1000:
                self._begins.clear()
            self._begins[key] = begins_line(self.reader, self.job, chunk)
        return not self._begins[key]

    # ---- filtered

    def _kept_from(self, offset: int) -> Iterator[Shown]:
        assert self.hits is not None
        index, last = max(0, self.hits.index(offset) - 1), -1
        while index < len(self.hits):
            for shown in self._group_of(index):
                if shown.row.offset > last:
                    last = shown.row.offset
                    if last >= offset:
                        yield shown
            index += 1

    def _kept_before(self, offset: int) -> Iterator[Shown]:
        assert self.hits is not None
        index, last = min(self.hits.index(offset) + self.context, len(self.hits) - 1), offset
        while index >= 0:
            for shown in reversed(self._group_of(index)):
                if shown.row.offset < last:
                    last = shown.row.offset
                    yield shown
            index -= 1

    def _group_of(self, index: int) -> tuple[Shown, ...]:
        """The hit and its context, without what belongs to the hits beside it."""
        assert self.hits is not None
        before = self.hits[index - 1] if index else -1
        after = self.hits[index + 1] if index + 1 < len(self.hits) else None
        return self._group(self.hits[index], before, after, self.context, self.size if after is None else 0)

    def _read_group(
        self, hit: int, before: int, after: int | None, context: int, _size: int
    ) -> tuple[Shown, ...]:
        row = next(self.rows_from(hit), None)
        if row is None or not context:
            return (Shown(row),) if row else ()
        above = [near for near in islice(self.rows_before(hit), context) if near.offset > before]
        # One row is for each hit's tail and one for the next one's head, but never twice.
        taken = self._tail_end(before, hit, context) if before >= 0 else -1
        above = [near for near in reversed(above) if near.offset > taken]
        following = islice(self.rows_from(hit), 1, context + 1)
        below = [near for near in following if after is None or near.offset < after]
        first = above[0] if above else row
        nearest = next(self.rows_before(first.offset), None)
        gap = nearest is not None and before >= 0 and nearest.offset > max(taken, before)
        group = [*(Shown(near, is_context=True) for near in above), Shown(row)]
        group += [Shown(near, is_context=True) for near in below]
        group[0] = group[0]._replace(is_after_gap=gap)
        return tuple(group)

    def _tail_end(self, hit: int, limit: int, context: int) -> int:
        """Offset of the last row that is shown after `hit` and before `limit`."""
        tail = islice(self.rows_from(hit), 1, context + 1)
        return max((near.offset for near in tail if near.offset < limit), default=hit)


def _near(chunks: Sequence[LogChunk], first: int, end: int) -> Sequence[LogChunk]:
    """Without the lines before `first` and from `end` on, where one stream is alone: a flood has many."""
    if len({chunk.stream for chunk in chunks}) != 1:
        return chunks
    near: list[LogChunk] = []
    for chunk in chunks:
        begin = chunk.data.rfind(b"\n", 0, max(0, first - chunk.offset)) + 1
        if begin:
            near = []
        stop = chunk.data.find(b"\n", max(begin, end - 1 - chunk.offset)) + 1
        is_last = stop > 0 and chunk.offset + stop >= end
        data = chunk.data[begin : stop if is_last else None]
        if data:
            near.append(replace(chunk, data=data, offset=chunk.offset + begin))
        if is_last:
            break
    return near


def _is_redrawn(row: Row) -> bool:
    is_piece = len(row.data) >= ROW_MAX and not row.data.endswith(b"\n")
    return is_piece and b"\r" in row.data and row.offset // ROW_MAX * ROW_MAX % _REDRAWN != 0
