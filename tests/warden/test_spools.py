"""What a client puts on the host to be the stdin of jobs."""

from __future__ import annotations

import random
from hashlib import sha256
from pathlib import Path

import pytest

from tests.warden.world import Sink, World
from tui.model.lease import EndKind, JobPlace

MIB = 2**20


class Source:
    """Bytes to put, and what was asked of them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: list[int] = []
        self.sent: list[int] = []

    def read(self, offset: int, length: int) -> bytes:
        self.asked.append(offset)
        return self.data[offset : offset + length]


async def put(world: World, source: Source, name: str = "inputs") -> None:
    await world.warden.put(world.vm, name, len(source.data), source.read, source.sent.append)


def spool(world: World, name: str = "inputs") -> Path:
    return world.lease / "spools" / name


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("size", [0, 1, 3 * MIB + 1])
async def test_all_bytes_arrive(world: World, size: int) -> None:
    await world.open()
    source = Source(noise(size))
    await put(world, source)
    assert sha256(spool(world).read_bytes()).digest() == sha256(source.data).digest()
    assert source.sent[-1] == size
    assert source.sent == sorted(source.sent)
    source.asked.clear()
    await put(world, source)
    assert source.asked == []


async def test_it_is_the_stdin_of_a_job(world: World) -> None:
    await world.open()
    source = Source(noise(3 * MIB))
    await put(world, source)
    await world.warden.start(world.vm, "send", ("sha256sum",), JobPlace.HOST, spool="inputs")
    sink = Sink()
    end = await world.warden.follow(world.vm, "send", sink)
    assert end.status == 0
    assert bytes(sink.out).split()[0].decode() == sha256(source.data).hexdigest()
    assert sink.ends == (end.stdout_size, end.stderr_size)


async def test_without_its_spool_a_job_does_not_begin(world: World) -> None:
    await world.open()
    mark = world.root / "began"
    await world.warden.start(world.vm, "send", ("touch", str(mark)), JobPlace.HOST, spool="inputs")
    end = await world.warden.follow(world.vm, "send", Sink())
    assert (end.kind, end.detail) == (EndKind.KILLED, "no-spool")
    assert not mark.exists()
