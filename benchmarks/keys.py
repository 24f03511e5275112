"""From key to paint in the dashboard: idle, and while 100,000 lines a second arrive in the log that is shown.

    python -m benchmarks.keys

Runs the dashboard in a terminal of its own on a private demo host, presses a key that opens and closes the
help, and measures how long the answer takes. Prints JSON; exits 1 if of a hundred answers the slowest but one
takes over 1.5 times as long as when idle, if fewer lines arrived, or if the log on disk is not byte for byte
what the workload wrote.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import gc
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from tui.demo import process
from tui.demo.process import Guests
from tui.model.hosts import DEMO
from tui.model.spec import RunSpec

KEYS = 150
WANTED = 100_000
BURST = 5000
IDLE = "echo ready; sleep 300"
BUSY = (
    f"echo ready; i=0; while :; do seq $((i * {BURST} + 1)) $(((i + 1) * {BURST})); "
    "i=$((i + 1)); sleep 0.041; done"
)
HELP = b"\x1bOP"  # F1
ESCAPE = b"\x1b"
OPENED, CLOSED = b"Keys", b"Cleanup"
PAUSE_S = 0.15


async def dashboard(command: str) -> None:
    """What the child does: one run, shown on its own screen."""
    from tui.app.app import DayflyApp
    from tui.app.screens.home import HomeScreen
    from tui.config import host_entry, load
    from tui.engine.history import LedgerHistory
    from tui.wiring import Shelf, open_fleet, open_ledger

    with open_ledger() as ledger:
        async with open_fleet(ledger, [DEMO]) as fleet:
            run = fleet.submit(RunSpec(image="ubuntu-lts-agent", command=command, host=DEMO, grace_s=5))
            app = DayflyApp(
                fleet,
                Shelf(DEMO),
                lambda text: host_entry(text, load()),
                history=LedgerHistory(ledger),
            )

            async def show() -> None:
                while not (app.screen_stack and app.screen_stack[0].query("#runs")):
                    await asyncio.sleep(0.05)
                home = app.screen_stack[0]
                assert isinstance(home, HomeScreen)
                app.call_later(home.open_run, run)
                gc.freeze()  # as `dayfly` does once all is loaded

            async with asyncio.TaskGroup() as group:
                group.create_task(show())
                await app.run_async()
            fleet.leave()


class Terminal:
    """The dashboard in a pty of 120 by 36."""

    def __init__(self, command: str) -> None:
        self.log = Path()
        """What its run prints, once that has begun."""
        self._former = logs()
        self.file, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        words = [sys.executable, "-m", "benchmarks.keys", "--child", command]
        env = {**os.environ, "TERM": "xterm-256color", "TEXTUAL_ANIMATIONS": "none"}
        self.child = subprocess.Popen(
            words, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
        )
        os.close(theirs)

    def read(self, seconds: float) -> bytes:
        """What it painted next; empty after `seconds` without any."""
        ready, _, _ = select.select([self.file], [], [], seconds)
        return os.read(self.file, 1 << 16) if ready else b""

    def until(self, words: bytes, seconds: float) -> float:
        """Seconds until these words are painted."""
        began, seen = time.perf_counter(), b""
        while words not in seen:
            left = seconds - (time.perf_counter() - began)
            if left < 0:
                raise TimeoutError(f"{words!r} was not painted in {seconds} s")
            seen = seen[-len(words) :] + self.read(left)
        return time.perf_counter() - began

    def key(self) -> float:
        """Open the help and close it again; seconds until it was there."""
        os.write(self.file, HELP)
        took = self.until(OPENED, 10)
        os.write(self.file, ESCAPE)
        self.until(CLOSED, 10)
        rest = time.perf_counter() + PAUSE_S
        while time.perf_counter() < rest:
            self.read(0.02)
        return took

    def begin(self) -> None:
        """Until the workload prints: its command, which is on the screen, has the same words."""
        deadline = time.monotonic() + 60
        while not (new := logs() - self._former) or not all(log.stat().st_size for log in new):
            if time.monotonic() > deadline:
                raise TimeoutError("nothing was printed in 60 s")
            self.read(0.05)
        (self.log,) = new

    def end(self) -> None:
        """Kill it; its host cleans up."""
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        os.close(self.file)


class Measured(NamedTuple):
    """What one run showed."""

    times: list[float]
    """Milliseconds from key to paint, one a key press."""
    rate: float
    """Lines a second that arrived meanwhile."""
    is_whole: bool
    """Whether the log has every byte, once."""


def measure(command: str) -> Measured:
    """Press keys while the command runs."""
    terminal = Terminal(command)
    try:
        terminal.begin()
        terminal.key()
        before, began = terminal.log.stat().st_size, time.monotonic()
        times = [terminal.key() * 1000 for _ in range(KEYS)]
        seconds, written = time.monotonic() - began, terminal.log.read_bytes()
        return Measured(times, written[before:].count(b"\n") / seconds, is_whole(written))
    finally:
        terminal.end()


def logs() -> set[Path]:
    """What each run printed."""
    return set((Path(os.environ["DAYFLY_STATE_DIR"]) / "runs").glob("*/work.stdout"))


def is_whole(written: bytes) -> bool:
    """Whether it is what the busy run wrote up to here: `ready`, then every number once, in order."""
    count = written.count(b"\n") + 1
    wanted = b"ready\n" + b"".join(b"%d\n" % number for number in range(1, count + 1))
    return wanted.startswith(written)


def figures(times: list[float]) -> dict[str, float]:
    """Median and tail, in milliseconds."""
    cuts = quantiles(times, n=100)
    return {
        "p50 ms": round(median(times), 1),
        "p99 ms": round(cuts[98], 1),
        "max ms": round(max(times), 1),
    }


async def main() -> int:
    """Measure; the exit status."""
    await process.ensure(speed=20, guests=Guests.SHELL)
    try:
        quiet = await asyncio.to_thread(measure, IDLE)
        flooded = await asyncio.to_thread(measure, BUSY)
        idle, busy = figures(quiet.times), figures(flooded.times)
        ratio = round(busy["p99 ms"] / idle["p99 ms"], 2)
        found = {
            "idle": idle,
            "busy": busy,
            "ratio of p99": ratio,
            "lines/s": round(flooded.rate),
            "log whole": flooded.is_whole,
        }
        print(json.dumps(found, indent=2))
        return 0 if ratio <= 1.5 and flooded.rate >= WANTED and flooded.is_whole else 1
    finally:
        await process.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        asyncio.run(dashboard(options.child))
    else:
        with tempfile.TemporaryDirectory(prefix="dayfly-keys-", ignore_cleanup_errors=True) as folder:
            for name in ("STATE", "CONFIG"):
                os.environ[f"DAYFLY_{name}_DIR"] = str(Path(folder) / name.lower())
            sys.exit(asyncio.run(main()))
