"""One line below a log in which one types what to find, what to keep, or where to go."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Label

from tui.app.screens.bottom_line import BottomLine
from tui.model.errors import UsageError
from tui.model.text import clean_line

Take = Callable[[str], None]
"""Takes what was typed; raises UsageError, and the line stays and says why."""


class LogLine(BottomLine[None]):
    """Enter takes what was typed; escape does not. `label` may change with what is typed so far."""

    SIGN = ""
    HINT = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", show=False)]

    def __init__(
        self,
        label: Callable[[str], str],
        hint: str,
        take: Take,
        *,
        typed: Take | None = None,
        value: str = "",
    ) -> None:
        super().__init__()
        self._label, self._hint, self._take, self._typed, self._value = label, hint, take, typed, value

    def compose_body(self) -> ComposeResult:
        """What is asked, the field, what is wrong with it."""
        with Horizontal(classes="bottom-line log-line"):
            yield Label(self._label(self._value), id="log-line-label", markup=False)
            yield Input(self._value, placeholder=self._hint, compact=True)
            yield Label("", id="fault", markup=False)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self.query_one("#log-line-label", Label).update(Text(self._label(event.value)))
        self._say("")
        if self._typed is not None:
            try:
                self._typed(event.value)
            except UsageError as error:
                self._say(str(error))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        try:
            self._take(event.value)
        except UsageError as error:
            self._say(f"✘ {error}")
        else:
            self.dismiss(None)

    def _say(self, fault: str) -> None:
        self.query_one("#fault", Label).update(Text(clean_line(fault)))
