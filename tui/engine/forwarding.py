"""Ports of this machine that lead to ports of a VM, through its host: a channel for each connection.

Bytes go both ways at the pace of the slower side, and either side may end first. A link that is lost ends the
connections that were on it; the port stays, and new ones go over the link that comes next.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import cast

from tui.contracts import Channel, OnBytes
from tui.engine.link import HostLink
from tui.engine.racing import first_of
from tui.engine.store import Store
from tui.engine.visit import PATIENCE_S, visit
from tui.model.errors import ConnectionDropped, DayflyError, HostUnreachable, PortRefused, UsageError
from tui.model.events import Narrated, PortClosed, PortForwarded
from tui.model.phase import Phase
from tui.model.spec import RunId, VmName

HERE = "127.0.0.1"
_MOST_CONNECTIONS = 64
_CONNECT_S = 30.0
_HALF_OPEN_S = 60.0
"""How long this side may say nothing once the VM has ended its own."""
_FIRST_FREE_PORT, _LAST_PORT = 1024, 65535
_OVER = (Phase.DELETING, Phase.GONE)

Start = Callable[[Coroutine[None, None, None], str], None]
"""Runs a task of that name for as long as the engine does."""
Connect = Callable[[OnBytes], Coroutine[None, None, Channel]]


class Forward:
    """One port of this machine that leads to one of a VM. `listen`, then `serve`.

    `tell` hears in a sentence why a connection was not made.
    """

    def __init__(self, link: HostLink, vm: VmName, port: int, *, tell: Callable[[str], None]) -> None:
        if not 0 < port <= _LAST_PORT:
            raise UsageError(f"{port} is no port: they go from 1 to {_LAST_PORT}")
        self._link, self._vm, self._port, self._tell = link, vm, port, tell
        self._server: asyncio.Server | None = None
        self._group: asyncio.TaskGroup | None = None
        self._callers: dict[_Caller, asyncio.Task[None] | None] = {}
        self._closed = asyncio.Event()
        self._told = ""

    async def listen(self, local_port: int = 0) -> int:
        """See that somebody answers there, and take a port here; which. See `contracts.Inside.forward`."""
        if not 0 <= local_port <= _LAST_PORT:
            raise UsageError(f"{local_port} is no port: they go from 1 to {_LAST_PORT}, and 0 is any")
        await visit(self._link, self._vm, ("true",))  # its host looks whether it is ours, and runs
        (await self._connect(_ignore)).abort()
        await self._bind(local_port)
        assert self._server is not None, "bound"
        return int(self._server.sockets[0].getsockname()[1])

    async def serve(self) -> None:
        """Carry what comes until closed, or cancelled; then nothing of it is left."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for caller in list(self._callers):
                    self._carry(caller)
                await self._closed.wait()
                for task in self._callers.values():
                    if task is not None:
                        task.cancel()
        finally:
            self._group = None
            self.close()

    def close(self) -> None:
        """Take no more, and end what there is. Idempotent."""
        self._closed.set()
        if self._server is not None:
            self._server.close()
        for caller in list(self._callers):
            caller.cut()

    async def _bind(self, local_port: int) -> None:
        """To the port asked for; where any will do, to that of the same number if it is free."""
        same = self._port if self._port >= _FIRST_FREE_PORT else 0
        try:
            await self._bind_to(local_port or same)
        except OSError as error:
            if not local_port:
                await self._bind_to(0)
                return
            why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had: {error.strerror}"
            raise UsageError(
                f"port {local_port} of this machine {why}", hint="0 for the port here takes one that is free"
            ) from error

    async def _bind_to(self, local_port: int) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Caller(self._welcome), HERE, local_port, start_serving=False
        )
        await self._server.start_serving()

    async def _connect(self, on_data: OnBytes) -> Channel:
        address = self._link.address_of(self._vm)
        if not _is_address(address):
            raise HostUnreachable(
                f"{self._vm} has no address yet",
                host=self._link.name,
                hint="a VM has one once it has booted: try again in a moment",
            )
        try:
            async with asyncio.timeout(_CONNECT_S):
                return await self._link.open_tcp(address, self._port, on_data=on_data, patience_s=PATIENCE_S)
        except TimeoutError:
            message = f"port {self._port} of {self._vm} did not answer in {_CONNECT_S:.0f} s"
            raise PortRefused(message, host=self._link.name) from None
        except PortRefused as error:
            hint = error.hint or f"who listens there, and at which address: dayfly exec {self._vm} ss -tln"
            raise PortRefused(error.message, host=error.host, hint=hint) from error

    def _welcome(self, caller: _Caller) -> None:
        if len(self._callers) >= _MOST_CONNECTIONS or self._closed.is_set():
            caller.cut()
            return
        self._callers[caller] = None
        if self._group is not None:
            self._carry(caller)

    def _carry(self, caller: _Caller) -> None:
        assert self._group is not None, "only while it serves"
        task = self._group.create_task(self._carry_out(caller), name=f"{self._vm}:{self._port}")
        self._callers[caller] = task
        task.add_done_callback(lambda task: self._forget(caller, task))

    def _forget(self, caller: _Caller, task: asyncio.Task[None]) -> None:
        self._callers.pop(caller, None)
        if task.cancelled():  # perhaps before it began
            caller.cut()

    async def _carry_out(self, caller: _Caller) -> None:
        try:
            await caller.carry(self._connect)
        except DayflyError as error:
            if error.message != self._told:
                self._told = error.message
                self._tell(error.message)
        else:
            self._told = ""


class _Caller(asyncio.Protocol):
    """One connection that came to our port, and its channel to the VM."""

    def __init__(self, on_arrival: Callable[[_Caller], None]) -> None:
        self._on_arrival = on_arrival
        self._transport: asyncio.Transport
        self._channel: Channel | None = None
        self._waiting = bytearray()
        self._sent = 0
        self._is_behind = False
        self._news = asyncio.Event()
        self._says_no_more = asyncio.Event()
        self._is_gone = asyncio.Event()

    # ---- what its socket says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is here, and waits for the VM's end of it."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.pause_reading()
        self._on_arrival(self)

    def data_received(self, data: bytes) -> None:
        """It waits with more until this is on its way."""
        self._waiting += data
        self._transport.pause_reading()
        self._news.set()

    def eof_received(self) -> bool:
        """It says no more; it may still read."""
        self._says_no_more.set()
        self._news.set()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more; who left in the middle is not told to the VM as an end."""
        self._says_no_more.set()
        self._is_gone.set()
        self._news.set()
        if exc is not None and self._channel is not None:
            self._channel.abort()

    def pause_writing(self) -> None:
        """It reads slowly: the VM waits."""
        self._is_behind = True
        if self._channel is not None:
            self._channel.pause_reading()

    def resume_writing(self) -> None:
        """It has read."""
        self._is_behind = False
        if self._channel is not None:
            self._channel.resume_reading()

    # ---- carrying

    def cut(self) -> None:
        """End it at once. Idempotent."""
        self._transport.abort()
        if self._channel is not None:
            self._channel.abort()

    async def carry(self, connect: Connect) -> None:
        """Until both sides have ended, or one is lost. Raises what `connect` raises."""
        try:
            channel = self._channel = await connect(self._take)
            if self._is_behind:
                channel.pause_reading()
            async with asyncio.TaskGroup() as both:
                both.create_task(self._send(channel))
                both.create_task(self._receive(channel))
            self._transport.close()  # what it has not read yet is still sent
            with suppress(TimeoutError):
                async with asyncio.timeout(_HALF_OPEN_S):
                    await self._is_gone.wait()
        finally:
            self.cut()

    def _take(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    async def _send(self, channel: Channel) -> None:
        """To the VM, a piece at a time."""
        try:
            while data := await self._next():
                channel.write(data)
                await channel.drain()
                self._sent += len(data)
            channel.write_eof()
        except ConnectionDropped:
            self.cut()

    async def _next(self) -> bytes:
        """What it says next; nothing once it says no more."""
        if not self._transport.is_closing():
            self._transport.resume_reading()
        while not self._waiting and not self._says_no_more.is_set():
            self._news.clear()
            await self._news.wait()
        data = bytes(self._waiting)
        self._waiting.clear()
        return data

    async def _receive(self, channel: Channel) -> None:
        """Pass on that the VM sends no more; who then says nothing for long is not waited for."""
        try:
            await channel.wait()
            if not self._transport.is_closing():
                self._transport.write_eof()
        except (ConnectionDropped, OSError):  # it was reset, and its transport does not know yet
            self.cut()
            return
        before = -1
        while not self._says_no_more.is_set() and before != self._sent:
            before = self._sent
            with suppress(TimeoutError):
                async with asyncio.timeout(_HALF_OPEN_S):
                    await self._says_no_more.wait()
        if not self._says_no_more.is_set():
            self.cut()


class Forwards:
    """The forwarded ports of one run, for as long as its VM is there."""

    def __init__(self, run: RunId, vm: VmName, link: HostLink, *, store: Store, start: Start) -> None:
        self._run, self._vm, self._link, self._store, self._start = run, vm, link, store, start
        self._forwards: dict[int, Forward] = {}

    async def open(self, port: int, local_port: int = 0) -> int:
        """See `contracts.Inside.forward`. Cancelled, it leaves nothing open."""
        if port in self._forwards:
            raise UsageError(f"port {port} of {self._vm} leads here already")
        forward = self._forwards[port] = Forward(self._link, self._vm, port, tell=self._tell)
        here = 0
        try:
            here = await forward.listen(local_port)
        finally:
            if not here or self._forwards.get(port) is not forward:
                self._forwards.pop(port, None)
                forward.close()
        if port not in self._forwards:
            raise UsageError(f"port {port} of {self._vm} was closed meanwhile")
        self._store.apply(PortForwarded(run=self._run, at=time.time(), port=port, local_port=here))
        self._start(self._serve(port, forward), f"port {port} of {self._vm}")
        return here

    def close(self, port: int) -> None:
        """End it. Idempotent."""
        if forward := self._forwards.pop(port, None):
            forward.close()
            self._store.apply(PortClosed(run=self._run, at=time.time(), port=port))

    async def _serve(self, port: int, forward: Forward) -> None:
        try:
            await first_of(forward.serve(), self._vm_ends())
        finally:
            forward.close()
            if self._forwards.get(port) is forward:
                self.close(port)

    async def _vm_ends(self) -> None:
        while self._store.state.runs[self._run].phase not in _OVER:
            await self._store.changes.wait()

    def _tell(self, text: str) -> None:
        self._store.apply(Narrated(run=self._run, at=time.time(), text=text))


def _is_address(text: str) -> bool:
    """What else a manager may write there is no place to connect to."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _ignore(_data: bytes) -> None:
    """Nobody reads it."""
