"""Searching logs: as quick as grep is; ten million lines and a line of 100 MB without harm.

    python -m benchmarks.find

Counts a rare string in a log of a million lines, in turn with `grep -c`, both from a warm cache; then opens,
searches and walks a log of ten million lines, and one that is a single line of 100 MB, each in a process of
its own. Prints JSON; exits 1 if counting takes over twice what grep takes both by the clock (the median of
the rounds) and in CPU time, if a process grows by more than 64 MB, or if a key's work takes over 100 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from tui.app.widgets.log_find import Hits, parse_pattern
from tui.app.widgets.log_search import LogSearch
from tui.app.widgets.log_view import LogView
from tui.engine.logs import JobLog, RunLogReader

ROUNDS = 15
NEEDLES = {"-c": "the one NEEDLE", "-ci": "the one needle"}
LINE = b"2026-01-01T00:00:00 worker-%d: step %d of many is done, all is well here\n"
GROWN_MB, KEY_MS = 64, 100


def lines(thousands: int) -> Iterator[bytes]:
    """So many thousand lines, and one that is rare near their end."""
    for block in range(thousands):
        yield b"".join(LINE % (block % 7, step) for step in range(1000))
        if block == thousands - 10:
            yield b"the one NEEDLE\n"


def one_line() -> Iterator[bytes]:
    """100 MB without a newline, and what is looked for near their end."""
    for block in range(100):
        yield b"0123456789abcdef" * 65536
        if block == 98:
            yield b"the one NEEDLE"


async def write(folder: Path, blocks: Iterator[bytes]) -> Path:
    """A log as it comes: a block a write."""
    folder.mkdir()
    log = JobLog(folder, "work")
    for block in blocks:
        log.stdout(block)
        log.flush()
    log.close()
    return folder


def timed(act: Callable[[], object]) -> float:
    """Milliseconds that it takes."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def cpu(who: int) -> float:
    """Milliseconds of CPU time so far, the kernel's for us with it."""
    used = resource.getrusage(who)
    return (used.ru_utime + used.ru_stime) * 1000


def count(folder: Path, needle: str) -> int:
    """How many lines have it."""
    hits = Hits(RunLogReader(folder), "work", "", parse_pattern(needle), 1000)
    while hits.is_behind:
        hits.step()
    return len(hits)


def beside_grep(folder: Path, option: str, needle: str) -> dict[str, float]:
    """Our count and grep's whole process, in turn: what else the machine does slows both."""
    words = ["grep", option, needle, str(folder / "work.stdout")]
    grep, ours, ratios = [], [], []
    assert int(subprocess.run(words, check=True, capture_output=True).stdout) == count(folder, needle) == 1
    theirs_cpu, our_cpu = cpu(resource.RUSAGE_CHILDREN), cpu(resource.RUSAGE_SELF)
    for _ in range(ROUNDS):
        grep.append(timed(lambda: subprocess.run(words, check=True, capture_output=True)))
        ours.append(timed(lambda: count(folder, needle)))
        ratios.append(ours[-1] / grep[-1])
    return {
        "grep ms": round(median(grep), 1),
        "ours ms": round(median(ours), 1),
        "ratio": round(median(ratios), 2),
        "grep cpu ms": round((cpu(resource.RUSAGE_CHILDREN) - theirs_cpu) / ROUNDS, 1),
        "ours cpu ms": round((cpu(resource.RUSAGE_SELF) - our_cpu) / ROUNDS, 1),
    }


async def walk(folder: Path) -> dict[str, float]:
    """Open a log, find in it, and press keys, as the pane does; by how much the process grew."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    view = LogView(RunLogReader(folder), "work")
    view.width, view.height = 118, 30
    search = LogSearch(view)
    opened = timed(view.page)
    keys = [
        timed(lambda act=act: (act(), view.page()))  # type: ignore[misc]
        for act in (
            lambda: view.move(-1),
            lambda: view.move(-28),
            view.home,
            lambda: view.move(28),
            view.follow,
        )
        for _ in range(5)
    ]
    view.home()
    search.look_for(parse_pattern(NEEDLES["-c"]))
    began = time.perf_counter()
    assert await search.go(down=True)
    found = (time.perf_counter() - began) * 1000
    return {
        "MB": round(view.size / 1e6),
        "open ms": round(opened, 1),
        "find ms": round(found, 1),
        "slowest key ms": round(max(keys), 1),
        "peak MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "grown MB": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1),
    }


def alone(folder: Path) -> dict[str, float]:
    """`walk` in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.find", "--walk", str(folder)]
    figures: dict[str, float] = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    return figures


def main(folder: Path) -> int:
    """Measure; the exit status."""
    million = asyncio.run(write(folder / "million", lines(1000)))
    found = {f"grep {option}": beside_grep(million, option, needle) for option, needle in NEEDLES.items()}
    walked = {
        "ten million lines": alone(asyncio.run(write(folder / "ten-million", lines(10_000)))),
        "one line": alone(asyncio.run(write(folder / "line", one_line()))),
    }
    print(json.dumps({**found, **walked}, indent=2))
    is_quick = all(
        each["ratio"] <= 2 or each["ours cpu ms"] <= 2 * each["grep cpu ms"] for each in found.values()
    )
    is_calm = all(
        each["grown MB"] <= GROWN_MB and each["slowest key ms"] <= KEY_MS for each in walked.values()
    )
    return 0 if is_quick and is_calm else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--walk", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.walk is not None:
        print(json.dumps(asyncio.run(walk(options.walk))))
    else:
        with tempfile.TemporaryDirectory(prefix="dayfly-find-") as made:
            sys.exit(main(Path(made)))
