from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.until import until
from tests.warden.world import Sink, World
from tui.model.lease import Argv, LeasePhase
from tui.warden import wire
from tui.warden.client import HostWarden
from tui.warden.script import command


async def enter(
    world: World, *argv: str, warden: HostWarden | None = None, stdin: bytes = b""
) -> tuple[int, Sink]:
    """Enter and see it through, with this on its stdin."""
    sink = Sink()
    channel = await (warden or world.warden).enter(
        world.vm, argv, on_stdout=sink.stdout, on_stderr=sink.stderr
    )
    channel.write(stdin)
    channel.write_eof()
    async with asyncio.timeout(20):
        return await channel.wait(), sink


async def test_a_command_runs_in_the_vm_with_stdin_streams_and_status(world: World) -> None:
    await world.launch()
    data = os.urandom(200_000)
    status, sink = await enter(world, "sh", "-c", 'cat; echo "$1" >&2; exit 42', "sh", "a  'b", stdin=data)
    assert (status, bytes(sink.err)) == (42, b"a  'b\n")
    assert bytes(sink.out) == data


async def test_words_with_the_first_bytes_of_stdin_in_one_piece(world: World) -> None:
    await world.launch()
    sink = Sink()
    channel = await world.host.open(
        command(str(world.root / "state")), on_stdout=sink.stdout, on_stderr=sink.stderr
    )
    argv: Argv = ("cat",)
    channel.write(
        wire.call(("enter", world.client, "own", world.vm, wire.command_line(argv))) + b"first\nsecond\n"
    )
    channel.write_eof()
    async with asyncio.timeout(20):
        assert await channel.wait() == 0
    assert bytes(sink.out) == b"first\nsecond\n"


async def test_what_is_no_business_of_ours_is_refused(world: World) -> None:
    assert (await enter(world, "true"))[0] == 65
    await world.launch()
    status, sink = await enter(world, "true", warden=world.warden_of("client-b"))
    assert status == 68
    assert b"another client" in sink.err
    (world.root / "vms" / world.vm).write_text("Stopped\n")
    status, sink = await enter(world, "true")
    assert status == 70
    assert b"Stopped" in sink.err
    assert not (world.root / "started-by-exec").exists()
    (world.root / "vms" / world.vm).write_text("Running\n")
    await world.warden.pin(world.vm)
    assert (await enter(world, "true"))[0] == 0
    world.order("fail-list")
    await world.warden.reap(world.vm)
    status, sink = await enter(world, "true")
    assert status == 69
    world.revoke("fail-list")
    await world.gone()


async def test_a_vm_that_is_not_ours_is_not_entered(world: World) -> None:
    await world.launch(owner=("echo", "somebody-else"))
    assert (await enter(world, "true"))[0] == 68
    (world.root / "vms" / world.vm).unlink()


def on_host(mark: str) -> list[int]:
    """The manager's commands that entered the VM with this mark; what they started there is the guest's."""
    found = []
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            words = proc.joinpath("cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in words and b"relay.py" in words:
            found.append(int(proc.name))
    return found


def endless(world: World) -> Argv:
    """A command that says nothing more once it runs; it ends with the file it watches."""
    world.order("goes-on")
    return ("sh", "-c", f"echo begun; while [ -e {world.root}/goes-on ]; do sleep 0.2; done")


async def test_it_ends_with_its_channel(world: World) -> None:
    await world.launch()
    began = Sink()
    channel = await world.warden.enter(
        world.vm, endless(world), on_stdout=began.stdout, on_stderr=began.stderr
    )
    await until(lambda: b"begun" in began.out)
    assert on_host(str(world.root))
    channel.abort()
    await until(lambda: not on_host(str(world.root)), timeout_s=10)
    world.revoke("goes-on")
    assert world.is_in(LeasePhase.LIVE)


async def test_it_ends_when_nobody_reads_it_any_more(world: World) -> None:
    """As when sshd is gone: nobody signals anything, only the pipe is closed at its other end."""
    await world.launch()
    words = ("enter", world.client, "own", world.vm, wire.command_line(endless(world)))
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *command(str(world.root / "state")).split(),
        stdin=asyncio.subprocess.PIPE,
        stdout=writing,
        start_new_session=True,
    )
    os.close(writing)
    assert process.stdin is not None
    process.stdin.write(wire.call(words))
    assert await asyncio.to_thread(os.read, reading, 6) == b"begun\n"
    assert on_host(str(world.root))
    os.close(reading)
    await until(lambda: not on_host(str(world.root)), timeout_s=10)
    world.revoke("goes-on")
    await asyncio.wait_for(process.wait(), 10)


@pytest.mark.parametrize("end", [0, 3, 255])
async def test_nothing_of_it_stays_on_the_host(world: World, end: int) -> None:
    await world.launch()
    status, _ = await enter(world, "sh", "-c", f"exit {end}")
    assert status == end
    await until(lambda: not guards_of(world), timeout_s=5)


def guards_of(world: World) -> list[str]:
    """Processes of the script that serve a call now."""
    mark = str(world.root / "state").encode()
    found = []
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            words = proc.joinpath("cmdline").read_bytes()
        except OSError:
            continue
        if mark in words and b"_supervise" not in words:
            found.append(proc.name)
    return found
