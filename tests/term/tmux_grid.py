"""What tmux shows of the same bytes: the truth to which our terminal is held."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path

from wcwidth import wcwidth

from tui.term.cells import PLAIN, Cell, Colour, Look

COLUMNS, ROWS = 80, 24
_ACS = dict(zip("`afgjklmnopqrstuvwxyz{|}~", "◆▒°±┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·", strict=True))
_PIECES = re.compile(r"\x1b\[([0-9;:]*)m|\x1b\]8;[^\x1b]*\x1b\\|([\x0e\x0f])|([^\x1b\x0e\x0f])")
_END = "\x1b]2;shown\x07"


def shown_by_tmux(data: bytes, folder: Path) -> str:
    """The screen of a pane after `data`, with SGR codes, by a tmux server of its own."""
    (folder / "bytes").write_bytes(data + _END.encode())
    tmux = ["tmux", "-S", str(folder / "socket"), "-f", "/dev/null"]

    def ask(*words: str) -> str:
        return subprocess.run([*tmux, *words], capture_output=True, check=True, timeout=20).stdout.decode()

    command = f"stty raw -echo; cat '{folder}/bytes'; exec sleep 60"
    size = ("-x", str(COLUMNS), "-y", str(ROWS))
    ask("start-server", ";", "set", "-g", "status", "off", ";", "new", "-d", *size, command)
    try:
        deadline = time.monotonic() + 20
        while ask("display", "-p", "#{pane_title}").strip() != "shown":
            assert time.monotonic() < deadline, "tmux never showed it all"
            time.sleep(0.02)
        return ask("display", "-p", "#{cursor_x} #{cursor_y}") + ask("capture-pane", "-p", "-e", "-N")
    finally:
        ask("kill-server")


def parse(shown: str) -> tuple[tuple[int, int], list[list[Cell]]]:
    """The cursor and every cell."""
    head, *lines = shown.split("\n")
    column, row = map(int, head.split())
    look, is_acs, grid = PLAIN, False, []
    for line in lines[:ROWS]:
        cells: list[Cell] = []
        for match in _PIECES.finditer(line):
            sgr, shift, char = match.groups()
            if sgr is not None:
                look = _styled(look, sgr)
            elif shift:
                is_acs = shift == "\x0e"
            elif char and wcwidth(char) == 0 and cells:
                cells[-1] = cells[-1]._replace(text=cells[-1].text + char)
            elif char:
                cells.append(Cell(_ACS.get(char, char) if is_acs else char, look))
                cells += [Cell("", look)] * (wcwidth(char) - 1)
        grid.append(cells)
    return (column, row), grid


def _styled(look: Look, sgr: str) -> Look:
    codes = [code.partition(":")[0] for code in sgr.split(";")]
    while codes:
        look = _one(look, int(codes.pop(0) or 0), codes)
    return look


def _one(look: Look, code: int, rest: list[str]) -> Look:
    names = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 8: "concealed", 9: "strike"}
    if code == 0:
        return PLAIN
    if code in names:
        return replace(look, **{names[code]: True})
    if code in (38, 48):
        return replace(look, **{"foreground" if code == 38 else "background": _long(rest)})
    for base, field, first in (
        *((30, "foreground", 0), (40, "background", 0)),
        *((90, "foreground", 8), (100, "background", 8)),
    ):
        if base <= code < base + 8:
            return replace(look, **{field: code - base + first})
    return replace(look, **{39: {"foreground": None}, 49: {"background": None}}.get(code, {}))


def _long(rest: list[str]) -> Colour:
    if rest.pop(0) == "5":
        return int(rest.pop(0))
    red, green, blue = (int(rest.pop(0)) for _ in range(3))
    return red, green, blue
