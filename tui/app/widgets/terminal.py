"""The window on a shell: paints what its emulator has, and gives it every key, paste and click."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from tui.app.shells import Shell
from tui.contracts.host import TerminalSize
from tui.term.cells import Cell, Colour, Look
from tui.term.emulator import WHEEL_DOWN, WHEEL_UP, MouseAct

_WHEEL_ROWS = 3
_PAST_KEYS = {"shift+pageup": -1, "shift+pagedown": 1}


class TerminalView(Widget, can_focus=True):
    """Shows one shell at a time. While it has the focus, all keys are the guest's."""

    DEFAULT_CSS = "TerminalView { height: 1fr; width: 1fr; }"

    class Changed(Message):
        """The shell opened, ended, or calls itself something else."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._shell: Shell | None = None
        self._cursor: tuple[int, int] | None = None
        self._told: tuple[object, ...] = ()
        self._pointer: tuple[int, int] = (-1, -1)

    # ---- what it shows

    @property
    def terminal_size(self) -> TerminalSize:
        """How much room a shell has here."""
        return TerminalSize(max(2, self.content_size.width), max(1, self.content_size.height))

    @property
    def shell(self) -> Shell | None:
        """The shell that is shown."""
        return self._shell

    @shell.setter
    def shell(self, shell: Shell | None) -> None:
        if shell is not self._shell:
            self._leave()
            self._shell = shell
            if shell is not None:
                shell.on_change = self._paint
                shell.emulator.focus(has_it=self.has_focus)
                self._fit()
        self.refresh()

    def _leave(self) -> None:
        if self._shell is not None:
            self._shell.on_change = None
            self._shell.emulator.focus(has_it=False)

    def on_unmount(self) -> None:
        """Nobody looks at the shell any more; it goes on."""
        self._leave()

    def on_resize(self) -> None:
        """The guest is told how much room it has."""
        self._fit()
        self.refresh()

    def _fit(self) -> None:
        if self._shell is not None and self.content_size.width:
            self._shell.resize(self.terminal_size)

    def _paint(self) -> None:
        """Paint the rows that differ, and where the cursor was and is."""
        shell = self._shell
        if shell is None or not self.is_mounted:
            return
        emulator = shell.emulator
        rows = set(emulator.changed_rows())
        if emulator.cursor != self._cursor:
            rows |= {at[1] for at in (self._cursor, emulator.cursor) if at is not None}
        if emulator.scrolled_back:
            self.refresh()
        elif rows:
            width = self.content_size.width
            self.refresh(*(Region(0, y, width, 1) for y in rows))
        if emulator.take_bells():
            self.app.bell()
        told = (shell.state, emulator.title, emulator.scrolled_back)
        if told != self._told:
            self._told = told
            self.post_message(self.Changed())

    def render_line(self, y: int) -> Strip:
        """One row of the shell's screen."""
        width, ground = self.content_size.width, self.rich_style
        if self._shell is None:
            return Strip.blank(width, ground)
        emulator = self._shell.emulator
        self._cursor = emulator.cursor
        cells = emulator.row(y)
        column = self._cursor[0] if self._cursor and self._cursor[1] == y else -1
        span = self.text_selection.get_span(y) if self.text_selection else None
        selected = self.screen.get_component_rich_style("screen--selection") if span else Style.null()
        cursor = Style(reverse=True) if self.has_focus else Style(underline=True)
        strip = Strip(list(_segments(cells, ground, column, cursor, span, selected)))
        return strip.adjust_cell_length(width, ground).apply_offsets(0, y)

    # ---- selection

    @property
    def allow_select(self) -> bool:
        """Not while clicks are the guest's."""
        return self._shell is not None and not self._shell.emulator.takes_clicks

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text."""
        return (selection.extract(self.text), "\n") if self._shell is not None else None

    def selection_updated(self, selection: Selection | None) -> None:  # noqa: ARG002
        """Mark it."""
        self.refresh()

    @property
    def text(self) -> str:
        """All that is seen, without what is blank at the ends of lines."""
        if self._shell is None:
            return ""
        rows = (self._shell.emulator.row(y) for y in range(self.content_size.height))
        return "\n".join("".join(_drawn(*cell) for cell in _glyphs(row)).rstrip() for row in rows).rstrip()

    # ---- keys

    def on_focus(self) -> None:
        """Keys are the guest's from now on."""
        self._tell_focus(has_it=True)

    def on_blur(self) -> None:
        """Not any more."""
        self._tell_focus(has_it=False)

    def _tell_focus(self, *, has_it: bool) -> None:
        if self._shell is not None:
            self._shell.emulator.focus(has_it=has_it)
        self.refresh()

    def on_key(self, event: events.Key) -> None:
        """Type it in the guest; shift and a page key look back where no program has the whole screen."""
        event.stop()
        event.prevent_default()
        if self._shell is None:
            return
        if event.key in _PAST_KEYS and not self._shell.emulator.is_full_screen:
            self.scroll_past(_PAST_KEYS[event.key] * (self.content_size.height - 1))
            return
        was_back = self._shell.emulator.scrolled_back
        self._shell.press(event.key, event.character)
        if was_back:
            self._paint_all()

    def on_paste(self, event: events.Paste) -> None:
        """Paste it in the guest."""
        event.stop()
        if self._shell is not None:
            self._shell.paste(event.text)

    def scroll_past(self, rows: int) -> None:
        """Look so many rows further down, or back by minus so many."""
        if self._shell is not None:
            self._shell.emulator.scroll(rows)
            self._paint_all()

    def _paint_all(self) -> None:
        self.refresh()
        self._paint()

    # ---- the mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A click in the guest."""
        if self._point(event, "press") and event.button:
            self.capture_mouse()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Its end."""
        self.release_mouse()
        self._point(event, "release")

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Dragging, or pointing, where the guest wants to know."""
        at = event.get_content_offset(self)
        if at is not None and (at.x, at.y) != self._pointer:
            self._pointer = (at.x, at.y)
            self._point(event, "move")

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel: the guest's, or back into the past."""
        self._turn_wheel(event, WHEEL_UP, -_WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel, the other way."""
        self._turn_wheel(event, WHEEL_DOWN, _WHEEL_ROWS)

    def _turn_wheel(self, event: events.MouseEvent, button: int, rows: int) -> None:
        event.stop()
        shell, at = self._shell, event.get_content_offset(self)
        if shell is None or at is None:
            return
        if shell.emulator.takes_mouse:
            shell.point(at.x, at.y, button, "press", _modifiers(event))
        else:
            self.scroll_past(rows)

    def _point(self, event: events.MouseEvent, act: MouseAct) -> bool:
        shell, at = self._shell, event.get_content_offset_capture(self)
        if shell is None or not shell.emulator.takes_clicks:
            return False
        event.stop()
        width, height = shell.emulator.size
        column, row = max(0, min(at.x, width - 1)), max(0, min(at.y, height - 1))
        shell.point(column, row, max(0, event.button - 1), act, _modifiers(event))
        return True


def _modifiers(event: events.MouseEvent) -> list[str]:
    names = {"shift": event.shift, "meta": event.meta, "ctrl": event.ctrl}
    return [name for name, is_held in names.items() if is_held]


def _glyphs(cells: Iterable[Cell]) -> Iterable[tuple[str, int]]:
    """Each character and how many columns it has."""
    row = list(cells)
    for at, cell in enumerate(row):
        if cell.text:
            yield cell.text, 2 if at + 1 < len(row) and not row[at + 1].text else 1


@lru_cache(maxsize=4096)
def _drawn(text: str, columns: int) -> str:
    """`text`, as wide here as it is in the guest: one wrong width would shift the whole row."""
    for shown in (text, text[0]):
        if cell_len(shown) == columns:
            return shown
    return "\N{REPLACEMENT CHARACTER}".ljust(columns)


def _segments(
    cells: tuple[Cell, ...],
    ground: Style,
    cursor_column: int,
    cursor: Style,
    span: tuple[int, int] | None,
    selected: Style,
) -> Iterable[Segment]:
    """Runs of one look each; the cursor and what is selected stand out."""
    start, end = span or (-1, -1)
    end = len(cells) * 4 if span and end == -1 else end
    run, style, column, position = "", ground, 0, 0
    before: tuple[Look, bool, bool] | None = None
    for text, columns in _glyphs(cells):
        shown = _drawn(text, columns)
        mark = (cells[column].look, column <= cursor_column < column + columns, start <= position < end)
        if mark != before:
            if run:
                yield Segment(run, style)
            before = mark
            look, is_cursor, is_selected = mark
            run, style = "", ground + _style(look)
            style += cursor if is_cursor else selected if is_selected else Style.null()
        run += shown
        column += columns
        position += len(shown)
    if run:
        yield Segment(run, style)


@lru_cache(maxsize=2048)
def _style(look: Look) -> Style:
    return Style(
        color=_colour(look.foreground),
        bgcolor=_colour(look.background),
        bold=look.bold,
        dim=look.dim,
        italic=look.italic,
        underline=look.underline,
        reverse=look.reverse,
        strike=look.strike,
    )


def _colour(colour: Colour) -> Color | None:
    if colour is None:
        return None
    return Color.from_ansi(colour) if isinstance(colour, int) else Color.from_rgb(*colour)
