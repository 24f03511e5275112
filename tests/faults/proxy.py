"""The link between a client and its host, as a TCP proxy that can be cut, frozen, held and slowed."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_BLOCK = 1 << 16


@dataclass(eq=False, slots=True)
class _Connection:
    """One connection, with both its ends."""

    ends: tuple[StreamWriter, StreamWriter]
    flows: asyncio.Event = field(default_factory=asyncio.Event)

    def abort(self) -> None:
        self.flows.set()
        for end in self.ends:
            end.transport.abort()


class Proxy:
    """Listens on 127.0.0.1 for one client; `target` tells the host's port, which may change."""

    def __init__(self, target: Callable[[], int]) -> None:
        self.port = 0
        self.accepted = 0
        """Connections so far."""
        self.delay_s = 0.0
        """For every piece, in both directions."""
        self._target = target
        self._connections: set[_Connection] = set()
        self._is_cut = False
        self._takes_new = asyncio.Event()
        self._takes_new.set()

    def cut(self) -> None:
        """Every connection is reset, and so is each new one."""
        self._is_cut = True
        for connection in list(self._connections):
            connection.abort()

    def freeze(self) -> None:
        """Nothing comes through any more, on new connections neither; nobody is told."""
        self._takes_new.clear()
        self.hold()

    def hold(self) -> None:
        """The connections that are open now carry nothing; new ones do."""
        for connection in self._connections:
            connection.flows.clear()

    def resume(self) -> None:
        """Everything flows again; what was cut stays cut off."""
        self._is_cut = False
        self._takes_new.set()
        for connection in self._connections:
            connection.flows.set()

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Carry one connection."""
        self.accepted += 1
        await self._takes_new.wait()
        try:
            if self._is_cut:
                raise ConnectionRefusedError
            there, back = await asyncio.open_connection("127.0.0.1", self._target())
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection((writer, back))
        connection.flows.set()
        self._connections.add(connection)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(connection, reader, back))
                group.create_task(self._carry(connection, there, writer))
        finally:
            self._connections.discard(connection)
            connection.abort()

    async def _carry(self, connection: _Connection, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(_BLOCK):
                await connection.flows.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(data)
                await writer.drain()
        await connection.flows.wait()
        connection.abort()


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
        proxy.resume()
        proxy.cut()
