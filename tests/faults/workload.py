"""What runs in the VM: numbered lines on both streams, until it is told to finish."""

from __future__ import annotations

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
    lines = data.decode(errors="replace").splitlines(keepends=True)
    last = lines[-1] if lines else ""
    whole_of = last.removeprefix(f"end {stream} ").strip() if last.startswith(f"end {stream} ") else ""
    count = int(whole_of) if whole_of.isdigit() else len(lines)
    truth = [f"{stream} {number}\n" for number in range(1, count + 1)]
    ending = f"end {stream} {count if whole_of else len(lines) - 1}\n"
    written = "".join(truth) + ending if whole_of else "".join(truth)
    text = data.decode(errors="replace")
    prefix = written.startswith(text) or ("".join(truth[: len(lines) - 1]) + ending).startswith(text)
    seen, due = Counter(lines), Counter([*truth, ending] if whole_of else truth[: len(lines)])
    missing = due - seen if not prefix or whole_of else Counter[str]()
    return Reading(
        whole=bool(whole_of) and text == written,
        prefix=prefix,
        lost=_bytes(missing),
        doubled=_bytes(seen - due) if not prefix else 0,
    )


def _bytes(lines: Counter[str]) -> int:
    return sum(len(line) * times for line, times in lines.items())
