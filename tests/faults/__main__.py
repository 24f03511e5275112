"""The whole matrix, or a part of it.

    python -m tests.faults --over demo --times 5 --jobs 6 --out demo.json
    python -m tests.faults --resume --out demo.json --over demo,sshd --table docs/faults.md

Exits 1 if any trial did not hold. `--resume` skips what the file has already; `--table` alone writes the page
from the file and tries nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sys
import tempfile
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from tests.faults import report
from tests.faults.cells import Column, Row, cells
from tests.faults.matrix import carry_out
from tests.faults.place import Way, missing_tools
from tests.faults.report import Book
from tests.faults.trial import Record

Names = TypeVar("Names", bound=StrEnum)


def _tell(record: Record) -> None:
    print(_line(record), flush=True)


def _line(record: Record) -> str:
    clean = f", clean after {record.clean_s} s" if record.clean_s is not None else ""
    head = f"{record.row} x {record.column} #{record.repetition}: {record.seconds} s{clean}"
    return f"ok   {head}" if record.holds else "\n     ".join([f"FAIL {head}", record.vm, *record.faults])


def _chosen(kind: type[Names], text: str) -> set[Names]:
    """Those whose name contains one of the words; all of them for no words. Raises SystemExit."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    found = {each for each in kind if not words or any(word in each for word in words)}
    if not found:
        raise SystemExit(f"{text!r}: none of {', '.join(kind)}")
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--over", default="", help="demo, sshd, or both")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--rows", default="", help="parts of names, with commas")
    parser.add_argument("--columns", default="")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the cells")
    parser.add_argument("--out", type=Path, help="a JSON file")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--table", type=Path, help="write the page here")
    return parser.parse_args()


async def _main(options: argparse.Namespace, book: Book) -> None:
    """Told to stop, it cleans up before it goes: nothing of any host is left."""
    trials = asyncio.current_task()
    assert trials is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, trials.cancel)
    rows, columns = _chosen(Row, options.rows), _chosen(Column, options.columns)
    for way in sorted(_chosen(Way, options.over)):
        if lacking := missing_tools(way):
            raise SystemExit(f"this needs {', '.join(lacking)}")
        wanted = [
            (cell, repetition)
            for repetition in range(options.times)
            for cell in cells()
            if cell.row in rows and cell.column in columns and not book.has(way, cell, repetition)
        ]
        random.Random(options.seed).shuffle(wanted)
        with tempfile.TemporaryDirectory(prefix="dayfly-faults-", ignore_cleanup_errors=True) as folder:
            await carry_out(wanted, way, Path(folder), jobs=options.jobs, book=book, tell=_tell)


def main() -> None:
    """Parse and run."""
    options = _options()
    book = Book(options.out)
    if options.resume or not options.over:
        book.load()
    if options.over:
        with suppress(asyncio.CancelledError):
            asyncio.run(_main(options, book))
    print(json.dumps(report.totals(book.records, book.leftovers), indent=2))
    if options.table:
        options.table.write_text(report.table(book))
    sys.exit(0 if all(each.holds for each in book.records) and not book.leftovers else 1)


if __name__ == "__main__":
    main()
