"""Two clients on one host, of one account or of two: neither touches what is the other's."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.conftest import Dayfly, only
from tests.cli.test_ends import leases, said
from tests.demo_host import FOREIGN
from tests.until import until

pytestmark = only("local")


@pytest.fixture
def other(dayfly: Dayfly, tmp_path: Path) -> Dayfly:
    """Another installation of the same account."""
    folders = {name: str(tmp_path / f"other-{name}") for name in ("DAYFLY_STATE_DIR", "DAYFLY_CONFIG_DIR")}
    return replace(dayfly, env=dayfly.env | folders)


@pytest.fixture
def stranger(other: Dayfly, tmp_path: Path) -> Dayfly:
    """Another account, as the host sees it: leases of its own, and none of ours in sight."""
    home = tmp_path / "stranger"
    home.mkdir()
    return replace(other, env=other.env | {"HOME": str(home)})


async def vm_of(dayfly: Dayfly, *words: str) -> str:
    """Start a run that goes on; its VM."""
    process = await dayfly.start_run(*words, "--", "sleep", "600")
    found = re.search(r"df-run-\w+", await said(process, "The command runs"))
    assert found is not None
    return found[0]


async def test_two_clients_of_an_account_see_and_spare_each_other(dayfly: Dayfly, other: Dayfly) -> None:
    ours, theirs = await vm_of(dayfly), await vm_of(other)
    assert [row["vm"] for row in await dayfly.ps()] == [ours]
    everybody = {row["vm"]: row for row in await dayfly.ps("--all")}
    assert set(everybody) == {ours, theirs, *FOREIGN}
    assert everybody[ours]["owner"] == "you"
    assert "@" in everybody[theirs]["owner"]
    assert everybody[theirs]["phase"] == "working"
    assert everybody[theirs]["client"] not in (None, everybody[ours]["client"])
    assert {everybody[name]["owner"] for name in FOREIGN} == {"foreign"}

    for words in (("cancel", theirs), ("rm", theirs)):
        refused = await dayfly(*words)
        assert refused.status == 125
        assert f"{theirs} on local belongs to {everybody[theirs]['owner']}" in refused.stderr
        assert "--force" in refused.stderr
    for words in (("pin", theirs), ("unpin", theirs), ("attach", theirs)):
        assert (await dayfly(*words)).status == 2
    assert (await dayfly("reap", "--host", dayfly.host)).status == 0
    assert set(dayfly.demo.ours()) == {ours, theirs}

    forced = await dayfly("rm", "--force", theirs)
    assert forced.status == 0, forced.stderr
    assert set(dayfly.demo.ours()) == {ours}
    await until(lambda: len(leases(dayfly)) == 1, "its own client has closed its books")
    assert (await other.ps()) == []


async def test_two_accounts_do_not_even_see_each_other(dayfly: Dayfly, stranger: Dayfly) -> None:
    ours, theirs = await vm_of(dayfly), await vm_of(stranger)
    everybody = {row["vm"]: row["owner"] for row in await dayfly.ps("--all")}
    assert everybody == {ours: "you", theirs: "foreign", **dict.fromkeys(FOREIGN, "foreign")}
    for words in (("cancel", theirs), ("rm", "--force", theirs)):
        assert (await dayfly(*words)).status == 2
    await asyncio.gather(dayfly("reap", "--host", dayfly.host), stranger("reap", "--host", stranger.host))
    assert set(dayfly.demo.ours()) == {ours, theirs}
    assert (await stranger("rm", theirs)).status == 0
    assert set(dayfly.demo.ours()) == {ours}
