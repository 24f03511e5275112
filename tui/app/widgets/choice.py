"""A choice between a few words, all of them seen: `(•) never   ( ) if it fails   ( ) always`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tui.app.widgets.tones import tone_colours

_GAP = "   "


class Choice(Widget, can_focus=True):
    """One of several values is chosen; left and right choose another."""

    DEFAULT_CSS = "Choice { height: 1; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "turn(1)", "Next choice", show=False),
        Binding("left", "turn(-1)", "Choice before", show=False),
    ]

    value: reactive[str] = reactive("")

    class Changed(Message):
        """Another value was chosen."""

    def __init__(self, words: Mapping[str, str], value: str, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._words = dict(words)
        self.set_reactive(Choice.value, value)

    def watch_value(self) -> None:
        """Tell."""
        self.post_message(self.Changed())

    def render(self) -> Text:
        """All the words, the chosen one marked."""
        colours = tone_colours(self.app)
        line = Text(no_wrap=True)
        for value, words in self._words.items():
            is_chosen = value == self.value
            style = colours["text" if is_chosen else "muted"]
            if is_chosen and self.has_focus:
                style = f"bold reverse {colours['busy']}"
            line.append(_mark(words, is_chosen), style).append(_GAP)
        return line

    def on_focus(self) -> None:
        """The chosen one is highlighted."""
        self.refresh()

    def on_blur(self) -> None:
        """It is not any more."""
        self.refresh()

    def action_turn(self, steps: int) -> None:
        """Choose the next value, or the one before."""
        values = list(self._words)
        self.value = values[(values.index(self.value) + steps) % len(values)]

    def on_click(self, event: events.Click) -> None:
        """Choose what is under the pointer."""
        at = event.get_content_offset(self)
        left = 0
        for value, words in self._words.items():
            left += len(_mark(words, False)) + len(_GAP)
            if at is not None and at.x < left:
                self.value = value
                return


def _mark(words: str, is_chosen: bool) -> str:
    return f"({'•' if is_chosen else ' '}) {words}"
