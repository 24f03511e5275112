"""Keys by the names that Textual gives them: `ctrl+shift+left`, `right_square_bracket`, `a`."""

from __future__ import annotations

import unicodedata

_MODIFIERS = ("ctrl", "alt", "shift", "meta", "super", "hyper")
_SYMBOLS = {
    "space": " ",
    "at": "@",
    "backslash": "\\",
    "circumflex_accent": "^",
    "minus": "-",
    "plus": "+",
    "slash": "/",
    "underscore": "_",
}
"""Those that Textual does not call by their Unicode names."""


def split(name: str) -> tuple[frozenset[str], str]:
    """The modifiers, and the key in the emulator's words: a character or `up`, `f1`, `pageup`."""
    *modifiers, key = name.split("+") if name != "+" else [name]
    if not set(modifiers) <= set(_MODIFIERS):
        return frozenset(), name
    return frozenset(modifiers), "enter" if key == "return" else _character(key) or key


def _character(key: str) -> str:
    """The character that a name like `right_square_bracket` stands for; empty: it is no character's."""
    if len(key) == 1 or key in _SYMBOLS:
        return _SYMBOLS.get(key, key)
    try:
        found = unicodedata.lookup(key.replace("_", " "))
    except KeyError:
        return ""
    return found if found.isprintable() else ""
