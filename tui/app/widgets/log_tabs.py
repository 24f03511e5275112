"""One line that says which log is shown; a click shows another."""

from __future__ import annotations

from collections.abc import Collection

from rich.text import Text
from textual import events
from textual.message import Message

from tui.app.widgets.sheet import Sheet
from tui.app.widgets.tones import tone_colours

RESULTS = "results"
"""No log, but what came home."""

ALL = "all"
"""All logs below one another."""

TITLES: dict[str, str] = {
    ALL: " 0 All ",
    "launch": " 1 Launch ",
    "work": " 2 Work ",
    "cleanup": " 3 Cleanup ",
    RESULTS: " 4 Results ",
    "boot": " 5 Boot ",
    "send": " 6 Send ",
    "unpack": " 7 Unpack ",
}
"""Every tab; a number is a tab's for ever, whichever others there are."""


class LogTabs(Sheet):
    """The tabs that there are; the legend of the pane at the right."""

    class Picked(Message):
        """A tab was clicked."""

        def __init__(self, job: str) -> None:
            super().__init__()
            self.job = job

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._tabs: list[str] = []

    def show(self, job: str, tabs: Collection[str], *, is_following: bool) -> None:
        """Mark the one that is shown; where there is no room for all, the first ones go."""
        self.draw(lambda: [self._line(job, tabs, is_following)])

    def _line(self, job: str, tabs: Collection[str], is_following: bool) -> Text:
        colours = tone_colours(self.app)
        end = Text("▌ stderr   ", colours["bad"])
        end.append("▼ following" if is_following else "■ paused   ", colours["muted"])
        room, self._tabs = self.room, [tab for tab in TITLES if tab in tabs]
        if job == RESULTS or sum(len(TITLES[tab]) for tab in self._tabs) + end.cell_len > room:
            end = Text("")
        while self._tabs[0] != job and sum(len(TITLES[tab]) for tab in self._tabs) > room:
            self._tabs.pop(0)
        line = Text(no_wrap=True)
        for name in self._tabs:
            style = f"bold reverse {colours['busy']}" if name == job else colours["muted"]
            line.append(TITLES[name], style)
        line.truncate(max(0, room - end.cell_len), pad=True)
        return line.append_text(end)

    def on_click(self, event: events.Click) -> None:
        """Find the tab under the pointer."""
        at = event.get_content_offset(self)
        left = 0
        for name in self._tabs:
            left += len(TITLES[name])
            if at is not None and at.x < left:
                self.post_message(self.Picked(name))
                return
