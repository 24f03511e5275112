"""A line at the foot of the screen in which something is typed, while everything above it stays in sight."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import ScreenResultType
from textual.suggester import Suggester
from textual.widgets import Input, Label

from tui.app.screens.fleet_screen import Dialog


class BottomLine(Dialog[ScreenResultType]):
    """One field after a sign: `/` or `:`."""

    SIGN: ClassVar[str]
    HINT: ClassVar[str]

    def compose_body(self) -> ComposeResult:
        """What stands above the line, the sign, the field."""
        yield from self.compose_above()
        with Horizontal(classes="bottom-line"):
            yield Label(self.SIGN)
            yield Input(
                self.first_text(),
                placeholder=self.HINT,
                suggester=self.suggester(),
                compact=True,
                select_on_focus=False,
            )

    def compose_above(self) -> ComposeResult:
        """Nothing."""
        yield from ()

    def first_text(self) -> str:
        """What stands in the field at first."""
        return ""

    def suggester(self) -> Suggester | None:
        """What is typed on in grey."""
        return None


class FilterLine(BottomLine[str]):
    """The words of a filter; every key stroke narrows the list. Escape: no filter."""

    SIGN = "/"
    HINT = "words to be shown, !words not to be · enter: keep · esc: show all"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "Show all", show=False)]

    def __init__(self, text: str, narrow: Callable[[str], None]) -> None:
        super().__init__()
        self._text = text
        self._narrow = narrow

    def first_text(self) -> str:
        """The filter as it is."""
        return self._text

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._narrow(event.value)

    @on(Input.Submitted)
    def _kept(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)

    def action_give_up(self) -> None:
        """Show everything again."""
        self._narrow("")
        self.dismiss("")
