"""Many lines to read: scrolled both ways, and only those painted that are seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.app.present import Label
from tui.app.widgets.tones import tone_colours


class Paper(ScrollView, can_focus=True):
    """Shows labels, one a line; texts are safe by then."""

    DEFAULT_CSS = "Paper { height: 1fr; }"
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll_up", "Up", show=False),
        Binding("j", "scroll_down", "Down", show=False),
        Binding("g", "scroll_home", "First", show=False),
        Binding("G", "scroll_end", "Last", show=False),
        Binding("space", "page_down", "Page down", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: tuple[Label, ...] = ()

    def on_mount(self) -> None:
        """Paint anew in other colours when the theme changes."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self.refresh())

    def show(self, lines: Sequence[Label]) -> None:
        """Show these and nothing else; the place is kept."""
        if tuple(lines) != self._lines:
            self._lines = tuple(lines)
            width = max((cell_len(line.text) for line in self._lines), default=0)
            self.virtual_size = Size(width, len(self._lines))
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        left, top = self.scroll_offset
        width = self.scrollable_content_region.width
        if not 0 <= top + y < len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[top + y]
        style = self.rich_style + Style(color=tone_colours(self.app)[line.tone])
        return Strip([Segment(line.text, style)]).crop_extend(left, left + width, self.rich_style)
