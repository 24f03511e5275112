"""Every command that is run on the host is told, once it ended."""

from __future__ import annotations

import asyncio

import pytest

from tests.warden.world import Sink, World
from tui.contracts import TerminalSize
from tui.model.errors import EntryRefused, ManagerSilent, WardenError
from tui.model.lease import Argv, JobPlace
from tui.model.use import HostCommand


def told_of(world: World) -> list[HostCommand]:
    told: list[HostCommand] = []
    world.warden.listen(told.append)
    return told


def ending(told: list[HostCommand]) -> tuple[Argv, int | None]:
    """What was told last."""
    return told[-1].argv, told[-1].status


def by_words(told: list[HostCommand], *words: str) -> HostCommand:
    (found,) = (command for command in told if command.argv[: len(words)] == words)
    return found


async def test_a_life_is_told(world: World) -> None:
    told, manager = told_of(world), str(world.manager)
    await world.launch()
    end, _ = await world.work("sh", "-c", "sleep 0.3; exit 3")
    assert end.status == 3
    opened = by_words(told, "dayfly-warden", "open")
    assert (opened.argv, opened.about, opened.status) == (
        ("dayfly-warden", "open", world.vm),
        world.vm,
        0,
    )
    launched = by_words(told, manager, "launch")
    assert (launched.argv, launched.status) == ((manager, "launch", world.vm), 0)
    worked = by_words(told, manager, "exec", world.vm, "sh")
    assert worked.argv[-2:] == ("-c", "sleep 0.3; exit 3")
    assert (worked.status, worked.about) == (3, world.vm)
    assert worked.took_s >= 0.3
    assert all(command.is_routine for command in told if command.argv[1] in ("status", "follow"))
    assert not any(command.is_routine for command in (opened, launched, worked))
    await world.warden.pin(world.vm, for_s=60)
    assert told[-1].argv == ("dayfly-warden", "pin", world.vm, "60")


async def test_how_it_ended_is_told(world: World) -> None:
    told = told_of(world)
    await world.warden.ask(("sh", "-c", "exit 7"), limit_s=5)
    assert ending(told) == (("sh", "-c", "exit 7"), 7)
    with pytest.raises(ManagerSilent):
        await world.warden.ask(("sleep", "30"), limit_s=1)
    assert ending(told) == (("sleep", "30"), None)
    assert told[-1].took_s >= 1
    with pytest.raises(WardenError):
        await world.warden.pin(world.vm)
    assert (told[-1].argv[1], told[-1].status) == ("pin", 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await world.warden.ask(("sleep", "40"), limit_s=20)
    assert ending(told) == (("sleep", "40"), None)


async def test_what_goes_into_a_vm_is_told_when_it_is_over(world: World) -> None:
    told, manager, sink = told_of(world), str(world.manager), Sink()
    await world.launch()
    channel = await world.warden.enter(
        world.vm, ("sh", "-c", "exit 9"), on_stdout=sink.stdout, on_stderr=sink.stderr
    )
    assert not [command for command in told if command.argv[1] == "exec"]
    async with asyncio.timeout(20):
        await channel.wait()
    channel.abort()
    entered = by_words(told, manager, "exec")
    assert (entered.argv, entered.status) == ((manager, "exec", world.vm, "sh", "-c", "exit 9"), 9)
    size = TerminalSize(columns=80, rows=24)
    shell = await world.warden.open_terminal(world.vm, ("cat",), size, on_bytes=sink.stdout)
    shell.abort()
    assert (told[-1].argv, told[-1].status, told[-1].about) == (("cat",), None, world.vm)
    (world.root / "vms" / world.vm).write_text("Stopped\n")
    with pytest.raises(EntryRefused):
        await world.warden.open_terminal(world.vm, ("head",), size, on_bytes=sink.stdout)
    assert told[-1].argv == ("head",)


async def test_a_job_said_again_is_told_once(world: World) -> None:
    told = told_of(world)
    await world.launch()
    for _ in range(2):
        await world.warden.start(world.vm, "again", ("echo", "x"), JobPlace.HOST)
        await world.warden.follow(world.vm, "again", Sink())
    assert by_words(told, "echo", "x").status == 0
