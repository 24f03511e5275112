"""A few facts, each a word and a sentence; and one line of labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from tui.app.present import Fact, Label
from tui.app.widgets.sheet import Sheet
from tui.app.widgets.tones import tone_colours

_WORD_WIDTH = 10


class Facts(Sheet):
    """Shows facts; sentences wrap under themselves."""

    @property
    def sentence_width(self) -> int:
        """How many cells a line of a sentence has."""
        return max(1, self.room - _WORD_WIDTH)

    def show(self, facts: Sequence[Fact]) -> None:
        """Show these and nothing else."""
        self.draw(lambda: [line for word, label in facts for line in self._lines_of(word, label)])

    def _lines_of(self, word: str, label: Label) -> Iterator[Text]:
        colours = tone_colours(self.app)
        sentence = Text(label.text, colours[label.tone], overflow="fold")
        wrapped = [
            line
            for part in sentence.split("\n", allow_blank=True)
            for line in part.wrap(self.app.console, self.sentence_width)
        ]
        for number, line in enumerate(wrapped or [Text("")]):
            line.rstrip()
            head = "" if number else word
            yield Text.assemble((head.ljust(_WORD_WIDTH), colours["muted"]), line, no_wrap=True)


class Labels(Sheet):
    """One line of labels: some at the left, one at the right, cut to the width."""

    def show(self, left: Sequence[Label], right: Label) -> None:
        """Show these and nothing else."""
        self.draw(lambda: [self._line(left, right)])

    def _line(self, left: Sequence[Label], right: Label) -> Text:
        colours = tone_colours(self.app)
        line = Text(no_wrap=True)
        for label in left:
            line.append("   " if line else "").append(label.text, colours[label.tone])
        end = Text(right.text, colours[right.tone])
        line.truncate(max(0, self.room - end.cell_len - 2), overflow="ellipsis", pad=True)
        return line.append("  ").append_text(end)
