"""The command line at the foot of the screen: completion by tab, history by up and down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.suggester import Suggester
from textual.widgets import Input

from tui.app import present
from tui.app.command_words import Completion, NotUnderstoodError, Word, completions, understand
from tui.app.screens.bottom_line import BottomLine
from tui.app.widgets.sheet import Sheet
from tui.app.widgets.tones import tone_colours
from tui.model.text import clean_line

_SHOWN = 8
_LINE_WIDTH = 28


class _Ghost(Suggester):
    """The first completion, in grey behind what was typed."""

    def __init__(self, words: Sequence[Word]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._words = words

    async def get_suggestion(self, value: str) -> str | None:
        """A line that begins like this one."""
        found = (found.line for found in completions(self._words, value))
        return next((line for line in found if value.strip() and line.startswith(value)), None)


class CommandLineDialog(BottomLine[Callable[[], object] | None]):
    """Gives what the line does; None: nothing was to be done."""

    SIGN = ":"
    HINT = "what is to be done · tab: complete · up: what was typed before · esc: nothing"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Nothing", show=False),
        Binding("tab", "complete(1)", "Complete", show=False, priority=True),
        Binding("shift+tab", "complete(-1)", "Completion before", show=False, priority=True),
        Binding("up", "remember(-1)", "What was typed before", show=False, priority=True),
        Binding("down", "remember(1)", "What was typed after", show=False, priority=True),
    ]

    def __init__(self, words: Sequence[Word], past: list[str]) -> None:
        super().__init__()
        self._words = words
        self._past = past
        self._at = len(past)
        self._offers: tuple[Completion, ...] = ()
        self._picked: int | None = None
        """The completion that stands in the field; None: what was typed does."""

    def compose_above(self) -> ComposeResult:
        """What the line may become, or what is wrong with it."""
        yield Sheet(id="completions")

    def suggester(self) -> Suggester:
        """The first completion."""
        return _Ghost(self._words)

    def on_mount(self) -> None:
        """Show what there is."""
        self._offer("")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        if self._picked is None or event.value != self._offers[self._picked].line:
            self._offer(event.value)

    def _offer(self, typed: str) -> None:
        self._offers, self._picked = completions(self._words, typed), None
        self._show()

    def _show(self) -> None:
        """As many as fit, the one in the field among them."""
        colours = tone_colours(self.app)
        room = min(_SHOWN, max(3, self.app.size.height // 3))
        first = max(0, (self._picked or 0) - room + 1)
        lines = []
        for index, offer in enumerate(self._offers[first : first + room], first):
            style = f"bold reverse {colours['busy']}" if index == self._picked else colours["text"]
            line = Text(present.fit(clean_line(offer.line), _LINE_WIDTH), style, no_wrap=True)
            line.append(" ").append(clean_line(offer.help), colours["muted"])
            line.truncate(self.app.size.width - 2, overflow="ellipsis")
            lines.append(line)
        left = len(self._offers) - first - len(lines)
        if left > 0:
            lines.append(Text(f"and {left} more", colours["muted"]))
        self.query_one("#completions", Sheet).put(lines)

    def action_complete(self, steps: int) -> None:
        """Put the next completion into the field."""
        if self._offers:
            start = -1 if steps > 0 else 0
            at = start if self._picked is None else self._picked
            self._picked = (at + steps) % len(self._offers)
            self._put(self._offers[self._picked].line)
            if len(self._offers) == 1:
                self._offer(self._offers[0].line)
            self._show()

    def action_remember(self, steps: int) -> None:
        """Put a line that was typed before into the field."""
        self._at = min(max(self._at + steps, 0), len(self._past))
        self._put(self._past[self._at] if self._at < len(self._past) else "")

    def _put(self, line: str) -> None:
        field = self.query_one(Input)
        field.value = line
        field.cursor_position = len(line)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        line = event.value.strip()
        if not line:
            self.dismiss(None)
            return
        try:
            does = understand(self._words, line)
        except NotUnderstoodError as error:
            fault = Text(f"✘ {clean_line(str(error))}", tone_colours(self.app)["bad"])
            self.query_one("#completions", Sheet).put([fault])
            return
        if line not in self._past[-1:]:
            self._past.append(line)
        self.dismiss(does)
