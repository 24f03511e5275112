"""However `dayfly run` ends: told to stop, killed, cancelled from elsewhere, or left without a host."""

import asyncio
import json
import os
import re
import signal
import time
from asyncio.subprocess import Process

import pytest

from tests.cli.conftest import Dayfly, only
from tests.demo_host import FOREIGN
from tests.until import until

GRACE_S = 5
PROMISE_S = 40.0
"""The host has deleted the VM so long after the grace, or after the end of its launch."""

pytestmark = only("demo")


async def said(process: Process, words: str) -> str:
    """Read the narration up to the line that has these words; that line."""
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while line := (await process.stderr.readline()).decode():
            if words in line:
                return line
    raise AssertionError(f"dayfly never said {words!r}")


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
async def test_told_to_stop_it_cleans_up_first(dayfly: Dayfly, number: int, status: int) -> None:
    process = await dayfly.start_run("--", "sleep", "100")
    await said(process, "The command runs")
    process.send_signal(number)
    ended = await dayfly.end_of(process)
    assert ended.status == status
    assert "is gone" in ended.stderr
    assert dayfly.demo.ours() == {}


async def test_the_third_interrupt_leaves_the_rest_to_the_host(dayfly: Dayfly) -> None:
    process = await dayfly.start_run("--", "sleep", "100")
    await said(process, "The command runs")
    await dayfly.demo.control("hang delete 8 1")
    for words in ("Stopping", "Still cleaning", ""):
        process.send_signal(signal.SIGINT)
        if words:
            await said(process, words)
    ended = await dayfly.end_of(process, limit_s=15)
    assert ended.status == 130
    assert "is still owed a deletion" in ended.stderr
    (row,) = await dayfly.ps()
    assert row["phase"] == "deleting"
    await until(lambda: leases(dayfly) == {"gone"}, "the host has seen the VM absent")
    assert await dayfly.ps() == []


async def test_a_pinned_vm_survives_an_interrupt(dayfly: Dayfly) -> None:
    process = await dayfly.start_run("--pin", "always", "--", "sleep", "100")
    await said(process, "The command runs")
    process.send_signal(signal.SIGINT)
    ended = await dayfly.end_of(process)
    assert "stays" in ended.stderr
    (row,) = await dayfly.ps()
    assert row["pinned"]
    assert (await dayfly("rm", row["vm"])).status == 0
    assert dayfly.demo.ours() == {}


async def test_on_failure_keeps_what_failed_and_only_that(dayfly: Dayfly) -> None:
    good, bad, late = await asyncio.gather(
        dayfly.run("-q", "--pin", "on-failure", "--", "true"),
        dayfly.run("--pin", "on-failure", "-c", "exit 9"),
        dayfly.run("--pin", "on-failure", "--timeout", "1", "--", "sleep", "60"),
    )
    assert (good.status, bad.status, late.status) == (0, 9, 124)
    rows = await dayfly.ps()
    assert sorted(row["outcome"] for row in rows) == ["failed 9", "timed out: after 1s"]
    unpinned = await asyncio.gather(*(dayfly("unpin", row["vm"]) for row in rows))
    assert [end.status for end in unpinned] == [0, 0]
    await until(lambda: dayfly.demo.ours() == {}, "the unpinned VMs are gone")


async def test_cancelled_from_another_terminal(dayfly: Dayfly) -> None:
    process = await dayfly.start_run("--", "sleep", "100")
    line = await said(process, "The command runs")
    vm = re.search(r"df-run-\w+", line)
    assert vm is not None
    cancelled = await dayfly("cancel", vm[0])
    assert cancelled.status == 0, cancelled.stderr
    ended = await dayfly.end_of(process)
    assert ended.status == 125
    assert "from another terminal" in ended.stderr
    assert dayfly.demo.ours() == {}


async def test_pinned_and_unpinned_from_another_terminal(dayfly: Dayfly) -> None:
    process = await dayfly.start_run("--", "sh", "-c", "until [ -e pinned ]; do sleep 0.1; done")
    line = await said(process, "The command runs")
    vm = line.split(" in ")[1].split()[0]
    assert (await dayfly("pin", vm)).status == 0
    dayfly.demo.guest_home(vm).joinpath("pinned").touch()
    ended = await dayfly.end_of(process)
    assert ended.status == 0
    assert vm in dayfly.demo.ours()
    assert (await dayfly("rm", vm)).status == 0


async def test_a_run_outlives_its_grace_as_long_as_we_are_there(dayfly: Dayfly) -> None:
    ended = await dayfly.run("--grace", f"{GRACE_S}s", "--", "sleep", str(GRACE_S * 2))
    assert ended.status == 0, ended.stderr


@pytest.mark.parametrize("moment", ["Launching", "The command runs"])
async def test_killed_its_host_deletes_the_vm(dayfly: Dayfly, moment: str) -> None:
    process = await dayfly.start_run("--grace", f"{GRACE_S}s", "--", "sleep", "100")
    await said(process, moment)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    killed = time.monotonic()
    await until(lambda: leases(dayfly) == {"gone"}, "the lease is closed", timeout_s=GRACE_S + PROMISE_S + 10)
    assert time.monotonic() - killed < GRACE_S + PROMISE_S
    assert dayfly.demo.ours() == {}
    assert await dayfly.ps() == []  # and the books are closed
    assert leases(dayfly) == set()


def leases(dayfly: Dayfly) -> set[str]:
    """The phases of all leases on the host."""
    folder = dayfly.demo.home / ".local" / "state" / "dayfly" / "leases"
    return {path.name.removeprefix("phase.") for path in folder.glob("*/phase.*")}


@pytest.mark.speed(2)
@pytest.mark.parametrize("killed_at", ["Retrieving image", "Preparing image", "Starting"])
async def test_a_killed_launch_command_leaves_nothing(dayfly: Dayfly, killed_at: str) -> None:
    """The manager goes on creating after its client died: the VM is in no list yet, and comes later."""
    process = await dayfly.start_run("--image", "lts", "--", "true")
    await said(process, killed_at)
    clients = dayfly.demo.clients("launch")
    assert clients
    for pid in clients:
        os.kill(pid, signal.SIGKILL)
    ended = await dayfly.end_of(process)
    assert ended.status == 125, ended.stderr
    assert dayfly.demo.vms() == FOREIGN
    assert await dayfly.ps() == []


@pytest.mark.speed(2)
@pytest.mark.parametrize("moment", ["connecting", "Launching", "Preparing image", "Starting"])
async def test_stopped_in_mid_launch_it_leaves_nothing(dayfly: Dayfly, moment: str) -> None:
    process = await dayfly.start_run("--", "true")
    await said(process, moment)
    process.send_signal(signal.SIGTERM)
    ended = await dayfly.end_of(process)
    assert ended.status == 143
    assert dayfly.demo.vms() == FOREIGN
    assert leases(dayfly) == set()


async def test_json_is_one_object_a_line(dayfly: Dayfly) -> None:
    ended = await dayfly.run("--json", "-c", "echo out; echo err >&2; exit 4")
    assert ended.status == 4
    assert ended.stderr == ""
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    output = {event["stream"]: event["text"] for event in events if event["event"] == "Output"}
    assert output == {"stdout": "out\n", "stderr": "err\n"}
    phases = [event["phase"] for event in events if event["event"] == "PhaseEntered"]
    assert phases == ["leased", "launching", "booting", "working", "deleting", "gone"]
    (outcome,) = [event["outcome"] for event in events if event["event"] == "WorkEnded"]
    assert outcome == {"kind": "failed", "status": 4, "reason": ""}


async def test_a_reader_that_goes_away_does_not_stop_the_run(dayfly: Dayfly) -> None:
    process = await dayfly.start_run("-q", "-c", "yes | head -c 5000000; exit 3")
    assert process.stdout is not None
    await process.stdout.readexactly(10)
    process.stdout.feed_eof()
    transport = process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
    transport.close()
    async with asyncio.timeout(60):
        assert await process.wait() == 3
    assert dayfly.demo.ours() == {}


async def test_a_vm_deleted_under_the_workload_is_named(dayfly: Dayfly) -> None:
    process = await dayfly.start_run("--", "sleep", "100")
    line = await said(process, "The command runs")
    vm = line.split(" in ")[1].split()[0]
    assert dayfly.demo.multipass("delete", "--purge", vm).returncode == 0
    ended = await dayfly.end_of(process, limit_s=40)
    assert ended.status == 125
    assert "somebody deleted it" in ended.stderr
    assert await dayfly.ps() == []


async def test_ps_says_that_a_killed_ones_run_is_on_its_own(dayfly: Dayfly) -> None:
    process = await dayfly.start_run("--", "sleep", "100")
    await said(process, "The command runs")
    process.send_signal(signal.SIGKILL)
    await process.wait()
    (row,) = await dayfly.ps()
    assert (row["phase"], row["carried_by"]) == ("working", "nobody")
    assert row["trouble"] == "its client is gone; demo ends it within 15m"
    reaped = await dayfly("reap")
    assert reaped.status == 0, reaped.stderr
    assert dayfly.demo.ours() == {}
    assert await dayfly.ps() == []
