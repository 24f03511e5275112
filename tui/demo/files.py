"""What the SFTP server of a guest does, for `transfer`: files whole, in blocks, to and from open files.

Ends where the client does: what came so far stays.
"""

from __future__ import annotations

import _socket
import os
import select
from collections.abc import Callable, Sequence
from typing import Protocol

from tui.demo.wire import Message

_BLOCK = 1 << 20
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_FORBIDDEN = "/root/"


class Place(Protocol):
    """A guest's files. All raise OSError."""

    def open(self, path: str, flags: int, mode: int = 0o644) -> int:
        """Like `os.open`."""

    def names(self, path: str) -> list[str]:
        """What is in a folder, sorted."""

    def make(self, path: str) -> None:
        """Like `mkdir -p`."""

    def kind(self, path: str) -> str:
        """`directory`, `file`, or nothing at all."""


class OwnFiles:
    """The files of this process."""

    def open(self, path: str, flags: int, mode: int = 0o644) -> int:
        """Like `os.open`."""
        return os.open(path, flags, mode)

    def names(self, path: str) -> list[str]:
        """What is in a folder, sorted."""
        return sorted(os.listdir(path))

    def make(self, path: str) -> None:
        """Like `mkdir -p`."""
        os.makedirs(path, exist_ok=True)

    def kind(self, path: str) -> str:
        """`directory`, `file`, or nothing at all."""
        return "directory" if os.path.isdir(path) else "file" if os.path.exists(path) else ""


def answer(place: Place, message: Message, fds: Sequence[int], client: _socket.socket) -> Message:
    """Do what a client asked for; `error` in the answer, and what was being done when it came."""
    path = str(message["path"])
    match message["op"]:
        case "stat":
            return {"kind": place.kind(path)}
        case "list":
            return {"names": place.names(path)}
        case "make":
            return _guarded(path, lambda: place.make(path))
        case "put":
            return _copy(place, path, _NEW, fds[0], client)
        case _:
            return _copy(place, path, os.O_RDONLY, fds[0], client)


def _guarded(path: str, work: Callable[[], None]) -> Message:
    try:
        if path.startswith(_FORBIDDEN):
            raise PermissionError(path)
        work()
    except FileNotFoundError:
        return {"error": "No such file"}
    except PermissionError:
        return {"error": "Permission denied"}
    except OSError:
        return {"error": "Failure"}
    return {"error": ""}


def _copy(place: Place, path: str, flags: int, theirs: int, client: _socket.socket) -> Message:
    ours = list[int]()
    opened = _guarded(path, lambda: ours.append(place.open(path, flags, 0o664)))
    if opened["error"]:
        return {**opened, "doing": "open"}
    ends = (theirs, ours[0]) if flags == _NEW else (ours[0], theirs)
    try:
        return {**_guarded(path, lambda: _carry(*ends, client)), "doing": "write to"}
    finally:
        os.close(ours[0])


def _carry(source: int, target: int, client: _socket.socket) -> None:
    hangup = select.poll()
    hangup.register(client.fileno(), select.POLLIN)
    while not hangup.poll(0) and (block := os.read(source, _BLOCK)):
        while block:
            block = block[os.write(target, block) :]
