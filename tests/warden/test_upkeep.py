"""What a host says of itself, and the sweep: installed by whatever it has, and gone again."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.until import until
from tests.warden.own_host import OwnHost
from tests.warden.test_shells import SHELLS
from tests.warden.world import World
from tui.model.errors import WardenError
from tui.model.upkeep import ChangeKind, SweepReport, SweepWay
from tui.warden import script
from tui.warden.upkeep import HostUpkeep, sweep_name

THEIRS = "MAILTO=me@example.org\n# a note\n0 3 * * * tar cf /backup/`date +\\%F`.tar ~   # nightly\n"


class Site:
    """A host, its upkeep, and where a sweep may leave something."""

    def __init__(self, root: Path, shell: str) -> None:
        self.own = OwnHost(root / "own", shell)
        self.world = World(root)
        self.state = root / "state"
        self.upkeep = HostUpkeep(self.world.host, state_dir=str(self.state))
        self.name = sweep_name(str(self.state))
        self.home = Path(os.environ["HOME"])

    async def install(self, *, dry_run: bool = False) -> SweepReport:
        return await self.upkeep.install_sweep(dry_run=dry_run)

    async def uninstall(self) -> SweepReport:
        return await self.upkeep.uninstall_sweep(dry_run=False)

    def left(self) -> set[str]:
        """Everything of a sweep that is there."""
        return self.own.files() | {path.name for path in self.state.glob("*sweep*")}

    def units(self) -> Path:
        return self.home / ".config" / "systemd" / "user"


@pytest.fixture(params=["dash"])
async def site(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    shell = SHELLS[request.param]
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {request.param} here")
    site = Site(tmp_path, shell)
    monkeypatch.setenv("PATH", str(site.own.bin))
    await site.world.warden.install()
    yield site
    monkeypatch.undo()
    await site.world.aclose()


every_shell = pytest.mark.parametrize("site", SHELLS, indirect=True)


# ---- what it is like


@every_shell
async def test_a_host_tells_what_it_is_like(site: Site) -> None:
    site.own.order("kills", text="KillUserProcesses=no")
    facts = await site.upkeep.facts()
    assert (facts.folder, facts.writable, facts.apart) == (str(site.state), True, "proc")
    assert facts.free is not None
    assert facts.free > 0
    assert (facts.kills, facts.lingers, facts.sweep, facts.sweeps) == (False, False, SweepWay.NONE, False)
    assert [path.name for path in site.state.iterdir()] == [script.version()]


async def test_what_is_bad_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.own.order("kills", text="KillUserProcesses=yes")
    for tool in ("dd", "df", "ps"):
        (site.own.bin / tool).unlink()
    monkeypatch.setenv("DAYFLY_PROC", "/nowhere")
    monkeypatch.setenv("DAYFLY_BOOT_ID", "this-boot")
    facts = await site.upkeep.facts()
    assert (facts.writable, facts.free, facts.apart, facts.kills) == (False, None, "", True)
    assert await site.upkeep.leave() == ""


@every_shell
async def test_a_process_is_left_behind_and_dismissed(site: Site) -> None:
    mark = await site.upkeep.leave()
    site.world.host.drop()
    assert await site.upkeep.lives(mark)
    other_life = mark.replace("-", "-1", 1)
    assert not await site.upkeep.lives(other_life)
    await site.upkeep.dismiss(other_life)
    assert await site.upkeep.lives(mark)
    await site.upkeep.dismiss(mark)
    assert not await site.upkeep.lives(mark)
    await site.upkeep.dismiss(mark)


async def test_a_mark_that_makes_no_sense_reaches_no_shell(site: Site) -> None:
    with pytest.raises(WardenError):
        await site.upkeep.lives("1-2-3; touch here")


# ---- the sweep, by whatever the host has


@every_shell
async def test_systemd_runs_it(site: Site) -> None:
    site.own.has("systemctl", "crontab")
    site.own.order("systemd", "linger")
    report = await site.install()
    assert (report.way, report.notes) == (SweepWay.SYSTEMD, ())
    assert site.own.told("enable") == [f"systemctl --user enable --now {site.name}.timer"]
    assert site.own.table == ""
    facts = await site.upkeep.facts()
    assert (facts.sweep, facts.sweeps) == (SweepWay.SYSTEMD, True)
    again = await site.install()
    assert {change.kind for change in again.changes} == {ChangeKind.KEPT, ChangeKind.RAN}
    assert (await site.uninstall()).way is SweepWay.NONE
    assert site.left() == set()
    assert not (site.own.world / f"active.{site.name}.timer").exists()
    assert (site.own.world / "linger").exists()
    assert (await site.uninstall()).changes == ()


async def test_systemd_itself_takes_the_units(site: Site) -> None:
    analyze = shutil.which("systemd-analyze", path="/usr/bin:/bin")
    if analyze is None:
        pytest.skip("there is no systemd-analyze here")
    site.own.has("systemctl")
    site.own.order("systemd", "linger")
    await site.install()
    units = [str(path) for path in site.units().iterdir()]
    assert len(units) == 2
    checked = subprocess.run(  # noqa: ASYNC221 - a second, and nothing else runs meanwhile
        [analyze, "verify", "--user", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(site.home), "XDG_RUNTIME_DIR": str(site.home), "PATH": "/usr/bin:/bin"},
    )
    assert (checked.returncode, [line for line in checked.stderr.splitlines() if site.name in line]) == (
        0,
        [],
    )


async def test_lingering_is_turned_on_where_it_may_be_and_off_again(site: Site) -> None:
    site.own.has("systemctl")
    site.own.order("systemd", "may-linger")
    assert (await site.install()).way is SweepWay.SYSTEMD
    assert (site.own.world / "linger").exists()
    assert (await site.uninstall()).way is SweepWay.NONE
    assert not (site.own.world / "linger").exists()
    assert site.left() == set()


@every_shell
async def test_cron_runs_it_and_keeps_every_other_line(site: Site) -> None:
    site.own.has("systemctl", "crontab")
    site.own.order("systemd", "cron-runs")
    site.own.order("table", text=THEIRS)
    report = await site.install()
    assert (report.way, report.notes) == (SweepWay.CRON, ("no-linger",))
    lines = site.own.table.removeprefix(THEIRS).splitlines()
    assert [line.split(" sh ")[0] for line in lines] == ["@reboot", "*/5 * * * *"]
    assert all(line.endswith(f" # {site.name}") for line in lines)
    facts = await site.upkeep.facts()
    assert (facts.sweep, facts.sweeps) == (SweepWay.CRON, True)
    before = site.own.table
    assert all(change.kind is not ChangeKind.PUT for change in (await site.install()).changes)
    assert site.own.table == before
    assert (await site.uninstall()).way is SweepWay.NONE
    assert site.own.table == THEIRS
    assert site.left() == set()


async def test_a_crontab_that_was_not_there_is_not_there_afterwards(site: Site) -> None:
    site.own.has("crontab")
    report = await site.install()
    assert (report.way, report.notes) == (SweepWay.CRON, ("cron-stopped",))
    assert not (await site.upkeep.facts()).sweeps
    await site.uninstall()
    assert not (site.own.world / "table").exists()


async def test_a_crontab_that_cannot_be_read_is_never_written(site: Site) -> None:
    site.own.has("crontab")
    site.own.order("table", text=THEIRS)
    site.own.order("unreadable")
    report = await site.install()
    assert (report.way, report.notes) == (SweepWay.NONE, ("crontab-unreadable",))
    assert site.own.table == THEIRS
    assert site.left() == set()


async def test_launchd_runs_it(site: Site) -> None:
    site.own.has("launchctl")
    report = await site.install()
    assert (report.way, report.notes) == (SweepWay.LAUNCHD, ("at-login",))
    agent = plistlib.loads((site.home / "Library" / "LaunchAgents" / f"{site.name}.plist").read_bytes())
    assert agent["ProgramArguments"][-1] == f"cd && exec sh {site.state}/sweep.sh"
    assert (agent["StartInterval"], agent["AbandonProcessGroup"], agent["RunAtLoad"]) == (300, True, True)
    assert (await site.upkeep.facts()).sweeps
    assert (await site.install()).way is SweepWay.LAUNCHD
    await site.uninstall()
    assert site.left() == set()
    assert not (site.own.world / "loaded").exists()


async def test_systemd_without_lingering_is_better_than_nothing(site: Site) -> None:
    site.own.has("systemctl")
    site.own.order("systemd")
    report = await site.install()
    assert (report.way, report.notes) == (SweepWay.SYSTEMD, ("no-linger",))
    facts = await site.upkeep.facts()
    assert (facts.sweep, facts.sweeps) == (SweepWay.SYSTEMD, False)


@pytest.mark.parametrize("program", ["systemctl", "crontab", "launchctl"])
async def test_where_it_is_refused_nothing_is_left(site: Site, program: str) -> None:
    site.own.has(program)
    site.own.order("systemd", "linger", "refuses")
    report = await site.install()
    assert report.way is SweepWay.NONE
    assert len(report.notes) == 1
    assert site.left() == set()


async def test_a_dry_run_changes_nothing(site: Site) -> None:
    site.own.has("systemctl")
    site.own.order("systemd", "may-linger")
    dry = await site.install(dry_run=True)
    assert site.left() == set()
    assert site.own.told("enable") == []
    real = await site.install()
    assert dry.changes == real.changes
    undry = await site.upkeep.uninstall_sweep(dry_run=True)
    assert undry.changes
    assert (await site.upkeep.facts()).sweeps


# ---- what it does


def sweep_by_hand(site: Site) -> str:
    """As cron would: with next to nothing in the environment, in the account's home."""
    done = subprocess.run(
        [site.own.bin / "sh", site.state / "sweep.sh"],
        capture_output=True,
        text=True,
        check=True,
        cwd=site.home,
        env={"HOME": str(site.home), "PATH": str(site.own.bin)},
        timeout=60,
    )
    return done.stdout


@every_shell
async def test_the_sweep_revives_what_was_killed(site: Site) -> None:
    site.own.has("crontab")
    world = site.world
    await site.install()
    await world.launch(grace_s=4)
    supervisor = world.pid_of("supervisor")
    assert supervisor
    os.kill(supervisor, 9)
    await until(lambda: not Path(f"/proc/{supervisor}").exists(), "the guard is dead")
    assert world.exists()
    assert f"lease {world.vm} live" in sweep_by_hand(site)
    assert (await world.gone()).cause == "expired"
    assert not world.exists()


async def test_the_sweep_asks_by_the_newest_version(site: Site) -> None:
    site.own.has("crontab")
    await site.install()
    newest = site.state / "0a1b2c"
    newest.mkdir()
    (newest / "warden.sh").write_text("echo it was asked; cat\n")
    os.utime(newest / "warden.sh", (2**31, 2**31))
    assert sweep_by_hand(site) == "it was asked\n3\nsweep\nsweep\nown\n"


async def test_the_sweep_without_any_version_is_no_failure(site: Site) -> None:
    site.own.has("crontab")
    await site.install()
    shutil.rmtree(site.state / script.version())
    assert sweep_by_hand(site) == ""
