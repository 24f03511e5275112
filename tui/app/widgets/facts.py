"""A few facts, each a word and a sentence; and one line of labels."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text
from textual.widgets import Static

from tui.app.present import Label
from tui.app.tables import Fact
from tui.app.widgets.tones import tone_colours

_WORD_WIDTH = 10


class Facts(Static):
    """Shows facts; sentences wrap under themselves. Its height is fixed by the style sheet."""

    @property
    def sentence_width(self) -> int:
        """How many cells a line of a sentence has."""
        return max(1, self.content_size.width - _WORD_WIDTH)

    def show(self, facts: Sequence[Fact]) -> None:
        """Show these and nothing else."""
        colours = tone_colours(self.app)
        grid = Table.grid(padding=0)
        grid.add_column(width=_WORD_WIDTH)
        grid.add_column(ratio=1, overflow="fold")
        for word, label in facts:
            grid.add_row(Text(word, colours["muted"]), Text(label.text, colours[label.tone]))
        self.update(grid, layout=False)


class Labels(Static):
    """One line of labels: some at the left, one at the right, cut to the width."""

    def show(self, left: Sequence[Label], right: Label) -> None:
        """Show these and nothing else."""
        colours = tone_colours(self.app)
        line = Text(no_wrap=True)
        for label in left:
            line.append("   " if line else "").append(label.text, colours[label.tone])
        end = Text(right.text, colours[right.tone])
        line.truncate(max(0, self.content_size.width - end.cell_len - 2), overflow="ellipsis", pad=True)
        self.update(line.append("  ").append_text(end), layout=False)
