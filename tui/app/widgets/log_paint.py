"""From lines to strips: time, mark, text in its colours, what was found in it. No widget is known here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.app.widgets.log_ansi import Span
from tui.app.widgets.log_find import Pattern
from tui.app.widgets.log_times import Times, stamp
from tui.app.widgets.log_view import Line

MARKERS = {"stdout": "  ", "stderr": "▌ ", "narration": "· "}
GUTTER = 2
STAMP = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Brush:
    """All that a line needs to be painted."""

    width: int
    style_of: Callable[[str], Style]
    """The style of a part: `stdout`, `marker`, `match`..."""
    ground: Style
    times: Times
    began: float
    now: float
    pattern: Pattern | None
    is_current: bool = False
    """The line that a search came to."""
    is_selected: bool = False

    def strip(self, line: Line) -> Strip:
        """One line of a log."""
        part = line.stream if line.stream in ("stderr", "narration") else "stdout"
        base = self.style_of("context" if line.is_context else part)
        segments = [Segment(MARKERS[part], self.style_of("marker"))]
        if self.times is not Times.OFF:
            words = stamp(self.times, line.at, self.began, self.now)
            segments.insert(0, Segment(f"{words} ", self.style_of("quiet")))
        segments += _segments(line.text, base, [*line.spans, *self._matches(line)])
        if line.is_cut:
            segments.append(Segment("…", self.style_of("quiet")))
        strip = Strip(segments).adjust_cell_length(self.width, self.ground)
        if self.is_selected:
            return strip.apply_style(self.style_of("selected"))
        return strip

    def _matches(self, line: Line) -> list[Span]:
        if self.pattern is None or self.pattern.is_inverse:
            return []
        style = self.style_of("current" if self.is_current else "match")
        end = line.start + len(line.text)
        return [
            (max(first, line.start) - line.start, min(last, end) - line.start, style)
            for first, last in self.pattern.spans(line.whole)
            if first < end and last > line.start
        ]


def _segments(text: str, base: Style, spans: Sequence[Span]) -> list[Segment]:
    """The text in its styles; a later span goes over an earlier one."""
    if not spans:
        return [Segment(text, base)] if text else []
    styles = [base] * len(text)
    for start, end, more in spans:
        for at in range(start, end):
            styles[at] += more
    segments, at = [], 0
    for style, cells in groupby(styles):
        end = at + sum(1 for _ in cells)
        segments.append(Segment(text[at:end], style))
        at = end
    return segments
