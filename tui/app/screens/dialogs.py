"""Questions in front of everything else: yes or no, a line of text, what only a person knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ScreenResultType
from textual.widgets import Button, Input, Static
from textual.widgets.button import ButtonVariant

from tui.app.screens.fleet_screen import Dialog
from tui.model.hosts import Question, QuestionKind
from tui.model.text import clean


class Answer(Button):
    """A button whose focus is told by a mark, not by its colour alone."""

    def __init__(self, words: str, *, id: str, variant: ButtonVariant = "default") -> None:  # noqa: A002
        super().__init__(f"  {words}", id=id, variant=variant, compact=True)
        self._words = words

    def on_focus(self) -> None:
        """Mark it."""
        self.label = f"▸ {self._words}"

    def on_blur(self) -> None:
        """Take the mark away."""
        self.label = f"  {self._words}"


class YesNo(Dialog[ScreenResultType]):
    """Two answers under a text; the focus is on no, and escape is no. `yes_is`, `no_is`: what it gives."""

    yes_is: ScreenResultType
    no_is: ScreenResultType
    variant: ClassVar[ButtonVariant] = "error"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n,escape", "answer(False)", "No", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(self, title: str, text: str, *, yes: str, no: str, hint: str = "") -> None:
        super().__init__()
        self._title = title
        self._body = Text(clean(text))
        self._yes, self._no, self._hint = yes, no, hint

    def compose_body(self) -> ComposeResult:
        """Text and two buttons, each with its key."""
        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = Text(self._title).markup
            yield Static(self._body, classes="body")
            if self._hint:
                yield Static(self._hint, classes="hint")
            with Horizontal(classes="buttons"):
                yield Answer(f"{self._no} (n)", id="no")
                yield Answer(f"{self._yes} (y)", id="yes", variant=self.variant)

    def on_mount(self) -> None:
        """The harmless answer is the one that enter gives."""
        self.query_one("#no").focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.action_answer(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Answer by key."""
        self.dismiss(self.yes_is if yes else self.no_is)


class Confirm(YesNo[bool]):
    """Yes or no, before something is lost."""

    yes_is, no_is = True, False

    def __init__(self, title: str, lines: Sequence[str], *, yes: str, no: str) -> None:
        super().__init__(title, "\n".join(lines), yes=yes, no=no)


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
    if question.kind is QuestionKind.CONFIRM:
        return CommandDialog(question)
    is_of_a_run = question.kind is QuestionKind.SECRET
    title = "A secret of the run" if is_of_a_run else f"{clean(question.host)}: {question.kind}"
    return AskText(title, question.text, hidden=question.hidden)


class HostKeyDialog(YesNo[str | None]):
    """Whether a key that was never seen before is the right one; enter alone trusts nobody."""

    yes_is, no_is = "yes", None
    variant = "warning"

    def __init__(self, question: Question) -> None:
        super().__init__(
            f"{clean(question.host)}: unknown host key",
            question.text,
            yes="Accept this key",
            no="Refuse",
            hint="Compare it on the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
        )


class CommandDialog(YesNo[str | None]):
    """Whether a command may run on this machine; enter alone runs nothing."""

    yes_is, no_is = "yes", None
    variant = "warning"

    def __init__(self, question: Question) -> None:
        super().__init__("Run a command here?", question.text, yes="Run it here", no="Do not run it")
