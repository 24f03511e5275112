"""What one value of a profile may be: the checks that several keys share."""

from __future__ import annotations

import re
from collections.abc import Callable

from tui.model.units import format_duration, format_size, parse_duration, parse_size

MAX_SIZE = 1024 * 1024 * 1024**3
MAX_DURATION_S = 7 * 86400
MAX_ARGUMENT = 100_000  # Linux takes 128 KiB in an argument or a variable; the wrapping needs some
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Problem(ValueError):
    """What to do instead; the whole of what a fault says after `found ...`."""


class Kept(Problem):
    """The same of what may be a secret: it is not repeated."""


def encodable(text: str) -> str:
    """Text that has bytes. Raises Problem."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Problem("write text that is UTF-8") from error
    return text


def without_nul(text: str) -> str:
    """Text that can be an argument, a variable or a path. Raises Problem."""
    if "\0" in text:
        raise Problem("it holds a NUL byte, which no command line can carry")
    return encodable(text)


def matching(pattern: re.Pattern[str], longest: int) -> Callable[[str], str]:
    """The check for text of this form."""

    def check(text: str) -> str:
        if len(text) > longest:
            raise Problem(f"write at most {longest} characters")
        if not pattern.fullmatch(encodable(text)):
            raise ValueError
        return text

    return check


def size(least: int) -> Callable[[object], int]:
    """The check for a size."""

    def check(value: object) -> int:
        number = isinstance(value, int) and not isinstance(value, bool)
        found = value if isinstance(value, int) and number else _parsed(value, parse_size)
        if found < least:
            bare = " (a bare number is bytes)" if str(value).strip().isdigit() else ""
            raise Problem(f"write at least {format_size(least)}{bare}")
        if found > MAX_SIZE:
            raise Problem(f"write at most {format_size(MAX_SIZE)}")
        return found

    return check


def duration(least_s: int, less: str = "") -> Callable[[object], int]:
    """The check for a duration; `less` is said after the least one."""

    def check(value: object) -> int:
        number = isinstance(value, int) and not isinstance(value, bool)
        seconds = value if isinstance(value, int) and number else _parsed(value, parse_duration)
        if seconds < least_s:
            raise Problem(f"write at least {format_duration(least_s)}{less}")
        if seconds > MAX_DURATION_S:
            raise Problem(f"write at most {format_duration(MAX_DURATION_S)}")
        return seconds

    return check


def _parsed(value: object, parser: Callable[[str], int]) -> int:
    if not isinstance(value, str):
        raise ValueError
    return parser(value)
