"""Whether there is room for more of what is written to a command's stdin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tui.model.errors import ConnectionDropped
from tui.model.spec import HostName

STALLED_S = 60.0
"""Where nothing at all moves for so long, nobody reads any more."""


class Room:
    """Waited for by whoever writes; said by the protocol that sends."""

    def __init__(self, host: HostName) -> None:
        self._host = host
        self._free = asyncio.Event()
        self._free.set()
        self._closed = False

    def fill(self) -> None:
        """Much is queued."""
        self._free.clear()

    def clear(self) -> None:
        """Little is queued."""
        self._free.set()

    def close(self) -> None:
        """Nobody reads any more. Idempotent."""
        self._closed = True
        self._free.set()

    async def wait(self, queued: Callable[[], int] = int) -> None:
        """Until there is room. Raises ConnectionDropped, also where for long `queued` grows no less."""
        await asyncio.sleep(0)  # whoever writes on and on lets the news in
        while not self._free.is_set():
            before = queued()
            try:
                async with asyncio.timeout(STALLED_S):
                    await self._free.wait()
            except TimeoutError:
                if queued() >= before:
                    raise self._dropped("takes no more") from None
        if self._closed:
            raise self._dropped("reads no more")

    def _dropped(self, how: str) -> ConnectionDropped:
        return ConnectionDropped(f"the command on {self._host} {how}", host=self._host)
