"""The link between a client and its host, as a TCP proxy that can be cut, frozen, held and slowed."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

_BLOCK = 1 << 16


class Proxy:
    """Listens on 127.0.0.1 for one client; `target` tells the host's port, which may change.

    A hold keeps a run where it is; it is independent of what breaks the link, a cut or a frost.
    """

    def __init__(self, target: Callable[[], int]) -> None:
        self.port = 0
        self.accepted = 0
        """Connections so far."""
        self.delay_s = 0.0
        """For every piece, in both directions."""
        self._target = target
        self._ends: set[StreamWriter] = set()
        self._is_cut = False
        self._is_frozen = False
        self._is_held = False
        self._flows = asyncio.Event()
        self._flows.set()

    def hold(self) -> None:
        """Nothing comes through; nobody is told."""
        self._is_held = True
        self._apply()

    def let_go(self) -> None:
        """End the hold."""
        self._is_held = False
        self._apply()

    def cut(self) -> None:
        """Every connection is reset, and so is each new one."""
        self._is_cut = True
        for end in self._ends:
            end.transport.abort()

    def freeze(self) -> None:
        """Nothing comes through any more, on new connections neither; nobody is told."""
        self._is_frozen = True
        self._apply()

    def mend(self) -> None:
        """The link is whole again; what was cut off stays so."""
        self._is_cut = self._is_frozen = False
        self._apply()

    def _apply(self) -> None:
        if self._is_frozen or self._is_held:
            self._flows.clear()
        else:
            self._flows.set()

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Carry one connection."""
        self.accepted += 1
        await self._flows.wait()
        try:
            if self._is_cut:
                raise ConnectionRefusedError
            there, back = await asyncio.open_connection("127.0.0.1", self._target())
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, back}
        self._ends |= ends
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, back))
                group.create_task(self._carry(there, writer))
        finally:
            self._ends -= ends
            for end in ends:
                end.transport.abort()

    async def _carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(_BLOCK):
                await self._flows.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(data)
                await writer.drain()
        await self._flows.wait()
        writer.transport.abort()


@asynccontextmanager
async def proxied(target: Callable[[], int]) -> AsyncIterator[Proxy]:
    """A proxy that listens; at the end nothing is left of it."""
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.let_go()
        proxy.mend()
        proxy.cut()
