"""What a terminal shows: characters and how they look, safe to be painted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from unicodedata import category

Colour = int | tuple[int, int, int] | None
"""An index of the 256-colour palette, red-green-blue, or the terminal's own."""

_UNSAFE = ("Cc", "Cf", "Cs", "Zl", "Zp")
_CHARACTERS_MAX = 16
"""Of one cell: a letter and its marks. More is somebody's joke."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a character looks."""

    foreground: Colour = None
    background: Colour = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False
    strike: bool = False
    concealed: bool = False


PLAIN = Look()


class Cell(NamedTuple):
    """One column of one row."""

    text: str
    """A character with its marks; empty: the right half of a wide one."""
    look: Look


@lru_cache(maxsize=4096)
def safe(text: str) -> str:
    """What a cell may hold: no control, nothing that reorders text or hides in it."""
    if not any(category(char) in _UNSAFE for char in text):
        return " " if text.isspace() else text[:_CHARACTERS_MAX]
    return "\N{REPLACEMENT CHARACTER}" if category(text[0]) in _UNSAFE else text[0]
