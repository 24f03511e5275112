"""Files of a VM as tables and as lines: pure functions. What is a guest's is made safe here."""

from __future__ import annotations

import os
import posixpath
import time
from collections.abc import Iterator, Sequence

from rich.cells import chop_cells

from tui.app.present import Label
from tui.app.tables import Column, Table, TableRow
from tui.model.files import FileEntry, FileKind, Folder
from tui.model.text import clean_line, decode_clean
from tui.model.units import approximate_size

READ_AT_MOST = 512 * 1024
"""Bytes of a file that are shown."""
_HEX_AT_MOST = 16 * 1024
_HEX_ROW = 16
_TAB = 8
_LONGEST_LINE = 4096
"""Characters of a line that is not wrapped."""
_SIZE, _TIME, _MODE = Column("SIZE", 9), Column("MODIFIED", 18), Column("MODE", 11)
_NAME_MIN = 24
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\b\x1b")


def ordered(folder: Folder) -> list[FileEntry]:
    """Folders first, then by name, whatever the case."""
    return sorted(folder.entries, key=lambda entry: (not entry.is_folder, entry.name.casefold(), entry.name))


def files_table(folder: Folder, width: int) -> Table:
    """Its entries; with less width, first the mode goes, then the time."""
    columns, left = [_SIZE], width - _SIZE.width
    for column in (_TIME, _MODE):
        if left - column.width >= _NAME_MIN:
            columns.append(column)
            left -= column.width
    columns.insert(0, Column("NAME", max(left, 10)))
    rows = [
        TableRow(entry.name, tuple((_cell(entry, column.title),) for column in columns))
        for entry in ordered(folder)
    ]
    return Table(tuple(columns), tuple(rows))


def _cell(entry: FileEntry, title: str) -> Label:
    match title:
        case "NAME":
            return name_label(entry)
        case "SIZE":
            size = approximate_size(entry.size) if entry.kind is FileKind.FILE else "–"
            return Label(f"{size:>7}", "muted")
        case "MODIFIED":
            return Label(moment(entry.modified_at), "muted")
        case _:
            return Label(clean_line(entry.mode), "muted")


def name_label(entry: FileEntry) -> Label:
    """`logs/`, `link → target`, `pipe (no file)`."""
    name = clean_line(entry.name)
    if entry.kind is FileKind.LINK:
        return Label(f"{name} → {clean_line(entry.target)}", "busy" if entry.is_folder else "text")
    if entry.is_folder:
        return Label(f"{name}/", "busy")
    return Label(name, "text") if entry.kind is FileKind.FILE else Label(f"{name} (no file)", "muted")


def moment(at: float | None) -> str:
    """By this machine's time zone; `–` where it is not known."""
    try:
        return "–" if at is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
    except (ValueError, OverflowError, OSError):
        return "–"


def amount(size: int) -> str:
    """`12 bytes`, `3.4K`."""
    words = approximate_size(size)
    return f"{words} byte{'s' * (size != 1)}" if words.isdigit() else words


def folder_title(folder: Folder, narrowed_to: int | None = None) -> str:
    """`/var/log · 12 entries`, or of a narrowed list `3 of 12 entries`; and how many can't be shown."""
    count = len(folder.entries)
    of = "" if narrowed_to is None else f"{narrowed_to} of "
    words = f"{clean_line(folder.path)} · {of}{count} entr{'y' if count == 1 else 'ies'}"
    return f"{words} of {count + folder.more}: the others are too many to be shown" if folder.more else words


def joined(folder: str, name: str) -> str:
    """The path of something in a folder."""
    return posixpath.join(folder, name)


def parent(path: str) -> str:
    """The folder above; of `/` itself."""
    return posixpath.dirname(path.rstrip("/")) or "/"


def base(path: str) -> str:
    """The last part of a path; empty for `/`."""
    return posixpath.basename(path.rstrip("/"))


def copyable(path: str) -> str:
    """The path for a clipboard, which takes no bytes that are no text."""
    return os.fsencode(path).decode("utf-8", "replace")


# ---- what is in a file


def is_binary(data: bytes) -> bool:
    """Whether it is for no eye: a NUL in it, or many bytes that no text has."""
    head = data[:8192]
    if b"\0" in head:
        return True
    odd = sum(byte < 32 and byte not in _TEXT_CONTROLS for byte in head)
    odd += head.decode("utf-8", "replace").count("\N{REPLACEMENT CHARACTER}")
    return odd * 10 > len(head)


def text_lines(data: bytes, width: int = 0) -> list[str]:
    """Its lines, made safe; wrapped at so many cells, or cut where they are far too long."""
    lines = [line.expandtabs(_TAB) for line in decode_clean(data).removesuffix("\n").split("\n")]
    if not width:
        return [_cut(line) for line in lines]
    return [part for line in lines for part in (chop_cells(line, width) or [""])]


def _cut(line: str) -> str:
    left = len(line) - _LONGEST_LINE
    return line if left <= 0 else f"{line[:_LONGEST_LINE]}… and {left} more characters: w wraps them"


def hex_lines(data: bytes) -> Iterator[str]:
    """Offset, bytes, and what of them is ASCII."""
    for at in range(0, min(len(data), _HEX_AT_MOST), _HEX_ROW):
        row = data[at : at + _HEX_ROW]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in row)
        yield f"{at:08x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  {shown}"


def file_lines(data: bytes, width: int = 0) -> list[Label]:
    """A file for the eye, whatever it is."""
    if not data:
        return [Label("The file is empty.", "muted")]
    if is_binary(data):
        return [Label(line) for line in hex_lines(data)]
    return [Label(line) for line in text_lines(data, width)]


def size_words(shown: int, whole: int, *, binary: bool) -> str:
    """`3.4K`, `the first 512K of 41M`, `binary`."""
    if binary:
        beginning = min(shown, _HEX_AT_MOST)
        part = f"the first {approximate_size(beginning)} of " if max(shown, whole) > beginning else ""
        return f"binary: {part}{approximate_size(max(shown, whole))}"
    if shown < READ_AT_MOST:
        return amount(shown)
    more = f" of {approximate_size(whole)}" if whole > shown else ""
    return f"the first {approximate_size(shown)}{more}"


def matches(lines: Sequence[Label], words: str) -> list[int]:
    """Which lines bear the words; case counts where a capital is in them."""
    if not words:
        return []
    if words != words.lower():
        return [number for number, line in enumerate(lines) if words in line.text]
    return [number for number, line in enumerate(lines) if words in line.text.lower()]
