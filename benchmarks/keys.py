"""From key to paint in the dashboard: idle, and while a workload prints 200,000 lines.

    python -m benchmarks.keys

Runs the dashboard in a terminal of its own on a private demo host, presses a key that opens and closes the
help, and measures how long the answer takes. Prints JSON; exits 1 if the busy median is over twice the idle
one, or if the log on disk is not byte for byte what the workload wrote.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
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

from tui.demo import process
from tui.demo.process import Guests
from tui.model.hosts import DEMO
from tui.model.spec import RunSpec

KEYS = 60
LINES = 200_000
BURSTS = 400
IDLE = "echo ready; sleep 60"
BUSY = (
    "echo ready; sleep 2; i=0; "
    f"while [ $i -lt {BURSTS} ]; do seq $((i * {LINES // BURSTS} + 1)) $(((i + 1) * {LINES // BURSTS})); "
    "i=$((i + 1)); sleep 0.03; done; sleep 60"
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

            async with asyncio.TaskGroup() as group:
                group.create_task(show())
                await app.run_async()
            fleet.leave()


class Terminal:
    """The dashboard in a pty of 120 by 36."""

    def __init__(self, command: str) -> None:
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

    def end(self) -> None:
        """Kill it; its host cleans up."""
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        os.close(self.file)


def measure(command: str) -> list[float]:
    """Milliseconds from key to paint, one a key press."""
    terminal = Terminal(command)
    try:
        terminal.until(b"ready", 60)
        terminal.key()
        return [terminal.key() * 1000 for _ in range(KEYS)]
    finally:
        terminal.end()


def is_whole(state: Path) -> bool:
    """Whether the busy run's log is what it wrote: `ready`, then every number once, in order."""
    logs = max((state / "runs").iterdir(), key=lambda folder: folder.stat().st_mtime) / "work.stdout"
    written = logs.read_bytes()
    wanted = b"ready\n" + b"".join(b"%d\n" % number for number in range(1, LINES + 1))
    return written == wanted


def figures(times: list[float]) -> dict[str, float]:
    """Median and tail, in milliseconds."""
    cuts = quantiles(times, n=20)
    return {"p50 ms": round(median(times), 1), "p95 ms": round(cuts[18], 1), "max ms": round(max(times), 1)}


async def main() -> int:
    """Measure; the exit status."""
    await process.ensure(speed=20, guests=Guests.SHELL)
    try:
        idle = await asyncio.to_thread(measure, IDLE)
        busy = await asyncio.to_thread(measure, BUSY)
        ratio = median(busy) / median(idle)
        whole = is_whole(Path(os.environ["DAYFLY_STATE_DIR"]))
        print(
            json.dumps(
                {"idle": figures(idle), "busy": figures(busy), "ratio": round(ratio, 2), "log whole": whole},
                indent=2,
            )
        )
        return 0 if ratio <= 2 and whole else 1
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
