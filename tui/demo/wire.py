"""Messages between the demo host's processes: a length, then marshal.

The functions here block; `streams` has the one for an event loop. Marshal and not JSON, because the
emulated command is started several times a second and json with its regular expressions would double
its start-up; both ends are always the same interpreter.
"""

from __future__ import annotations

import _socket
import marshal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

Message = dict[str, Any]
"""Plain values only: str, bytes, int, float, bool, None, lists and dicts of them."""

LENGTH = 4
"""Bytes of a frame's length."""
GUEST_SOCKET = "guest.sock"
"""In a VM's folder; connected to by a relative path, because such paths are short."""
KILLED = -1
"""Status of a command that a signal ended: SSH has no number for it, and Multipass says 255."""
_FD = 4
_MAX_FDS = 3


def pack(message: Mapping[str, object]) -> bytes:
    """One frame."""
    body = marshal.dumps(dict(message))
    return len(body).to_bytes(LENGTH, "big") + body


def send(sock: _socket.socket, message: Mapping[str, object], fds: Sequence[int] = ()) -> None:
    """Send one frame, blocking, with open files attached. Raises OSError."""
    frame = pack(message)
    if fds:
        rights = b"".join(fd.to_bytes(_FD, sys.byteorder) for fd in fds)
        sent = sock.sendmsg([frame], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
        frame = frame[sent:]
    # Not an empty rest: the other side may have answered and hung up already.
    if frame:
        sock.sendall(frame)


def receive(sock: _socket.socket) -> Message | None:
    """The next frame, blocking; None at the end. Raises OSError."""
    return receive_with_files(sock)[0]


def receive_with_files(sock: _socket.socket) -> tuple[Message | None, list[int]]:
    """The next frame and the open files that came with it."""
    head, fds = b"", list[int]()
    while len(head) < LENGTH:
        data, ancillary, _, _ = sock.recvmsg(LENGTH - len(head), _socket.CMSG_SPACE(_FD * _MAX_FDS))
        for _level, _kind, rights in ancillary:
            fds += [int.from_bytes(rights[at : at + _FD], sys.byteorder) for at in range(0, len(rights), _FD)]
        if not data:
            return None, fds
        head += data
    body, missing = b"", int.from_bytes(head, "big")
    while missing:
        data = sock.recv(min(missing, 65536))
        if not data:
            return None, fds
        body += data
        missing -= len(data)
    message: Message = marshal.loads(body)
    return message, fds
