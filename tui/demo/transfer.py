"""`transfer`: files into a VM and out of it, whole."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tui.demo import wire
from tui.demo.multipass import COMMAND_FAILED, Command, complain, connect, stamp
from tui.demo.options import Line, Wrong
from tui.demo.session import enter
from tui.demo.wire import GUEST_SOCKET, Message

_NAME_OF_STDIN = "stream_output.dat"


class _Refused(Exception):
    """What the SFTP server says no to."""


def transfer(command: Command, line: Line) -> int:
    """`multipass transfer`: one direction a call."""
    words = line.words + line.behind
    if len(words) < 2:
        raise Wrong("Not enough arguments given")
    *sources, target = words
    to_vm, from_vm = _vm_of(target), {_vm_of(source) for source in sources} - {""}
    if to_vm and from_vm:
        raise Wrong("Cannot specify an instance name for both source and destination")
    if not to_vm and len(from_vm) != 1:
        raise Wrong("An instance name is needed for either source or destination")
    vm = to_vm or from_vm.pop()
    folder = enter(command, "transfer", vm)
    if isinstance(folder, int):
        return folder
    if not folder:  # it was ordered to say that all went well
        return 0
    files = _Files(folder, line.has("recursive"), line.has("parents"))
    try:
        for source in sources:
            if to_vm:
                files.put(source, _path_of(target))
            else:
                files.get(_path_of(source), target)
    except _Refused as refused:
        complain(stamp(f"[sftp] {refused}"))
        return COMMAND_FAILED
    return 0


def _vm_of(word: str) -> str:
    name, colon, _ = word.partition(":")
    return name if colon and "/" not in name else ""


def _path_of(word: str) -> str:
    return word.partition(":")[2] or "."


class _Files:
    """The files of one VM."""

    def __init__(self, folder: str, recursive: bool, parents: bool) -> None:
        self._folder = folder
        self._recursive = recursive
        self._parents = parents

    def put(self, source: str, target: str) -> None:
        """A local file or, recursively, a folder; `-` is stdin."""
        if source != "-" and not os.path.exists(source):
            raise _Refused(f"cannot access {source}: No such file or directory")
        if os.path.isdir(source):
            self._put_tree(source, self._into(target, source))
            return
        target = self._into(target, source)
        parent = os.path.dirname(target)
        if self._parents and parent:
            self._ask({"op": "make", "path": parent})
        elif parent and self._kind(parent) != "directory":
            raise _Refused("remote target does not exist")
        self._put_file(source, target)

    def get(self, source: str, target: str) -> None:
        """A file of the VM or, recursively, a folder; `-` is stdout."""
        kind = self._kind(source)
        if kind == "directory":
            if not self._recursive:
                raise _Refused(f"omitting remote directory {source}: recursive mode not specified")
            place = os.path.join(target, os.path.basename(source)) if os.path.isdir(target) else target
            self._get_tree(source, place)
            return
        if os.path.isdir(target):
            target = os.path.join(target, os.path.basename(source))
        self._get_file(source, target)

    def _put_tree(self, source: str, target: str) -> None:
        if not self._recursive:
            raise _Refused(f"omitting local directory {source}: recursive mode not specified")
        self._ask({"op": "make", "path": target})
        for name in sorted(os.listdir(source)):
            inner = os.path.join(source, name)
            if os.path.isdir(inner):
                self._put_tree(inner, f"{target}/{name}")
            else:
                self._put_file(inner, f"{target}/{name}")

    def _get_tree(self, source: str, target: str) -> None:
        os.makedirs(target, exist_ok=True)
        for name in self._ask({"op": "list", "path": source})["names"]:
            inner, place = f"{source}/{name}", os.path.join(target, name)
            if self._kind(inner) == "directory":
                self._get_tree(inner, place)
            else:
                self._get_file(inner, place)

    def _put_file(self, source: str, target: str) -> None:
        fd = 0 if source == "-" else os.open(source, os.O_RDONLY)
        self._check(self._ask({"op": "put", "path": target}, (fd,)), target)

    def _get_file(self, source: str, target: str) -> None:
        if self._kind(source) == "":
            self._check({"error": "No such file"}, source)
        fd = 1 if target == "-" else os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self._check(self._ask({"op": "get", "path": source}, (fd,)), source)

    def _into(self, target: str, source: str) -> str:
        """The file that is meant where the target is a folder."""
        if self._kind(target) == "directory":
            name = _NAME_OF_STDIN if source == "-" else os.path.basename(source.rstrip("/"))
            return f"{target.rstrip('/')}/{name}"
        return target

    def _kind(self, path: str) -> str:
        return str(self._ask({"op": "stat", "path": path})["kind"])

    def _check(self, answer: Message, path: str) -> None:
        if answer["error"]:
            doing = answer.get("doing", "open")
            raise _Refused(f"cannot {doing} remote file {path}: SFTP server: {answer['error']}")

    def _ask(self, message: Message, fds: Sequence[int] = ()) -> Message:
        connection = connect(self._folder, GUEST_SOCKET)
        if connection is None:
            raise _Refused("cannot connect")
        wire.send(connection, message, fds)
        answer = wire.receive(connection)
        connection.close()
        if answer is None:
            raise _Refused("connection lost")
        return answer
