"""The glyphs of the dashboard and what stands for each on a terminal that shows nothing but ASCII.

Everything that is painted goes through `AsciiOnly` there: nothing else needs to know.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_PAIRS = (
    ("◌◔◑◐◕▶▷⌫■◆◇", ".^%%<>>x-*:"),  # states, pins
    ("✔✘●○•▌▍▸▾▼▲◀", "+!oo*||>vv^<"),  # marks
    ("…⋯–—·×⏸ℹ≥→←�", "~~--.x=i>><?"),  # signs
    ("⏎↵↑↓⇥␣⌃", "==^v>_^"),  # keys
    ("▁▂▃▄▅▆▇█", "_.:-=+*#"),  # graphs
)
_BOXES = dict.fromkeys(map(chr, range(0x2500, 0x2580)), "+") | dict.fromkeys("─━═╌╍┄┅┈┉╴╶╸╺", "-")
_BOXES |= dict.fromkeys("│┃║╎╏┆┇┊┋╵╷╹╻", "|")
_BLOCKS = dict.fromkeys(map(chr, range(0x2580, 0x25A0)), "#") | dict.fromkeys("▎▏▕▊▋▉▐", "|")
_BLOCKS |= {"▀": "-", "▔": "-"}
_DOTS = dict.fromkeys(map(chr, range(0x2800, 0x2900)), ":") | {chr(0x2800): " "}

ASCII: Mapping[str, str] = {
    **(_DOTS | _BLOCKS | _BOXES),
    **{glyph: plain for glyphs, plains in _PAIRS for glyph, plain in zip(glyphs, plains, strict=True)},
}
"""One cell for one cell: nothing moves."""
_TABLE = str.maketrans(dict(ASCII))


class AsciiOnly(LineFilter):
    """Paints the ASCII stand-ins."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The same segments, of the same width."""
        return [
            segment if segment.text.isascii() else segment._replace(text=segment.text.translate(_TABLE))
            for segment in segments
        ]


def needs_ascii(wanted: bool | None) -> bool:
    """As the settings say; where they say nothing: on the Linux console, and without UTF-8."""
    if wanted is not None:
        return wanted
    stream = sys.__stdout__
    encoding = (stream.encoding if stream else None) or "utf-8"
    return os.environ.get("TERM") == "linux" or not encoding.lower().replace("-", "").startswith("utf")
