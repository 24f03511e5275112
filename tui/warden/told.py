"""Tells whoever listens of each command that is run on the host: its words, its duration, its end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tui.contracts import Channel, OnCommand, TerminalSize
from tui.model.errors import ConnectionDropped
from tui.model.lease import Argv
from tui.model.use import HostCommand

SCRIPT = "dayfly-warden"
"""Stands for the command line that runs our script; its words go there on stdin."""
_OFTEN = frozenset({"status", "sweep", "hold", "follow", "spool", "settle"})


class Underway:
    """A command that was begun. `end` is told once."""

    def __init__(self, listeners: list[OnCommand], argv: Argv, about: str, *, is_routine: bool) -> None:
        self._listeners = listeners
        self._argv = argv
        self._about = about
        self._is_routine = is_routine
        self._at = time.time()
        self._began = time.monotonic()
        self._is_told = False

    def end(self, status: int | None) -> None:
        """It ended; None: the link was lost, or we left it. Idempotent."""
        if self._is_told:
            return
        self._is_told = True
        command = HostCommand(
            at=self._at,
            argv=self._argv,
            took_s=time.monotonic() - self._began,
            status=status,
            about=self._about,
            is_routine=self._is_routine,
        )
        for listener in self._listeners:
            listener(command)


class Teller:
    """Who listens, and what is under way."""

    def __init__(self) -> None:
        self._listeners: list[OnCommand] = []
        self._jobs: dict[tuple[str, str], Underway] = {}

    def listen(self, on_command: OnCommand) -> None:
        """From now on tell this one, too."""
        self._listeners.append(on_command)

    def begin(self, argv: Argv, about: str = "", *, is_routine: bool = False) -> Underway:
        """A command begins now."""
        return Underway(self._listeners, argv, about, is_routine=is_routine)

    def begin_verb(self, verb: str, *words: str) -> Underway:
        """A verb of our script; its first word is the VM that it is about, if it has any."""
        return self.begin((SCRIPT, verb, *words), "".join(words[:1]), is_routine=verb in _OFTEN)

    @contextmanager
    def telling(self, command: Underway) -> Iterator[Underway]:
        """It is over at the end of the block at the latest."""
        try:
            yield command
        finally:
            command.end(None)

    def begin_job(self, vm: str, job: str, argv: Argv) -> None:
        """A durable job was started; said again, it goes on to be the same."""
        self._jobs.setdefault((vm, job), self.begin(argv, vm))

    def end_job(self, vm: str, job: str, status: int | None) -> None:
        """A job ended; one that another process started is not told."""
        if command := self._jobs.get((vm, job)):  # kept: said again, it is told no second time
            command.end(status)


class ToldChannel:
    """A `contracts.Channel` whose end is told."""

    def __init__(self, channel: Channel, command: Underway) -> None:
        self._channel = channel
        self._command = command

    def write(self, data: bytes) -> None:
        """Queue bytes for its stdin."""
        self._channel.write(data)

    async def drain(self) -> None:
        """Wait until little is queued."""
        await self._channel.drain()

    def pause_reading(self) -> None:
        """Let it wait with what it writes."""
        self._channel.pause_reading()

    def resume_reading(self) -> None:
        """Take what it writes again."""
        self._channel.resume_reading()

    def write_eof(self) -> None:
        """End its stdin."""
        self._channel.write_eof()

    def resize(self, size: TerminalSize) -> None:
        """Tell its terminal."""
        self._channel.resize(size)

    async def wait(self) -> int:
        """Its exit status. Raises ConnectionDropped."""
        try:
            status = await self._channel.wait()
        except ConnectionDropped:
            self._command.end(None)
            raise
        self._command.end(status)
        return status

    def abort(self) -> None:
        """Drop the channel at once."""
        self._channel.abort()
        self._command.end(None)
