"""Bytes on their way into a spool of a lease."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from tui.contracts import Channel
from tui.model.errors import WardenError
from tui.model.units import MIB

BLOCK = MIB // 4


@dataclass(frozen=True, slots=True)
class Upload:
    """What a spool lacks."""

    spool: str
    at: int
    """Bytes that are there."""
    size: int
    """Bytes that are to be there."""
    read: Callable[[int, int], bytes]
    on_sent: Callable[[int], None]

    async def send(self, channel: Channel) -> None:
        """Read and write, little at a time, to the end.

        Raises ConnectionDropped, WardenError where there is less to read, and what `read` raises.
        """
        at = self.at
        while at < self.size:
            data = await asyncio.to_thread(self.read, at, min(BLOCK, self.size - at))
            if not data:
                raise WardenError("What is sent to the host has become shorter meanwhile.")
            channel.write(data)
            await channel.drain()
            at += len(data)
            self.on_sent(at)
        channel.write_eof()
