"""What a failed command of a manager means, for people: a sentence, and what to do next; by a table.

A row's named groups are put into its sentence and hint; what came from the host is sanitised first.
Where a hint has a command to copy, only a real VM name may get into it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tui.model.text import clean_line, decode_clean

NOT_FOUND = 127

_READ_LAST = 16384
_SHOWN_AT_MOST = 300
_VALUE_AT_MOST = 80


@dataclass(frozen=True, slots=True)
class Failure:
    """One known failure; both texts may hold groups of the pattern, by name."""

    pattern: re.Pattern[str]
    sentence: str
    hint: str


def row(pattern: str, sentence: str, hint: str) -> Failure:
    """One of a table."""
    return Failure(re.compile(pattern, re.MULTILINE), sentence, hint)


def last_text(stderr: bytes) -> str:
    """The end of what it wrote, sanitised."""
    return decode_clean(stderr[-_READ_LAST:])


def value_text(_key: str, text: str) -> str:
    """A part of the host's text as it is shown."""
    return shortened(clean_line(text), _VALUE_AT_MOST) or "(nothing)"


def find(
    table: Iterable[Failure],
    text: str,
    shown: Callable[[str, str], str] = value_text,
    *,
    words: Mapping[str, str] = MappingProxyType({}),
) -> tuple[str, str] | None:
    """(sentence, hint) of the first row that fits.

    `shown` makes the words of a group by its name; `words` are ours, for any row.
    """
    for failure in table:
        match = failure.pattern.search(text)
        if match:
            found = {key: shown(key, value or "") for key, value in match.groupdict().items()}
            values = {**words, **found}
            return failure.sentence.format(**values), failure.hint.format(**values)
    return None


def is_about(manager: str, text: str) -> bool:
    """Whether a shell's `not found` is about our command and not one in the guest."""
    return (
        not text.strip()
        or re.search(rf"(?:^|[\s'\"/:]){re.escape(manager)}['\"]?(?::|\s*$)", text, re.MULTILINE) is not None
    )


def one_line(line: str) -> str:
    """A line of the host's as the sentence of a failure that nobody knows."""
    return shortened(line, _SHOWN_AT_MOST)


def shortened(text: str, limit: int) -> str:
    """At most so many characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
