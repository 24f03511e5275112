"""Reads a tar that nobody vouches for: one pass, bounded memory, and no header is believed unchecked.

Knows what GNU tar, busybox and bsdtar write: ustar, GNU's long names and base-256 sizes, pax names and sizes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO

BLOCK = 512
_EXTENDED_AT_MOST = 1024 * 1024
"""Bytes of one extended header: a name is never longer."""
_FILE_TYPES = b"0\0007"


class TarBroken(Exception):
    """This is no tar, or not from here on. The text says what is wrong."""


class TarCut(TarBroken):
    """It ends before its end."""


class Kind(Enum):
    """What an entry is."""

    FILE = "file"
    FOLDER = "folder"
    SYMLINK = "symbolic link"
    HARD_LINK = "hard link"
    DEVICE = "device"
    FIFO = "fifo"
    OTHER = "entry of an unknown kind"


_KINDS = {
    ord("1"): Kind.HARD_LINK,
    ord("2"): Kind.SYMLINK,
    ord("3"): Kind.DEVICE,
    ord("4"): Kind.DEVICE,
    ord("5"): Kind.FOLDER,
    ord("6"): Kind.FIFO,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a tar, as it says of itself."""

    name: bytes
    kind: Kind
    mode: int
    size: int
    """Bytes of content that follow."""
    link: bytes = b""


@dataclass(slots=True)
class _Extension:
    """What extended headers say of the next entry, in place of its own."""

    name: bytes | None = None
    link: bytes | None = None
    size: int | None = None
    is_sparse: bool = False


class TarStream:
    """Iterate to get entries; `content` reads that of the last one. What is not read is passed over.

    Both raise TarCut and TarBroken.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = 0
        self._padding = 0

    def __iter__(self) -> Iterator[Entry]:
        extension = _Extension()
        while (header := self._next_header()) is not None:
            size, flag = _number(header[124:136]), header[156]
            if flag in b"xgLK":
                self._take_extension(extension, flag, size)
                continue
            entry = _entry(header, size, extension)
            extension = _Extension()
            self._expect(entry.size)
            yield entry

    def content(self, at_most: int) -> bytes:
        """The next piece; empty at its end."""
        wanted = min(at_most, self._left)
        if not wanted:
            return b""
        data = self._file.read(wanted)
        if not data:
            raise TarCut("it breaks off within a file")
        self._left -= len(data)
        return data

    def _expect(self, size: int) -> None:
        self._left, self._padding = size, -size % BLOCK

    def _next_header(self) -> bytes | None:
        while self.content(BLOCK * 128):
            pass
        if len(self._file.read(self._padding)) < self._padding:
            raise TarCut("it breaks off after a file")
        self._padding = 0
        header = self._file.read(BLOCK)
        if len(header) < BLOCK:
            raise TarCut("it breaks off between two files" if not header else "it breaks off in a header")
        if not header.strip(b"\0"):
            return None
        given = _number(header[148:156])
        plain = header[:148] + b" " * 8 + header[156:]
        if given not in (sum(plain), sum(byte - 256 if byte > 127 else byte for byte in plain)):
            raise TarBroken("a header's checksum is wrong")
        return header

    def _take_extension(self, extension: _Extension, flag: int, size: int) -> None:
        if size > _EXTENDED_AT_MOST:
            raise TarBroken("an extended header is far too long")
        self._expect(size)
        data = bytearray()
        while piece := self.content(size):
            data += piece
        match chr(flag):
            case "L":
                extension.name = bytes(data).rstrip(b"\0")
            case "K":
                extension.link = bytes(data).rstrip(b"\0")
            case "x":
                _take_pax(extension, bytes(data))
            case _:
                return  # global: of the archive, not of an entry


def _entry(header: bytes, size: int, extension: _Extension) -> Entry:
    flag = header[156]
    name = header[:100].split(b"\0", 1)[0]
    if header[257:263] == b"ustar\0" and (prefix := header[345:500].split(b"\0", 1)[0]):
        name = prefix + b"/" + name
    if extension.name is not None:
        name = extension.name
    link = extension.link if extension.link is not None else header[157:257].split(b"\0", 1)[0]
    size = extension.size if extension.size is not None else size
    kind = Kind.FILE if flag in _FILE_TYPES else _KINDS.get(flag, Kind.OTHER)
    if kind is Kind.FILE and name.endswith(b"/"):
        kind = Kind.FOLDER
    if kind is Kind.FILE and extension.is_sparse:
        kind = Kind.OTHER
    if kind not in (Kind.FILE, Kind.OTHER):
        size = 0
    return Entry(name=name, kind=kind, mode=_number(header[100:108]) & 0o7777, size=size, link=link)


def _number(field: bytes) -> int:
    """Octal, or GNU's base-256."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    text = field.strip(b" \0")
    if text and (not text.isdigit() or text.strip(b"01234567")):
        raise TarBroken("a number in a header is none")
    return int(text or b"0", 8)


def _take_pax(extension: _Extension, data: bytes) -> None:
    """Records of `LENGTH KEY=VALUE` and a line break each."""
    at = 0
    while at < len(data):
        digits = data[at : at + 8].split(b" ", 1)[0]
        if not digits.isdigit() or int(digits) <= len(digits) + 2:
            raise TarBroken("an extended header makes no sense")
        record = data[at + len(digits) + 1 : at + int(digits)]
        key, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise TarBroken("an extended header makes no sense")
        _take_record(extension, key, value[:-1])
        at += int(digits)


def _take_record(extension: _Extension, key: bytes, value: bytes) -> None:
    if key == b"path":
        extension.name = value
    elif key == b"linkpath":
        extension.link = value
    elif key == b"size":
        if not value.isdigit() or len(value) > 19:
            raise TarBroken("a size in an extended header is none")
        extension.size = int(value)
    elif key.startswith(b"GNU.sparse."):
        extension.is_sparse = True
