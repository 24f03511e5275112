"""Questions in front of everything else: yes or no, a line of text, what only a person knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Input, Static

from tui.app.screens.fleet_screen import Dialog
from tui.model.hosts import Question, QuestionKind
from tui.model.text import clean


class Confirm(Dialog[bool]):
    """Yes or no; the focus is on no, and escape is no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "answer(False)", "No", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[str], *, yes: str, no: str) -> None:
        super().__init__()
        self._title = title
        self._body = Text(clean("\n".join(lines)))
        self._yes, self._no = yes, no

    def compose_body(self) -> ComposeResult:
        """Text and two buttons."""
        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = Text(self._title).markup
            yield Static(self._body, classes="body")
            with Horizontal(classes="buttons"):
                yield Button(self._no, id="no", compact=True)
                yield Button(self._yes, id="yes", compact=True, variant="error")

    def on_mount(self) -> None:
        """The harmless answer is the one that enter gives."""
        self.query_one("#no").focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Answer by key."""
        self.dismiss(yes)


class AskText(Dialog[str | None]):
    """One line of text; escape is nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel", show=False)]

    def __init__(self, title: str, text: str, value: str = "", *, hidden: bool = False) -> None:
        super().__init__()
        self._title = title
        self._body = Text(clean(text))
        self._value = value
        self._hidden = hidden

    def compose_body(self) -> ComposeResult:
        """The question and a field."""
        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = Text(self._title).markup
            yield Static(self._body, classes="body")
            yield Input(self._value, password=self._hidden, compact=True)
            yield Static("enter: go on · esc: cancel", classes="hint")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)


def question_dialog(question: Question) -> Dialog[str | None]:
    """The dialog for what a host wants to know."""
    if question.kind is QuestionKind.HOST_KEY:
        return HostKeyDialog(question)
    return AskText(f"{clean(question.host)}: {question.kind}", question.text, hidden=question.hidden)


class HostKeyDialog(Dialog[str | None]):
    """Whether a key that was never seen before is the right one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "No", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def compose_body(self) -> ComposeResult:
        """The fingerprint, how to compare it, and two buttons."""
        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = Text(f"{clean(self._question.host)}: unknown host key").markup
            yield Static(Text(clean(self._question.text)), classes="body")
            yield Static(
                "Compare it on the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub", classes="hint"
            )
            with Horizontal(classes="buttons"):
                yield Button("Refuse", id="no", compact=True)
                yield Button("Accept this key", id="yes", compact=True, variant="warning")

    def on_mount(self) -> None:
        """Enter alone trusts nobody."""
        self.query_one("#no").focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss("yes" if event.button.id == "yes" else None)
