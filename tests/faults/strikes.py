"""What each column does: until `yield` it happens, after it things are mended, where they are."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

from tests.faults.cells import Column, Row
from tests.faults.client import HOST, Client
from tests.faults.stage import Scene

CUT_S = 5.0
SSHD_GONE_S = 2.0
WEDGE_S = 12.0
HOST_FULL_S = 8.0
GUEST_FULL_S = 5.0
_CLOCK_S = 2.0

Strike = Callable[[Scene], AbstractAsyncContextManager[None]]


class StrikeFailedError(Exception):
    """The fault did not come about."""


def _signalled(number: signal.Signals) -> Strike:
    @asynccontextmanager
    async def strike(scene: Scene) -> AsyncIterator[None]:
        scene.client.signal(number)
        yield

    return strike


@asynccontextmanager
async def _ctrl_c_twice(scene: Scene) -> AsyncIterator[None]:
    scene.client.signal(signal.SIGINT)
    ended = scene.client
    await scene.until(
        lambda: ended.find("WorkEnded") or ended.status is not None, "the first ctrl-c is heard"
    )
    scene.client.signal(signal.SIGINT)
    yield


# ---- the link


@asynccontextmanager
async def _cut(scene: Scene) -> AsyncIterator[None]:
    scene.proxy.cut()
    back = asyncio.get_running_loop().time() + CUT_S
    yield
    await asyncio.sleep(max(0.0, back - asyncio.get_running_loop().time()))
    scene.proxy.mend()


@asynccontextmanager
async def _cut_for_ever(scene: Scene) -> AsyncIterator[None]:
    scene.proxy.cut()
    yield


@asynccontextmanager
async def _frozen(scene: Scene) -> AsyncIterator[None]:
    scene.proxy.freeze()
    yield


@asynccontextmanager
async def _sshd(scene: Scene) -> AsyncIterator[None]:
    await scene.place.restart_sshd(SSHD_GONE_S)
    yield


# ---- the manager and the host


def _daemon(order: str) -> Strike:
    @asynccontextmanager
    async def strike(scene: Scene) -> AsyncIterator[None]:
        before = _daemon_started(scene)
        await scene.place.demo.control(order)
        await scene.until(lambda: _daemon_started(scene) not in (before, 0), "the manager is back")
        yield

    return strike


def _daemon_started(scene: Scene) -> int:
    """Which life of the daemon this is, by its socket; 0: it has none."""
    try:
        return (scene.place.demo.world / "multipass.sock").stat().st_ctime_ns
    except FileNotFoundError:
        return 0


@asynccontextmanager
async def _wedged(scene: Scene) -> AsyncIterator[None]:
    await scene.place.demo.control(f"wedge {WEDGE_S:g}")
    yield


@asynccontextmanager
async def _rebooted(scene: Scene) -> AsyncIterator[None]:
    await scene.place.reboot()
    yield


@asynccontextmanager
async def _host_disk(scene: Scene) -> AsyncIterator[None]:
    await scene.place.demo.control("fill home")
    try:
        yield
        await scene.until_or_over(HOST_FULL_S)
    finally:
        await scene.place.demo.control("free home")


@asynccontextmanager
async def _clock(scene: Scene) -> AsyncIterator[None]:
    scene.place.set_clock("+1d")
    yield
    await scene.until_or_over(_CLOCK_S)
    scene.place.set_clock("-1d")
    await scene.until_or_over(_CLOCK_S)


# ---- processes on the host


def host_processes(scene: Scene, verb: str) -> list[int]:
    """The `multipass VERB` commands about the cell's VM."""
    found = []
    world = str(scene.place.demo.world).encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if verb.encode() in words and scene.vm.encode() in words and any(world in word for word in words):
                found.append(int(folder.name))
    return found


def kill_execs(scene: Scene) -> None:
    """Every exec into the VM. Raises StrikeFailedError where there is none."""
    pids = host_processes(scene, "exec")
    if not pids:
        raise StrikeFailedError("no exec was running")
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@asynccontextmanager
async def _execs(scene: Scene) -> AsyncIterator[None]:
    kill_execs(scene)
    yield


@asynccontextmanager
async def _supervisor(scene: Scene) -> AsyncIterator[None]:
    for file in scene.lease.glob("supervisor.[0-9]*"):
        with suppress(ProcessLookupError):
            os.kill(int(file.name.split(".")[1].split("-")[0]), signal.SIGKILL)
    yield


# ---- others at work


@asynccontextmanager
async def _name_taken(scene: Scene) -> AsyncIterator[None]:
    """Somebody launches a VM of that very name by hand; later rows only see him refused."""
    taken = await asyncio.to_thread(
        scene.place.demo.multipass, "launch", "ubuntu-lts-agent", "--name", scene.vm
    )
    is_early = scene.cell.row in (Row.BEFORE, Row.LEASED, Row.SENT)
    if (taken.returncode == 0) is not is_early:
        raise StrikeFailedError(f"the other launch ended with {taken.returncode}: {taken.stderr.decode()}")
    if is_early:
        scene.place.expected.add(scene.vm)
    yield


@asynccontextmanager
async def _second_client(scene: Scene) -> AsyncIterator[None]:
    """Another installation, not through our link, does its own run and pays what it takes for its debts."""
    other = Client(scene.folder / "other", scene.place, scene.place.port)
    yield
    words = ("run", "-q", "--host", HOST, "--image", "ubuntu-lts-agent", "--", "true")
    for call in (words, ("reap",)):
        status, said = await other.call(*call)
        if status:
            raise StrikeFailedError(f"the other's {call[0]} ended with {status}: {said}")


@asynccontextmanager
async def _pin_on(scene: Scene) -> AsyncIterator[None]:
    """Pinned from another terminal; then its client is killed, as soon as there is a VM to keep."""
    status, said = await scene.client.call("pin", scene.vm)
    too_late = scene.cell.row in (Row.DELETING, Row.DELETED)
    if (status != 0) is not too_late:
        raise StrikeFailedError(f"pin ended with {status}: {said}")
    yield
    if not too_late:
        await scene.until(lambda: scene.place.vms().get(scene.vm) == "Running", "the pinned VM runs")
        scene.client.signal(signal.SIGKILL)


@asynccontextmanager
async def _pin_off(scene: Scene) -> AsyncIterator[None]:
    """Pinned and unpinned from another terminal; then its client is killed."""
    for verb in ("pin", "unpin"):
        status, said = await scene.client.call(verb, scene.vm)
        if status:
            raise StrikeFailedError(f"{verb} ended with {status}: {said}")
    scene.client.signal(signal.SIGKILL)
    yield


# ---- the VM


def _by_hand(order: str) -> Strike:
    @asynccontextmanager
    async def strike(scene: Scene) -> AsyncIterator[None]:
        await scene.place.demo.control(f"{order} {scene.vm}")
        yield

    return strike


@asynccontextmanager
async def _guest_disk(scene: Scene) -> AsyncIterator[None]:
    await scene.place.demo.control(f"fill {scene.vm}")
    yield
    await scene.until_or_over(GUEST_FULL_S)
    if scene.vm in scene.place.vms():
        await scene.place.demo.control(f"free {scene.vm}")


STRIKES: dict[Column, Strike] = {
    Column.SIGKILL: _signalled(signal.SIGKILL),
    Column.SIGTERM: _signalled(signal.SIGTERM),
    Column.SIGHUP: _signalled(signal.SIGHUP),
    Column.CTRL_C_TWICE: _ctrl_c_twice,
    Column.CUT: _cut,
    Column.CUT_FOR_EVER: _cut_for_ever,
    Column.FROZEN: _frozen,
    Column.SSHD: _sshd,
    Column.DAEMON_TERM: _daemon("term"),
    Column.DAEMON_KILL: _daemon("kill"),
    Column.EXEC_KILL: _execs,
    Column.WEDGED: _wedged,
    Column.REBOOT: _rebooted,
    Column.HOST_DISK: _host_disk,
    Column.CLOCK: _clock,
    Column.NAME: _name_taken,
    Column.SECOND_CLIENT: _second_client,
    Column.PIN_ON: _pin_on,
    Column.PIN_OFF: _pin_off,
    Column.SUPERVISOR: _supervisor,
    Column.VM_REBOOT: _by_hand("reboot"),
    Column.VM_STOP: _by_hand("poweroff"),
    Column.VM_DELETE: _by_hand("delete"),
    Column.GUEST_DISK: _guest_disk,
}
