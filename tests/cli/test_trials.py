"""The acceptance trials, over each way to a host: a listing, a failure, a VM kept for debugging."""

import asyncio

from tests.cli.conftest import Dayfly, only

STATUSES = {"exit 2": 2, "exit 3": 3, "exit 5": 5, "exit 124": 124, "exit 125": 125, "exit 255": 255}


async def test_a_listing_is_printed_and_nothing_is_left(dayfly: Dayfly) -> None:
    ended = await dayfly.run("--", "ls", "-l", "/")
    assert ended.status == 0, ended.stderr
    lines = ended.stdout.decode().splitlines()
    assert lines[0].startswith("total ")
    assert any(line.endswith(" etc") for line in lines)
    assert all(line[0] in "dl-cbps" for line in lines[1:])
    assert dayfly.demo.ours() == {}
    assert await dayfly.ps() == []


async def test_a_failing_profile_gives_its_status_and_nothing_is_left(dayfly: Dayfly) -> None:
    profile = dayfly.profile("fails", f'image = "lts"\ncommand = "exit 1"\nhost = "{dayfly.host}"\n')
    ended = await dayfly("run", profile)
    assert ended.status == 1, ended.stderr
    assert dayfly.demo.ours() == {}


async def test_a_pinned_vm_stays_until_it_is_removed(dayfly: Dayfly) -> None:
    ended = await dayfly.run("--pin", "always", "--", "true")
    assert ended.status == 0, ended.stderr
    (vm,) = dayfly.demo.ours()
    assert f"dayfly rm {vm}" in ended.stderr
    (row,) = await dayfly.ps()
    assert (row["vm"], row["pinned"], row["phase"], row["outcome"]) == (vm, True, "kept", "succeeded")
    removed = await dayfly("rm", vm)
    assert removed.status == 0, removed.stderr
    assert dayfly.demo.ours() == {}
    assert await dayfly.ps() == []


async def test_each_status_comes_through_exactly(dayfly: Dayfly) -> None:
    runs = [dayfly.run("-q", "-c", command) for command in STATUSES]
    runs.append(dayfly.run("-q", "--", "bash", "-c", "kill -9 $$"))
    ended = await asyncio.gather(*runs)
    assert [end.status for end in ended] == [*STATUSES.values(), 137]
    assert dayfly.demo.ours() == {}


@only("demo")
async def test_a_vm_deleted_by_hand_is_noticed_and_its_debt_closed(dayfly: Dayfly) -> None:
    await dayfly.run("-q", "--pin", "always", "--", "true")
    (vm,) = dayfly.demo.ours()
    assert dayfly.demo.multipass("delete", "--purge", vm).returncode == 0
    assert await dayfly.ps() == []
    ledger = dayfly.ledger()
    assert ledger.open_rows() == ()
    ledger.close()


async def test_both_streams_are_told_apart(dayfly: Dayfly) -> None:
    ended = await dayfly.run("-q", "-c", "echo out; echo err >&2")
    assert (ended.stdout, ended.stderr) == (b"out\n", "err\n")
