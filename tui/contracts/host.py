"""Bytes to a machine: what a transport gives, and who answers its questions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from tui.model.hosts import Question
from tui.model.spec import HostName

Ask = Callable[[Question], Awaitable[str | None]]
"""Ask a person; None: nobody answered, or said no."""

OnBytes = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class TerminalSize:
    """In character cells."""

    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class Completed:
    """A finished command."""

    status: int
    """Exit status; 128+n if a signal ended it."""
    stdout: bytes
    stderr: bytes


class Channel(Protocol):
    """One running command on a host."""

    def write(self, data: bytes) -> None:
        """Queue bytes for its stdin. Never blocks; does nothing on a dead link."""

    async def drain(self) -> None:
        """Wait until little is queued, so that more may be written. Raises ConnectionDropped."""

    def pause_reading(self) -> None:
        """Let it wait with what it writes; a little may still come. Idempotent."""

    def resume_reading(self) -> None:
        """Take what it writes again. Idempotent."""

    def write_eof(self) -> None:
        """End its stdin."""

    async def wait(self) -> int:
        """Its exit status, 128+n if a signal ended it. Raises ConnectionDropped."""

    def resize(self, size: TerminalSize) -> None:
        """Tell its terminal; nothing where it has none, or on a dead link."""

    def abort(self) -> None:
        """Drop the channel at once, without waiting for anybody. Idempotent."""


class Host(Protocol):
    """A machine that runs commands for us, over SSH or by subprocess.

    `command` is one fixed command line, plain enough for any login shell (sh, fish, csh).
    """

    @property
    def name(self) -> HostName:
        """Which host it is."""

    @property
    def spare_channels(self) -> int:
        """How many more `long` ones may be opened before somebody has to wait for one; a few, or many."""

    async def connect(self) -> None:
        """Have a connection, making one where there is none.

        Raises HostUnreachable, AuthRefused, HostKeyUnknown, HostKeyChanged.
        """

    async def open(
        self,
        command: str,
        *,
        on_stdout: OnBytes,
        on_stderr: OnBytes,
        long: bool = False,
        terminal: TerminalSize | None = None,
    ) -> Channel:
        """Start `command`; the callbacks get every byte, in order. `long`: it will run for minutes.

        With a `terminal` it has one of that size, of the type xterm-256color, and both its streams come
        as stdout, in small pieces, so that a key is never behind megabytes of output.

        Raises what `connect` raises, and ConnectionDropped.
        """

    async def run(self, command: str, stdin: bytes = b"", *, timeout_s: float) -> Completed:
        """Run `command` to its end. Raises what `open` raises, and HostUnreachable after `timeout_s`."""

    async def open_tcp(self, address: str, port: int, *, on_data: OnBytes) -> Channel:
        """Connect to a port that the machine can reach; `wait` returns 0 once the other end has closed.

        Raises what `connect` raises, ConnectionDropped, and PortRefused with the reason.
        """

    def drop(self) -> None:
        """Abort every connection at once: the link is dead. The next `open` connects anew."""

    async def aclose(self) -> None:
        """Close every connection; bounded to a few seconds."""
