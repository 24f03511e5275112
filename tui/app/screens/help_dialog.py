"""The help: the keys of where one was, in groups, and the words that matter."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.app.key_help import HelpGroup
from tui.app.screens.fleet_screen import Dialog
from tui.app.widgets.tones import tone_colours

_KEYS_WIDTH = 10


class HelpDialog(Dialog[None]):
    """Scrolls as lists do; what makes no sense just now is dim."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f1,question_mark,enter", "dismiss(None)", "Close", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
        Binding("g", "scroll(-10000)", show=False),
        Binding("G", "scroll(10000)", show=False),
    ]

    def __init__(self, groups: tuple[HelpGroup, ...]) -> None:
        super().__init__()
        self._groups = groups

    def compose_body(self) -> ComposeResult:
        """A title and a line a key, group by group."""
        with VerticalScroll(classes="box tall help") as box:
            box.border_title = "Keys"
            box.border_subtitle = "j k: scroll · esc: back"
            for title, lines in self._groups:
                yield Static(title, classes="group", markup=False)
                grid = Table.grid(padding=(0, 2))
                grid.add_column(width=_KEYS_WIDTH, no_wrap=True)
                grid.add_column()
                for line in lines:
                    style = "" if line.is_possible else tone_colours(self.app)["muted"]
                    grid.add_row(Text(line.keys, f"bold {style}"), Text(line.words, style))
                yield Static(grid, classes="body")
            yield Static(_WORDS, classes="hint", markup=False)

    def on_mount(self) -> None:
        """So that the arrows scroll."""
        self.query_one(VerticalScroll).focus()

    def action_scroll(self, lines: int) -> None:
        """Scroll by so many lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


_WORDS = """\
ctrl+p finds everything by its name, : takes it typed.
A run is one VM: launched for one command, deleted when it is over.
Pinned: the VM stays until you delete it, whatever happens.
Deleted means seen absent in the host's own list, twice."""
