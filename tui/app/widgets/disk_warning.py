"""One line that is there when the disk of logs and results is nearly full, with what mends it."""

from __future__ import annotations

import asyncio

from textual import work

from tui.app.widgets.sheet import Sheet
from tui.contracts import History

_LOOK_S = 60.0


class DiskWarning(Sheet):
    """Looks once a minute, in a thread."""

    DEFAULT_CSS = "DiskWarning { display: none; padding: 0 1; color: $warning; }"

    def __init__(self, history: History) -> None:
        super().__init__()
        self._history = history
        self._words = ""

    def on_mount(self) -> None:
        """Look at once, and go on looking."""
        self.look()
        self.set_interval(_LOOK_S, self.look)

    @work(exclusive=True)
    async def look(self) -> None:
        """Say how it is now."""
        try:
            self._words = (await asyncio.to_thread(self._history.room)).warning
        except OSError as error:
            self._words = f"the disk of logs and results cannot be read: {error.strerror}"
        self.display = bool(self._words)
        self.put_text(self._words)
