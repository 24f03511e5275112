"""What a terminal would show of one line of output: its last state, its colours, and nothing else of it.

Carriage returns, backspaces and erasures are carried out within the line; colours (SGR) become Rich styles;
every other sequence goes through the sanitiser, which leaves nothing that a terminal would act on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from rich.color import Color
from rich.style import Style

from tui.model.text import clean

Span = tuple[int, int, Style]
"""From character to character."""

_ACTS = re.compile(r"(\x1b\[[0-9;:]*m|\x1b\[[012]?K|[\r\x08\t])")
_SPINNER = re.compile(r" ?(?:\x08[/|\\ -])+")
_SPECIAL = re.compile(r"[\x1b\r\x08]")
_ATTRIBUTES = {
    1: Style(bold=True),
    2: Style(dim=True),
    3: Style(italic=True),
    4: Style(underline=True),
    7: Style(reverse=True),
    9: Style(strike=True),
    21: Style(underline=True),
    22: Style(bold=False, dim=False),
    23: Style(italic=False),
    24: Style(underline=False),
    27: Style(reverse=False),
    29: Style(strike=False),
}
"""Blinking is calmed, and hidden text is shown."""
_PLAIN = Style.null()


@dataclass(frozen=True, slots=True)
class Styled:
    """A text without any control character, and how parts of it are shown."""

    text: str
    spans: tuple[Span, ...] = ()


@lru_cache(maxsize=1024)
def styled(data: bytes) -> Styled:
    """One line of a guest or host as it is to be painted."""
    text = _SPINNER.sub("", data.decode("utf-8", "replace")).rstrip("\r\n")
    if not _SPECIAL.search(text):
        return Styled(_clean(text).expandtabs(8))
    canvas = _Canvas()
    for part in _ACTS.split(text):
        canvas.take(part)
    return canvas.result()


def _clean(text: str) -> str:
    return clean(text).replace("\n", " ")


class _Canvas:
    """One line of a terminal."""

    def __init__(self) -> None:
        self._cells: list[str] = []
        self._styles: list[Style] = []
        self._at = 0
        self._style = _PLAIN

    def take(self, part: str) -> None:
        """Act on a control, or write a text."""
        if part == "\r":
            self._at = 0
        elif part == "\x08":
            self._at = max(0, self._at - 1)
        elif part == "\t":
            self._write(" " * (8 - self._at % 8))
        elif part.startswith("\x1b[") and part.endswith("K"):
            self._erase(part[2:-1])
        elif part.startswith("\x1b[") and part.endswith("m"):
            self._style = restyle(self._style, part[2:-1])
        else:
            self._write(_clean(part))

    def _write(self, text: str) -> None:
        if not text:
            return
        missing = self._at - len(self._cells)
        self._cells += " " * missing
        self._styles += [_PLAIN] * missing
        end = self._at + len(text)
        self._cells[self._at : end] = text
        self._styles[self._at : end] = [self._style] * len(text)
        self._at = end

    def _erase(self, which: str) -> None:
        if which == "1":
            end = min(self._at, len(self._cells))
            self._cells[:end], self._styles[:end] = " " * end, [_PLAIN] * end
            return
        keep = 0 if which == "2" else self._at
        del self._cells[keep:], self._styles[keep:]

    def result(self) -> Styled:
        """The line, its styles put together."""
        spans, at = [], 0
        for style, cells in groupby(self._styles):
            end = at + sum(1 for _ in cells)
            if style:
                spans.append((at, end, style))
            at = end
        return Styled("".join(self._cells), tuple(spans))


@lru_cache(maxsize=512)
def restyle(style: Style, parameters: str) -> Style:
    """`style` after an SGR sequence with these parameters; what is unknown in them changes nothing."""
    numbers = _numbers(parameters)
    for number in numbers:
        if number == 0:
            style = _PLAIN
        elif number in (38, 48):
            colour = _colour(numbers)
            if colour is not None:
                style += Style(color=colour) if number == 38 else Style(bgcolor=colour)
        elif number in (39, 49):
            style = _without_colour(style, is_ground=number == 49)
        elif (named := _named(number)) is not None:
            style += named
    return style


def _numbers(parameters: str) -> Iterator[int]:
    """The numbers one by one; in the colon form, the colour space between `2` and red is left out."""
    for part in parameters.split(";"):
        fields = part.split(":")
        if len(fields) == 6 and fields[1] == "2":
            del fields[2]
        for field in fields:
            yield int(field[:4]) if field else 0


def _named(number: int) -> Style | None:
    if 30 <= number <= 37:
        return Style(color=Color.from_ansi(number - 30))
    if 40 <= number <= 47:
        return Style(bgcolor=Color.from_ansi(number - 40))
    if 90 <= number <= 97:
        return Style(color=Color.from_ansi(number - 82))
    if 100 <= number <= 107:
        return Style(bgcolor=Color.from_ansi(number - 92))
    return _ATTRIBUTES.get(number)


def _without_colour(style: Style, *, is_ground: bool) -> Style:
    """The style as it is, on the widget's own ground or in its own colour again."""
    bare = style.without_color
    return bare + (Style(color=style.color) if is_ground else Style(bgcolor=style.bgcolor))


def _colour(numbers: Iterator[int]) -> Color | None:
    kind = next(numbers, 0)
    if kind == 5:
        index = next(numbers, 0)
        return Color.from_ansi(index) if index < 256 else None
    if kind == 2:
        rgb = [next(numbers, 0) for _ in range(3)]
        return Color.from_rgb(*rgb) if max(rgb) < 256 else None
    return None
