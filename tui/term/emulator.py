"""A terminal without a window: bytes of a guest in, a grid of safe cells out. The only module with bittty.

The guest is hostile. What it may do is the list below and nothing else: no clipboard, no links, no
notification, no printing, no resizing, no keys of its own making, no title sent back as if typed.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from bittty import XTERM, Board, KeyEvent, KeyModifiers, Operation, TerminalCaps
from bittty.mode_profiles import BITTTY_MODE_CAPABILITIES
from bittty.model import EDITING, XTERM_MODIFY_KEYS, XTERM_PASTE
from bittty.style import Style
from bittty.terminals.base import Terminal as Chrome
from bittty.terminals.scrollback import MemoryScrollback

from tui.model.text import clean_line
from tui.term import keys
from tui.term.cells import PLAIN, Cell, Colour, Look, safe

SCROLLBACK_CELLS = 1_000_000
"""Some ten thousand lines."""
_SLICE = 2048
_SEQUENCE_MAX = 2048
"""Characters of one escape sequence; of a longer one the body is thrown away until it ends."""
_TITLE_MAX = 120
_REPLIES_MAX = 4096
"""Bytes of answers that a guest may ask for before something is typed, or time has passed."""
_PASTE_MAX = 1 << 20

_ALLOWED = """
    PRINT REP C0_BEL C0_BS C0_CR C0_CRLF C0_DEL C0_FF C0_HT C0_LF C0_SI C0_SO C0_VT IND NEL RI HTS ST
    CBT CHA CHT CNL CPL CTC CUB CUD CUF CUP CUU DECBI DECFI DECSCUSR DECST8C HPA HPB HPR HVP RESTORE SAVE
    TBC VPA VPB VPR DCH DECALN DECCARA DECCRA DECDC DECERA DECFRA DECIC DECRARA DECSACE DECSED DECSEL DECSERA
    DECSLRM DECSTBM DECSTR DL ECH ED EL ICH IL RIS SD SL SR SU SCS_G0 SCS_G1 SCS_G2 SCS_G3 LS1R LS2 LS2R LS3
    LS3R SS2 SS3 SGR DECSCA SPA EPA XTPUSHSGR XTPOPSGR DECKPAM DECKPNM DECSET DECRST SM RM XTSAVE XTRESTORE
    XTMODKEYS XTQMODKEYS XTFMTKEYS SET_ICON_AND_WINDOW_TITLE SET_WINDOW_TITLE
    CPR DECXCPR DSR DA1 DA2 DA3 DECRQM DECRQSS XTGETTCAP XTVERSION
"""
_NO_MODES = frozenset({(False, 2), (False, 12), (True, 2), (True, 3), (True, 34), (True, 40), (True, 95)})
"""Locking the keyboard, echoing keys, VT52, other widths, from right to left: nothing needs them today."""
_KIND = replace(
    XTERM,
    da1_response="\x1b[?62;22c",
    options=frozenset(),
    control_capabilities=EDITING | {XTERM_MODIFY_KEYS, XTERM_PASTE},
    # Alt and Meta send escape; the wheel moves the cursor where a full screen takes no mouse.
    power_on_modes=frozenset({1007, 1036, 1039}),
    mode_capabilities=BITTTY_MODE_CAPABILITIES,
    unsupported_modes=_NO_MODES,
    macro_space=None,
    reflows=True,
)
_BITS = {
    "shift": KeyModifiers.SHIFT,
    "alt": KeyModifiers.ALT,
    "ctrl": KeyModifiers.CTRL,
    "meta": KeyModifiers.META,
    "super": KeyModifiers.SUPER,
    "hyper": KeyModifiers.HYPER,
}

MouseAct = Literal["press", "release", "move"]
WHEEL_UP, WHEEL_DOWN = 64, 65


class _Cable:
    """Where the emulator's answers and encoded keys go."""

    closed = False

    def __init__(self, on_reply: Callable[[bytes], None]) -> None:
        self.on_reply = on_reply
        self.is_feeding = False
        self.room = _REPLIES_MAX

    def write(self, data: str) -> int:
        return self.write_bytes(data.encode("utf-8", "replace"))

    def write_bytes(self, data: bytes) -> int:
        if self.is_feeding:
            if len(data) > self.room:
                return len(data)
            self.room -= len(data)
        self.on_reply(data)
        return len(data)

    def flush(self) -> None: ...

    def resize(self, rows: int, cols: int) -> None: ...

    def configure_line(self, line: object) -> None: ...

    def close(self) -> None: ...


class _Window(Chrome):  # type: ignore[misc]  # bittty has no types
    """What the emulator tells its window."""

    def __init__(self, board: Board) -> None:
        super().__init__(board, MemoryScrollback(SCROLLBACK_CELLS))
        self.title = ""
        self.bells = 0

    def on_title(self, title: str, icon_title: str) -> None:  # noqa: ARG002
        self.title = clean_line(title[:_TITLE_MAX])

    def on_bell(self) -> None:
        self.bells += 1


class Emulator:
    """An xterm of `columns` x `rows`. `on_reply` gets what is to be sent to the guest: keys, answers."""

    def __init__(self, columns: int, rows: int, on_reply: Callable[[bytes], None]) -> None:
        self._board = Board(width=columns, height=rows, model=_KIND)
        registry = self._board.registry
        for name in registry.keys() - set(_ALLOWED.split()):
            del registry[name]
        registry["EL"] = self._erase_line
        self._board.set_caps(TerminalCaps(grapheme_mode="permanently-set"))
        self._cable = _Cable(on_reply)
        self._board.pty = self._cable
        self._window = _Window(self._board)
        self._window.attach()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def _erase_line(self, operation: Operation) -> None:
        """Not the last character of a full row: xterm would, tmux does not, and nobody wants it gone."""
        (mode,) = operation.args
        if mode or not self._board.cursor.wrap_pending:
            self._board.blitter.clear_line(mode)

    # ---- from the guest

    def feed(self, data: bytes) -> None:
        """Take what the guest prints. Never raises."""
        text = self._decoder.decode(data)
        parser = self._board.parser
        self._cable.is_feeding = True
        for start in range(0, len(text), _SLICE):
            parser.feed(text[start : start + _SLICE])
            if len(parser.buffer) > _SEQUENCE_MAX:
                parser.buffer = parser.buffer[parser._seq_start : parser._scan_from]
                parser._scan_from -= parser._seq_start
                parser._seq_start = 0
        self._cable.is_feeding = False

    def allow_replies(self, amount: int) -> None:
        """Let the guest have so many bytes of answers more; there is a limit to what it can save up."""
        self._cable.room = min(self._cable.room + amount, _REPLIES_MAX)

    # ---- what is seen

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._board.width, self._board.height

    def resize(self, columns: int, rows: int) -> None:
        """Have another size; lines that were wrapped are wrapped anew."""
        if (columns, rows) != self.size:
            self._board.resize(max(1, columns), max(1, rows))
            self._window.view_top = None

    def row(self, y: int) -> tuple[Cell, ...]:
        """One row of what is seen now, all its columns; the past where one has scrolled back."""
        if self.scrolled_back:
            seen = self._window.view_rows()
            cells: Sequence[tuple[Style, str]] = seen[y] if y < len(seen) else ()
        else:
            cells = self._board.display.page.line(y).cells if y < self._board.height else ()
        return _row(cells, self._board.width, is_reverse=self._board.modes.reverse_screen)

    def rows(self) -> list[tuple[Cell, ...]]:
        """All of them, top to bottom."""
        return [self.row(y) for y in range(self._board.height)]

    def changed_rows(self) -> Sequence[int]:
        """Which rows look different from when this was asked last."""
        return list(self._window.damaged_rows())

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Column and row; None: it is not shown."""
        if self.scrolled_back:
            return None
        port = self._board.display
        return port.cursor and (min(port.cursor[0], port.width - 1), min(port.cursor[1], port.height - 1))

    @property
    def title(self) -> str:
        """What the guest calls its window: one safe, short line."""
        return self._window.title

    def take_bells(self) -> int:
        """How often it rang since this was asked last."""
        bells, self._window.bells = self._window.bells, 0
        return bells

    @property
    def is_full_screen(self) -> bool:
        """Whether a program has the alternate screen: it scrolls by itself, and nothing is kept."""
        return bool(self._board.blitter.in_alt_screen)

    # ---- the past

    @property
    def scrolled_back(self) -> int:
        """How many rows above the present one looks."""
        return self._window.view_offset() if self._window.view_top is not None else 0

    @property
    def past(self) -> int:
        """How many rows of it there are."""
        assert self._window.scrollback is not None
        return len(self._window.scrollback.width(self._board.width))

    def scroll(self, rows: int) -> None:
        """Look so many rows further down, or up by minus so many."""
        self._window.scroll_view(rows)

    def scroll_to_end(self) -> None:
        """Look at the present."""
        self._window.scroll_to_bottom()

    # ---- to the guest

    def press(self, key: str, character: str | None = None) -> None:
        """Type a key, by Textual's name of it and the character that it makes."""
        self.scroll_to_end()
        self._cable.room = _REPLIES_MAX
        modifiers, name = keys.split(key)
        bits = KeyModifiers.NONE
        for modifier in modifiers:
            bits |= _BITS[modifier]
        is_text = character is not None and character.isprintable() and "ctrl" not in modifiers
        if is_text and not modifiers - {"shift"}:
            name = character or name
        self._board.input_key_event(KeyEvent(name, bits, text=character if is_text else None))

    def paste(self, text: str) -> None:
        """Type what was copied elsewhere; bracketed where the guest asked for that."""
        self.scroll_to_end()
        self._board.input_paste(text[:_PASTE_MAX])

    def focus(self, *, has_it: bool) -> None:
        """Tell a guest that wants to know whether one looks at it."""
        self._board.set_focus(has_it)

    @property
    def takes_mouse(self) -> bool:
        """Whether what is done with the mouse is the guest's."""
        return self._board.mouse.capture() != "off" and not self.scrolled_back

    @property
    def takes_clicks(self) -> bool:
        """Whether clicks are, not only the wheel."""
        return self.takes_mouse and self._board.mouse.protocol.name != "OFF"

    def point(self, column: int, row: int, button: int, act: MouseAct, modifiers: Iterable[str] = ()) -> None:
        """Tell the guest of the mouse, if it asked. Buttons 0, 1, 2, the wheel 64 and 65; cells from 0."""
        self._board.input_mouse(column + 1, row + 1, button, act, set(modifiers))


@lru_cache(maxsize=4096)
def _look(style: Style, is_reverse: bool) -> Look:
    look = Look(
        foreground=_colour(style.fg),
        background=_colour(style.bg),
        bold=bool(style.bold),
        dim=bool(style.dim),
        italic=bool(style.italic),
        underline=bool(style.underline),
        reverse=bool(style.reverse) != is_reverse,
        strike=bool(style.strike),
        concealed=bool(style.conceal),
    )
    return PLAIN if look == PLAIN else look


def _colour(colour: object) -> Colour:
    value = getattr(colour, "value", None)
    return value if isinstance(value, int | tuple) else None


@lru_cache(maxsize=8192)
def _cell(text: str, look: Look) -> Cell:
    return Cell(" " if look.concealed and text else safe(text) if text else "", look)


def _row(cells: Sequence[tuple[Style, str]], width: int, *, is_reverse: bool) -> tuple[Cell, ...]:
    row, last, look = [], None, PLAIN
    for style, text in cells[:width]:
        if style is not last:
            last, look = style, _look(style, is_reverse)
        row.append(_cell(text, look))
    return (*row, *[_cell(" ", _look(Style(), is_reverse))] * (width - len(row)))
