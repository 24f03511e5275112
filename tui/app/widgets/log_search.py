"""Finding and filtering in one view: what is looked for, where one is in it, and the work behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from tui.app.widgets.log_find import Hits, Pattern, Step, search
from tui.app.widgets.log_view import LogView

_COUNTED = 10_000
"""So many hits are counted; beyond, there are many."""
_SLICE_S = 0.02


class LogSearch:
    """The search in one view. What blocks is done in a thread, some milliseconds at a time."""

    def __init__(self, view: LogView) -> None:
        self.view = view
        self.pattern: Pattern | None = None
        self.filter: Pattern | None = None
        self.context = 0
        self.current: tuple[int, int] | None = None
        """The row that one is at: which log, and its offset."""
        self.news = ""
        """What happened last: it began again from the top, there is none."""
        self.is_looking = False
        self._counts: dict[int, Hits] = {}
        self._searched = 0

    def look_for(self, pattern: Pattern | None) -> None:
        """Look for this from now on; None: for nothing."""
        self.pattern, self.current, self.news = pattern, None, ""
        self._counts = {}
        if pattern is not None:
            for place in self.view.places:
                self._counts[place.section] = Hits(place.reader, place.job, place.skip, pattern, _COUNTED)

    def keep_only(self, pattern: Pattern | None, context: int = 0) -> None:
        """Show only lines with this, and so many around each; None: all."""
        self.filter, self.context = pattern, context
        self.view.keep_only(pattern, context)

    async def go(self, *, down: bool) -> bool:
        """Show the next line that was looked for, or the one before; whether there is one.

        Cancelled, it stays where it was.
        """
        if self.pattern is None:
            return False
        steps = search(self.view.places, self.pattern, self._origin(down=down), down=down)
        self.is_looking, self.news, self._searched = True, "", 0
        try:
            while (step := await asyncio.to_thread(_advance, steps)) is not None:
                self._searched = step.searched
                if step.offset >= 0:
                    self._arrive(step, down=down)
                    return True
            self.news = "not found"
            return False
        finally:
            self.is_looking = False

    def _origin(self, *, down: bool) -> tuple[int, int]:
        if self.current is not None:
            return self.current
        page = [line for line in self.view.page() if line.spot[1] >= 0]
        if not page or (self.view.is_following and not down):
            last = max((place.section for place in self.view.places), default=0)
            return last, self.view.sources[last].size
        section, offset, _ = page[0].spot
        return section, offset - 1

    def _arrive(self, step: Step, *, down: bool) -> None:
        self.current = step.section, step.offset
        self.view.show((step.section, step.offset, 0))
        end = "the top" if down else "the end"
        self.news = f"from {end} again" if step.wrapped else ""

    @property
    def is_behind(self) -> bool:
        """There is more to be counted, or to be filtered."""
        return any(hits.is_behind for hits in self._open())

    def _open(self) -> list[Hits]:
        kept = [source.hits for source in self.view.sources if source.hits is not None]
        return [*self._counts.values(), *kept]

    async def catch_up(self) -> None:
        """Count and filter on for some milliseconds."""
        behind = next((hits for hits in self._open() if hits.is_behind), None)
        if behind is not None:
            await asyncio.to_thread(_catch_up, behind)

    def recount(self) -> None:
        """Begin to count anew: other logs or streams are shown."""
        pattern, current = self.pattern, self.current
        self.look_for(pattern)
        self.current = current

    # ---- words

    def place_of_current(self) -> str:
        """`3 of 128`, `3 of many`, `12 found so far`."""
        counts = self._counts.values()
        total = sum(len(hits) for hits in counts)
        is_many, is_behind = any(hits.is_full for hits in counts), any(hits.is_behind for hits in counts)
        words = "many" if is_many else f"{total}{'+' if is_behind else ''}"
        if self.current is None:
            return f"{words} found"
        section, offset = self.current
        rank = sum(len(hits) for number, hits in self._counts.items() if number < section)
        here = self._counts.get(section)
        if here is None or here.scanned <= offset:
            return f"one of {words}"
        return f"{rank + here.index(offset) + 1} of {words}"

    def progress(self) -> str:
        """How far the search is; nothing where it is not at work."""
        if self.is_looking and self._searched:
            share = min(99, self._searched * 100 // max(1, self.view.size))
            return f"searching {share}%"
        behind = [hits.share for hits in self._open() if hits.is_behind]
        return f"{int(100 * min(behind))}%" if behind and min(behind) < 0.98 else ""

    def kept(self) -> str:
        """How many lines the filter keeps."""
        kept = [source.hits for source in self.view.sources if source.hits is not None]
        more = "+" if any(hits.is_behind or hits.is_full for hits in kept) else ""
        count = sum(len(hits) for hits in kept)
        around = f", {self.context} around" if self.context else ""
        return f"{count:,}{more} {'line' if count == 1 and not more else 'lines'}{around}"


def _advance(steps: Iterator[Step]) -> Step | None:
    """Search until something is found, or for some milliseconds; None: it is over."""
    until, last = time.monotonic() + _SLICE_S, None
    for last in steps:
        if last.offset >= 0 or time.monotonic() > until:
            return last
    return None


def _catch_up(hits: Hits) -> None:
    until = time.monotonic() + _SLICE_S
    while hits.is_behind and time.monotonic() < until:
        hits.step()
