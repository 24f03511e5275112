"""`dayfly exec`: into a VM that lives, from another terminal."""

import asyncio
import contextlib
import os
import re
import signal
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.cli.conftest import Dayfly, only
from tests.cli.test_ends import said
from tests.client import Client, Ended
from tests.until import until
from tui.verbs.inside import STDIN_LIMIT


async def pinned(dayfly: Client, command: str, *words: str) -> str:
    """A run whose work is over and whose VM stays; its id."""
    ended = await dayfly.run("--pin", "always", *words, "-c", command)
    found = re.search(r"df-run-(\w+)", ended.stderr)
    assert found is not None, ended.stderr
    return found[1]


async def fed(dayfly: Client, data: bytes, *words: str) -> Ended:
    """With this on its stdin, through a pipe."""
    process = await dayfly.start(*words, stdin=PIPE)
    async with asyncio.timeout(60):
        stdout, stderr = await process.communicate(data)
    assert process.returncode is not None
    return Ended(process.returncode, stdout, stderr.decode())


async def test_streams_and_status_are_the_commands(dayfly: Dayfly) -> None:
    run = await pinned(dayfly, "exit 3")
    data = os.urandom(300_000)
    ended = await fed(
        dayfly, data, "exec", run, "--", "sh", "-c", 'cat; printf "%s" "$1" >&2; exit 70', "sh", "a  'b"
    )
    assert (ended.status, ended.stderr) == (70, "a  'b")
    assert ended.stdout == data


async def test_without_a_command_it_is_the_workload_again(dayfly: Dayfly) -> None:
    run = await pinned(dayfly, "pwd; echo x >>count; wc -l <count; cat; exit 4", "--workdir", "/tmp")
    again = await dayfly("exec", run)
    assert (again.status, again.stdout) == (4, b"/tmp\n2\n"), again.stderr
    elsewhere = await dayfly("exec", "-w", "/", run, "pwd")
    assert elsewhere.stdout == b"/\n"
    nowhere = await dayfly("exec", "-w", "/no/such", run, "pwd")
    assert nowhere.status == 125
    assert "/no/such" in nowhere.stderr


@pytest.mark.parametrize("sudo", ["", "--sudo"])
@only("demo")
async def test_the_workload_again_has_its_variables_and_its_secrets_are_stars(
    dayfly: Dayfly, sudo: str
) -> None:
    profile = dayfly.profile(
        "again",
        'image = "ubuntu-lts-agent"\nhost = "demo"\npin = "always"\n'
        """command = 'echo "$MODE $TOKEN ${#TOKEN}"; cat; exit 5'\n"""
        """[env]\nMODE = "it's"\n[secrets]\nTOKEN = "env:MY_TOKEN"\n""",
    )
    dayfly.env["MY_TOKEN"] = "s3cret-'value'"
    assert (await dayfly("run", "-q", profile, *([sudo] if sudo else []))).status == 5
    (row,) = dayfly.ledger().newest(1)
    again = await dayfly("exec", row.run)
    assert (again.status, again.stdout) == (5, b"it's ************** 14\n"), again.stderr
    del dayfly.env["MY_TOKEN"]
    without = await dayfly("exec", row.run)
    assert without.status == 2
    assert "MY_TOKEN" in without.stderr


@only("demo")
async def test_a_vm_that_is_not_ours_or_does_not_run_is_not_entered(dayfly: Dayfly) -> None:
    run = await pinned(dayfly, "true")
    vm = f"df-run-{run}"
    assert dayfly.demo.multipass("stop", vm).returncode == 0
    stopped = await dayfly("exec", vm, "--", "true")
    assert stopped.status == 125
    assert "takes no commands: the VM does not run, the manager says: Stopped" in stopped.stderr
    assert dayfly.demo.ours() == {vm: "Stopped"}
    assert (await dayfly("rm", vm)).status == 0
    gone = await dayfly("exec", vm, "--", "true")
    assert gone.status == 125
    assert "is gone" in gone.stderr
    assert (await dayfly("exec", "build-cache", "--", "true")).status == 2


def is_running(*words: str) -> bool:
    """Whether a process on this machine has exactly these words: guests are processes here."""
    line = "\0".join(words).encode() + b"\0"
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes() == line:
                return True
    return False


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_told_to_stop_it_ends_the_command_in_the_guest(
    dayfly: Dayfly, number: int, status: int
) -> None:
    run = await pinned(dayfly, "true")
    seconds = f"7{os.getpid()}{int(number)}"
    process = await dayfly.start(
        "exec", run, "--", "sh", "-c", f"echo begun >&2; sleep {seconds}; echo not here"
    )
    await said(process, "begun")
    await until(lambda: is_running("sleep", seconds), "it sleeps")
    process.send_signal(number)
    ended = await dayfly.end_of(process, limit_s=30)
    assert (ended.status, ended.stdout) == (status, b"")
    assert not is_running("sleep", seconds)


@only("demo")
async def test_more_stdin_than_is_passed_on_is_told(dayfly: Dayfly) -> None:
    run = await pinned(dayfly, "true")
    most = bytes(STDIN_LIMIT)
    assert (await fed(dayfly, most, "exec", run, "--", "wc", "-c")).stdout.split() == [b"%d" % STDIN_LIMIT]
    piped = await fed(dayfly, most + b"x", "exec", run, "--", "sh", "-c", "cat >/dev/null; echo whole")
    assert (piped.status, piped.stdout) == (125, b"")
    assert "dayfly cp FILE RUN:PATH" in piped.stderr
    (dayfly.folder / "big").write_bytes(most + b"x")
    with (dayfly.folder / "big").open("rb") as file:
        process = await dayfly.start("exec", run, "--", "touch", "here", stdin=file.fileno())
    assert (await dayfly.end_of(process)).status == 2
    assert not dayfly.demo.guest_home(f"df-run-{run}").joinpath("here").exists()


@only("demo")
async def test_it_ends_when_nobody_reads_it_any_more(dayfly: Dayfly) -> None:
    run = await pinned(dayfly, "true")
    process = await dayfly.start("exec", run, "--", "yes", f"{os.getpid()}")
    assert process.stdout is not None
    await process.stdout.readline()
    process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
    async with asyncio.timeout(30):
        assert await process.wait() == 141
    await until(lambda: not is_running("yes", str(os.getpid())), "the guest has ended it", timeout_s=10)


@only("demo")
async def test_a_slow_reader_makes_the_command_wait_and_loses_nothing(dayfly: Dayfly) -> None:
    run = await pinned(dayfly, "true")
    size = 80_000_000
    process = await dayfly.start("exec", run, "--", "head", "-c", str(size), "/dev/zero")
    assert process.stdout is not None
    received = len(await process.stdout.read(1))
    before = -1
    while (now := _read_so_far(process.pid)) != before:  # until it takes no more, as we do
        before = now
        await asyncio.sleep(1)
    assert now < size / 2
    while data := await process.stdout.read(1 << 20):
        received += len(data)
    assert (received, await process.wait()) == (size, 0)


def _read_so_far(pid: int) -> int:
    (line,) = [line for line in Path(f"/proc/{pid}/io").read_text().splitlines() if line.startswith("rchar")]
    return int(line.split()[1])
