"""One line that names the shells of a VM; it has the focus while the keys are not the guest's."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.message import Message

from tui.app.widgets.sheet import Sheet
from tui.app.widgets.tones import tone_colours

_TITLE_MAX = 24


class ShellTabs(Sheet, can_focus=True):
    """The shells by number and title; at the right, how far one looks back, or how big the screen is."""

    class Picked(Message):
        """A tab was clicked."""

        def __init__(self, at: int) -> None:
            super().__init__()
            self.at = at

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._ends: list[int] = []
        self._first = 0

    def show(self, titles: Sequence[str], shown: int, right: str) -> None:
        """Mark the one that is shown; where there is no room for all, the first ones go."""
        self.draw(lambda: [self._line(titles, shown, right)])

    def _line(self, titles: Sequence[str], shown: int, right: str) -> Text:
        colours = tone_colours(self.app)
        room = self.room
        names = [f" {at} {title[:_TITLE_MAX]} " for at, title in enumerate(titles, 1)]
        end = Text(f" {right}", colours["muted"])
        if sum(map(len, names)) + end.cell_len > room:
            names = [f" {at} " if at - 1 != shown else name for at, name in enumerate(names, 1)]
        self._first = 0
        while self._first < shown and sum(map(len, names[self._first :])) + end.cell_len > room:
            self._first += 1
        line, self._ends = Text(no_wrap=True), []
        mark = f"bold reverse {colours['warn' if self.has_focus else 'busy']}"
        for at, name in list(enumerate(names))[self._first :]:
            line.append(name, mark if at == shown else colours["muted"])
            self._ends.append(line.cell_len)
        line.truncate(max(0, room - end.cell_len), pad=True)
        return line.append_text(end)

    def on_click(self, event: events.Click) -> None:
        """Find the tab under the pointer."""
        at = event.get_content_offset(self)
        for number, end in enumerate(self._ends):
            if at is not None and at.x < end:
                self.post_message(self.Picked(self._first + number))
                return
