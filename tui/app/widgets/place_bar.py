"""The head of a place: what is going on, and the names of the places with their digits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget

from tui.app.commands.places import PLACES, Go
from tui.app.present import Label
from tui.app.widgets.facts import Labels
from tui.app.widgets.tones import tone_colours

_WORDS_FROM = 100
"""On a narrower terminal only the place where one is bears its word."""


class PlaceBar(Widget):
    """The places, each to be clicked; the one where one is stands out."""

    DEFAULT_CSS = "PlaceBar { width: auto; height: 1; margin: 0 0 0 2; }"
    ALLOW_SELECT = False

    def __init__(self, here: type[Go]) -> None:
        super().__init__()
        self._here = here

    def _names(self) -> Iterator[tuple[type[Go], str]]:
        has_words = self.app.size.width >= _WORDS_FROM
        for place in PLACES:
            is_worded = has_words or place is self._here
            yield place, f" {place.KEY} {place.WORD} " if is_worded else f" {place.KEY} "

    def render(self) -> Text:
        """One line."""
        colours = tone_colours(self.app)
        line = Text(no_wrap=True)
        for place, name in self._names():
            line.append(name, f"bold reverse {colours['busy']}" if place is self._here else colours["muted"])
        return line

    def on_mount(self) -> None:
        """Other words on another width, other colours in another theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self.refresh())

    def on_click(self, event: events.Click) -> None:
        """Go to the place under the pointer."""
        at = event.get_content_offset(self)
        right = 0
        for place, name in self._names():
            right += len(name)
            if at is not None and at.x < right:
                self.post_message(place())
                return


class PlaceHeader(Horizontal):
    """Labels at the left, the places at the right."""

    def __init__(self, here: type[Go]) -> None:
        super().__init__(id="header")
        self._here = here

    def compose(self) -> ComposeResult:
        """Both halves."""
        yield Labels(id="marks")
        yield PlaceBar(self._here)

    def show(self, left: Sequence[Label], right: Label) -> None:
        """Show these labels."""
        self.query_one(Labels).show(left, right)

    def on_resize(self) -> None:
        """More or fewer words."""
        self.query_one(PlaceBar).refresh(layout=True)
