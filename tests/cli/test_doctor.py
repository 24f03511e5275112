"""`dayfly doctor`, over each way to a host: what it finds, and the drill."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Dayfly, Ended, only
from tests.demo_host import FOREIGN
from tests.fixtures.sshd import StartSshd
from tests.until import until

FORCED = """\
#!/bin/sh
# Ends, with each command, whatever it left behind, as a host does that keeps nothing of a login.
LOGIN_MARK=$$ /bin/sh -c "$SSH_ORIGINAL_COMMAND"
status=$?
for file in $(grep -lsz "^LOGIN_MARK=$$\\$" /proc/[0-9]*/environ); do
  pid=${file#/proc/}; kill -9 "${pid%/environ}"
done 2>/dev/null
exit $status
"""


def verdicts(ended: Ended) -> dict[str, str]:
    return {row["check"]: row["verdict"] for row in rows(ended)}


def rows(ended: Ended) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    return found


async def test_a_good_host_has_no_failure(dayfly: Dayfly) -> None:
    ended = await dayfly("doctor", dayfly.host, "--json")
    assert ended.status == 0, ended.stderr
    found = verdicts(ended)
    sweep = found.pop("sweep")
    assert sweep == ("ok" if dayfly.host == "demo" else "warn")
    assert list(found) == ["login", "folder", "processes", "logout", "manager", "leases"]
    assert set(found.values()) == {"ok"}
    assert dayfly.demo.ours() == {}


@pytest.mark.slow
async def test_the_drill_times_the_host_and_leaves_nothing(dayfly: Dayfly) -> None:
    ended = await dayfly("doctor", dayfly.host, "--drill", "--json")
    assert ended.status == 0, ended.stderr
    drill = rows(ended)[-1]
    assert (drill["check"], drill["verdict"]) == ("drill", "ok")
    assert 2 < drill["begun_s"] <= drill["absent_s"] <= drill["closed_s"] < 45
    assert "killed that client" in ended.stderr
    assert f"nothing is left of {drill['vm']}" in ended.stderr
    assert await asyncio.to_thread(dayfly.demo.vms) == FOREIGN
    assert await dayfly.ps() == []
    ledger = dayfly.ledger()
    (row,) = ledger.newest(5)
    ledger.close()
    assert (row.vm, row.debt.value) == (drill["vm"], "paid")
    assert "had not heard from us" in str(row.outcome)


@only("demo")
@pytest.mark.slow
@pytest.mark.parametrize("moment", ["its run is launching", "its run is working", "killed that client"])
async def test_a_drill_that_is_stopped_leaves_nothing(dayfly: Dayfly, moment: str) -> None:
    process = await dayfly.start("doctor", "demo", "--drill")
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while moment not in (await process.stderr.readline()).decode():
            assert process.returncode is None
    process.send_signal(signal.SIGINT)
    ended = await dayfly.end_of(process)
    assert ended.status == 130
    assert b"The drill was stopped." in ended.stdout
    assert dayfly.demo.ours() == {}
    assert await dayfly.ps() == []


@only("demo")
async def test_a_drill_that_gets_no_vm_says_why(dayfly: Dayfly) -> None:
    ended = await dayfly("doctor", "demo", "--drill", "--image", "nosuchimage")
    assert ended.status == 1
    assert b"fail  drill      No VM:" in ended.stdout
    assert b"nosuchimage" in ended.stdout
    assert await dayfly.ps() == []


@only("demo")
async def test_a_host_that_is_not_there_is_a_finding(dayfly: Dayfly) -> None:
    ended = await dayfly("doctor", "me@127.0.0.1:1", "--drill", "--json")
    assert ended.status == 1
    (row,) = rows(ended)
    assert (row["check"], row["verdict"]) == ("login", "fail")
    assert "no drill" in ended.stderr
    assert "Traceback" not in ended.stderr


@only("demo")
@pytest.mark.slow
async def test_a_silent_manager_is_a_finding_and_holds_up_no_other(dayfly: Dayfly) -> None:
    await dayfly("doctor", "demo")
    await dayfly.demo.control("hang version 100 1")
    ended = await dayfly("doctor", "demo", "--json")
    assert ended.status == 1
    found = verdicts(ended)
    assert found.pop("manager") == "fail"
    assert set(found.values()) == {"ok"}


@only("local")
async def test_a_host_without_a_manager_is_told_to_get_one(dayfly: Dayfly) -> None:
    dayfly.env["PATH"] = dayfly.env["PATH"].removeprefix(f"{dayfly.demo.bin}:")
    ended = await dayfly("doctor", "local")
    assert ended.status == 1
    (line,) = [line for line in ended.stdout.decode().splitlines() if line.startswith("fail")]
    assert line.split()[1] == "manager"
    assert b"Install Multipass" in ended.stdout


@only("demo")
@pytest.mark.slow
async def test_what_a_dead_client_left_is_found_with_what_pays_it(dayfly: Dayfly) -> None:
    process = await dayfly.start_run("--", "sleep", "100")
    await until(lambda: "Running" in dayfly.demo.ours().values(), "the VM runs")
    assert verdicts(await dayfly("doctor", "demo", "--json"))["leases"] == "ok"
    process.send_signal(signal.SIGKILL)
    await process.wait()
    found = next(row for row in rows(await dayfly("doctor", "demo", "--json")) if row["check"] == "leases")
    assert (found["verdict"], found["mend"]) == ("warn", "dayfly reap --host demo")
    assert "1 of this client" in found["text"]
    assert (await dayfly(*found["mend"].split()[1:])).status == 0
    assert dayfly.demo.ours() == {}


@only("sshd")
@pytest.mark.sshd
async def test_a_host_that_ends_what_a_login_left_cannot_guard(
    dayfly: Dayfly, start_sshd: StartSshd, tmp_path: Path
) -> None:
    forced = tmp_path / "forced"
    forced.write_text(FORCED)
    forced.chmod(0o755)
    strict = start_sshd(env=dayfly.demo.own_environment(), config=[f"ForceCommand {forced}"])
    dayfly.env["DAYFLY_HOST_KEY"] = strict.public_key()
    dayfly.env["DAYFLY_SSH_KEY"] = str(strict.client_key)
    ended = await dayfly("doctor", f"{strict.user}@127.0.0.1:{strict.port}", "--json")
    assert ended.status == 1
    found = next(row for row in rows(ended) if row["check"] == "logout")
    assert found["verdict"] == "fail"
    assert "KillUserProcesses=no" in found["mend"]


@only("local")
async def test_a_folder_that_cannot_be_written_is_a_failure(dayfly: Dayfly) -> None:
    folder = dayfly.demo.home / ".local"
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("in the way")
    ended = await dayfly("doctor", "local", "--json")
    assert ended.status == 1
    (row,) = rows(ended)
    assert (row["check"], row["verdict"]) == ("folder", "fail")
    assert "ls -ld ~/.local/state/dayfly" in row["mend"]
    os.unlink(folder)
