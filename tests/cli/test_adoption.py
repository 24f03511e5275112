"""A run whose client was killed, taken over by another: to its end, its status, its last byte."""

import asyncio
import json
import os
import re
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Dayfly, only
from tests.cli.test_ends import leases, said
from tests.demo_host import FOREIGN
from tests.until import until
from tui.engine.supervisor import Supervisor
from tui.model.hosts import DEMO
from tui.model.phase import OutcomeKind, Phase
from tui.model.spec import RunId
from tui.wiring import open_fleet, open_ledger

pytestmark = only("demo")

LINES = 40
NUMBERED = (
    f"i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo out $i; echo err $i >&2; "
    "while [ $i = 20 ] && [ ! -e /tmp/go ]; do sleep 0.1; done; done; exit 7"
)
"""Stops half-way until there is a file /tmp/go in its guest."""


def rows(word: str, first: int = 1, last: int = LINES) -> bytes:
    return b"".join(b"%s %d\n" % (word.encode(), number) for number in range(first, last + 1))


async def kill(process: Process) -> None:
    process.send_signal(signal.SIGKILL)
    await process.wait()


async def begin(dayfly: Dayfly, command: str, *words: str, moment: str = "The command runs") -> str:
    """Start a run and kill its client at that moment; the run's id."""
    process = await dayfly.start_run(*words, "-c", command)
    line = await said(process, moment)
    await kill(process)
    found = re.search(r"df-run-(\w+)", line)
    assert found is not None
    return found[1]


def log_of(dayfly: Dayfly, run: str, stream: str) -> bytes:
    return (Path(dayfly.env["DAYFLY_STATE_DIR"]) / "runs" / run / f"work.{stream}").read_bytes()


def let_go_on(dayfly: Dayfly) -> None:
    (vm,) = dayfly.demo.ours()
    assert dayfly.demo.multipass("exec", vm, "--", "touch", "/tmp/go").returncode == 0


async def test_followed_to_its_end_with_its_status_and_every_byte(dayfly: Dayfly) -> None:
    process = await dayfly.start_run("-q", "-c", NUMBERED)
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert (await process.stdout.readuntil(b"out 20\n")).startswith(b"out 1\n")
    await kill(process)
    (row,) = await dayfly.ps()
    assert (row["phase"], row["carried_by"]) == ("working", "nobody")

    follower = await dayfly.start("attach", row["run"])
    await said(follower, "Taken over")
    again = await dayfly("attach", row["run"])
    assert (again.status, again.stdout) == (2, b"")
    assert f"dayfly logs -f {row['run']}" in again.stderr

    let_go_on(dayfly)
    ended = await dayfly.end_of(follower)
    assert ended.status == 7, ended.stderr
    assert ended.stdout == rows("out")
    for stream, word in (("stdout", "out"), ("stderr", "err")):
        assert log_of(dayfly, row["run"], stream) == rows(word)
    assert dayfly.demo.vms() == FOREIGN
    assert await dayfly.ps() == []
    assert leases(dayfly) == set()


async def test_from_here_prints_only_what_is_new(dayfly: Dayfly) -> None:
    process = await dayfly.start_run("-q", "-c", NUMBERED)
    assert process.stdout is not None
    async with asyncio.timeout(60):
        await process.stdout.readuntil(b"out 20\n")
    run = (await dayfly.ps())[0]["run"]
    await until(lambda: log_of(dayfly, run, "stderr") == rows("err", last=20), "both streams are here")
    await kill(process)
    follower = await dayfly.start("attach", "-q", "--from-here", run)
    let_go_on(dayfly)
    ended = await dayfly.end_of(follower)
    assert (ended.status, ended.stdout) == (7, rows("out", first=21))
    assert ended.stderr.encode() == rows("err", first=21)


@pytest.mark.speed(4)
@pytest.mark.parametrize("moment", ["Launching", "Preparing image", "Starting"])
async def test_taken_over_in_mid_launch_the_command_runs(dayfly: Dayfly, moment: str) -> None:
    process = await dayfly.start_run("-c", "echo done; exit 3")
    await said(process, moment)
    await kill(process)
    (row,) = await dayfly.ps()
    ended = await dayfly("attach", row["run"])
    assert (ended.status, ended.stdout) == (3, b"done\n"), ended.stderr
    assert dayfly.demo.vms() == FOREIGN
    assert leases(dayfly) == set()


async def test_what_ended_without_us_is_fetched_from_its_host(dayfly: Dayfly) -> None:
    run = await begin(dayfly, "sleep 1; seq 1000; exit 5", "--grace", "12s")
    await until(lambda: leases(dayfly) == {"gone"}, "its host has ended it", timeout_s=60)
    ended = await dayfly("attach", run)
    assert ended.status == 5, ended.stderr
    assert ended.stdout == b"".join(b"%d\n" % number for number in range(1, 1001))
    assert leases(dayfly) == set()
    again = await dayfly("attach", run)
    assert (again.status, again.stdout) == (5, ended.stdout)
    events = await dayfly("attach", "--json", run)
    recorded = [json.loads(line)["event"] for line in events.stdout.splitlines()]
    assert (recorded[0], recorded.count("WorkEnded")) == ("RunSubmitted", 1)


async def test_looking_fetches_too_before_the_lease_is_forgotten(dayfly: Dayfly) -> None:
    run = await begin(dayfly, "sleep 1; seq 1000; exit 5", "--grace", "12s")
    await until(lambda: leases(dayfly) == {"gone"}, "its host has ended it", timeout_s=60)
    looked = await dayfly("ps", "--host", dayfly.host)
    assert "failed 5" in looked.stderr
    assert leases(dayfly) == set()
    logs = await dayfly("logs", run)
    assert logs.stdout == b"".join(b"%d\n" % number for number in range(1, 1001))


async def test_a_pinned_run_is_taken_over_and_kept(dayfly: Dayfly) -> None:
    run = await begin(dayfly, NUMBERED, "--pin", "always")
    follower = await dayfly.start("attach", run)
    await said(follower, "Taken over")
    let_go_on(dayfly)
    ended = await dayfly.end_of(follower)
    assert (ended.status, ended.stdout) == (7, rows("out"))
    (row,) = await dayfly.ps()
    assert (row["phase"], row["pinned"], row["outcome"]) == ("kept", True, "failed 7")
    assert (await dayfly("rm", run)).status == 0


# ---- as the dashboard does it


@asynccontextmanager
async def next_start(dayfly: Dayfly, run: str) -> AsyncIterator[Supervisor]:
    """An engine that knows of the run from the ledger, as at the start of the dashboard."""
    os.environ.update({key: dayfly.env[key] for key in ("DAYFLY_STATE_DIR", "DAYFLY_CONFIG_DIR")})
    with open_ledger() as ledger:
        async with open_fleet(ledger, [DEMO]) as fleet:
            assert fleet.recover(ledger.row(RunId(run)))
            yield fleet
            fleet.abandon()


async def test_an_orphan_waits_for_a_word_and_is_ended_by_nobody(dayfly: Dayfly) -> None:
    run = RunId(await begin(dayfly, "sleep 600"))
    async with next_start(dayfly, run) as fleet:
        await until(lambda: fleet.state.runs[run].orphaned, "it is an orphan")
        state = fleet.state.runs[run]
        assert (state.phase, fleet.state.unfinished) == (Phase.WORKING, ())
        assert state.ends_at is not None
        fleet.leave()
    assert leases(dayfly) == {"live"}
    assert len(dayfly.demo.ours()) == 1


async def test_adopted_it_is_ours_disowned_its_hosts_cancelled_gone(dayfly: Dayfly) -> None:
    run = RunId(await begin(dayfly, "sleep 600"))
    async with next_start(dayfly, run) as fleet:
        await until(lambda: fleet.state.runs[run].orphaned, "it is an orphan")
        fleet.disown(run)
        await until(lambda: fleet.state.runs[run].left, "it is left")
        assert fleet.state.unfinished == ()
        fleet.adopt(run)
        await until(lambda: [state.id for state in fleet.state.unfinished] == [run], "it is ours")
        fleet.cancel(run)
        await until(lambda: fleet.state.runs[run].phase is Phase.GONE, "it is gone")
        outcome = fleet.state.runs[run].outcome
        assert outcome is not None
        assert outcome.kind is OutcomeKind.CANCELLED
    assert dayfly.demo.vms() == FOREIGN
    assert leases(dayfly) == set()


async def test_an_orphan_in_the_dashboard_may_be_taken_over_from_another_terminal(dayfly: Dayfly) -> None:
    run = RunId(await begin(dayfly, NUMBERED))
    async with next_start(dayfly, run) as fleet:
        await until(lambda: fleet.state.runs[run].orphaned, "it is an orphan")
        follower = await dayfly.start("attach", run)
        await said(follower, "Taken over")
        fleet.adopt(run)  # too late
        let_go_on(dayfly)
        ended = await dayfly.end_of(follower)
        assert (ended.status, ended.stdout) == (7, rows("out"))
        await until(lambda: fleet.state.runs[run].phase is Phase.GONE, "its end is seen")
        outcome = fleet.state.runs[run].outcome
        assert outcome is not None
        assert outcome.status == 7
    assert log_of(dayfly, run, "stderr") == rows("err")
    assert dayfly.demo.vms() == FOREIGN


async def test_an_orphan_that_ends_by_itself_is_fetched_and_shown(dayfly: Dayfly) -> None:
    run = RunId(await begin(dayfly, NUMBERED))
    async with next_start(dayfly, run) as fleet:
        await until(lambda: fleet.state.runs[run].orphaned, "it is an orphan")
        let_go_on(dayfly)
        await until(lambda: fleet.state.runs[run].phase is Phase.GONE, "it is gone")
        outcome = fleet.state.runs[run].outcome
        assert outcome is not None
        assert outcome.status == 7
    assert log_of(dayfly, run, "stdout") == rows("out")
    assert leases(dayfly) == set()
