"""A profile's file, numbered, with what is wrong below the line where it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from tui.app.profile_pages import TextLine
from tui.app.widgets.sheet import Sheet
from tui.app.widgets.tones import tone_colours

_GUTTER = 5


class ProfileText(Sheet):
    """Shows numbered lines; long ones wrap behind the numbers."""

    def show(self, lines: Sequence[TextLine]) -> None:
        """Show these and nothing else."""
        self.put([part for line in lines for part in self._parts(line)])

    def _parts(self, line: TextLine) -> Iterator[Text]:
        colours = tone_colours(self.app)
        width = max(1, self.content_size.width - _GUTTER)
        text = Text(line.label.text, colours[line.label.tone])
        wrapped = text.wrap(self.app.console, width, overflow="fold") or [Text("")]
        for index, part in enumerate(wrapped):
            part.rstrip()
            number = str(line.number) if line.number and not index else ""
            yield Text.assemble((f"{number:>{_GUTTER - 2}}  ", colours["muted"]), part, no_wrap=True)
