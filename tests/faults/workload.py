"""What runs in the VM: numbered lines on both streams, until it is told to finish."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from tests.faults.cells import WORK_STATUS

STREAMS = ("stdout", "stderr")
FINISH = "finish"
"""A file in its home: time to end."""
SCRIPT = f"""\
i=0
until [ -e {FINISH} ] || [ $i -ge 3000 ]; do
  i=$((i+1)); echo "stdout $i"; echo "stderr $i" >&2; sleep 0.1
done
echo "end stdout $i"; echo "end stderr $i" >&2; exit {WORK_STATUS}"""


@dataclass(frozen=True, slots=True)
class Reading:
    """A log of one stream, compared with what must have been written."""

    whole: bool
    """From the first line to the last, byte for byte."""
    prefix: bool
    """Nothing but the beginning of that."""
    lost: int
    """Bytes that are missing before something that is there, or before the end if the log should be whole."""
    doubled: int


def read(data: bytes, stream: str) -> Reading:
    """Compare."""
    text = data.decode(errors="replace")
    lines = text.splitlines(keepends=True)
    said = re.fullmatch(rf"end {stream} (\d+)\n", lines[-1]) if lines else None
    running = _numbered(stream, len(lines))
    ended = _numbered(stream, int(said[1]) if said else max(0, len(lines) - 1), end=True)
    is_prefix = "".join(running).startswith(text) or "".join(ended).startswith(text)
    seen, due = Counter(lines), Counter(ended if said else running)
    return Reading(
        whole=bool(said) and text == "".join(ended),
        prefix=is_prefix,
        lost=0 if is_prefix else _bytes(due - seen),
        doubled=0 if is_prefix else _bytes(seen - due),
    )


def _numbered(stream: str, count: int, *, end: bool = False) -> list[str]:
    lines = [f"{stream} {number}\n" for number in range(1, count + 1)]
    return [*lines, f"end {stream} {count}\n"] if end else lines


def _bytes(lines: Counter[str]) -> int:
    return sum(len(line) * times for line, times in lines.items())
