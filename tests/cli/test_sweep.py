"""`dayfly hosts install-sweep`: the promise, kept by a rebooted host to which no client comes back."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Dayfly, only
from tests.cli.test_ends import said
from tests.until import until
from tests.warden.own_host import STAND_IN

STAND_INS = ("systemctl", "loginctl", "crontab", "launchctl")
GRACE_S = 5


class Site:
    """A host whose programs for running things are stand-ins, with a state folder of the test's own."""

    def __init__(self, dayfly: Dayfly, tmp_path: Path) -> None:
        self.dayfly = dayfly
        self.state = tmp_path / "leases-here"
        self.world = dayfly.demo.world / "world"
        self.world.mkdir()
        for name in STAND_INS:
            (dayfly.demo.bin / name).symlink_to(STAND_IN)
        entry = f'state_dir = "{self.state}"\n'
        if dayfly.sshd is not None:
            sshd = dayfly.sshd
            entry += f'address = "127.0.0.1"\nport = {sshd.port}\nuser = "{sshd.user}"\n'
            dayfly.env["DAYFLY_HOST"] = "site"
            dayfly.host = "site"
        config = Path(dayfly.env["DAYFLY_CONFIG_DIR"])
        config.mkdir(exist_ok=True)
        (config / "config.toml").write_text(f"[hosts.{dayfly.host}]\n{entry}")

    def guards(self) -> set[int]:
        """The processes of this host that name our state folder, or came from one of them."""
        found = set()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                line = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if f"{self.state}/".encode() in line and folder.name != str(os.getpid()):
                found.add(int(folder.name))
        return found

    def end_all(self) -> None:
        """As a reboot does, to what the tests may end."""
        while guards := self.guards():
            for pid in guards:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue

    def sweep_by_hand(self) -> None:
        """What the host would run by itself."""
        subprocess.run(
            ["sh", self.state / "sweep.sh"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.dayfly.demo.home,
            env=self.dayfly.demo.own_environment(),
            timeout=60,
        )

    def phases(self) -> set[str]:
        return {path.name.removeprefix("phase.") for path in self.state.glob("leases/*/phase.*")}


@pytest.fixture
def site(dayfly: Dayfly, tmp_path: Path) -> Iterator[Site]:
    site = Site(dayfly, tmp_path)
    yield site
    site.end_all()


ways = pytest.mark.parametrize(
    "dayfly", [pytest.param("sshd", marks=pytest.mark.sshd), "local"], indirect=True
)


@ways
@pytest.mark.slow
async def test_a_rebooted_host_keeps_the_promise_alone(site: Site) -> None:
    dayfly = site.dayfly
    (site.world / "systemd").touch()
    (site.world / "linger").touch()
    installed = await dayfly("hosts", "install-sweep", dayfly.host)
    assert installed.status == 0, installed.stderr
    assert "systemd runs the sweep" in installed.stderr
    process = await dayfly.start_run("--grace", f"{GRACE_S}s", "--", "sleep", "100")
    line = await said(process, "The command runs")
    vm = re.search(r"df-run-\w+", line)
    assert vm is not None
    process.send_signal(signal.SIGKILL)
    await process.wait()
    await asyncio.to_thread(site.end_all)
    assert site.phases() == {"live"}
    assert vm[0] in dayfly.demo.ours()
    await asyncio.to_thread(site.sweep_by_hand)
    await until(lambda: site.phases() == {"gone"}, "the host keeps its promise", timeout_s=60)
    assert dayfly.demo.ours() == {}
    assert await dayfly.ps() == []


@ways
async def test_it_is_installed_seen_and_removed(site: Site) -> None:
    dayfly = site.dayfly
    dry = await dayfly("hosts", "install-sweep", dayfly.host, "--dry-run")
    assert dry.status == 0, dry.stderr
    assert f"would put {site.state}/sweep.sh" in dry.stdout.decode()
    assert "*/5 * * * * sh " in dry.stdout.decode()
    assert not (site.state / "sweep.sh").exists()
    assert not (site.world / "table").exists()

    (site.world / "table").write_text("0 3 * * * theirs\n")
    assert (await dayfly("hosts", "install-sweep", dayfly.host)).status == 0
    again = await dayfly("hosts", "install-sweep", dayfly.host)
    assert again.status == 0
    assert "put" not in again.stdout.decode()
    doctor = await dayfly("doctor", dayfly.host, "--json")
    sweep = next(row for row in json.loads(doctor.stdout) if row["check"] == "sweep")
    assert "cron" in sweep["text"]

    removed = await dayfly("hosts", "uninstall-sweep", dayfly.host)
    assert removed.status == 0, removed.stderr
    assert "only at the next contact" in removed.stderr
    assert (site.world / "table").read_text() == "0 3 * * * theirs\n"
    assert not (site.state / "sweep.sh").exists()
    assert "had no sweep" in (await dayfly("hosts", "uninstall-sweep", dayfly.host)).stderr


@only("local")
async def test_where_nothing_runs_by_itself_it_says_what_is_promised(site: Site) -> None:
    (site.world / "unreadable").touch()
    (site.world / "refuses").touch()
    ended = await site.dayfly("hosts", "install-sweep", "local")
    assert ended.status == 125
    assert "on the host: crontab -l" in ended.stderr
    assert "only at the next contact of a dayfly" in ended.stderr
    assert not (site.state / "sweep.sh").exists()


@only("demo")
async def test_the_demo_host_needs_none(dayfly: Dayfly) -> None:
    for verb in ("install-sweep", "uninstall-sweep"):
        ended = await dayfly("hosts", verb, "demo")
        assert (ended.status, ended.stdout) == (2, b"")
        assert "no machine of its own" in ended.stderr
