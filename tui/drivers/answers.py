"""Reads JSON that a manager printed; it is hostile until it has been through here.

Anything that does not have the known shape raises ManagerRefused, and nothing else is ever raised.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from tui.model.errors import ManagerRefused
from tui.model.text import clean_bytes, clean_line

Fields = dict[str, object]


@contextmanager
def reading(stdout: bytes, command: str, by_hand: str = "") -> Iterator[object]:
    """The JSON in `stdout` of `command`; whatever is wrong with it or in it becomes ManagerRefused."""
    try:
        yield json.loads(stdout.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ManagerRefused(
            f"`{command}` on the host printed something that is not its usual answer",
            detail=clean_bytes(stdout[:200].lstrip().partition(b"\n")[0]),
            hint=f"Run `{by_hand or command}` on the host by hand and look at what it prints.",
        ) from None


def fields(value: object) -> Fields:
    """An object. Raises ValueError, as all of these do."""
    if not isinstance(value, dict):
        raise ValueError
    return value


def items(value: object) -> list[object]:
    """A list."""
    if not isinstance(value, list):
        raise ValueError
    return value


def text(value: object) -> str:
    """Any text; not sanitised."""
    if not isinstance(value, str):
        raise ValueError
    return value


def name(value: object) -> str:
    """A name that commands are given.

    One with a control character in it is refused, not mended: the mended one could be another VM's.
    """
    found = text(value)
    if not found or clean_line(found) != found:
        raise ValueError
    return found
