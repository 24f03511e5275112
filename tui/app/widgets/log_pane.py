"""The log pane: paints the lines that a `LogView` shows, a few times a second, while it can be seen."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.app.present import fit
from tui.app.widgets.log_view import Line, LogView
from tui.contracts import LogReader
from tui.model.units import approximate_size

_FRAMES_PER_S = 15
_GUTTER = 2
_WHEEL_LINES = 3
_MARKERS = {"stdout": "  ", "stderr": "▌ ", "narration": "· "}


class LogPane(Widget, can_focus=True):
    """One job's log. Reads through its `LogReader` only while visible; keeps nothing but the window."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log-pane--stdout",
        "log-pane--stderr",
        "log-pane--narration",
        "log-pane--marker",
        "log-pane--quiet",
        "log-pane--status",
    }
    DEFAULT_CSS = "LogPane { height: 1fr; min-height: 3; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, tooltip="Scroll the log up; it stops following."),
        Binding("down,j", "move(1)", "Down", show=False, tooltip="Scroll the log down."),
        Binding("pageup", "page(-1)", "Page up", show=False, tooltip="Scroll the log up by a page."),
        Binding("pagedown,space", "page(1)", "Page down", show=False, tooltip="Scroll down by a page."),
        Binding("home,g", "home", "Start", show=False, tooltip="Show the beginning of the log."),
        Binding("end,G,f", "follow", "Follow", show=False, tooltip="Show the end of the log and follow it."),
        Binding("w", "wrap", "Wrap", tooltip="Show long lines whole, or cut them."),
    ]

    paused: reactive[bool] = reactive(False)

    class Moved(Message):
        """It began or ceased to follow."""

        def __init__(self, *, is_following: bool) -> None:
            super().__init__()
            self.is_following = is_following

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._views: dict[str, LogView] = {}
        self._view: LogView | None = None
        self._lines: list[Line] = []
        self._shown_size = -1
        self._empty = ""

    def show_log(self, reader: LogReader, job: str, empty: str) -> None:
        """Show another job; each keeps where one was. `empty` is said while there is nothing."""
        view = self._views.get(job)
        if view is None:
            view = self._views[job] = LogView(reader, job)
        if view is not self._view:
            self._view = view
            self._resize_view()
        if empty != self._empty:
            self._empty = empty
            self.refresh()

    def on_mount(self) -> None:
        """Paint at a steady rate, however fast the log grows."""
        self.set_interval(1 / _FRAMES_PER_S, self._paint)

    def on_resize(self) -> None:
        """Fit the window to the new size."""
        self._resize_view()

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        width = self.size.width
        if self._view is None or not self._lines:
            return self._strip(f"  {self._empty}" if y == 0 else "", "quiet", width)
        if y == self.size.height - 1 and not self._view.is_following:
            return self._strip(self._status(), "status", width)
        if y >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        return self._log_strip(self._lines[y], width)

    def _log_strip(self, line: Line, width: int) -> Strip:
        part = line.stream if line.stream in ("stderr", "narration") else "stdout"
        marker = Segment(_MARKERS[part], self.get_component_rich_style("log-pane--marker"))
        segments = [marker, Segment(line.text, self.get_component_rich_style(f"log-pane--{part}"))]
        if line.is_cut:
            segments.append(Segment("…", self.get_component_rich_style("log-pane--quiet")))
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _strip(self, text: str, part: str, width: int) -> Strip:
        return Strip([Segment(fit(text, width), self.get_component_rich_style(f"log-pane--{part}"))], width)

    def _status(self) -> str:
        unseen = self._view.unseen if self._view else 0
        more = f" · {approximate_size(unseen)}B new" if unseen else ""
        return f"  ■ paused{more} · End follows again"

    def _resize_view(self) -> None:
        if self._view is not None and self.size.width:
            self._view.width = self.size.width - _GUTTER
            self._view.height = self.size.height
            self._read()

    def _paint(self) -> None:
        """Read again if the log grew and it can be seen."""
        if self._view is not None and self._is_seen and self._view.size != self._shown_size:
            self._read()

    @property
    def _is_seen(self) -> bool:
        """On top, or behind a dialog."""
        is_behind = self.app.screen.is_modal and self.screen.is_current
        return bool(self.display and self.size) and (self.screen.is_active or is_behind)

    def _read(self) -> None:
        assert self._view is not None
        was_paused, self.paused = self.paused, not self._view.is_following
        self._shown_size = self._view.size
        self._lines = self._view.page()
        self.refresh()
        if was_paused is not self.paused:
            self.post_message(self.Moved(is_following=not self.paused))

    def action_move(self, lines: int) -> None:
        """Scroll by lines."""
        if self._view is not None:
            self._view.move(lines)
            self._read()

    def action_page(self, pages: int) -> None:
        """Scroll by pages, one line overlapping."""
        self.action_move(pages * max(1, self.size.height - 2))

    def action_home(self) -> None:
        """Go to the beginning."""
        if self._view is not None:
            self._view.home()
            self._read()

    def action_follow(self) -> None:
        """Go to the end and stay there."""
        if self._view is not None:
            self._view.follow()
            self._read()

    def action_wrap(self) -> None:
        """Cut long lines, or wrap them."""
        if self._view is not None:
            self._view.rewrap(wrap=not self._view.wrap)
            self._read()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Wheel up."""
        event.stop()
        self.action_move(-_WHEEL_LINES)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Wheel down."""
        event.stop()
        self.action_move(_WHEEL_LINES)
