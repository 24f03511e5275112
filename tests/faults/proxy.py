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
    is_held: bool = False

    def abort(self) -> None:
        self.flows.set()
        for end in self.ends:
            end.transport.abort()


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
        self._connections: set[_Connection] = set()
        self._is_cut = False
        self._is_frozen = False
        self._holds_new = False
        self._takes_new = asyncio.Event()
        self._takes_new.set()

    def hold(self, *, new_too: bool = False) -> None:
        """The connections that are open now carry nothing; new ones do, or not either."""
        self._holds_new = new_too
        for connection in self._connections:
            connection.is_held = True
        self._apply()

    def let_go(self) -> None:
        """End the hold."""
        self._holds_new = False
        for connection in self._connections:
            connection.is_held = False
        self._apply()

    def cut(self) -> None:
        """Every connection is reset, and so is each new one."""
        self._is_cut = True
        for connection in list(self._connections):
            connection.abort()

    def freeze(self) -> None:
        """Nothing comes through any more, on new connections neither; nobody is told."""
        self._is_frozen = True
        self._apply()

    def mend(self) -> None:
        """The link is whole again; what was cut off stays so."""
        self._is_cut = self._is_frozen = False
        self._apply()

    def _apply(self) -> None:
        _set(self._takes_new, not (self._is_frozen or self._holds_new))
        for connection in self._connections:
            _set(connection.flows, not (self._is_frozen or connection.is_held))

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
        self._connections.add(connection)
        self._apply()
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


def _set(event: asyncio.Event, wanted: bool) -> None:
    if wanted:
        event.set()
    else:
        event.clear()


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
