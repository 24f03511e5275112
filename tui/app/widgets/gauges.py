"""What one VM uses: a line for each of CPU, memory, disk and load, with a graph, the number, the peak."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from tui.app.monitor import Gauge, spark
from tui.app.present import fit
from tui.app.widgets.sheet import Sheet
from tui.app.widgets.tones import tone_colours

_WORD, _NUMBER, _PEAK = 10, 17, 12
_LONGEST = 60


class Gauges(Sheet):
    """Shows gauges; only the lines that differ are painted, and none ever moves."""

    def show(self, gauges: Sequence[Gauge]) -> None:
        """Show these and nothing else."""
        self.draw(lambda: [self._line(gauge) for gauge in gauges])

    def _line(self, gauge: Gauge) -> Text:
        width = max(0, min(_LONGEST, self.room - _WORD - _NUMBER - _PEAK))
        colours = tone_colours(self.app)
        return Text.assemble(
            (fit(gauge.word, _WORD), colours["muted"]),
            (spark(gauge.shares, width), colours["busy"]),
            (fit(f"  {gauge.number.text}", _NUMBER), colours[gauge.number.tone]),
            (fit(f"peak {gauge.peak}", _PEAK), colours["muted"]),
            no_wrap=True,
        )
