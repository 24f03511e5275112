"""One life of a lease, through every shell that a host may have as `sh`, and with next to no utilities."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.until import until
from tests.warden.world import Sink, World
from tui.model.errors import ManagerSilent
from tui.model.lease import EndKind, JobPlace

SHELLS = {"dash": "dash", "ash": "busybox", "mksh": "mksh", "yash": "yash", "bash": "bash"}
POSIX_UTILITIES = (
    *("[", "cat", "cksum", "cp", "date", "dd", "df", "du", "echo", "false", "find", "kill", "ls", "mkdir"),
    *("mkfifo", "mv", "printf", "ps", "pwd", "rm", "rmdir", "sleep", "stty", "tail", "test", "touch", "tr"),
    *("true", "uname", "wc", "who"),
)


@pytest.fixture
async def any_world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """A world whose `sh` is the shell asked for; `bare`: with POSIX utilities alone, and no /proc."""
    shell, bare = request.param
    program = shutil.which(SHELLS[shell])
    if program is None:
        pytest.skip(f"there is no {shell} here")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sh").symlink_to(program)
    path = f"{tools}:/usr/bin:/bin"
    if bare:
        for name in POSIX_UTILITIES:
            (tools / name).symlink_to(shutil.which(name) or f"/nowhere/{name}")
        path = str(tools)
        monkeypatch.setenv("DAYFLY_PROC", "/nowhere")
        monkeypatch.setenv("DAYFLY_BOOT_ID", "this-boot")
    monkeypatch.setenv("PATH", path)
    world = World(tmp_path)
    yield world
    await world.aclose()


CASES = [(shell, bare) for bare in (False, True) for shell in SHELLS]
NAMES = [f"{shell}-{'bare' if bare else 'full'}" for shell, bare in CASES]


@pytest.mark.parametrize("any_world", CASES, ids=NAMES, indirect=True)
async def test_a_whole_life(any_world: World) -> None:
    world = any_world
    await world.launch(pin_for_s=90, epilogue=(("results", ("echo", "brought home")),), epilogue_s=20)
    await _check_words_and_bytes(world)
    await _check_a_cut_follow(world)
    await _check_a_kill(world)
    with pytest.raises(ManagerSilent):
        await world.warden.ask(("/bin/sleep", "30"), limit_s=1)
    await _check_what_enters(world)
    await _check_a_spool(world)
    await _check_pin_and_grace(world)
    assert (await world.gone()).cause == "pin-expired"
    assert not world.exists()
    await _check_the_epilogue(world)
    await world.warden.acknowledge(world.vm)
    assert await world.warden.sweep() == ()


async def _check_words_and_bytes(world: World) -> None:
    data = random.Random(9).randbytes(100_000)
    (world.root / "data").write_bytes(data)
    script = f'cat {world.root}/data; printf "[%s]" "$@" >&2; exit 5'
    words = ("it's", "", "a  b", '"$HOME" `x`', "\\n\n", "ünï", "*")
    end, sink = await world.work("sh", "-c", script, "sh", *words)
    assert end.status == 5
    assert bytes(sink.out) == data
    assert bytes(sink.err).decode() == "".join(f"[{word}]" for word in words)


async def _check_a_cut_follow(world: World) -> None:
    script = "n=0; while [ $n -lt 12 ]; do echo row $n; n=$((n + 1)); sleep 0.1; done; kill -9 $$"
    await world.warden.start(world.vm, "rows", ("sh", "-c", script), JobPlace.GUEST)
    sink = Sink()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.7):
            await world.warden.follow(world.vm, "rows", sink)
    end = await world.warden.follow(world.vm, "rows", sink)
    assert end.status == 137
    assert bytes(sink.out) == b"".join(b"row %d\n" % n for n in range(12))


async def _check_a_kill(world: World) -> None:
    mark = world.root / "mark"
    script = f"trap 'echo bye; exit' TERM; : >{mark}; while :; do sleep 0.1; done"
    await world.warden.start(world.vm, "loop", ("/bin/sh", "-c", script), JobPlace.HOST)
    await until(mark.exists)
    await world.warden.kill(world.vm, "loop")
    sink = Sink()
    end = await world.warden.follow(world.vm, "loop", sink)
    assert end.kind is EndKind.KILLED
    assert bytes(sink.out) == b"bye\n"


async def _check_what_enters(world: World) -> None:
    sink = Sink()
    channel = await world.warden.enter(
        world.vm,
        ("sh", "-c", "cat; echo oh >&2; exit 9"),
        on_stdout=sink.stdout,
        on_stderr=sink.stderr,
    )
    channel.write(b"a line\nno line")
    channel.write_eof()
    async with asyncio.timeout(20):
        assert await channel.wait() == 9
    assert (bytes(sink.out), bytes(sink.err)) == (b"a line\nno line", b"oh\n")


async def _check_a_spool(world: World) -> None:
    data = random.Random(8).randbytes(300_000)
    await world.warden.put(
        world.vm, "inputs", 100_000, lambda at, n: data[at : min(at + n, 100_000)], _ignore
    )
    await world.warden.put(world.vm, "inputs", len(data), lambda at, n: data[at : at + n], _ignore)
    await world.warden.start(world.vm, "send", ("cat",), JobPlace.HOST, spool="inputs")
    sink = Sink()
    assert (await world.warden.follow(world.vm, "send", sink)).status == 0
    assert bytes(sink.out) == data
    await world.warden.drop(world.vm, "inputs")
    await world.warden.start(world.vm, "again", ("cat",), JobPlace.HOST, spool="inputs")
    assert (await world.warden.follow(world.vm, "again", Sink())).detail == "no-spool"


def _ignore(_sent: int) -> None:
    pass


async def _check_pin_and_grace(world: World) -> None:
    """In the end it is pinned for a second, and its work is over."""
    await world.warden.pin(world.vm)
    await world.warden.pin(world.vm, for_s=3600)
    assert (await world.warden.status(world.vm)).pin_left_s == 3600
    await world.warden.unpin(world.vm)
    await world.warden.set_grace(world.vm, 600, finish_s=900)
    report = await world.warden.status(world.vm)
    assert (report.pinned, report.grace_s, report.finish_s) == (False, 600, 900)
    await world.warden.pin(world.vm, for_s=1)


async def _check_the_epilogue(world: World) -> None:
    sink = Sink()
    assert (await world.warden.follow(world.vm, "results", sink)).status == 0
    assert bytes(sink.out) == b"brought home\n"
