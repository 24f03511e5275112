"""A file of a VM to be read: its beginning as text, or as bytes where it is none."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType

from tui.app import file_pages
from tui.app.commands import everywhere, files
from tui.app.commands.command import Command
from tui.app.present import Label
from tui.app.screens.dialogs import AskText
from tui.app.screens.fleet_screen import Desk, FleetScreen
from tui.app.widgets.facts import Labels
from tui.app.widgets.paper import Paper
from tui.model.state import FleetState
from tui.model.text import clean_line

_FOUND: tuple[type[Command], ...] = (files.NextFound, files.PreviousFound)


class FileScreen(FleetScreen):
    """Shows what was read; asks the VM for nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        files.FindInFile.binding(),
        files.NextFound.binding(),
        files.PreviousFound.binding(),
        files.WrapFile.binding(),
        files.CopyFilePath.binding(),
        everywhere.Back.binding("escape,q,backspace"),
        everywhere.CommandLine.binding(),
        everywhere.Help.binding("question_mark,f1"),
    ]

    def __init__(self, desk: Desk, path: str, data: bytes, size: int) -> None:
        super().__init__(desk)
        self._path, self._data, self._whole = path, data, size
        self._is_binary = file_pages.is_binary(data)
        self._wraps = True
        self._width = -1
        self._lines: list[Label] = []
        self._words = ""
        self._found: list[int] = []
        self._at = 0
        """Which of those found is the present one."""

    def compose_body(self) -> ComposeResult:
        """Head, text, keys."""
        yield Labels(id="header")
        yield Paper(id="paper")
        yield self.footer()

    def on_mount(self) -> None:
        """The text has the focus: its keys work at once."""
        super().on_mount()
        self.query_one(Paper).focus()

    def show(self, state: FleetState, now: float) -> None:  # noqa: ARG002 - it was read once
        """Lay the text out for the width."""
        size = file_pages.size_words(len(self._data), self._whole, binary=self._is_binary)
        found = [Label(self._found_words(), "warn")] if self._words else []
        self.query_one("#header", Labels).show([Label(clean_line(self._path)), *found], Label(size, "muted"))
        width = max(1, self.query_one(Paper).scrollable_content_region.width) if self._wraps else 0
        if width != self._width:
            self._width = width
            self._lines = file_pages.file_lines(self._data, width)
            self._find_all()
        self._paint()

    def _paint(self) -> None:
        lines = list(self._lines)
        for index, number in enumerate(self._found):
            lines[number] = Label(lines[number].text, "warn" if index == self._at else "busy")
        self.query_one(Paper).show(lines)

    def _found_words(self) -> str:
        words = clean_line(self._words)
        return f"/{words} {self._at + 1} of {len(self._found)}" if self._found else f"/{words} is not here"

    def can(self, command: type[Command]) -> bool:
        """Only what was found can be gone through."""
        if command is files.WrapFile:
            return not self._is_binary
        return bool(self._found) if command in _FOUND else super().can(command)

    @on(events.Resize)
    def _resized(self) -> None:
        self.call_after_refresh(self.redraw)

    @on(files.WrapFile)
    def _wrap(self) -> None:
        self._wraps = not self._wraps
        self.redraw()

    @on(files.FindInFile)
    def _ask(self) -> None:
        text = "Lines that bear these words; a capital letter makes the case count."
        self.app.push_screen(AskText("Find in the file", text, self._words), self._find)

    def _find(self, words: str | None) -> None:
        if words is None:
            return
        self._words = words
        self._find_all()
        below = int(self.query_one(Paper).scroll_y)
        self._at = next((index for index, line in enumerate(self._found) if line >= below), 0)
        self._go(0)

    def _find_all(self) -> None:
        self._found = file_pages.matches(self._lines, self._words)
        self._at = min(self._at, max(0, len(self._found) - 1))

    @on(files.NextFound)
    def _next(self) -> None:
        self._go(1)

    @on(files.PreviousFound)
    def _previous(self) -> None:
        self._go(-1)

    def _go(self, steps: int) -> None:
        if self._found:
            self._at = (self._at + steps) % len(self._found)
            paper = self.query_one(Paper)
            paper.scroll_to(y=max(0, self._found[self._at] - paper.size.height // 3), animate=False)
        self.redraw()

    @on(files.CopyFilePath)
    def _copy_path(self) -> None:
        path = file_pages.copyable(self._path)
        self.app.copy_to_clipboard(path)
        self.notify(f"Copied: {clean_line(path)}", markup=False)

    @on(everywhere.Back)
    def _back(self) -> None:
        self.dismiss(None)
