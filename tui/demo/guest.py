"""The process that is a VM: on a socket in its folder it plays what an SSH server in a guest would.

Messages in: `exec` (argv, directory, terminal, with three open files or one terminal), `put`, `get`,
`stat`, `list`, `make` (files, by `transfer`), `cloud-init` (do what the first boot has to do; answered at
its end), `watch` (held open for as long as the VM is on) and, on
that one, `poweroff`. The clients' own files are passed, so no byte of a workload goes through anybody
but the client at its end, and back-pressure is the kernel's.
"""

from __future__ import annotations

import _socket
import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tui.demo.wire import GUEST_SOCKET

LIFELINE_FD = 0
"""At its end the demo host is gone, and so is the VM."""


class Guests(StrEnum):
    """What VMs are made of."""

    BASHKIT = "bashkit"
    """For people: a sandbox with no way to this machine's files, processes or network."""
    SHELL = "shell"
    """For test suites: the real shell in a private folder."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the VM was given."""

    name: str
    cpus: int
    memory: int
    """Bytes."""
    disk: int
    """Bytes."""


class Guest(Protocol):
    """One VM."""

    def serve(self, listener: _socket.socket) -> None:
        """Run until powered off or until the lifeline ends."""


def main() -> None:
    """`guest.py BACKEND NAME CPUS MEMORY DISK`, in the VM's folder."""
    guests, name, *numbers = sys.argv[1:]
    figures = Figures(name, *(int(number) for number in numbers))
    guest = _guest(Guests(guests), figures)
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    listener.bind(f"{GUEST_SOCKET}.new")
    listener.listen(64)
    os.replace(f"{GUEST_SOCKET}.new", GUEST_SOCKET)
    guest.serve(listener)


def _guest(guests: Guests, figures: Figures) -> Guest:
    if guests is Guests.SHELL:
        from tui.demo.shell_guest import ShellGuest

        return ShellGuest(figures)
    from tui.demo.bashkit_guest import BashkitGuest

    return BashkitGuest(figures)
