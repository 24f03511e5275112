"""Film one run on the demo host, from the form to the VM's end: screenshots/demo.svg.

    uv run --extra demo python screenshots/film.py

Plays keys on `dayfly demo` in a terminal of its own, writes down what it paints (asciicast v2), and has npm's
svg-term-cli draw it.
"""

from __future__ import annotations

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

HERE = Path(__file__).parent
COLUMNS, ROWS = 100, 28
DRAWER = "svg-term-cli@2.1.1"
_KEY_S, _LOOK_S, _PATIENCE_S = 0.07, 1.2, 60.0

COMMAND = "for i in 1 2 3 4 5 6; do echo step $i of 6; sleep 1; done; ls -l /"
SCRIPT: tuple[tuple[str, str], ...] = (
    ("New run", "lts"),
    ("lts", "\t\t\t\t"),
    ("", COMMAND),
    ("ready", "\x1b[15~"),
    ("step 3", "i"),
    ("step 6", ""),
    ("gone", ""),
    ("", "\x1b"),
    ("Runs", ""),
    ("", "2"),
    ("", "5"),
    ("", "1"),
)
"""What to wait for on the screen, and what is typed then."""


class Film:
    """A terminal, and what was painted on it when."""

    def __init__(self, folder: str) -> None:
        self.began = time.monotonic()
        self.frames: list[tuple[float, str, str]] = []
        self._seen = b""
        pid, self._terminal = pty.fork()
        if pid == 0:
            os.environ |= {
                "DAYFLY_STATE_DIR": f"{folder}/state",
                "DAYFLY_CONFIG_DIR": f"{folder}/config",
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
            }
            os.execv(sys.executable, [sys.executable, "-m", "tui", "demo", "--speed", "2"])
        self.child = pid
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def roll(self, seconds: float) -> None:
        """Take what is painted for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._terminal], [], [], left)[0]:
                data = os.read(self._terminal, 65536)
                self._seen += data
                self.frames.append((time.monotonic() - self.began, "o", data.decode("utf-8", "replace")))

    def wait_for(self, words: str) -> None:
        """Film until these words are painted."""
        deadline = time.monotonic() + _PATIENCE_S
        while words.encode() not in self._seen:
            if time.monotonic() > deadline:
                raise TimeoutError(words)
            self.roll(0.1)
        self._seen = b""

    def type(self, keys: str) -> None:
        """One key after the other, as somebody would; an escape sequence is one key."""
        for key in [keys] if keys.startswith("\x1b") else keys:
            os.write(self._terminal, key.encode())
            self.roll(_KEY_S if key != "\t" else 0.4)

    def write(self, path: Path) -> None:
        """As an asciicast."""
        head = {"version": 2, "width": COLUMNS, "height": ROWS}
        lines = [json.dumps(head), *(json.dumps(frame) for frame in self.frames)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Film it and draw it."""
    with tempfile.TemporaryDirectory() as folder:
        film = Film(folder)
        try:
            for words, keys in SCRIPT:
                film.wait_for(words)
                film.roll(_LOOK_S)
                film.type(keys)
            film.roll(2)
        finally:
            os.kill(film.child, signal.SIGTERM)
            os.waitpid(film.child, 0)
        cast = Path(folder) / "demo.cast"
        film.write(cast)
        drawing = ("npx", "--yes", DRAWER, "--in", str(cast), "--out", str(HERE / "demo.svg"), "--window")
        subprocess.run(drawing, check=True)


if __name__ == "__main__":
    main()
