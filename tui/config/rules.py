"""What one value of config.toml may be."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from tui.files.toml import ONE_WORD, ONE_WORD_HELP
from tui.model.units import DURATION_HELP, SIZE_HELP, format_size, parse_duration, parse_size

MAX_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Rule:
    """What one key may hold."""

    accepts: Callable[[object], bool]
    allowed: str


def text(pattern: str) -> Callable[[object], bool]:
    """Accepts a string of this form."""
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and len(value) <= MAX_TEXT and bool(compiled.fullmatch(value))


def number(least: int, most: int) -> Callable[[object], bool]:
    """Accepts a whole number."""
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def whole(least: int, most: int) -> Rule:
    """A whole number from `least` to `most`."""
    return Rule(number(least, most), f"write a whole number from {least} to {most}, without quotes")


def one_of(kind: type[StrEnum]) -> Rule:
    """One of the words of an enum."""
    *first, last = (f'"{word}"' for word in kind)
    return Rule(lambda value: value in tuple(kind), f"write {', '.join(first)} or {last}")


def size(least: int) -> Rule:
    """A size of at least so many bytes."""

    def accepts(value: object) -> bool:
        try:
            return isinstance(value, str) and parse_size(value) >= least
        except ValueError:
            return False

    return Rule(accepts, f"write {SIZE_HELP}, at least {format_size(least)}")


def _is_duration(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(parse_duration(value))
    except ValueError:
        return False


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.2 <= value <= 60


def _is_argument(value: object) -> bool:
    return isinstance(value, str) and bool(value) and "\0" not in value and len(value) <= MAX_TEXT


def _is_command(value: object) -> bool:
    words = [value] if isinstance(value, str) else value
    return isinstance(words, list) and all(map(_is_argument, words)) and bool(words and words[0].strip())


def _is_webhook(value: object) -> bool:
    if not isinstance(value, str) or len(value) > MAX_TEXT or not ONE_WORD.fullmatch(value):
        return False
    if re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", value):
        return True
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:  # no IPv6 address between its brackets
        return False


PATH = r"[^\x00-\x1f\x7f-\x9f-][^\x00-\x1f\x7f-\x9f]*"
_MODIFIERS = r"(?:(?:ctrl|alt|shift|super|meta|hyper)\+)*"
_KEY = rf"{_MODIFIERS}(?:[a-z][a-z0-9_]+|[^\s,\x00-\x1f\x7f-\x9f])"

WORD = Rule(text(ONE_WORD.pattern), ONE_WORD_HELP)
FLAG = Rule(lambda value: isinstance(value, bool), "write true or false, without quotes")
DURATION = Rule(_is_duration, f"write {DURATION_HELP}")
GRACE = Rule(
    lambda value: value == "finish" or _is_duration(value),
    f'write {DURATION_HELP}, or "finish" to let the work end by itself',
)
SECONDS = Rule(_is_seconds, "write a number of seconds from 0.2 to 60, without quotes")
COMMAND = Rule(_is_command, 'write a list of words, such as ["notify-send", "dayfly"], or a string for sh')
WEBHOOK = Rule(
    _is_webhook,
    'write a URL that begins with https:// or http:// and holds no user, or "env:NAME" for the'
    " variable that holds it",
)
KEYS = Rule(text(f"{_KEY}(?:,{_KEY})*"), 'write a key, such as "ctrl+k" or "f7"; several with commas')
COMMAND_NAME = Rule(text(r"[a-z]+(?:-[a-z]+)*"), "name a command in lower case with dashes, such as pin-run")
THEME = Rule(text(r"[a-z0-9]+(?:[-_][a-z0-9]+)*"), 'write the name of a theme, such as "nord"')
GUEST_PATH = Rule(text(r"/[^\x00-\x1f\x7f-\x9f]*"), "write a path in the VM that begins with /")
