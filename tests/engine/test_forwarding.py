"""A port of this machine that leads into a VM: bytes both ways, ends, refusals, over real sockets."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress

import pytest

from tests.engine.local_guest import SPEC, VM, OpenDoor, local_guest
from tests.until import until
from tui.engine.forwarding import HERE, Forwards
from tui.engine.store import Store
from tui.model.errors import HostUnreachable, LeaseClosing, PortRefused, UsageError
from tui.model.events import PhaseEntered, RunSubmitted
from tui.model.phase import Phase
from tui.model.spec import RunId
from tui.model.units import MIB
from tui.transport.local import LocalHost

RUN = RunId("k3v9q2ma")
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Bench:
    """The forwards of one run, and servers that stand in its VM."""

    def __init__(
        self, forwards: Forwards, store: Store, door: OpenDoor, host: LocalHost, group: asyncio.TaskGroup
    ) -> None:
        self.forwards, self.store, self.door, self.host, self.group = forwards, store, door, host, group

    @property
    def shown(self) -> tuple[tuple[int, int], ...]:
        return self.store.state.runs[RUN].forwards

    @property
    def told(self) -> str:
        return self.store.state.runs[RUN].told

    @asynccontextmanager
    async def server(self, serve: Serve) -> AsyncIterator[int]:
        serving: set[asyncio.StreamWriter] = set()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serving.add(writer)
            with suppress(ConnectionError):
                await serve(reader, writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            serving.discard(writer)

        async with await asyncio.start_server(answer, HERE, 0) as server:
            yield server.sockets[0].getsockname()[1]
        for writer in serving:
            writer.transport.abort()
        await until(lambda: not serving, "the server is done")


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    tasks: list[asyncio.Task[None]] = []
    async with local_guest() as (link, door, store, host), asyncio.TaskGroup() as group:

        def start(work: Coroutine[None, None, None], name: str) -> None:
            tasks.append(group.create_task(work, name=name))

        store.apply(RunSubmitted(run=RUN, at=0.0, vm=VM, spec=SPEC))
        yield Bench(Forwards(RUN, VM, link, store=store, start=start), store, door, host, group)
        for task in tasks:
            task.cancel()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def digest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers only at the end of what it is sent."""
    found = hashlib.sha256()
    while data := await reader.read(65536):
        found.update(data)
    writer.write(found.hexdigest().encode())


async def ask(port: int, data: bytes) -> bytes:
    """Send it, end our side, and read to the end of the other."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(HERE, port)
        async with asyncio.TaskGroup() as group:
            answer = group.create_task(reader.read(-1))
            writer.write(data)
            await writer.drain()
            writer.write_eof()
        writer.close()
        return answer.result()


async def test_megabytes_both_ways_for_many_at_once(bench: Bench) -> None:
    data = os.urandom(4 * MIB)
    async with bench.server(echo) as port:
        here = await bench.forwards.open(port)
        assert bench.shown == ((port, here),)
        async with asyncio.TaskGroup() as group:
            answers = [group.create_task(ask(here, data)) for _ in range(5)]
        assert all(answer.result() == data for answer in answers)


async def test_either_side_may_end_first(bench: Bench) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")

    async with bench.server(digest) as port, bench.server(greet) as other:
        data = os.urandom(MIB)
        assert await ask(await bench.forwards.open(port), data) == hashlib.sha256(data).hexdigest().encode()
        here = await bench.forwards.open(other)
        reader, writer = await asyncio.open_connection(HERE, here)
        async with asyncio.timeout(20):
            assert await reader.read(-1) == b"hello"
        writer.close()


async def test_who_does_not_read_holds_up_the_other(bench: Bench) -> None:
    written = 0

    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        for _ in range(256):
            writer.write(bytes(MIB // 4))
            await writer.drain()
            written += MIB // 4

    async with bench.server(pour) as port:
        here = await bench.forwards.open(port)
        before = written  # what the look at the port was sent
        reader, writer = await asyncio.open_connection(HERE, here, limit=65536)
        await reader.readexactly(10)
        seen = -1
        while seen != written:  # it stands still
            seen = written
            await asyncio.sleep(0.3)
        assert written - before < 40 * MIB
        async with asyncio.timeout(30):
            rest = await reader.read(-1)
        assert len(rest) == 64 * MIB - 10
        writer.close()


async def test_who_hangs_up_is_gone_in_the_vm(bench: Bench) -> None:
    lost = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while True:
                writer.write(b"tick")
                await writer.drain()
                await asyncio.sleep(0.01)
        lost.set()
        await reader.read(-1)

    async with bench.server(wait) as port:
        here = await bench.forwards.open(port)
        lost.clear()
        reader, writer = await asyncio.open_connection(HERE, here)
        await reader.readexactly(4)
        writer.transport.abort()
        async with asyncio.timeout(20):
            await lost.wait()


async def test_the_same_number_where_it_is_free(bench: Bench) -> None:
    async with bench.server(echo) as port:
        assert await bench.forwards.open(port) != port  # this machine is the VM too
        with pytest.raises(UsageError, match="leads here already"):
            await bench.forwards.open(port)
        bench.forwards.close(port)
        bench.forwards.close(port)
        assert bench.shown == ()
        with pytest.raises(UsageError, match=f"port {port} of this machine is taken") as caught:
            await bench.forwards.open(port, port)
        assert "0 for the port here" in caught.value.hint
        with socket.socket() as free:
            free.bind((HERE, 0))
            wanted = free.getsockname()[1]
        assert await bench.forwards.open(port, wanted) == wanted


async def test_what_is_no_port_or_answers_nothing_is_refused(bench: Bench) -> None:
    with socket.socket() as silent:
        silent.bind((HERE, 0))
        port = silent.getsockname()[1]
        with pytest.raises(PortRefused, match=f"port {port}") as caught:
            await bench.forwards.open(port)
        assert "ss -tln" in caught.value.hint
    for number, local in ((0, 0), (65536, 0), (80, -1), (80, 65536)):
        with pytest.raises(UsageError, match="is no port"):
            await bench.forwards.open(number, local)
    bench.door.refusal = 69
    with pytest.raises(LeaseClosing):
        await bench.forwards.open(80)
    assert bench.shown == ()


@pytest.mark.parametrize("address", ["", "N/A", "evil.example"])
async def test_without_an_address_it_says_so(bench: Bench, address: str) -> None:
    bench.door.address = address
    await bench.forwards._link.list_now()
    with pytest.raises(HostUnreachable, match="no address yet"):
        await bench.forwards.open(80)


async def test_a_server_that_went_away_is_told_once_and_the_port_stays(bench: Bench) -> None:
    async with bench.server(echo) as port:
        here = await bench.forwards.open(port)
    assert await ask_and_be_cut(here) == b""
    await until(lambda: f"port {port}" in bench.told, "it is told")
    assert bench.shown == ((port, here),)


async def ask_and_be_cut(port: int) -> bytes:
    reader, writer = await asyncio.open_connection(HERE, port)
    try:
        async with asyncio.timeout(20):
            return await reader.read(-1)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_link_that_drops_ends_the_connections_not_the_port(bench: Bench) -> None:
    async with bench.server(echo) as port:
        here = await bench.forwards.open(port)
        reader, writer = await asyncio.open_connection(HERE, here)
        writer.write(b"x")
        await reader.readexactly(1)
        bench.host.drop()
        with suppress(ConnectionError):
            async with asyncio.timeout(20):
                assert await reader.read(-1) == b""
        writer.close()
        assert await ask(here, b"again") == b"again"


@pytest.mark.parametrize("way", ["closed", "deleted"])
async def test_its_end_ends_what_is_on_it(bench: Bench, way: str) -> None:
    async with bench.server(echo) as port:
        here = await bench.forwards.open(port)
        reader, writer = await asyncio.open_connection(HERE, here)
        writer.write(b"x")
        await reader.readexactly(1)
        if way == "closed":
            bench.forwards.close(port)
        else:
            bench.store.apply(PhaseEntered(run=RUN, at=1.0, phase=Phase.DELETING))
        with suppress(ConnectionError):
            async with asyncio.timeout(20):
                assert await reader.read(-1) == b""
        writer.close()
        await until(lambda: bench.shown == (), "it is shown no more")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HERE, here)


async def test_no_more_than_so_many_at_once(bench: Bench) -> None:
    async with bench.server(echo) as port:
        here = await bench.forwards.open(port)
        open_ones = [await asyncio.open_connection(HERE, here) for _ in range(64)]
        for reader, writer in open_ones:
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
        assert await ask_and_be_cut(here) == b""
        for _, writer in open_ones:
            writer.close()
        await until(lambda: not bench.forwards._forwards[port]._callers, "they are gone")
        assert await ask(here, b"again") == b"again"
