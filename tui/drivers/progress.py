"""What a command shows that redraws its line: with carriage returns, cursor moves or a spinner."""

from __future__ import annotations

import re

from tui.model.text import clean_line

_REDRAW = re.compile(r"(?:\x1b\[[0-9;]*[A-Za-z]|[\r\n])+")
_CUT_ESCAPE = re.compile(r"\x1b\[?[0-9;]*\Z")


def last_phrase(tail: bytes) -> str:
    """The last phrase in the last bytes of its stdout; empty where they hold only spinner bytes."""
    text = _CUT_ESCAPE.sub("", tail.decode("utf-8", "replace"))
    _cut, *phrases = _REDRAW.split(text)  # a tail may begin in mid-phrase
    shown = (clean_line(phrase.partition("\b")[0]).strip() for phrase in reversed(phrases))
    return next(filter(None, shown), "")
