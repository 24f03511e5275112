"""What need not be shown of a flood of lines that somebody has just interrupted."""

from __future__ import annotations

import re

_PLAIN = re.compile(rb"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*")


def without_unseen(data: bytes, rows: int) -> bytes:
    """`data` without the plain lines that would only scroll by on a screen of `rows`.

    What is on the screen afterwards is the same. Its first line stays: it may end what came before.
    """
    found = _PLAIN.match(data)
    lines = found.group().split(b"\n") if found else []
    if len(lines) <= 3 * rows:
        return data
    end = found.end() if found else 0
    return b"\n".join((lines[0], *lines[-2 * rows :])) + data[end:]
