"""The inputs of a run as one file: two tar archives, one behind the other, for the home and for /.

Two, as that needs nothing of the tar in the VM but to unpack its stdin. In GNU's format, as that keeps a name
byte for byte: other tars recode those of pax, or refuse them.
"""

from __future__ import annotations

import json
import os
import tarfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tui.engine.inputs import Member, Place, Survey
from tui.model.lease import Argv

_BLOCK = 1 << 20
_RECORD = tarfile.BLOCKSIZE
_END = bytes(2 * _RECORD)
_NAME = "inputs.tar"
_FACTS = "inputs.json"

UNPACK = """\
tar=$1 at_home=$2 sudo=$3; shift 3
fail() { rm -f "$tar"; exit 1; }
make() { (cd "$1" && $2 mkdir -p -m "$3" -- "$4"); }
unpack() { (cd "$1" && umask 0 && $2 tar -xpf -); }
umask 022
while [ $# -ge 3 ]; do
  if [ "$1" = home ]; then make "$HOME" "" "$2" "$3" || fail; else make / "$sudo" "$2" "$3" || fail; fi
  shift 3
done
head -c "$at_home" "$tar" | unpack "$HOME" "" || fail
tail -c "+$((at_home + 1))" "$tar" | unpack / "$sudo" || fail
rm -f "$tar"
"""


class Stopped(Exception):
    """Packing was told to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A packed file and how it is unpacked."""

    path: Path
    size: int
    at_home: int
    """Bytes of the archive for the home, the first of the two."""
    folders: tuple[tuple[Place, int], ...]
    changed: tuple[str, ...] = ()
    """Files that were written to meanwhile: they were cut, or filled with zeros, to the size they had."""

    def unpack_argv(self, there: str, *, sudo: bool) -> Argv:
        """Unpacks the file `there` in the VM, and removes it; with `sudo` what is not at home."""
        words = [there, str(self.at_home), "sudo -n" if sudo else ""]
        for place, mode in self.folders:
            words += ["root" if place.is_absolute else "home", f"{mode:o}", place.path or "."]
        return ("sh", "-c", UNPACK, "dayfly-unpack", *words)


def pack(survey: Survey, folder: Path, *, on_packed: Callable[[int], None], stop: threading.Event) -> Package:
    """Pack into `folder`; for a thread. `on_packed` hears the bytes so far.

    The file is there under its name only when it is whole. Raises OSError, and Stopped.
    """
    partial = folder / f"{_NAME}.part"
    packer = _Packer(on_packed, stop)
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            at_home = packer.archive(
                file, [member for member in survey.members if not member.place.is_absolute]
            )
            size = at_home + packer.archive(file, [m for m in survey.members if m.place.is_absolute])
        package = Package(
            path=folder / _NAME,
            size=size,
            at_home=at_home,
            folders=survey.folders,
            changed=tuple(packer.changed),
        )
        _keep_facts(package, folder)
        partial.replace(package.path)
        return package
    finally:
        partial.unlink(missing_ok=True)


def packed(folder: Path) -> Package | None:
    """What an earlier process has packed there, if it is still there, whole."""
    try:
        facts = json.loads((folder / _FACTS).read_text())
        if (folder / _NAME).stat().st_size != facts["size"]:
            return None
    except (FileNotFoundError, ValueError):
        return None
    folders = tuple((Place(path, is_absolute), mode) for path, is_absolute, mode in facts["folders"])
    return Package(path=folder / _NAME, size=facts["size"], at_home=facts["at_home"], folders=folders)


def discard(folder: Path) -> None:
    """Remove what was packed there. Idempotent."""
    for name in (_NAME, _FACTS):
        (folder / name).unlink(missing_ok=True)


def _keep_facts(package: Package, folder: Path) -> None:
    folders = [(place.path, place.is_absolute, mode) for place, mode in package.folders]
    facts = {"size": package.size, "at_home": package.at_home, "folders": folders}
    (folder / _FACTS).write_text(json.dumps(facts))


class _Packer:
    def __init__(self, on_packed: Callable[[int], None], stop: threading.Event) -> None:
        self._on_packed = on_packed
        self._stop = stop
        self._done = 0
        self.changed: list[str] = []

    def archive(self, file: BinaryIO, members: list[Member]) -> int:
        """Append an archive of these; its size."""
        begin = file.tell()
        for member in members:
            if self._stop.is_set():
                raise Stopped
            if member.is_folder or member.link is not None:
                file.write(_header(member))
            else:
                self._add_file(file, member)
        file.write(_END)
        return file.tell() - begin

    def _add_file(self, file: BinaryIO, member: Member) -> None:
        with open(member.source, "rb", buffering=0) as source:
            size = os.fstat(source.fileno()).st_size
            file.write(_header(member, size))
            left = size
            while left and (block := source.read(min(left, _BLOCK))):
                if self._stop.is_set():
                    raise Stopped
                file.write(block)
                left -= len(block)
                self._done += len(block)
                self._on_packed(self._done)
            if left or source.read(1):
                self.changed.append(member.source)
            _write_zeros(file, left + -size % _RECORD)


def _write_zeros(file: BinaryIO, count: int) -> None:
    while count:
        part = min(count, _BLOCK)
        file.write(bytes(part))
        count -= part


def _header(member: Member, size: int = 0) -> bytes:
    info = tarfile.TarInfo(member.place.path)
    info.mode, info.mtime, info.size = member.mode, member.mtime, size
    if member.is_folder:
        info.type = tarfile.DIRTYPE
    elif member.link is not None:
        info.type, info.linkname = tarfile.SYMTYPE, member.link
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
