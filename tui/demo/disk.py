"""A folder as the root of a guest's files: no name, no `..` and no link in it leads out of it."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack, suppress
from pathlib import Path

_MOST_LINKS = 40
_LOOK = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


class Disk:
    """The files below `root`. A relative path begins in `home`."""

    def __init__(self, root: Path, home: str = "/") -> None:
        self._root = os.open(root, _LOOK | os.O_DIRECTORY)
        self._home = home

    def open(self, path: str, flags: int, mode: int = 0o644) -> int:
        """Like `os.open`, links followed as in a machine whose root this is. Raises OSError."""
        with ExitStack() as opened:
            parent, name = self._find(path, opened, follow=True)
            return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=parent)

    def lstat(self, path: str) -> os.stat_result:
        """Like `os.lstat`. Raises OSError."""
        with ExitStack() as opened:
            parent, name = self._find(path, opened, follow=False)
            return os.stat(name, dir_fd=parent, follow_symlinks=False)

    def stat(self, path: str) -> os.stat_result:
        """Like `os.stat`. Raises OSError."""
        found = self.open(path, _LOOK)
        try:
            return os.fstat(found)
        finally:
            os.close(found)

    def readlink(self, path: str) -> str:
        """Like `os.readlink`. Raises OSError."""
        with ExitStack() as opened:
            parent, name = self._find(path, opened, follow=False)
            return os.readlink(name, dir_fd=parent)

    def symlink(self, target: str, path: str) -> None:
        """Like `os.symlink`. Raises OSError."""
        with ExitStack() as opened:
            parent, name = self._find(path, opened, follow=False)
            os.symlink(target, name, dir_fd=parent)

    def unlink(self, path: str) -> None:
        """Like `rm -f`. Raises OSError."""
        with ExitStack() as opened, suppress(FileNotFoundError):
            parent, name = self._find(path, opened, follow=False)
            os.unlink(name, dir_fd=parent)

    def chmod(self, path: str, mode: int) -> None:
        """Like `os.chmod`. Raises OSError."""
        found = self.open(path, _LOOK)
        try:
            os.fchmod(found, mode)
        finally:
            os.close(found)

    def names(self, path: str) -> list[str]:
        """What is in a folder, sorted. Raises OSError."""
        folder = self.open(path, _LOOK | os.O_DIRECTORY)
        try:
            return sorted(os.listdir(folder))
        finally:
            os.close(folder)

    def make(self, path: str) -> None:
        """Like `mkdir -p`. Raises OSError."""
        made = "/" if path.startswith("/") else "."
        for part in _parts(path):
            made = os.path.join(made, part)
            with ExitStack() as opened:
                parent, name = self._find(made, opened, follow=True)
                try:
                    os.mkdir(name, dir_fd=parent)
                except FileExistsError:
                    continue

    def kind(self, path: str) -> str:
        """`directory`, `file`, or nothing at all; of a link, what it leads to."""
        try:
            facts = self.stat(path)
        except OSError:
            return ""
        return "directory" if stat.S_ISDIR(facts.st_mode) else "file"

    def _find(self, path: str, opened: ExitStack, *, follow: bool) -> tuple[int, str]:
        """The folder that the last name of `path` is in, open, and that name; no link but perhaps it."""
        trail, links = [self._root], 0
        rest = _parts(os.path.join(self._home, path))[::-1]
        while rest:
            part = rest.pop()
            if part == "..":
                trail = trail[: max(len(trail) - 1, 1)]
                continue
            target = _target(part, trail[-1]) if rest or follow else ""
            if target:
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                trail = trail[:1] if target.startswith("/") else trail
                rest += _parts(target)[::-1]
                continue
            if not rest:
                return trail[-1], part
            trail.append(os.open(part, _LOOK | os.O_DIRECTORY, dir_fd=trail[-1]))
            opened.callback(os.close, trail[-1])
        return trail[-1], "."


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _target(name: str, folder: int) -> str:
    """Where a link leads; empty for what is none."""
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError:
        return ""
