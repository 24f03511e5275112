"""The sandbox's `tar`: what scripts ask of GNU's or busybox's, over the guest's own disk and nothing else."""

from __future__ import annotations

import io
import os
import posixpath
import stat
import tarfile
from collections.abc import Callable, Iterator
from typing import BinaryIO, Literal

from tui.demo.disk import Disk

FAILED = 2
_BLOCK = 1 << 20
_VALUED = "fCTX"
_LONG = {
    "create": "c",
    "extract": "x",
    "get": "x",
    "list": "t",
    "file": "f",
    "directory": "C",
    "files-from": "T",
    "gzip": "z",
    "verbose": "v",
    "dereference": "h",
    "null": "0",
}


class Wrong(Exception):
    """What tar refuses to do."""


class Order:
    """A command line of tar."""

    def __init__(self, argv: list[str]) -> None:
        self.letters = ""
        self.file = "-"
        self.listed = ""
        """The file that lists more names; `-`: stdin."""
        self.names: list[tuple[str, str]] = []
        """The folder that is entered, and the name in it."""
        self.folder = ""
        self._read(list(argv))

    @property
    def verb(self) -> str:
        """`c`, `x` or `t`. Raises Wrong."""
        verbs = {letter for letter in self.letters if letter in "cxt"}
        if len(verbs) != 1:
            raise Wrong("You must specify one of the '-ctx' options")
        return verbs.pop()

    def _read(self, rest: list[str]) -> None:
        if rest and not rest[0].startswith("-"):
            rest[0] = f"-{rest[0]}"
        while rest:
            word = rest.pop(0)
            if word == "--":
                self.names += [(self.folder, name) for name in rest]
                return
            if word.startswith("--"):
                name, _, value = word[2:].partition("=")
                self._take(_LONG.get(name, ""), value, rest)
            elif word.startswith("-") and word != "-":
                self._cluster(word[1:], rest)
            else:
                self.names.append((self.folder, word))

    def _cluster(self, letters: str, rest: list[str]) -> None:
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in _VALUED:
                self._take(letter, letters, rest)
                return
            self._take(letter, "", rest)

    def _take(self, letter: str, value: str, rest: list[str]) -> None:
        if letter and letter in _VALUED:
            if not value and not rest:
                raise Wrong(f"option requires an argument -- '{letter}'")
            value = value or rest.pop(0)
        match letter:
            case "f":
                self.file = value
            case "C":
                self.folder = posixpath.join(self.folder, value)
            case "T":
                self.listed = value
            case _:
                self.letters += letter


class Tar:
    """One call of tar, in a thread; `cwd` is where it was called."""

    def __init__(
        self, disk: Disk, cwd: str, order: Order, stdin: bytes, write: Callable[[bytes], None]
    ) -> None:
        self._disk = disk
        self._cwd = cwd
        self._order = order
        self._stdin = stdin
        self._write = write
        self.complaints: list[str] = []
        """What could not be done; the rest was."""

    def run(self) -> int:
        """The exit status. Raises Wrong."""
        try:
            if self._order.verb == "c":
                self._create()
            else:
                self._read()
        except tarfile.TarError as error:
            raise Wrong(f"This does not look like a tar archive ({error})") from None
        return FAILED if self.complaints else 0

    # ---- into an archive

    def _create(self) -> None:
        names = [*self._order.names, *((self._order.folder, name) for name in self._listed())]
        if not names:
            raise Wrong("Cowardly refusing to create an empty archive")
        mode: Literal["w|", "w|gz"] = "w|gz" if "z" in self._order.letters else "w|"
        with (
            self._sink() as sink,
            tarfile.open(fileobj=sink, mode=mode, format=tarfile.GNU_FORMAT, bufsize=_BLOCK) as tar,
        ):
            for folder, name in names:
                place = posixpath.join(self._cwd, folder)
                try:
                    self._add(tar, place, name)
                except OSError as error:
                    self.complaints.append(f"{name}: Cannot stat: {error.strerror}")

    def _add(self, tar: tarfile.TarFile, place: str, name: str) -> None:
        path = posixpath.join(place, name)
        facts = self._disk.lstat(path)
        if "h" in self._order.letters:
            facts = self._disk.stat(path)
        info = _member(name.lstrip("/"), facts)
        if stat.S_ISLNK(facts.st_mode):
            info.type, info.linkname = tarfile.SYMTYPE, self._disk.readlink(path)
        if not stat.S_ISREG(facts.st_mode):
            tar.addfile(info)
            for each in self._disk.names(path) if stat.S_ISDIR(facts.st_mode) else ():
                self._add(tar, place, posixpath.join(name, each))
            return
        with _opened(self._disk, path) as file:
            info.size = os.fstat(file.fileno()).st_size
            tar.addfile(info, file)

    def _listed(self) -> list[str]:
        if not self._order.listed:
            return []
        if self._order.listed == "-":
            data = self._stdin
        else:
            with _opened(self._disk, posixpath.join(self._cwd, self._order.listed)) as file:
                data = file.read()
        end = "\0" if "0" in self._order.letters else "\n"
        return [name for name in os.fsdecode(data).split(end) if name]

    # ---- out of one

    def _read(self) -> None:
        with self._source() as source, tarfile.open(fileobj=source, mode="r|*", bufsize=_BLOCK) as tar:
            folders = list[tuple[str, tarfile.TarInfo]]()
            for member in self._wanted(tar):
                if self._order.verb == "t" or "v" in self._order.letters:
                    self._write(os.fsencode(member.name) + (b"/\n" if member.isdir() else b"\n"))
                if self._order.verb == "t":
                    continue
                path = posixpath.join(self._cwd, self._order.folder, member.name.lstrip("/"))
                try:
                    self._extract(tar, member, path)
                except OSError as error:
                    self.complaints.append(f"{member.name}: Cannot open: {error.strerror}")
                    continue
                if member.isdir():
                    folders.append((path, member))
            for path, member in reversed(folders):
                folder = self._disk.open(path, os.O_RDONLY)
                _dress(folder, member)
                os.close(folder)

    def _wanted(self, tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
        names = [posixpath.normpath(name) for _, name in self._order.names]
        for member in tar:
            name = posixpath.normpath(member.name)
            if ".." in name.split("/"):
                self.complaints.append(f"{member.name}: Member name contains '..'")
            elif not names or any(name == each or name.startswith(f"{each}/") for each in names):
                yield member

    def _extract(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        if member.isdir():
            self._disk.make(path)
            return
        self._disk.make(posixpath.dirname(path))
        self._disk.unlink(path)
        if member.issym():
            self._disk.symlink(member.linkname, path)
        elif member.isreg():
            target = self._disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(target, "wb") as file:
                data = tar.extractfile(member)
                while data is not None and (block := data.read(_BLOCK)):
                    file.write(block)
                file.flush()
                _dress(target, member)

    # ---- the archive itself

    def _sink(self) -> BinaryIO:
        if self._order.file == "-":
            return _Writer(self._write)  # type: ignore[return-value]
        path = posixpath.join(self._cwd, self._order.file)
        return open(self._disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb")

    def _source(self) -> BinaryIO:
        if self._order.file == "-":
            return io.BytesIO(self._stdin)
        try:
            return _opened(self._disk, posixpath.join(self._cwd, self._order.file))
        except OSError as error:
            raise Wrong(f"{self._order.file}: Cannot open: {error.strerror}") from None


class _Writer(io.RawIOBase):
    """Passes on what is written."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._pass_on = write

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """All of it."""
        self._pass_on(bytes(data))
        return len(data)


def _opened(disk: Disk, path: str) -> BinaryIO:
    return os.fdopen(disk.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")


def _member(name: str, facts: os.stat_result) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mode, member.mtime = stat.S_IMODE(facts.st_mode), int(facts.st_mtime)
    member.uid = member.gid = 1000
    member.uname = member.gname = "ubuntu"
    if stat.S_ISDIR(facts.st_mode):
        member.type = tarfile.DIRTYPE
    return member


def _dress(file: int, member: tarfile.TarInfo) -> None:
    """Give it the mode and time that it has in the archive."""
    os.fchmod(file, member.mode & 0o777)
    os.utime(file, (member.mtime, member.mtime))
