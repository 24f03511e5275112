"""The life of a run in one strip: every phase and how long it took."""

from __future__ import annotations

from rich.text import Text

from tui.app.present import PhaseStep, fit
from tui.app.widgets.sheet import Sheet
from tui.app.widgets.tones import tone_colours

_MARK_WIDTH = 9
_LAST_WIDTH = 6


class PhaseStrip(Sheet):
    """Two lines: the phases, and under each its time. Cells have a fixed width; the earliest go first."""

    def show(self, steps: tuple[PhaseStep, ...]) -> None:
        """Show as many of the last steps as fit."""
        self.draw(lambda: self._lines_of(steps))

    def _lines_of(self, steps: tuple[PhaseStep, ...]) -> tuple[Text, Text]:
        shown = list(steps)
        while shown and sum(map(_width, shown)) + len(shown) - 1 > self.room:
            shown.pop(0)
        colours = tone_colours(self.app)
        names, marks = Text(no_wrap=True), Text(no_wrap=True)
        for step in shown:
            names.append(fit(step.name, _width(step)) + " ", colours[step.tone])
            marks.append(fit(step.mark, _width(step)) + " ", colours[step.tone])
        return names, marks


def _width(step: PhaseStep) -> int:
    return _LAST_WIDTH if step.name == "gone" else max(len(step.name), _MARK_WIDTH)
