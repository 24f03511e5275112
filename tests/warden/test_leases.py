from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.until import until
from tests.warden.world import Sink, World
from tui.model.errors import LeaseClosing, LeasePinned, NoSuchLease, NotOurs, UsageError, WardenError
from tui.model.lease import JobPlace, LeasePhase
from tui.model.spec import PinPolicy, VmName
from tui.warden import client, wire
from tui.warden.client import HostWarden
from tui.warden.script import version


def script(world: World) -> str:
    return str(world.root / "state" / version() / "warden.sh")


async def test_open_is_idempotent_and_exclusive(world: World) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(world.open())
            group.create_task(world.warden.sweep())
    report = await world.warden.status(world.vm)
    assert (report.phase, report.client, report.owner) == (LeasePhase.LIVE, "client-a", "me@here")
    with pytest.raises(NotOurs):
        await world.warden_of("client-b").open(world.spec())


async def test_many_installs_at_once_leave_one_whole_script(world: World) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(world.warden.install())
    state = world.root / "state"
    assert [path.name for path in state.iterdir()] == [version()]
    for part in (state / version()).iterdir():
        assert part.read_bytes() == (Path(client.__file__).parent / part.name).read_bytes()
    assert (state / version() / "warden.sh").exists()


async def test_the_script_is_put_back_when_it_is_missing(world: World) -> None:
    await world.open()
    shutil.rmtree(world.root / "state" / version())
    assert (await world.warden.status(world.vm)).phase is LeasePhase.LIVE


@pytest.mark.parametrize("state_dir", ["a b", "/x;y", "~user/x", "/a/../b", "$HOME/x", "-x", "~/"])
def test_a_state_dir_is_plain(world: World, state_dir: str) -> None:
    with pytest.raises(UsageError):
        HostWarden(world.host, client="c", state_dir=state_dir)


async def test_the_default_state_dir_is_in_the_home(world: World) -> None:
    warden = HostWarden(world.host, client="client-a", tick_s=0.2)
    assert await warden.sweep() == ()
    assert (Path.home() / ".local/state/dayfly" / version() / "warden.sh").exists()


async def test_an_unknown_lease(world: World) -> None:
    assert (await world.warden.status(VmName("df-none"))).phase is LeasePhase.NONE
    with pytest.raises(NoSuchLease):
        await world.warden.pin(VmName("df-none"))


async def test_heartbeats_renew_and_silence_expires(world: World) -> None:
    await world.launch(grace_s=1)
    news: list[LeasePhase] = []
    holding = asyncio.ensure_future(
        world.warden.hold(lambda: [world.vm], lambda report: news.append(report.phase), beat_s=0.3)
    )
    beats = world.lease
    await until(lambda: (beats / "beat.9").exists())
    assert world.is_in(LeasePhase.LIVE)
    assert news == [LeasePhase.LIVE]
    holding.cancel()
    report = await world.gone()
    assert report.cause == "expired"
    assert not world.exists()


async def test_a_silent_client_of_a_lease_without_a_launch_touches_nothing(world: World) -> None:
    (world.root / "vms" / world.vm).write_text("Running\n")
    await world.open(grace_s=1)
    await world.gone()
    assert world.exists()
    assert world.calls("delete") == 0


async def test_a_pin_outlives_the_grace_and_unpin_ends_it(world: World) -> None:
    await world.launch(grace_s=2)
    await world.warden.pin(world.vm)
    await asyncio.sleep(3)  # an unpinned VM would be gone by then: there is nothing else to wait for
    report = await world.warden.status(world.vm)
    assert report.pinned
    assert report.phase is LeasePhase.LIVE
    assert world.exists()
    await world.warden.unpin(world.vm)
    report = await world.gone()
    assert report.cause == "expired"
    assert not world.exists()


async def test_a_pin_that_comes_too_late_says_so(world: World) -> None:
    await world.launch()
    world.order("fail-list")
    await world.warden.reap(world.vm)
    with pytest.raises(LeaseClosing):
        await world.warden.pin(world.vm)
    assert not (await world.warden.status(world.vm)).pinned
    with pytest.raises(LeaseClosing):
        await world.warden.start(world.vm, "work", ("true",), JobPlace.GUEST)
    world.revoke("fail-list")
    await world.gone()


async def test_a_pin_wins_while_the_lease_is_only_reaping(world: World) -> None:
    """The supervisor is stopped between the two steps, where the outcome is still open."""
    await world.launch(grace_s=60)
    supervisor = world.pid_of("supervisor")
    os.kill(supervisor, signal.SIGSTOP)
    (world.lease / "phase.live").rename(world.lease / "phase.reaping")
    pinning = asyncio.ensure_future(world.warden.pin(world.vm))
    await until((world.lease / "pin.on").exists)
    assert not pinning.done()
    os.kill(supervisor, signal.SIGCONT)
    await pinning
    report = await world.warden.status(world.vm)
    assert report.pinned
    assert report.phase is LeasePhase.LIVE


async def test_reap_deletes_pinned_or_not_and_may_be_said_again(world: World) -> None:
    await world.launch()
    await world.warden.pin(world.vm)
    await world.warden.reap(world.vm)
    await world.warden.reap(world.vm)
    report = await world.gone()
    assert report.cause == "asked"
    assert not world.exists()
    await world.warden.reap(world.vm)


@pytest.mark.parametrize(
    ("policy", "command", "kept"),
    [
        (PinPolicy.ALWAYS, "exit 0", True),
        (PinPolicy.ON_FAILURE, "exit 3", True),
        (PinPolicy.ON_FAILURE, "exit 0", False),
        (PinPolicy.NEVER, "exit 3", False),
    ],
)
async def test_the_host_applies_the_pin_policy_when_nobody_is_there(
    world: World, policy: PinPolicy, command: str, kept: bool
) -> None:
    await world.launch(grace_s=2, pin=policy)
    await world.work("sh", "-c", command)
    await until(lambda: (world.lease / "pin.on").exists() or world.is_in(LeasePhase.GONE))
    assert world.exists() is kept
    assert (await world.warden.status(world.vm)).pinned is kept


async def test_a_timeout_is_a_failure_to_the_policy(world: World) -> None:
    await world.launch(grace_s=3, pin=PinPolicy.ON_FAILURE)
    await world.warden.start(world.vm, "work", ("sleep", "100"), JobPlace.GUEST)
    await world.warden.kill(world.vm, "work", reason="timeout")
    await until((world.lease / "pin.on").exists)
    assert world.exists()


async def test_a_second_supervisor_yields(world: World) -> None:
    await world.open()
    first = world.pid_of("supervisor")
    others = [
        await asyncio.create_subprocess_exec("sh", script(world), "_supervise", world.vm) for _ in range(4)
    ]
    for other in others:
        await asyncio.wait_for(other.wait(), 10)
    assert world.pid_of("supervisor") == first


async def test_any_contact_revives_a_killed_supervisor(world: World) -> None:
    await world.launch()
    first = world.pid_of("supervisor")
    os.kill(first, signal.SIGKILL)
    assert (await world.warden.sweep())[0].vm == world.vm
    await until(lambda: world.pid_of("supervisor") not in (0, first))
    await world.warden.reap(world.vm)
    await world.gone()


async def test_a_reused_pid_is_nobody(world: World) -> None:
    """A stranger has the number of the dead supervisor and of a job's leader: neither is believed or hit."""
    await world.launch()
    await world.warden.start(world.vm, "work", ("sleep", "100"), JobPlace.HOST)
    await until(lambda: world.pid_of("jobs/work/leader") > 0)
    stranger = await asyncio.create_subprocess_exec("sleep", "100", start_new_session=True)
    for name in ("supervisor", "jobs/work/runner", "jobs/work/leader"):
        (mark,) = world.lease.glob(f"{name}.*")
        pid, born, boot = mark.name.partition(".")[2].split("-")
        os.kill(int(pid), signal.SIGKILL)
        mark.rename(mark.with_name(f"{Path(name).name}.{stranger.pid}-{born}-{boot}"))
    await world.warden.reap(world.vm)
    await world.gone()
    assert stranger.returncode is None
    stranger.kill()
    await stranger.wait()
    _end_orphan("sleep 100", world)


def _end_orphan(command: str, world: World) -> None:
    """The job's command outlived its leader; it is known by the fifo of this world that it writes to."""
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            mine = proc.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode().strip() == command
            if mine and str(world.root) in os.readlink(proc / "fd" / "1"):
                os.kill(int(proc.name), signal.SIGKILL)
        except OSError:
            continue


async def test_after_a_reboot_another_supervisor_takes_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.launch()
    first = world.pid_of("supervisor")
    monkeypatch.setenv("DAYFLY_BOOT_ID", "another-boot")
    await world.warden.status(world.vm)
    await until(lambda: world.pid_of("supervisor") not in (0, first))
    await until(lambda: not Path(f"/proc/{first}").exists())
    await world.warden.reap(world.vm)
    await world.gone()
    assert not world.exists()


async def test_a_supervisor_ends_with_its_directory(world: World) -> None:
    await world.open()
    supervisor = world.pid_of("supervisor")
    shutil.rmtree(world.root / "state")
    await until(lambda: not Path(f"/proc/{supervisor}").exists())


async def test_acknowledge_forgets_what_is_gone_and_nothing_else(world: World) -> None:
    await world.launch()
    with pytest.raises(WardenError):
        await world.warden.acknowledge(world.vm)
    await world.warden.reap(world.vm)
    await world.gone()
    await world.warden.acknowledge(world.vm)
    assert list(world.leases.iterdir()) == []
    with pytest.raises(NoSuchLease):
        await world.warden.acknowledge(world.vm)


async def test_another_client_may_look_but_not_touch(world: World) -> None:
    await world.launch()
    other = world.warden_of("client-b")
    assert [report.client for report in await other.sweep()] == ["client-a"]
    for call in (other.pin, other.unpin, other.reap, other.settle, other.acknowledge):
        with pytest.raises(NotOurs):
            await call(world.vm)
    with pytest.raises(NotOurs):
        await other.set_grace(world.vm, 1)
    with pytest.raises(NotOurs):
        await other.start(world.vm, "work", ("true",), JobPlace.HOST)
    with pytest.raises(NotOurs):
        await other.kill(world.vm, "launch")
    with pytest.raises(NotOurs):
        await other.follow(world.vm, "launch", Sink())
    assert (await other.status(world.vm)).phase is LeasePhase.LIVE
    await other.reap(world.vm, force=True)
    await world.gone()


async def test_two_clients_of_one_account_go_their_own_ways(world: World) -> None:
    other = World(world.root, client="client-b")
    await world.launch(grace_s=2)
    await other.launch(grace_s=60)
    async with other.held():
        await world.gone()
        assert [report.phase for report in await other.warden.sweep() if report.vm == other.vm] == [
            LeasePhase.LIVE
        ]
    assert {report.client for report in await world.warden.sweep()} == {"client-a", "client-b"}
    assert not world.exists()
    assert other.exists()
    await other.warden.reap(other.vm)
    await other.gone()
    with pytest.raises(NotOurs):
        await other.warden.acknowledge(world.vm)
    await world.warden.acknowledge(world.vm)
    assert [report.vm for report in await world.warden.sweep()] == [other.vm]
    await other.host.aclose()


async def test_a_call_that_makes_no_sense_is_refused(world: World) -> None:
    await world.open()
    for words in (
        ("pin", world.vm, "soon"),
        ("pin", world.vm, "0"),
        ("grace", world.vm, "-1", "0"),
        ("grace", world.vm, "9", ""),
        ("open", world.vm, "me", "9"),
        ("fly", world.vm),
    ):
        verb, *arguments = words
        call = wire.call((verb, world.client, "own", *arguments))
        done = await world.host.run(f"sh {script(world)}", call, timeout_s=20)
        with pytest.raises(WardenError):
            wire.parse_answer(done.stdout)
    report = await world.warden.status(world.vm)
    assert (report.pinned, report.grace_s) == (False, 60)


async def test_another_clients_beats_renew_nothing(world: World) -> None:
    await world.open(grace_s=2)
    holding = asyncio.ensure_future(
        world.warden_of("client-b").hold(lambda: [world.vm], lambda _: None, beat_s=0.2)
    )
    assert (await world.gone()).cause == "expired"
    holding.cancel()


async def test_settle_closes_only_what_is_gone(world: World) -> None:
    await world.launch()
    await world.warden.pin(world.vm)
    report = await world.warden.settle(world.vm)
    assert (report.phase, report.cause) == (LeasePhase.LIVE, "")
    assert world.exists()
    (world.root / "vms" / world.vm).unlink()
    report = await world.warden.settle(world.vm)
    assert (report.phase, report.cause) == (LeasePhase.GONE, "absent")
    assert world.calls("delete") == 0


async def test_settle_waits_for_no_launch_and_believes_no_silence(world: World) -> None:
    world.order("slow-launch")
    await world.open()
    await world.send_launch()
    assert (await world.warden.settle(world.vm)).phase is LeasePhase.LIVE
    world.revoke("slow-launch")
    await world.warden.follow(world.vm, "launch", Sink())
    world.order("fail-list")
    (world.root / "vms" / world.vm).unlink()
    assert (await world.warden.settle(world.vm)).phase is LeasePhase.LIVE
    world.revoke("fail-list")


async def test_a_lease_is_served_by_the_version_it_was_opened_with(world: World) -> None:
    await world.launch()
    old, new = world.root / "state" / version(), world.root / "state" / "0123456789ab"
    shutil.copytree(old, new)
    os.kill(world.pid_of("supervisor"), signal.SIGKILL)
    words = wire.call(("reap", world.client, "own", world.vm))
    done = await world.host.run(f"sh {new}/warden.sh", words, timeout_s=20)
    assert done.stdout == b"dayfly ok\ndayfly end\n"
    await until(lambda: world.pid_of("supervisor") > 0 and world.is_in(LeasePhase.GONE))
    assert not world.exists()


async def test_the_end_of_a_run_spares_a_pin_that_was_just_set(world: World) -> None:
    await world.launch()
    await world.warden.pin(world.vm)
    with pytest.raises(LeasePinned):
        await world.warden.release(world.vm)
    assert world.is_in(LeasePhase.LIVE)
    await world.warden.unpin(world.vm)
    await world.warden.release(world.vm)
    with pytest.raises(LeaseClosing):
        await world.warden.pin(world.vm)
    assert (await world.gone()).cause == "asked"
    assert not world.exists()


async def test_of_a_pin_and_a_release_at_once_never_both_are_told_yes(world: World) -> None:
    await world.launch()
    said = await asyncio.gather(
        world.warden.pin(world.vm), world.warden.release(world.vm), return_exceptions=True
    )
    is_pinned, is_released = (not isinstance(word, Exception) for word in said)
    assert not (is_pinned and is_released)
    if is_released:
        await world.gone()
        assert not world.exists()
    else:  # where both were refused, the one that ends the run says it again
        assert (await world.warden.status(world.vm)).pinned == is_pinned
        assert world.exists()
