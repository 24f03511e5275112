"""The question on the way out: end what works, leave it to finish, or stay."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Static

from tui.app import away, present
from tui.app.screens.dialogs import Answer
from tui.app.screens.fleet_screen import Dialog
from tui.app.summary import owed_runs
from tui.model.phase import Phase
from tui.model.state import FleetState, RunState
from tui.model.text import clean_line

_LISTED = 5
"""So many VMs are named; of more, how many."""


class Leave(StrEnum):
    """How to leave."""

    STAY = "stay"
    FINISH = "finish"
    END = "end"


class LeaveDialog(Dialog[Leave]):
    """Says of each answer what it means for the runs of now. The focus is on staying; so is escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s,n,escape", "answer('stay')", "Stay", show=False),
        Binding("l", "answer('finish')", "Leave them to finish", show=False),
        Binding("e", "answer('end')", "End and clean now", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(self, state: FleetState, now: float, *, loses_text: bool) -> None:
        super().__init__()
        self._working = tuple(run for run in owed_runs(state) if run.phase is not Phase.DELETING)
        self._lines = _what_is_there(state, self._working, now, loses_text=loses_text)
        self._now = now

    def compose_body(self) -> ComposeResult:
        """What there is, what each answer means, the answers."""
        with VerticalScroll(classes="box tall", can_focus=False) as box:
            box.border_title = "Leave dayfly?"
            yield Static(Text(self._lines), classes="body")
            if self._working:
                yield Static(self._meanings(), classes="body")
            with Horizontal(classes="buttons"):
                yield Answer("Stay (s)", id=Leave.STAY)
                if self._working:
                    yield Answer("Leave to finish (l)", id=Leave.FINISH, variant="warning")
                    yield Answer("End now (e)", id=Leave.END, variant="error")
                else:
                    yield Answer("Leave (l)", id=Leave.END)

    def _meanings(self) -> Table:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column()
        for words, meaning in (
            ("Stay", "nothing changes"),
            ("Leave", _of_finishing(self._working, self._now)),
            ("End now", _of_ending(self._working)),
        ):
            grid.add_row(Text(words, "bold"), Text(meaning))
        return grid

    def on_mount(self) -> None:
        """The harmless answer is the one that enter gives."""
        self.query_one(f"#{Leave.STAY}").focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(Leave(str(event.button.id)))

    def action_answer(self, answer: str) -> None:
        """Answer by key; where nothing works, there is nothing to finish or to end."""
        leave = Leave(answer)
        self.dismiss(Leave.END if leave is Leave.FINISH and not self._working else leave)


def _what_is_there(state: FleetState, working: Sequence[RunState], now: float, *, loses_text: bool) -> str:
    pinned = [f"{_where(run)}{_pin_words(run, now)}" for run in state.pinned]
    left_over = [_where(run) for run in state.orphans if not run.is_pinned]
    parts = (
        ["What you typed is lost."] if loses_text else [],
        ["At work:", *_some([_where(run) for run in working])] if working else [],
        ["Pinned, and kept:", *_some(pinned)] if pinned else [],
        ["Left over, and left so:", *_some(left_over)] if left_over else [],
    )
    return "\n".join("\n".join(part) for part in parts if part)


def _some(lines: Sequence[str]) -> list[str]:
    shown = [f"  {line}" for line in lines[:_LISTED]]
    return shown if len(lines) <= _LISTED else [*shown, f"  and {len(lines) - _LISTED} more"]


def _where(run: RunState) -> str:
    return f"{run.vm} on {clean_line(run.host)}"


def _pin_words(run: RunState, now: float) -> str:
    left = "" if run.pinned_until is None else f", {present.age(run.pinned_until - now)} left"
    return f"{left}; its work goes on" if run.outcome is None else left


def _of_ending(runs: Sequence[RunState]) -> str:
    if len(runs) == 1:
        return "the run is stopped, its VM deleted"
    return f"{len(runs)} runs are stopped, their VMs deleted"


def _of_finishing(runs: Sequence[RunState], now: float) -> str:
    """How many, until when at most, where the log waits."""
    latest = away.moment(now + max(run.spec.finish_s for run in runs), now)
    hosts = ", ".join(sorted({clean_line(run.host) for run in runs}))
    many = "the run goes" if len(runs) == 1 else f"{len(runs)} runs go"
    which = away.attach(runs[0]) if len(runs) == 1 else "dayfly attach RUN"
    words = f"{many} on until {latest} at most; log and result wait on {hosts}: {which}"
    starting = sum(run.phase not in (Phase.WORKING, Phase.COLLECTING) for run in runs)
    if starting == 1 == len(runs):
        return f"{words}\nit is left as soon as its command has started"
    if starting:
        return f"{words}\n{starting} of them as soon as the command has started"
    return words
