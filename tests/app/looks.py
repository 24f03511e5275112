"""Every screen as text and colours, at three sizes and in both themes: written by this, compared by the test.

    python -m tests.app.looks          write tests/app/looks/ anew, to be looked at in the diff

A file has, for each size, the characters of the screen, and for each theme which style each of them has: runs
of `count` and `letter`; what the letters mean stands at its end.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from string import ascii_letters, digits

from rich.style import Style
from textual.strip import Strip
from textual.widgets import Input, TextArea

from tests.app.conftest import Stage
from tests.app.scenes import SCENES, Scene
from tui.app.themes import DARK, LIGHT

FOLDER = Path(__file__).parent / "looks"
SIZES = ((80, 24), (120, 36), (200, 50))
_AT_REST = 3
"""So many looks in a row show the same: a hidden screen may paint a moment later than the one in front."""
_NAMES = ascii_letters + digits + "".join(chr(number) for number in range(0xC0, 0x180))


class Palette:
    """Letters for styles, in the order in which they come."""

    def __init__(self) -> None:
        self._letters: dict[str, str] = {}

    def letter(self, style: Style | None) -> str:
        words = str(style or "")
        return self._letters.setdefault(words, _NAMES[len(self._letters)])

    def lines(self) -> Iterator[str]:
        for words, letter in self._letters.items():
            yield f"  {letter} {words}"


def coloured(strip: Strip, palette: Palette) -> str:
    letters = "".join(palette.letter(segment.style) * segment.cell_length for segment in strip)
    return " ".join(f"{len(list(run))}{letter}" for letter, run in groupby(letters))


async def show(scene: Scene) -> str:
    """The whole file of one scene."""
    lines: list[str] = []
    async with scene.stage() as stage:
        for size in SIZES:
            await _resize(stage, size)
            lines += [f"==== {size[0]}x{size[1]}", *(strip.text.rstrip() for strip in _strips(stage))]
            for theme in (DARK, LIGHT):
                stage.app.theme = theme
                await stage.pilot.pause()
                palette = Palette()
                lines += [f"---- {theme}", *(coloured(strip, palette) for strip in _strips(stage))]
                lines += palette.lines()
    return "\n".join(lines) + "\n"


def _strips(stage: Stage) -> list[Strip]:
    return stage.app.screen._compositor.render_strips()


async def _resize(stage: Stage, size: tuple[int, int]) -> None:
    """And wait until nothing moves any more."""
    await stage.pilot.resize_terminal(*size)
    for field in stage.app.screen.query("Input, TextArea"):
        assert isinstance(field, Input | TextArea)
        field.cursor_blink = False
    looks: list[list[str]] = []
    deadline = time.monotonic() + 20
    while len(looks) < _AT_REST or any(look != looks[-1] for look in looks[-_AT_REST:]):
        assert time.monotonic() < deadline, "it never rests"
        await stage.pilot.pause(0.1)
        looks.append([strip.text for strip in _strips(stage)])


async def _write(folder: str, names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, scene in SCENES.items():
        if not names or name in names:
            os.environ["DAYFLY_STATE_DIR"] = f"{folder}/state-of-{name}"
            (FOLDER / f"{name}.txt").write_text(await show(scene), encoding="utf-8")
            sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DAYFLY_CONFIG_DIR": f"{folder}/config", "TZ": "UTC"}
        time.tzset()
        asyncio.run(_write(folder, sys.argv[1:]))
