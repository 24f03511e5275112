"""A terminal on its way from our script to a command: what is before the command is not shown."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable

from tui.contracts import Channel, OnBytes
from tui.model.errors import ConnectionDropped, EntryRefused, HostUnreachable, WardenError
from tui.model.text import clean_bytes

READY_LIMIT_S = 20.0
"""For the script to have the terminal to itself."""
BEGIN_LIMIT_S = 60.0
"""For it to look whether we may enter: the manager may be slow to tell."""
REFUSALS = (65, 68, 69, 70)
"""Exit statuses of the script that let nobody in: no lease, not ours, closing, not running."""

_READY = re.compile(rb"dayfly ready\r?\n")
_BEGIN = re.compile(rb"dayfly begin\r?\n")
_KEPT = 4096
"""Bytes in which a mark, or the reason of a refusal, is looked for; a login shell may print more."""


class Curtain:
    """Takes what comes on the terminal; `on_bytes` hears it from the command's first byte on."""

    def __init__(self, on_bytes: OnBytes) -> None:
        self._on_bytes = on_bytes
        self._waiting = b""
        self._is_ready = False
        self._is_open = False
        self._has_ended = False
        self._news = asyncio.Event()

    def __call__(self, data: bytes) -> None:
        """More came."""
        if self._is_open:
            self._on_bytes(data)
            return
        self._waiting += data
        if not self._is_ready and self._pass(_READY):
            self._is_ready = True
        if self._is_ready and self._pass(_BEGIN):
            self._is_open = True
            if self._waiting:
                self._on_bytes(self._waiting)
        self._waiting = self._waiting[-_KEPT:]

    def _pass(self, mark: re.Pattern[bytes]) -> bool:
        found = mark.search(self._waiting)
        if found is not None:
            self._waiting = self._waiting[found.end() :]
            self._news.set()
        return found is not None

    async def lift(self, channel: Channel, words: bytes, host: str) -> None:
        """Say the words once nobody echoes them, and return when the command has the terminal.

        Raises EntryRefused, ConnectionDropped; HostUnreachable where the marks do not come in time.
        """
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch(channel))
            is_in_time = await self._reach(lambda: self._is_ready, READY_LIMIT_S)
            if is_in_time and not self._has_ended:
                channel.write(words)
                is_in_time = await self._reach(lambda: self._is_open, BEGIN_LIMIT_S)
            watching.cancel()
        if not is_in_time:
            raise HostUnreachable(f"{host} gives no terminal: it does not answer", host=host)
        if not self._is_open:
            raise self._refusal(await channel.wait())

    async def _reach(self, is_there: Callable[[], bool], limit_s: float) -> bool:
        """Wait for that, or the channel's end; False: neither came in time."""
        try:
            async with asyncio.timeout(limit_s):
                while not (is_there() or self._has_ended):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _watch(self, channel: Channel) -> None:
        with contextlib.suppress(ConnectionDropped):  # whoever asks for the status hears of it
            await channel.wait()
        self._has_ended = True
        self._news.set()

    def _refusal(self, status: int) -> WardenError:
        said = clean_bytes(self._waiting).strip()
        if self._is_ready and status in REFUSALS:
            return EntryRefused(said.removeprefix("dayfly: "), status=status)
        return WardenError("The host opens no terminal for us.", hint=f"It said: {said or 'nothing'}")
