"""Sizes and durations as people write them.

Sizes follow Multipass: `512M`, `1.5G`, `1GiB`, `4096`; always 1024-based; no T.
"""

from __future__ import annotations

import re
from decimal import Decimal

# ASCII: else \d and K would take digits and a Kelvin sign that Multipass does not. Bounded: nothing is huge.
_SIZE = re.compile(r"(\d{1,24}(?:\.\d{1,24})?)([KMG])(?:i?B)?|(\d{1,24})B?", re.IGNORECASE | re.ASCII)
_FACTORS = {"K": 1024, "M": 1024**2, "G": 1024**3}
_DURATION = re.compile(r"(?:(\d{1,12})d)?(?:(\d{1,12})h)?(?:(\d{1,12})m)?(?:(\d{1,12})s)?", re.ASCII)

MIB = _FACTORS["M"]
GIB = _FACTORS["G"]

SIZE_HELP = "a number with K, M or G, such as 512M or 1.5G"
DURATION_HELP = "a duration such as 90s, 15m or 1h30m"


def parse_size(text: str) -> int:
    """Return bytes. Raises ValueError for what Multipass would refuse."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size; write {SIZE_HELP}")
    number, unit, plain = match.groups()
    return int(plain) if plain else int(Decimal(number) * _FACTORS[unit.upper()])


def format_size(size: int) -> str:
    """The shortest exact way to write `size` bytes; parse_size reads it back."""
    for unit in ("G", "M", "K"):
        if size and size % _FACTORS[unit] == 0:
            return f"{size // _FACTORS[unit]}{unit}"
    return str(size)


def approximate_size(size: float) -> str:
    """Bytes for people: `1.4G`, `12M`, `900`."""
    for unit in ("G", "M", "K"):
        if size >= _FACTORS[unit]:
            return f"{size / _FACTORS[unit]:.1f}".removesuffix(".0") + unit
    return f"{size:.0f}"


def parse_duration(text: str) -> int:
    """Return seconds; a bare number is seconds. Raises ValueError."""
    written = text.strip().lower()
    if written.isascii() and written.isdigit() and len(written) <= 12:
        return int(written)
    match = _DURATION.fullmatch(written)
    if match is None or not written:
        raise ValueError(f"{text!r} is not a duration; write {DURATION_HELP}")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def format_duration(seconds: float) -> str:
    """Exact for whole seconds: `15m`, `1h30m`, `2d`; parse_duration reads it back."""
    left = int(seconds)
    parts = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
