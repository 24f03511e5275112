"""One question for several runs at once: it names them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from tui.app import present
from tui.app.screens.dialogs import Confirm
from tui.app.screens.fleet_screen import Dialog
from tui.model.phase import Phase
from tui.model.state import RunState
from tui.model.text import clean, clean_line

_MANY = 5
"""More than these are not deleted by one key."""


class TypedConfirm(Dialog[bool]):
    """Yes only where the words are typed out; anything else, and escape, is no."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(False)", "Cancel", show=False)]

    def __init__(self, title: str, lines: Sequence[str], *, words: str) -> None:
        super().__init__()
        self._title = title
        self._lines = lines
        self._words = words

    def compose_body(self) -> ComposeResult:
        """What it hits, and a field."""
        with VerticalScroll(classes="box tall", can_focus=False) as box:
            box.border_title = Text(self._title).markup
            yield Static(Text(clean("\n".join(self._lines))), classes="body")
            yield Static(f"Type {self._words} to go on; esc: leave them alone.", classes="hint")
            yield Input(placeholder=self._words, compact=True)
            yield Static("", id="fault", markup=False)

    def on_mount(self) -> None:
        """Enter alone does nothing here."""
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if event.value.strip().lower() == self._words:
            self.dismiss(True)
        else:
            self.query_one("#fault", Static).update(f"✘ Nothing was deleted: that is not {self._words}.")


def cancel_all_dialog(runs: Sequence[RunState]) -> Dialog[bool]:
    """Before several VMs are deleted; to be typed where some are pinned, or there are many."""
    pinned = sum(run.is_pinned for run in runs)
    lines = [f"This deletes {len(runs)} VMs and stops what works in them:", *map(_line, runs)]
    if pinned:
        lines.append(f"{'One of them is' if pinned == 1 else f'{pinned} of them are'} pinned: not kept.")
    title = f"Stop and delete {len(runs)} VMs?"
    if pinned or len(runs) > _MANY:
        return TypedConfirm(title, lines, words=f"delete {len(runs)}")
    return Confirm(title, lines, yes="Stop and delete", no="Leave them alone")


def unpin_all_dialog(runs: Sequence[RunState]) -> Dialog[bool]:
    """Before several are unpinned whose work is over: that deletes them."""
    kept = [run for run in runs if run.phase is Phase.KEPT]
    lines = ["The work of these is over: without their pins they are deleted now:", *map(_line, kept)]
    if len(kept) > _MANY:
        return TypedConfirm("Unpin and delete?", lines, words=f"delete {len(kept)}")
    return Confirm("Unpin and delete?", lines, yes="Delete them", no="Keep them")


def _line(run: RunState) -> str:
    pin = "   ◆ pinned" if run.is_pinned else ""
    return clean_line(f"  {run.vm} on {run.host}   {present.run_label(run).text}{pin}")
