"""What people get wrong, and what must not come of it."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Dayfly, only
from tests.cli.test_ends import said

pytestmark = only("demo")


async def test_an_empty_or_short_name_means_no_run(dayfly: Dayfly) -> None:
    await dayfly.run("-q", "--pin", "always", "--", "true")
    (vm,) = dayfly.demo.ours()
    for word in ("", vm[-8], "d"):
        for verb in ("rm", "unpin", "cancel", "pin"):
            ended = await dayfly(verb, word)
            assert ended.status == 2, (verb, word, ended.stderr)
    assert list(dayfly.demo.ours()) == [vm]
    assert (await dayfly("rm", vm, vm)).status == 0
    again = await dayfly("pin", vm)
    assert (again.status, again.stderr) == (125, f"dayfly: {vm} is gone from demo already\n")


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "0<&-"])
async def test_a_closed_stream_costs_nothing(dayfly: Dayfly, closed: str) -> None:
    words = f"run --host demo --image lts -c 'echo hi; exit 4' {closed}"
    process = await asyncio.create_subprocess_shell(
        f'"{sys.executable}" -m tui {words}',
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dayfly.env,
        cwd=dayfly.folder,
    )
    dayfly.started.append(process)
    async with asyncio.timeout(60):
        assert await process.wait() == 4


async def test_output_that_finds_no_room_is_not_a_success(dayfly: Dayfly) -> None:
    process = await asyncio.create_subprocess_shell(
        f'"{sys.executable}" -m tui run -q --host demo --image lts -c "echo hi" >/dev/full',
        stderr=subprocess.PIPE,
        env=dayfly.env,
        cwd=dayfly.folder,
    )
    dayfly.started.append(process)
    ended = await dayfly.end_of(process)
    assert ended.status == 125
    assert "No space left" in ended.stderr


async def test_quiet_hides_no_failure_of_ours(dayfly: Dayfly) -> None:
    ended = await dayfly("run", "-q", "--host", "demo", "--image", "nosuchimage", "--", "true")
    assert ended.status == 125
    assert ended.stderr.startswith("dayfly: The launch failed: ")
    assert ended.stderr.count("\n") == 1


async def test_a_pinned_run_that_is_removed_elsewhere_is_gone(dayfly: Dayfly) -> None:
    process = await dayfly.start_run("--pin", "always", "--", "sleep", "100")
    line = await said(process, "The command runs")
    vm = line.split(" in ")[1].split()[0]
    assert (await dayfly("rm", vm)).status == 0
    ended = await dayfly.end_of(process)
    assert ended.status == 125
    assert f"{vm} on demo is gone" in ended.stderr
    assert "stays" not in ended.stderr


async def test_a_profile_made_without_a_host_runs_anywhere(dayfly: Dayfly) -> None:
    made = await dayfly("profiles", "new", "mine", "--image", "lts", "--command", "exit 6")
    assert made.status == 0, made.stderr
    path = Path(dayfly.env["DAYFLY_CONFIG_DIR"]) / "profiles" / "mine.toml"
    assert "host" not in path.read_text()
    assert (await dayfly("run", "-q", "mine", "--host", "demo")).status == 6


@pytest.mark.parametrize(
    "words",
    [
        ("profiles", "show", "../x"),
        ("profiles", "show", "/"),
        ("reap", "--host", "nosuch.invalid"),
        ("ps", "--host", "nosuch.invalid"),
        ("images", "user@127.0.0.1:1"),
        ("run", "--host", "user@127.0.0.1:1", "--image", "lts", "--", "true"),
        ("hosts", "rm", "nosuch"),
        ("logs", "nosuchrun"),
    ],
)
async def test_each_mistake_is_a_sentence(dayfly: Dayfly, words: tuple[str, ...]) -> None:
    ended = await dayfly(*words)
    assert ended.status in (2, 125)
    assert ended.stdout == b""
    assert ended.stderr.startswith("dayfly: ")
    assert "broken" not in ended.stderr
