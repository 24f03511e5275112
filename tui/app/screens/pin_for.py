"""For how long a VM is kept: a few usual terms, or one that is typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.app.screens.fleet_screen import Dialog
from tui.model.state import RunState
from tui.model.text import clean
from tui.model.units import DURATION_HELP, parse_duration


@dataclass(frozen=True, slots=True)
class PinTerm:
    """How long a pin is to hold; None: until its owner unpins."""

    for_s: int | None


_TERMS = (
    ("1 hour", PinTerm(3600)),
    ("8 hours", PinTerm(8 * 3600)),
    ("2 days", PinTerm(2 * 86400)),
    ("until I unpin", PinTerm(None)),
)


class PinForDialog(Dialog[PinTerm | None]):
    """What is typed counts; where nothing is, the term under the highlight."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", show=False),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
    ]

    def __init__(self, run: RunState) -> None:
        super().__init__()
        self._run = run

    def compose_body(self) -> ComposeResult:
        """The terms, and a field for another one."""
        run = self._run
        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = "Pin for how long?"
            body = f"{run.vm} on {run.host} is kept for so long. Then it is deleted, once its work is over."
            yield Static(Text(clean(body)), classes="body")
            yield OptionList(*(Option(words) for words, _ in _TERMS), compact=True)
            yield Input(placeholder=f"or type {DURATION_HELP}", compact=True)
            yield Static("", id="fault", markup=False)
            yield Static("up, down: choose · enter: pin · esc: back", classes="hint")

    def on_mount(self) -> None:
        """One types at once; the arrows choose."""
        options = self.query_one(OptionList)
        options.can_focus = False
        options.highlighted = 0
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _typed(self) -> None:
        self.query_one("#fault", Static).update("")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if not event.value.strip():
            self._take(self.query_one(OptionList).highlighted or 0)
            return
        try:
            seconds = parse_duration(event.value)
        except ValueError as error:
            self._refuse(str(error))
        else:
            if seconds:
                self.dismiss(PinTerm(seconds))
            else:
                self._refuse("a pin holds for a second at least")

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._take(event.option_index)

    def _take(self, index: int) -> None:
        self.dismiss(_TERMS[index][1])

    def _refuse(self, fault: str) -> None:
        self.query_one("#fault", Static).update(clean(f"✘ {fault}"))

    def action_move(self, rows: int) -> None:
        """Move the highlight while the field has the focus."""
        options = self.query_one(OptionList)
        options.highlighted = ((options.highlighted or 0) + rows) % len(_TERMS)
