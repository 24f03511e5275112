"""The log pane: paints the lines that a `LogView` shows, a few times a second, while it can be seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.app.present import Label, fit
from tui.app.widgets.log_find import Pattern
from tui.app.widgets.log_paint import GUTTER, STAMP, Brush
from tui.app.widgets.log_search import LogSearch
from tui.app.widgets.log_selection import Selection
from tui.app.widgets.log_times import Times
from tui.app.widgets.log_view import Head, Line, LogView
from tui.contracts import LogReader

_FRAMES_PER_S = 15
_WHEEL_LINES = 3
ALL_JOBS = ("launch", "boot", "send", "unpack", "work", "collect", "cleanup")
"""The logs of a run, in the order of its phases."""
_STREAMS = {"": "stderr", "stderr": "stdout", "stdout": ""}
"""What is left out next: nothing, then stderr, then stdout."""


_PARTS = (
    *("stdout", "stderr", "narration", "marker", "quiet", "status"),
    *("context", "match", "current", "selected"),
    *("text", "muted", "busy", "good", "bad", "warn", "pin"),
)


@dataclass(slots=True)
class Look:
    """One log in the pane, with all that one chose for it."""

    view: LogView
    search: LogSearch
    selection: Selection | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """When the work began and when the log ended, epoch seconds: what times are relative to."""

    began: float = 0.0
    ended: float = 0.0


@dataclass(slots=True)
class _Painted:
    """What the last page was made of."""

    size: int = -1
    lines: list[Line] = field(default_factory=list)
    status: str = ""


class LogPane(Widget, can_focus=True):
    """Logs of one run. Reads through its `LogReader` only while visible; keeps nothing but the window."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"log-pane--{part}" for part in _PARTS}
    DEFAULT_CSS = "LogPane { height: 1fr; min-height: 3; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, tooltip="Scroll the log up; it stops following."),
        Binding("down,j", "move(1)", "Down", show=False, tooltip="Scroll the log down."),
        Binding("pageup", "page(-1)", "Page up", show=False, tooltip="Scroll the log up by a page."),
        Binding("pagedown,space", "page(1)", "Page down", show=False, tooltip="Scroll down by a page."),
        Binding("home,g", "home", "Start", show=False, tooltip="Show the beginning of the log."),
        Binding("end,G", "follow", "End", show=False, tooltip="Show the end of the log and follow it."),
        Binding("escape", "step_back", "Clear", show=False, tooltip="End what was begun in the log."),
        Binding("y", "copy", "Copy", show=False, tooltip="Copy the selected lines."),
    ]

    paused: reactive[bool] = reactive(False)
    times: reactive[Times] = reactive(Times.OFF)
    is_zoomed: reactive[bool] = reactive(False)

    class Moved(Message):
        """It began or ceased to follow."""

        def __init__(self, *, is_following: bool) -> None:
            super().__init__()
            self.is_following = is_following

    class CopyAsked(Message):
        """The selected lines are to be copied."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._looks: dict[str, Look] = {}
        self._look: Look | None = None
        self._painted = _Painted()
        self._empty = ""
        self._is_dragging = False
        self._drag_from: tuple[int, int] = (0, 0)
        self._wrap = False
        self._skip = ""
        self.span = Span()
        self.clock: Callable[[], float] = time.time

    def show_log(self, reader: LogReader, job: str, empty: str, heads: Sequence[Head] = ()) -> None:
        """Show another job; each keeps where one was. `empty` is said while there is nothing.

        With `heads`, all the logs that have one, below one another.
        """
        look = self._looks.get(job)
        if look is None:
            view = LogView(reader, *(ALL_JOBS if heads else (job,)))
            look = self._looks[job] = Look(view, LogSearch(view))
        if heads:
            new = {head.job: head for head in heads}
            if new != look.view.heads:
                look.view.heads = new
                self._painted.size = -1
        if look is not self._look:
            self._look = look
            self._fit()
        if empty != self._empty:
            self._empty = empty
            self.refresh()

    @property
    def look(self) -> Look | None:
        """The log that is shown."""
        return self._look

    def on_mount(self) -> None:
        """Paint at a steady rate, however fast the log grows."""
        self.set_interval(1 / _FRAMES_PER_S, self._paint)
        self.set_interval(1.0, self._tick)

    def on_resize(self) -> None:
        """Fit the window to the new size."""
        self._fit()

    # ---- painting

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        width, painted = self.size.width, self._painted
        if painted.status and y == self.size.height - 1:
            return self._strip(painted.status, "status", width)
        if self._look is None or not painted.lines:
            return self._strip(f"  {self._nothing()}" if y == 0 else "", "quiet", width)
        if y >= len(painted.lines):
            return Strip.blank(width, self.rich_style)
        line = painted.lines[y]
        if line.stream == "head":
            return self._head_strip(line, width)
        if line.stream == "gap":
            return self._strip("  ⋯", "quiet", width)
        return self._brush(line).strip(line)

    def _brush(self, line: Line) -> Brush:
        assert self._look is not None
        look, row = self._look, line.spot[:2]
        return Brush(
            width=self.size.width,
            style_of=self._style_of,
            ground=self.rich_style,
            times=self.times,
            began=self.span.began,
            now=self.clock(),
            pattern=look.search.pattern or look.search.filter,
            is_current=row == look.search.current,
            is_selected=look.selection is not None and look.selection.has(row),
        )

    def _style_of(self, part: str) -> Style:
        return self.get_component_rich_style(f"log-pane--{part}")

    def _head_strip(self, line: Line, width: int) -> Strip:
        assert self._look is not None
        view, job = self._look.view, self._look.view.sources[line.spot[0]].job
        head = view.heads.get(job, Head(job, Label(job)))
        count = view.lines_of(job)
        many = f"{count.lines:,}{'' if count.is_whole else '+'} {'line' if count.lines == 1 else 'lines'}"
        text = f"{'▸' if view.is_folded(line.spot[0]) else '▾'} {head.label.text} · {many} "
        rule = set_cell_size(f"{text}{'─' * width}", width)
        return Strip(
            [
                Segment(rule[: len(text)], self._style_of(head.label.tone)),
                Segment(rule[len(text) :], self._style_of("quiet")),
            ]
        ).adjust_cell_length(width, self.rich_style)

    def _strip(self, text: str, part: str, width: int) -> Strip:
        return Strip([Segment(fit(text, width), self._style_of(part))], width)

    def _nothing(self) -> str:
        look = self._look
        if look is not None and look.search.filter is not None:
            return "No line is as the filter wants it. Esc shows all again."
        if look is not None and look.view.skip and look.view.sources[0].reader.size(look.view.sources[0].job):
            return "Nothing came on this stream. o shows the other."
        return self._empty

    def _status(self) -> str:
        """The last line of the pane; empty where there is nothing to say."""
        look = self._look
        if look is None:
            return ""
        search, view, parts = look.search, look.view, []
        if look.selection is not None:
            parts.append("▌ selecting · arrows: more · c copies · esc ends")
        if search.pattern is not None:
            found = f"/{search.pattern.text}  {search.news or search.place_of_current()}"
            if search.news and search.current is not None:
                found = f"/{search.pattern.text}  {search.place_of_current()}, {search.news}"
            parts.append(found)
        if search.filter is not None:
            sign = "not " if search.filter.is_inverse else ""
            parts.append(f"& {sign}{search.filter.text}  {search.kept()}")
        parts.append(search.progress())
        if not view.is_following:
            unseen = view.unseen
            new = f" · {unseen:,} {'line' if unseen == 1 else 'lines'} new" if unseen else ""
            parts += [f"■ paused{new}", "End follows again"]
        if self.is_zoomed:
            parts.append("z shows the rest")
        words = [part for part in parts if part]
        while len(words) > 1 and cell_len(" · ".join(words)) > self.size.width - 2:
            words.pop()  # what is nearer to the beginning is needed more
        return f"  {' · '.join(words)}" if words else ""

    # ---- when

    def _fit(self) -> None:
        if self._look is not None and self.size.width:
            stamp = STAMP if self.times is not Times.OFF else 0
            view = self._look.view
            view.width = max(2, self.size.width - GUTTER - stamp)
            if view.wrap is not self._wrap:
                view.rewrap(wrap=self._wrap)
            if view.skip != self._skip:
                view.leave_out(self._skip)
                self._look.search.recount()
            self.read()

    def _paint(self) -> None:
        """Read again if the log grew and it can be seen."""
        look = self._look
        if look is None or not self._is_seen:
            return
        if look.search.is_behind and not any(worker.group == "catch-up" for worker in self.workers):
            self.run_worker(self._catch_up(look), group="catch-up", exclusive=True)
        counts = look.view.count_new()
        if look.view.size != self._painted.size or counts or self._status() != self._painted.status:
            self.read()

    def _tick(self) -> None:
        if self.times is Times.AGO and self._is_seen:
            self.refresh()

    async def _catch_up(self, look: Look) -> None:
        while look is self._look and look.search.is_behind and self._is_seen:
            await look.search.catch_up()
            if look.search.filter is not None and not self._painted.lines:
                self._painted.size = -1

    @property
    def _is_seen(self) -> bool:
        """On top, or behind a dialog."""
        is_behind = self.app.screen.is_modal and self.screen.is_current
        return bool(self.display and self.size) and (self.screen.is_active or is_behind)

    def read(self) -> None:
        """Read the page anew, and paint it."""
        if self._look is None:
            return
        view = self._look.view
        was_paused, self.paused = self.paused, not view.is_following
        self._painted.size, self._painted.status = view.size, self._status()
        view.height = max(1, self.size.height - bool(self._painted.status))
        self._painted.lines = view.page()
        self.refresh()
        if was_paused is not self.paused:
            self.post_message(self.Moved(is_following=not self.paused))

    # ---- what a person does

    def action_move(self, lines: int) -> None:
        """Scroll by lines; while lines are selected, move the cursor."""
        if self._look is None:
            return
        if self._look.selection is not None:
            self._move_cursor(lines)
        else:
            self._look.view.move(lines)
        self.read()

    def action_page(self, pages: int) -> None:
        """Scroll by pages, one line overlapping."""
        self.action_move(pages * max(1, self.size.height - 2))

    def action_home(self) -> None:
        """Go to the beginning."""
        if self._look is not None:
            self._look.view.home()
            self.read()

    def action_follow(self) -> None:
        """Go to the end and stay there."""
        if self._look is not None:
            self._look.selection = None
            self._look.view.follow()
            self.read()

    def action_step_back(self) -> None:
        """End what was begun last: selecting, zooming, finding, filtering."""
        look = self._look
        if look is None:
            return
        if look.selection is not None:
            look.selection = None
        elif look.search.pattern is not None:
            self.workers.cancel_group(self, "find")
            look.search.look_for(None)
        elif look.search.filter is not None:
            look.search.keep_only(None)
        else:
            self.is_zoomed = False
        self.read()

    def action_copy(self) -> None:
        """Ask for the selected lines to be copied."""
        self.post_message(self.CopyAsked())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape and copy are the screen's unless there is something to end or to copy."""
        look = self._look
        if action == "copy":
            return look is not None and look.selection is not None
        if action == "step_back" and look is not None:
            search = look.search
            return bool(look.selection or search.pattern or search.filter or self.is_zoomed)
        return super().check_action(action, parameters)

    def wrap(self) -> bool:
        """Cut long lines, or wrap them; whether they are wrapped now."""
        self._wrap = not self._wrap
        self._fit()
        return self._wrap

    def turn_times(self) -> Times:
        """Show times in the next way."""
        self.times = self.times.next
        self._fit()
        return self.times

    def turn_streams(self) -> str:
        """Show the next choice of streams; the name of the one left out."""
        self._skip = _STREAMS[self._skip]
        self._fit()
        return self._skip

    def find(self, pattern: Pattern | None) -> None:
        """Look for this; on the page at once, elsewhere when one goes there."""
        if self._look is not None:
            self._look.search.look_for(pattern)
            self.read()

    def go(self, *, down: bool) -> None:
        """Go to the next line that was found, or the one before."""
        self.run_worker(self._go(down=down), group="find", exclusive=True)

    async def _go(self, *, down: bool) -> None:
        if self._look is not None:
            await self._look.search.go(down=down)
            self.read()

    def keep_only(self, pattern: Pattern | None, context: int = 0) -> None:
        """Show only what matches, and so many lines around it; None: all."""
        if self._look is not None:
            self._look.search.keep_only(pattern, max(0, context))
            self._look.selection = None
            self.read()

    def select(self) -> None:
        """Begin to select lines at the last one that is seen, or end it."""
        look, rows = self._look, [line.spot[:2] for line in self._painted.lines if line.spot[1] >= 0]
        if look is None or not rows:
            return
        look.selection = None if look.selection else Selection(rows[-1], rows[-1])
        self.read()

    def seen_lines(self) -> list[str]:
        """The lines that are seen, whole."""
        rows = {line.spot[:2]: line.whole for line in self._painted.lines if line.spot[1] >= 0}
        return list(rows.values())

    def _move_cursor(self, lines: int) -> None:
        look = self._look
        assert look is not None
        assert look.selection is not None
        view = look.view
        for _ in range(2):
            rows = list(dict.fromkeys(line.spot[:2] for line in view.page() if line.spot[1] >= 0))
            at = rows.index(look.selection.cursor) if look.selection.cursor in rows else len(rows) - 1
            if 0 <= at + lines < len(rows):
                break
            view.move(lines)
        if rows:
            look.selection = look.selection.to(rows[min(max(at + lines, 0), len(rows) - 1)])

    # ---- phases

    def fold(self, section: int | None = None) -> None:
        """Fold or unfold the log at the top, or this one."""
        if self._look is None or not self._painted.lines:
            return
        view = self._look.view
        section = self._painted.lines[0].spot[0] if section is None else section
        view.fold(section, folded=not view.is_folded(section))
        self.read()

    def turn_phase(self, phases: int) -> None:
        """Go to the head of the next phase, or of the one before."""
        if self._look is None or not self._painted.lines:
            return
        view, top = self._look.view, self._painted.lines[0].spot
        there = [place.section for place in view.places]
        at = there.index(top[0]) + phases
        if phases < 0 and top[1] >= 0:
            at += 1
        view.go_to((there[min(max(at, 0), len(there) - 1)], -1, 0))
        self.read()

    # ---- mouse

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Wheel up."""
        event.stop()
        if self._look is not None:
            self._look.view.move(-_WHEEL_LINES)
            self.read()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Wheel down."""
        event.stop()
        if self._look is not None:
            self._look.view.move(_WHEEL_LINES)
            self.read()

    def _line_at(self, y: int) -> Line | None:
        return self._painted.lines[y] if 0 <= y < len(self._painted.lines) else None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A head folds; anywhere else a selection may begin."""
        line = self._line_at(event.y)
        if line is None or self._look is None:
            return
        if line.stream == "head":
            self.fold(line.spot[0])
            return
        self._is_dragging = True
        self._look.selection = None
        self._drag_from = line.spot[:2]
        self.capture_mouse()
        self.read()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Select from where the button went down."""
        line = self._line_at(min(max(event.y, 0), len(self._painted.lines) - 1))
        if self._is_dragging and self._look is not None and line is not None and line.spot[1] >= 0:
            row = line.spot[:2]
            if self._look.selection is not None or row != self._drag_from:
                self._look.selection = Selection(self._drag_from, row)
                self.read()

    def on_mouse_up(self) -> None:
        """What is selected stays."""
        self._is_dragging = False
        self.release_mouse()
