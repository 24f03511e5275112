"""A window on logs that may be endless: which lines are seen, found by byte offset. Nothing here draws.

One log, or several below one another, each under a head and folded or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from rich.cells import cell_len, chop_cells, set_cell_size

from tui.app.present import Label
from tui.app.widgets.log_ansi import Span, Styled, styled
from tui.app.widgets.log_count import LineCount
from tui.app.widgets.log_find import Hits, Pattern, Place
from tui.app.widgets.log_rows import Row
from tui.app.widgets.log_source import LogSource, Shown
from tui.contracts import LogReader

Spot = tuple[int, int, int]
"""A line on the screen: which log, offset of its row (-1: the log's head), which of its wrapped lines."""

_KEPT_HITS = 1_000_000
_HEAD = -1
_GAP = -1
_START: Spot = (0, _HEAD, 0)


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above one of several logs."""

    job: str
    label: Label
    """Glyph, name, how long it took."""
    is_folded: bool = False
    """Unless the person says otherwise."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line on the screen, safe to be painted."""

    spot: Spot
    stream: str
    """`stdout`, `stderr` or `narration`; `head`, or `gap` where lines were left out."""
    text: str
    is_cut: bool = False
    """There is more of it to the right."""
    at: float = 0.0
    """When it arrived, epoch seconds; 0 where nobody knows, or for the rest of a wrapped line."""
    spans: tuple[Span, ...] = ()
    is_context: bool = False
    whole: str = ""
    """The whole text of its row."""
    start: int = 0
    """Where in `whole` it begins."""


@lru_cache(maxsize=1024)
def _parts(text: str, width: int, wrap: bool) -> tuple[tuple[int, int, bool], ...]:
    """From and to where each line of a row is, and whether more of it was cut."""
    if cell_len(text) <= width:
        return ((0, len(text), False),)
    if not wrap:
        return ((0, len(set_cell_size(text[:width], width - 1).rstrip()) or 1, True),)
    parts, at = [], 0
    for part in chop_cells(text, width):
        parts.append((at, at + len(part), False))
        at += len(part)
    return tuple(parts)


class LogView:
    """Where one looks: at the end, following it, or at a fixed spot."""

    def __init__(self, reader: LogReader, *jobs: str) -> None:
        self.sources = [LogSource(reader, job) for job in jobs]
        self.heads: Mapping[str, Head] = {}
        """Of the logs that are shown under one; empty: one log alone."""
        self.folds: dict[str, bool] = {}
        """What the person folded or unfolded."""
        self.width = 80
        self.height = 10
        self.wrap = False
        self.skip = ""
        self._reader = reader
        self._top: Spot | None = None
        self._new: list[LineCount] = []
        self._counts: dict[str, LineCount] = {}

    @property
    def size(self) -> int:
        """Bytes of the logs by now."""
        return sum(source.size for source in self.sources)

    @property
    def is_following(self) -> bool:
        """The end is shown, wherever it moves."""
        return self._top is None

    @property
    def unseen(self) -> int:
        """Lines that came since one stopped following, as far as they were counted."""
        return 0 if self.is_following else sum(count.lines for count in self._new)

    def count_new(self) -> bool:
        """Count on, a little; whether there is more to count."""
        counts = [*(self._new if self._top is not None else []), *self._counts.values()]
        return sum(count.advance() for count in counts) > 0

    def lines_of(self, job: str) -> LineCount:
        """How many lines a log has, as far as they were counted."""
        if job not in self._counts:
            self._counts[job] = LineCount(self._reader, job, 0, self.skip)
        return self._counts[job]

    # ---- where one looks

    def page(self) -> list[Line]:
        """The lines to be seen now, at most `height`."""
        if self._top is None:
            return self._before(self._end, self.height)
        return self._after(self._top, self.height)

    def follow(self) -> None:
        """Show the end and stay there."""
        self._top = None

    def home(self) -> None:
        """Show the beginning."""
        self.go_to(_START)

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

    def show(self, spot: Spot) -> None:
        """Have a line in sight, a third from the top where it was not, and stay there."""
        self.folds[self.sources[spot[0]].job] = False
        page = self.page()
        if any(line.spot[:2] == spot[:2] for line in page):
            self._stay(page[0].spot)  # what is in sight stays where it is
            return
        above = self._before(spot, self.height // 3)
        self._stay(above[0].spot if above else spot)

    def go_to(self, spot: Spot) -> None:
        """Have a line at the top, and stay there unless that is the end."""
        self._stay(spot)
        self._settle()

    def show_time(self, at: float) -> None:
        """Go to the first line that arrived at `at` (epoch seconds) or later."""
        for section, source in enumerate(self.sources):
            offset = self._reader.arrived(source.job, at)
            if offset < source.size:
                self.folds[source.job] = False
                self.go_to((section, offset, 0))
                return
        self.follow()

    def rewrap(self, *, wrap: bool) -> None:
        """Show long lines whole, or cut."""
        self.wrap = wrap
        if self._top is not None:
            self._top = (*self._top[:2], 0)

    def leave_out(self, stream: str) -> None:
        """Show all but this stream; empty: show all."""
        self.skip = stream
        self._counts.clear()
        for source in self.sources:
            source.skip = stream
            if source.hits is not None:
                self._filter(source, source.hits.pattern, source.context)

    def fold(self, section: int, *, folded: bool) -> None:
        """Hide the lines of a log under its head, or show them."""
        self.folds[self.sources[section].job] = folded
        if folded and self._top is not None and self._top[0] == section:
            self._top = (section, _HEAD, 0)

    def is_folded(self, section: int) -> bool:
        """Whether only the head of this log is shown."""
        job = self.sources[section].job
        head = self.heads.get(job)
        return head is not None and self.folds.get(job, head.is_folded)

    # ---- what is looked for

    @property
    def places(self) -> list[Place]:
        """The logs in which is searched."""
        return [
            Place(section, self._reader, source.job, source.skip)
            for section, source in enumerate(self.sources)
            if self._is_there(section)
        ]

    def keep_only(self, pattern: Pattern | None, context: int = 0) -> list[Hits]:
        """Show only lines that are meant, with so many around each; None: all. What is to be found first."""
        for source in self.sources:
            self._filter(source, pattern, context)
        return [source.hits for source in self.sources if source.hits is not None]

    def _filter(self, source: LogSource, pattern: Pattern | None, context: int) -> None:
        if pattern is None:
            source.keep(None, 0)
        elif source.hits is not None and source.hits.pattern == pattern and source.hits.skip == source.skip:
            source.keep(source.hits, context)
        else:
            source.keep(Hits(self._reader, source.job, source.skip, pattern, _KEPT_HITS), context)

    # ---- lines

    @property
    def _end(self) -> Spot:
        return len(self.sources), 0, 0

    def _stay(self, spot: Spot) -> None:
        if self._top is None:
            self._new = [
                LineCount(self._reader, source.job, source.size, source.skip) for source in self.sources
            ]
        self._top = spot

    def _settle(self) -> None:
        """Follow again if the end is in sight."""
        if self._top is not None and len(self._after(self._top, self.height + 1)) <= self.height:
            self._top = None

    def _is_there(self, section: int) -> bool:
        return not self.heads or self.sources[section].job in self.heads

    def _after(self, spot: Spot, count: int) -> list[Line]:
        """Up to `count` lines from `spot` on."""
        return list(islice(self._forwards(spot), count))

    def _before(self, spot: Spot, count: int) -> list[Line]:
        """Up to `count` lines that lie before `spot`."""
        return list(islice(self._backwards(spot), count))[::-1]

    def _forwards(self, spot: Spot) -> Iterator[Line]:
        for section in range(spot[0], len(self.sources)):
            if not self._is_there(section):
                continue
            first = spot if section == spot[0] else (section, _HEAD, 0)
            if self.heads and first[1] == _HEAD:
                yield self._head(section)
            if not self.is_folded(section):
                for shown in self.sources[section].forwards(max(0, first[1])):
                    yield from (line for line in self._lines(section, shown) if line.spot >= first)

    def _backwards(self, spot: Spot) -> Iterator[Line]:
        for section in range(min(spot[0], len(self.sources) - 1), -1, -1):
            if not self._is_there(section) or (section == spot[0] and spot[1] == _HEAD):
                continue
            source = self.sources[section]
            if not self.is_folded(section):
                if section != spot[0]:
                    before = source.backwards(source.size)
                else:
                    yield from self._rest_before(spot)
                    before = source.backwards(spot[1])
                for shown in before:
                    yield from reversed(self._lines(section, shown))
            if self.heads:
                yield self._head(section)

    def _rest_before(self, spot: Spot) -> Iterator[Line]:
        """The lines of the same row that are above."""
        shown = next(self.sources[spot[0]].forwards(spot[1]), None)
        if shown is not None and shown.row.offset == spot[1]:
            yield from (line for line in reversed(self._lines(spot[0], shown)) if line.spot < spot)

    def _head(self, section: int) -> Line:
        return Line((section, _HEAD, 0), "head", "")

    def _lines(self, section: int, shown: Shown) -> list[Line]:
        row, look = shown.row, styled(shown.row.data)
        if not look.text and not row.data.endswith(b"\n"):
            return []  # begun, and nothing to be seen yet
        lines = [Line((section, row.offset, _GAP), "gap", "")] if shown.is_after_gap else []
        text = look.text.rstrip(" ")  # spinners are wiped out with blanks
        for sub, part in enumerate(_parts(text, max(self.width, 2), self.wrap)):
            lines.append(_line((section, row.offset, sub), row, look, part, is_context=shown.is_context))
        return lines


def _line(spot: Spot, row: Row, look: Styled, part: tuple[int, int, bool], *, is_context: bool) -> Line:
    start, end, is_cut = part
    spans: Sequence[Span] = [
        (max(first, start) - start, min(last, end) - start, style)
        for first, last, style in look.spans
        if first < end and last > start
    ]
    return Line(
        spot,
        row.stream,
        look.text[start:end],
        is_cut,
        row.at if spot[2] == 0 else 0.0,
        tuple(spans),
        is_context,
        look.text,
        start,
    )
