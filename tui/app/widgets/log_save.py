"""A log as a file: as it is shown, or byte for byte."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tui.app.widgets.log_selection import texts_from
from tui.app.widgets.log_view import LogView

_LINES_AT_ONCE = 2000
_BYTES_AT_ONCE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written where."""

    path: Path
    lines: int


async def write_plain(view: LogView, path: Path, *, replace: bool = False) -> Saved:
    """Write the lines as they are shown, filtered and all: no colours, no controls.

    Raises FileExistsError unless it may be replaced, and OSError. Cancelled, it leaves no file behind, nor
    changes one that was there.
    """
    return await _write(_plain(view), path, replace=replace)


async def write_raw(view: LogView, path: Path, *, replace: bool = False) -> Saved:
    """Write the bytes of the logs in order of arrival, as they came. Raises as `write_plain` does."""
    return await _write(_raw(view), path, replace=replace)


def _plain(view: LogView) -> Iterator[bytes]:
    lines = texts_from(view, (0, 0))
    while some := [text for _, text in islice(lines, _LINES_AT_ONCE)]:
        yield "".join(f"{text}\n" for text in some).encode()


def _raw(view: LogView) -> Iterator[bytes]:
    for place in view.places:
        offset = 0
        while chunks := place.reader.read(place.job, offset, _BYTES_AT_ONCE, place.skip):
            yield b"".join(chunk.data for chunk in chunks)
            offset = chunks[-1].offset + len(chunks[-1].data)


async def _write(parts: Iterator[bytes], path: Path, *, replace: bool) -> Saved:
    if not replace and await asyncio.to_thread(path.exists):
        raise FileExistsError(f"{path} is there already")
    lines, part = 0, path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            while (data := await asyncio.to_thread(next, parts, None)) is not None:
                await asyncio.to_thread(file.write, data)
                lines += data.count(b"\n")
        if replace:
            part.replace(path)
        else:
            os.link(part, path)  # unlike a rename, it replaces nothing
    finally:
        part.unlink(missing_ok=True)
    return Saved(path, lines)
