"""Unpacks a tar that nobody vouches for: whatever it says, nothing outside the folder is touched.

Each folder on the way is opened by its own name, never through a link; a file is written under a name of ours
and moved to its place when it is whole; links come last, and only those that stay inside.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import BinaryIO

from tui.engine.names_inside import Names, NotInside, Parts, split_link, split_name
from tui.engine.tarstream import Entry, Kind, TarBroken, TarStream
from tui.model.units import approximate_size

MOST_ENTRIES = 250_000
_PIECE = 1024 * 1024
_MOST_TOLD, _LONGEST_TOLD = 1000, 4096
_PARTIAL = b".partial"
_ONLY_THIS_ONE = frozenset(
    {
        *(errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.ELOOP),
        *(errno.EEXIST, errno.ENOTEMPTY, errno.EACCES, errno.EPERM, errno.EMLINK, errno.EXDEV),
        errno.ENOTSUP,
    }
)
"""Says something of one entry and nothing of the next; what is not here, a full disk first, ends it all."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class UnpackedFile:
    """One file that is here."""

    name: str
    """Below the folder, as it is on the disk; bytes that are no UTF-8 are surrogates."""
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that is not here, or under another name."""

    name: str
    """As the tar has it."""
    reason: str


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came of a tar."""

    files: tuple[UnpackedFile, ...]
    refused: tuple[Refused, ...]
    """What was left out; the first thousand of them."""
    refused_count: int
    renamed: tuple[Refused, ...]
    """What got another name, as another file or some disk has its own; the first thousand."""
    cut: str
    """Why not all of it could be read; empty: all was."""
    is_obstructed: bool
    """Something was left out for what is here, not for what came."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def unpack(
    tar: Path,
    folder: Path,
    *,
    max_size: int,
    max_entries: int = MOST_ENTRIES,
    mark: str = "unpacking",
    names: Names | None = None,
    stop: Event | None = None,
) -> Unpacked:
    """Put what is in `tar` into `folder`, which is made where it is missing; blocks, so call it in a thread.

    A file of the same name is replaced, each at once and whole; all else in the folder stays. An entry that
    leads out, or is neither file, folder nor link, is refused, and the others go on. After `max_size` bytes
    of content, at a cut or at nonsense it stops: whole files stay, the one that was cut is kept as
    NAME.partial. When it returns all is on the disk itself. It may be said again with the same `mark`, which
    names the one file that a killed process leaves behind. `names`: what earlier tars have put into the same
    folder is not replaced. `stop`, set by another thread, ends it between two entries, as a cut would. Raises
    OSError where the disk is full or the folder cannot be made.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with tar.open("rb") as file:
            unpacking = _Unpacking(root, file, _spare(mark), max_size, max_entries, names or new_names(mark))
            unpacked = unpacking.carry_out(stop or Event())
    finally:
        os.close(root)
    for path in made:
        sync_folder(path.parent)
    return unpacked


def new_names(mark: str) -> Names:
    """For tars that come into one folder one after the other, all with this `mark`."""
    return Names(reserved=_spare(mark))


def _spare(mark: str) -> bytes:
    return f".dayfly-{mark}".encode()


class _Unpacking:
    def __init__(
        self, root: int, file: BinaryIO, spare: bytes, max_size: int, max_entries: int, names: Names
    ) -> None:
        self._root, self._spare = root, spare
        self._tar = TarStream(file)
        self._left, self._max_entries = max_size, max_entries
        self._too_much = f"more than {approximate_size(max_size)}"
        self._names = names
        names.next_tar()
        self._files: dict[Parts, UnpackedFile] = {}
        self._links: list[tuple[Parts, bytes]] = []
        self._refused: list[Refused] = []
        self._refused_count = 0
        self._renamed: list[Refused] = []
        self._folders: set[Parts] = {()}
        self._cut = ""
        self._is_obstructed = False

    def carry_out(self, stop: Event) -> Unpacked:
        try:
            for entry in self._tar:
                self._take(entry)
                if len(self._names) + self._refused_count > self._max_entries:
                    self._cut = self._cut or "it has too many entries"
                if stop.is_set():
                    self._cut = self._cut or "it was stopped"
                if self._cut:
                    break
        except TarBroken as error:
            self._cut = str(error)
        for place, target in self._links:
            self._make_link(place, target)
        for folder in sorted(self._folders, key=len, reverse=True):
            with self._folder(folder) as descriptor:
                os.fsync(descriptor)
        return Unpacked(
            tuple(self._files.values()),
            tuple(self._refused),
            self._refused_count,
            tuple(self._renamed),
            self._cut,
            self._is_obstructed,
        )

    def _take(self, entry: Entry) -> None:
        try:
            self._place(entry)
        except NotInside as error:
            self._refuse(entry.name, str(error))
        except OSError as error:
            if error.errno not in _ONLY_THIS_ONE:
                raise
            self._is_obstructed = True
            self._refuse(entry.name, os.strerror(error.errno))

    def _place(self, entry: Entry) -> None:
        parts = split_name(entry.name)
        if not parts:
            return
        if entry.kind in (Kind.DEVICE, Kind.FIFO, Kind.OTHER):
            raise NotInside(f"a {entry.kind.value}" if entry.kind is not Kind.OTHER else entry.kind.value)
        target = split_link(entry.link, len(parts) - 1) if entry.kind is Kind.SYMLINK else b""
        place = self._names.place(parts, is_folder=entry.kind is Kind.FOLDER)
        if place != parts:
            self._rename(entry.name, place)
        match entry.kind:
            case Kind.FOLDER:
                self._make_folders(place, entry.mode)
            case Kind.SYMLINK:
                self._links.append((place, target))
            case Kind.HARD_LINK:
                self._make_hard_link(place, self._names.known(split_name(entry.link)))
            case _:
                self._write(place, entry)

    def _refuse(self, name: bytes, reason: str) -> None:
        self._refused_count += 1
        if self._refused_count <= _MOST_TOLD:
            self._refused.append(Refused(os.fsdecode(name[:_LONGEST_TOLD]), reason))

    def _rename(self, name: bytes, place: Parts) -> None:
        if len(self._renamed) < _MOST_TOLD:
            told = f"kept as {os.fsdecode(b'/'.join(place))}: some disks take its name for another's"
            self._renamed.append(Refused(os.fsdecode(name[:_LONGEST_TOLD]), told))

    # ---- files

    def _write(self, place: Parts, entry: Entry) -> None:
        """The content goes under our own name first; a reader never sees half of a file."""
        self._make_folders(place[:-1])
        with suppress(FileNotFoundError):
            os.unlink(self._spare, dir_fd=self._root)
        descriptor = os.open(self._spare, _NEW_FILE, 0o600, dir_fd=self._root)
        digest, size = hashlib.sha256(), 0
        try:
            try:
                while self._left and (piece := self._tar.content(min(_PIECE, self._left))):
                    _write_all(descriptor, piece)
                    digest.update(piece)
                    size += len(piece)
                    self._left -= len(piece)
            except TarBroken as error:
                self._cut = str(error)
            if size < entry.size:
                self._cut = self._cut or self._too_much
                place = self._names.beside(place, _PARTIAL)
            os.fchmod(descriptor, entry.mode & 0o755 | 0o600)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if size < entry.size and not size:
            os.unlink(self._spare, dir_fd=self._root)
            return
        self._move(place)
        self._files[place] = UnpackedFile(os.fsdecode(b"/".join(place)), size, digest.hexdigest())

    def _move(self, place: Parts) -> None:
        try:
            with self._folder(place[:-1]) as parent:
                os.replace(self._spare, place[-1], src_dir_fd=self._root, dst_dir_fd=parent)
        finally:
            # Still there where that failed, or both were links to one file.
            with suppress(FileNotFoundError):
                os.unlink(self._spare, dir_fd=self._root)

    def _make_hard_link(self, place: Parts, target: Parts) -> None:
        if target not in self._files:
            raise NotInside("a link to a file that is not here")
        self._make_folders(place[:-1])
        with suppress(FileNotFoundError):
            os.unlink(self._spare, dir_fd=self._root)
        with self._folder(target[:-1]) as parent:
            os.link(target[-1], self._spare, src_dir_fd=parent, dst_dir_fd=self._root, follow_symlinks=False)
        self._move(place)
        known = self._files[target]
        self._files[place] = UnpackedFile(os.fsdecode(b"/".join(place)), known.size, known.sha256)

    def _make_link(self, place: Parts, target: bytes) -> None:
        try:
            self._make_folders(place[:-1])
            with suppress(FileNotFoundError):
                os.unlink(self._spare, dir_fd=self._root)
            os.symlink(target, self._spare, dir_fd=self._root)
            self._move(place)
        except NotInside as error:
            self._refuse(b"/".join(place), str(error))
        except OSError as error:
            if error.errno not in _ONLY_THIS_ONE:
                raise
            self._is_obstructed = True
            self._refuse(b"/".join(place), os.strerror(error.errno))

    # ---- folders

    def _make_folders(self, place: Parts, mode: int = 0o755) -> None:
        """All on the way too. One that is there keeps its mode."""
        for length in range(1, len(place) + 1):
            folder = place[:length]
            if folder in self._folders:
                continue
            with self._folder(folder[:-1]) as parent:
                with suppress(FileExistsError):
                    os.mkdir(
                        folder[-1], (mode & 0o755 | 0o700) if length == len(place) else 0o755, dir_fd=parent
                    )
                if not stat.S_ISDIR(os.stat(folder[-1], dir_fd=parent, follow_symlinks=False).st_mode):
                    self._is_obstructed = True
                    raise NotInside("something that is no folder has the name of its folder here")
            self._folders.add(folder)

    @contextmanager
    def _folder(self, place: Parts) -> Iterator[int]:
        """Opened step by step, so that no link is followed on the way."""
        descriptor = os.open(b".", _FOLDER, dir_fd=self._root)
        try:
            for part in place:
                inner = os.open(part, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Have on the disk itself which names are in it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
