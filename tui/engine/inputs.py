"""What a run sends into its VM: which files of this machine, and where each of them goes.

A file goes to `to`, or into it where that ends in a slash. What is in a folder goes to `to` likewise, as
`cp -r SRC DST` puts it where there is no DST yet. What a glob matches goes into the folder `to`, named from
the first folder of the glob that has a wildcard. Of a git work tree goes what git does not ignore.
"""

from __future__ import annotations

import glob
import os
import posixpath
import stat
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tui.model.errors import UsageError
from tui.model.spec import Input
from tui.model.text import clean_bytes, clean_line
from tui.model.units import GIB, approximate_size

_SHARE_OF_DISK = 0.4
"""Sent and unpacked, inputs are on the VM's disk twice, and the system needs room as well."""
_GIT_LIMIT_S = 120.0
_GIT_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
_FOLDER_MODE = 0o755


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Somewhere in the VM."""

    path: str
    """Without a slash at either end."""
    is_absolute: bool
    """Else it is under the guest user's home."""

    def inside(self, name: str) -> Place:
        """`name` in this folder."""
        return Place(posixpath.normpath(posixpath.join(self.path, name)), self.is_absolute)

    @property
    def folder(self) -> Place:
        """What it lies in."""
        return Place(posixpath.dirname(self.path), self.is_absolute)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file, folder or symbolic link that is sent."""

    source: str
    place: Place
    mode: int
    """Permissions alone: no setuid, setgid, sticky."""
    mtime: int
    size: int = 0
    is_folder: bool = False
    link: str | None = None
    """What a symbolic link points to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All that is sent."""

    members: tuple[Member, ...]
    """In the order of the inputs, each sorted; a folder comes before what is in it."""
    folders: tuple[tuple[Place, int], ...]
    """What must be there before them, with the mode of those that are not."""
    files: int
    size: int
    """Bytes in files."""


def survey(inputs: Sequence[Input], disk: int | None = None, *, whole: bool = False) -> Survey:
    """Look at everything that is to be sent; blocks. `disk`: bytes of the VM's disk.

    `whole`: of a git work tree too, all that is there.

    Raises UsageError, with a hint, for what is not there, cannot be read, is neither file nor folder nor
    symbolic link, would meet another in one place, or is more than the disk takes.
    """
    members: dict[Place, Member] = {}
    folders: dict[Place, int] = {}
    for item in inputs:
        for member in _members_of(item, folders, whole):
            before = members.setdefault(member.place, member)
            if before.source != member.source and not (before.is_folder and member.is_folder):
                raise UsageError(
                    f"inputs: {before.source} and {member.source} would be the same file in the VM",
                    hint="give one of them another `to`",
                )
    files = [member for member in members.values() if not member.is_folder]
    size = sum(member.size for member in files)
    if disk is not None and size > disk * _SHARE_OF_DISK:
        raise UsageError(
            f"inputs: {approximate_size(size)} is too much for a disk of {approximate_size(disk)}",
            hint=f"ask for {-(-int(size / _SHARE_OF_DISK) // GIB)}G or more",
        )
    return Survey(
        members=tuple(members.values()), folders=tuple(sorted(folders.items())), files=len(files), size=size
    )


def _members_of(item: Input, folders: dict[Place, int], whole: bool) -> Iterator[Member]:
    if os.path.lexists(item.source):
        yield from _named(item, folders, whole)
    elif glob.has_magic(item.source):
        yield from _matched(item.source, _place_of(item), folders)
    else:
        raise _fault(item.source, "is not there", "check `from`; it is looked for on this machine")


def _place_of(item: Input) -> Place:
    to = "." if item.to == "~" else item.to.removeprefix("~/")
    path = posixpath.normpath(to or ".")
    if path == ".." or path.startswith("../"):
        raise UsageError(f"inputs: {item.to} leaves the guest user's home", hint="write an absolute path")
    return Place("" if path == "." else path.strip("/"), path.startswith("/"))


def _named(item: Input, folders: dict[Place, int], whole: bool) -> Iterator[Member]:
    """What was named itself; a symbolic link stands for what it points to."""
    source, place = item.source, _place_of(item)
    real = os.path.realpath(source)
    is_folder = os.path.isdir(real)
    if item.to.endswith("/") or not (place.path or is_folder):
        folders.setdefault(place, _FOLDER_MODE)
        place = place.inside(os.path.basename(source.rstrip("/")))
    if is_folder:
        folders[place] = stat.S_IMODE(_look(real).st_mode) & 0o777 | 0o700
        yield from _content(real, place, whole)
    else:
        folders.setdefault(place.folder, _FOLDER_MODE)
        yield _member(real, place)


def _matched(pattern: str, place: Place, folders: dict[Place, int]) -> Iterator[Member]:
    static = _static_folder(pattern)
    matches = sorted(glob.glob(pattern, recursive=True))
    if not matches:
        raise _fault(
            pattern, "matches nothing", "check `from`; `*` does not match names that begin with a dot"
        )
    folders.setdefault(place, _FOLDER_MODE)
    for source in matches:
        target = place.inside(os.path.relpath(source, static))
        if target == place:  # `**` matches the folder itself, too
            continue
        folders.setdefault(target.folder, _FOLDER_MODE)
        yield from _tree(source.rstrip("/"), target)


def _static_folder(pattern: str) -> str:
    folder = pattern
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder


def _content(folder: str, place: Place, whole: bool) -> Iterator[Member]:
    """What is in a folder, sorted; of a git work tree, what git does not ignore."""
    if not whole and os.path.lexists(os.path.join(folder, ".git")):
        yield from _work_tree(folder, place)
        return
    for name in sorted(_names_in(folder)):
        yield from _tree(os.path.join(folder, name), place.inside(name))


def _tree(source: str, place: Place) -> Iterator[Member]:
    member = _member(source, place)
    yield member
    if member.is_folder:
        for name in sorted(_names_in(source)):
            yield from _tree(os.path.join(source, name), place.inside(name))


def _work_tree(folder: str, place: Place) -> Iterator[Member]:
    seen = {""}
    for name in sorted(set(_git_files(folder))):
        source = os.path.join(folder, name.rstrip("/"))
        if not os.path.lexists(source):
            continue  # git knows it, but it was deleted here
        for parent in _parents(name.rstrip("/")):
            if parent not in seen:
                seen.add(parent)
                yield _member(os.path.join(folder, parent), place.inside(parent))
        yield from _tree(source, place.inside(name))  # a submodule is a folder


def _parents(name: str) -> Iterable[str]:
    parts = name.split("/")[:-1]
    return ("/".join(parts[: count + 1]) for count in range(len(parts)))


def _git_files(folder: str) -> list[str]:
    argv = ("git", "-c", "core.fsmonitor=false", "-C", folder, "ls-files", "-z")
    environment = {name: value for name, value in os.environ.items() if name not in _GIT_VARIABLES}
    try:
        done = subprocess.run(
            (*argv, "--cached", "--others", "--exclude-standard"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=environment,
            timeout=_GIT_LIMIT_S,
        )
    except FileNotFoundError:
        raise _fault(folder, "is a git work tree, and there is no git here", "install git") from None
    except subprocess.TimeoutExpired:
        raise _fault(
            folder, "is a git work tree, and git does not answer", "try `git status` there"
        ) from None
    if done.returncode:
        why = clean_bytes(done.stderr[-500:]).strip() or f"status {done.returncode}"
        raise _fault(folder, f"is a git work tree that git cannot list: {why}", "try `git status` there")
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        raise _unreadable(folder, error) from error


def _member(source: str, place: Place) -> Member:
    found = _look(source)
    mode, kind, mtime = stat.S_IMODE(found.st_mode) & 0o777, stat.S_IFMT(found.st_mode), int(found.st_mtime)
    if kind == stat.S_IFLNK:
        return Member(source=source, place=place, mode=0o777, mtime=mtime, link=os.readlink(source))
    if kind == stat.S_IFDIR:  # its owner can always write there, or nothing could be unpacked into it
        return Member(source=source, place=place, mode=mode | 0o700, mtime=mtime, is_folder=True)
    if kind != stat.S_IFREG:
        raise _fault(source, "is neither a file nor a folder", "name what you need beside it")
    if not os.access(source, os.R_OK, effective_ids=True):
        raise _fault(source, "cannot be read", "change its mode, or leave it out")
    return Member(source=source, place=place, mode=mode, mtime=mtime, size=found.st_size)


def _look(path: str) -> os.stat_result:
    try:
        return os.lstat(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: OSError) -> UsageError:
    return _fault(path, f"cannot be read: {error.strerror}", "change its mode, or leave it out")


def _fault(path: str, what: str, hint: str) -> UsageError:
    return UsageError(f"inputs: {clean_line(path)} {what}", hint=hint)
