"""Lines of text of which only those that differ are painted anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest

from rich.text import Text
from textual.geometry import Region, Size
from textual.widget import Widget


class Sheet(Widget):
    """Shows lines, already as wide as it is; those that are drawn it draws anew for another width."""

    DEFAULT_CSS = "Sheet { height: auto; }"
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: tuple[Text, ...] = ()
        self._painted_for = Size()
        self._draw: Callable[[], Sequence[Text]] | None = None

    @property
    def room(self) -> int:
        """How many cells a line has: before the first layout, as many as the terminal."""
        return self.content_size.width or self.app.size.width

    def draw(self, lines: Callable[[], Sequence[Text]]) -> None:
        """Show what `lines` gives for the `room` of now, and whenever that changes what it gives then."""
        self._draw = lines
        self.put(lines())

    def on_resize(self) -> None:
        """Whoever filled it did not know this width, and may not come by for a second."""
        if self._draw is not None:
            self.put(self._draw())

    def put(self, lines: Sequence[Text]) -> None:
        """Show these lines and nothing else."""
        old, self._lines = self._lines, tuple(lines)
        differ = [y for y, (before, now) in enumerate(zip_longest(old, self._lines)) if before != now]
        resized, self._painted_for = self.size != self._painted_for, self.size
        if differ and len(old) != len(self._lines) and self.styles.is_auto_height:
            self.refresh(layout=True)
        elif resized:  # the old lines were painted anew meanwhile, wrapped who knows how
            self.refresh()
        elif differ and self.styles.content_align != ("left", "top"):
            self.refresh()  # a line is not painted where it is counted
        elif differ:
            self.refresh(*(Region(0, y, self.content_size.width, 1) for y in differ))

    def put_text(self, text: str) -> None:
        """Show a text, wrapped."""
        parts = [Text(part) for part in text.split("\n")]
        self.draw(lambda: [line for part in parts for line in part.wrap(self.app.console, self.room)])

    def render(self) -> Text:
        """All the lines."""
        return Text("\n", no_wrap=True).join(self._lines)
