"""Stars in place of secrets in a stream of bytes, of the same length: every offset stays exact."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

SHORTEST = 3
"""Bytes; what is shorter is in every log by chance."""
_SHORTEST_LINE = 8
_STAR = b"*"

Repeat = re.Pattern[bytes]


def patterns_of(values: Iterable[bytes]) -> tuple[bytes, ...]:
    """What is to be starred: each value, and each longer line of one that has several."""
    found = set[bytes]()
    for value in values:
        if len(value) >= SHORTEST:
            found.add(value)
        lines = value.splitlines()
        if len(lines) > 1:
            found.update(line for line in lines if len(line) >= _SHORTEST_LINE)
    return tuple(sorted(found))


class Mask:
    """Stars every occurrence in one stream, those that overlap and those across chunks too.

    What may be the beginning of a secret is held back until it is clear.
    """

    __slots__ = ("_held", "_owed", "_patterns", "_repeats")

    def __init__(self, patterns: Iterable[bytes]) -> None:
        self._patterns = sorted(patterns, key=len, reverse=True)
        self._repeats = None if _never_meet(self._patterns) else [_repeat_of(one) for one in self._patterns]
        self._held = b""
        self._owed = 0  # so many of the next bytes are the end of a secret that began before them

    @property
    def held(self) -> int:
        """How many bytes are held back."""
        return len(self._held)

    def feed(self, data: bytes) -> bytes:
        """The next bytes of the stream: what can be shown of all that has come so far."""
        data = self._held + data
        beginnings = (_beginning(data, pattern) for pattern in self._patterns)
        return self._give(data, min(beginnings, default=len(data)))

    def end(self) -> bytes:
        """The stream is over: all that was held back."""
        return self._give(self._held, len(self._held))

    def forget(self) -> None:
        """What is held back will come again."""
        self._held = b""

    def _give(self, data: bytes, length: int) -> bytes:
        """Let go of so many bytes, and hold the rest back."""
        self._held = data[length:]
        if self._repeats is None:
            shown = data[:length]
            for pattern in self._patterns:
                shown = shown.replace(pattern, _STAR * len(pattern))
            return shown
        return self._star(data, length, self._repeats)

    def _star(self, data: bytes, length: int, repeats: Sequence[Repeat | None]) -> bytes:
        shown, owed = bytearray(data[:length]), self._owed
        shown[:owed] = _STAR * min(owed, length)
        for pattern, repeat in zip(self._patterns, repeats, strict=True):
            for begin, end in _occurrences(data, pattern, repeat):
                if begin < length:
                    shown[begin:end] = _STAR * (min(end, length) - begin)
                    owed = max(owed, end)
        self._owed = max(0, owed - length)
        return bytes(shown)


def _never_meet(patterns: Sequence[bytes]) -> bool:
    """Whether no two occurrences can overlap, unless one lies in the other."""
    return not any(
        _STAR in one or any(_beginning(one[1:], other) < len(one) - 1 for other in patterns)
        for one in patterns
    )


def _repeat_of(pattern: bytes) -> Repeat | None:
    """Finds how often a pattern goes on after itself, shifted by its period, where that is short.

    `aaa` in a sea of `a` is one find then, not one a byte.
    """
    half = pattern[: (len(pattern) + 1) // 2]
    period = pattern.find(half, 1)
    while period > 0 and not pattern.startswith(pattern[period:]):
        period = pattern.find(half, period + 1)
    if period < 1:
        return None
    return re.compile(b"(?:" + re.escape(pattern[-period:]) + b")*+")


def _occurrences(data: bytes, pattern: bytes, repeat: Repeat | None) -> Iterator[tuple[int, int]]:
    begin = data.find(pattern)
    while begin >= 0:
        end = begin + len(pattern)
        if repeat is not None and (more := repeat.match(data, end)):
            end = more.end()
        yield begin, end
        begin = data.find(pattern, end - len(pattern) + 1)


def _beginning(data: bytes, pattern: bytes) -> int:
    """Where the longest end of `data` begins that a pattern goes on from; the size of `data`: nowhere."""
    at = data.find(pattern[:SHORTEST], max(0, len(data) - len(pattern) + 1))
    while at >= 0 and not pattern.startswith(data[at:]):
        at = data.find(pattern[:SHORTEST], at + 1)
    if at >= 0:
        return at
    return next((len(data) - size for size in (2, 1) if data.endswith(pattern[:size])), len(data))
