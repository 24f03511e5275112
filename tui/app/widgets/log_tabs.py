"""One line that says which log is shown; a click shows another."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import Static

from tui.app.widgets.tones import tone_colours

_TABS = (("launch", " 1 Launch "), ("work", " 2 Work "), ("cleanup", " 3 Cleanup "))


class LogTabs(Static):
    """Launch, work and cleanup; the legend of the pane at the right."""

    class Picked(Message):
        """A tab was clicked."""

        def __init__(self, job: str) -> None:
            super().__init__()
            self.job = job

    def show(self, job: str, *, is_following: bool) -> None:
        """Mark the log that is shown."""
        colours = tone_colours(self.app)
        line = Text(no_wrap=True)
        for name, title in _TABS:
            line.append(title, f"bold reverse {colours['busy']}" if name == job else colours["muted"])
        end = Text("▌ stderr   ", colours["bad"])
        end.append("▼ following" if is_following else "■ paused   ", colours["muted"])
        line.truncate(max(0, self.content_size.width - end.cell_len), pad=True)
        self.update(line.append_text(end), layout=False)

    def on_click(self, event: events.Click) -> None:
        """Find the tab under the pointer."""
        at = event.get_content_offset(self)
        left = 0
        for name, title in _TABS:
            left += len(title)
            if at is not None and at.x < left:
                self.post_message(self.Picked(name))
                return
