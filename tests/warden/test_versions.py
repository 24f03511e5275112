"""Scripts of two versions side by side on one host, under one holder; and a host that was rebooted."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.until import until
from tests.warden.world import World
from tui.model.lease import EndKind, LeasePhase, LeaseReport
from tui.model.spec import VmName
from tui.warden.client import HostWarden
from tui.warden.script import version

OLDER = "0123456789ab"


def older_script(world: World) -> Path:
    """Another version beside ours: it does the same, and says in each lease's folder that it did."""
    state = world.root / "state"
    if not (state / OLDER).exists():
        shutil.copytree(state / version(), state / OLDER)
        reaping = state / OLDER / "reaping.sh"
        text = reaping.read_text()
        marked = text.replace("verb__supervise() {", 'verb__supervise() {\n  : >"$LEASES/../$1.older"', 1)
        assert marked != text
        reaping.write_text(marked)
    return state / OLDER / "warden.sh"


class OlderWarden(HostWarden):
    """A client that came with the older script."""

    def __init__(self, world: World) -> None:
        super().__init__(world.host, client=world.client, state_dir=str(world.root / "state"), tick_s=0.2)
        self._command = f"sh {older_script(world)}"


async def both(world: World) -> tuple[World, World]:
    """Two leases of one client on one host: the first of the older version, the second of ours."""
    await world.warden.install()
    old, new = world, World(world.root)
    old.warden = OlderWarden(old)
    await old.launch(grace_s=30)
    await new.launch(grace_s=30)
    assert (old.root / "state" / f"{old.vm}.older").exists()
    assert not (new.root / "state" / f"{new.vm}.older").exists()
    (old.root / "state" / f"{old.vm}.older").unlink()
    return old, new


@asynccontextmanager
async def holding(
    warden: HostWarden, vms: tuple[VmName, ...], news: dict[VmName, LeaseReport]
) -> AsyncIterator[None]:
    def take(report: LeaseReport) -> None:
        news[report.vm] = report

    async with asyncio.TaskGroup() as group:
        held = group.create_task(warden.hold(lambda: vms, take, beat_s=0.3))
        yield
        held.cancel()


async def test_leases_of_two_versions_under_one_holder(world: World) -> None:
    old, new = await both(world)
    news: dict[VmName, LeaseReport] = {}
    ours = new.warden
    async with holding(ours, (old.vm, new.vm), news):
        await until(lambda: len(news) == 2)
        for one in (old, new):
            beats = int(next(one.lease.glob("beat.*")).suffix[1:])
            await until((one.lease / f"beat.{beats + 3}").exists)
        for vm in (old.vm, new.vm):
            await ours.pin(vm, for_s=3600)
        await until(lambda: all(report.pinned for report in news.values()))
        os.kill(old.pid_of("supervisor"), signal.SIGKILL)
        await until((old.root / "state" / f"{old.vm}.older").exists)
        for vm in (old.vm, new.vm):
            await ours.reap(vm)
        await until(lambda: all(report.phase is LeasePhase.GONE for report in news.values()))
    assert not old.exists()
    assert not new.exists()
    for vm in (old.vm, new.vm):
        await ours.acknowledge(vm)
    (old.root / "state" / f"{old.vm}.older").unlink()
    assert await ours.sweep() == ()
    await new.host.aclose()


async def test_a_version_that_is_gone_is_served_by_ours(world: World) -> None:
    old, new = await both(world)
    shutil.rmtree(older_script(old).parent)
    old.warden = new.warden
    os.kill(old.pid_of("supervisor"), signal.SIGKILL)
    await new.warden.reap(old.vm)
    await old.gone()
    assert not old.exists()
    await new.warden.reap(new.vm)
    await new.gone()
    await new.host.aclose()


async def test_two_versions_share_the_managers_list(world: World) -> None:
    old, new = await both(world)
    for one in (old, new):
        await new.warden.reap(one.vm)
    await old.gone()
    await new.gone()
    assert len(list((world.root / "state" / "managers").iterdir())) == 1
    await new.host.aclose()


async def test_a_lease_of_another_boot_is_revived_by_the_first_contact(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manager started anew, and its launch went down with the host: only the probe can tell."""
    world.order("slow-launch")
    await world.open(grace_s=60)
    await world.send_launch()
    await world.daemon_launches()
    for name in ("supervisor", "jobs/launch/runner", "jobs/launch/leader"):
        os.killpg(os.getpgid(world.pid_of(name)), signal.SIGKILL)
    monkeypatch.setenv("DAYFLY_BOOT_ID", "another")
    assert [report.phase for report in await world.warden.sweep()] == [LeasePhase.LIVE]
    report = await world.reported(lambda report: report.end_of("launch"))
    end = report.end_of("launch")
    assert end is not None
    assert end.kind is EndKind.LOST
    await world.warden.reap(world.vm)
    await until((world.lease / "note.probing").exists)
    probes = world.calls("probe")
    await until(lambda: world.calls("probe") > probes + 1)
    assert world.is_in(LeasePhase.DELETING)
    world.revoke("slow-launch")
    await world.gone()
    assert not world.exists()
    assert world.calls("delete") >= 1


async def test_a_pin_outlives_the_reboot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.launch(grace_s=1)
    await world.warden.pin(world.vm, for_s=3600)
    os.killpg(os.getpgid(world.pid_of("supervisor")), signal.SIGKILL)
    monkeypatch.setenv("DAYFLY_BOOT_ID", "another")
    await world.warden.sweep()
    report = await world.reported(lambda report: report.silent_s >= 3)
    assert (report.pinned, report.phase) == (True, LeasePhase.LIVE)
    assert world.exists()
    await world.warden.unpin(world.vm)
    await world.gone()


async def test_a_silent_lease_has_its_grace_again_after_a_reboot(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.launch(grace_s=4)
    await world.reported(lambda report: report.silent_s >= 2)
    os.killpg(os.getpgid(world.pid_of("supervisor")), signal.SIGKILL)
    monkeypatch.setenv("DAYFLY_BOOT_ID", "another")
    await world.warden.sweep()
    await world.reported(lambda report: report.silent_s == 0)
    assert world.is_in(LeasePhase.LIVE)
    assert (await world.gone()).cause == "expired"
