"""Messages of `wire` in an event loop."""

from __future__ import annotations

import marshal
from asyncio import IncompleteReadError, StreamReader

from tui.demo.wire import LENGTH, Message


async def read(reader: StreamReader) -> Message | None:
    """The next frame from a stream; None at the end."""
    try:
        size = int.from_bytes(await reader.readexactly(LENGTH), "big")
        message: Message = marshal.loads(await reader.readexactly(size))
    except (IncompleteReadError, ConnectionError):
        return None
    return message
