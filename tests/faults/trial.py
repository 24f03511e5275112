"""One trial of one cell: to its row, struck, and then looked at: what has come of it?"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import SubprocessError

from tests.faults import workload
from tests.faults.cells import WORK_STATUS, Cell, Column, Kind, Kit, Row
from tests.faults.client import Client
from tests.faults.place import Place, Places, Way
from tests.faults.proxy import proxied
from tests.faults.stage import NotReachedError, Scene
from tests.faults.strikes import STRIKES, StrikeFailedError
from tui.model.errors import DayflyError

CLEAN_S = 40.0
"""The host has cleaned up so long after the grace, or after the end of the launch."""
_SEE_LIMIT_S = 90.0
_END_LIMIT_S = 30.0
_QUIET_S = 3.0
"""How much longer than its grace a pinned VM must be there."""
_ATTEMPTS = 3
_MORE_LINES = 3
_IMAGE = "ubuntu-lts-agent"


@dataclass(slots=True, kw_only=True)
class Record:
    """What came of one trial."""

    way: Way
    row: Row
    column: Column
    repetition: int
    commit: str = ""
    """Which state of the project was tried."""
    vm: str = ""
    faults: list[str] = field(default_factory=list)
    """What is not as it must be, in words; none: the cell held."""
    leaked: bool = False
    wrongly_deleted: list[str] = field(default_factory=list)
    pin_lost: bool = False
    lost: int = 0
    doubled: int = 0
    status: int | None = None
    clean_s: float | None = None
    """From the end of the grace, or of the launch, to the VM absent and the lease closed."""
    seconds: float = 0.0
    attempts: int = 1

    @property
    def holds(self) -> bool:
        return not self.faults


async def try_cell(cell: Cell, places: Places, folder: Path, way: Way, repetition: int) -> Record:
    """Try it; again only where the run was not caught at its row."""
    record = Record(way=way, row=cell.row, column=cell.column, repetition=repetition)
    began = time.monotonic()
    for attempt in range(1, _ATTEMPTS + 1):
        record.attempts = attempt
        record.faults.clear()
        async with (
            places.borrow(cell.kit) as place,
            begin_scene(cell, place, folder / f"{attempt}", grace_s=cell.grace_s) as scene,
        ):
            if is_reached := await _reach(scene, record):
                await _carry_out(scene, record)
        if is_reached:
            break
    record.seconds = round(time.monotonic() - began, 1)
    return record


@asynccontextmanager
async def begin_scene(cell: Cell, place: Place, folder: Path, *, grace_s: int) -> AsyncIterator[Scene]:
    """A run that was started and waits for a link; at the end its process is, and its VM."""
    async with proxied(lambda: place.port) as proxy, asyncio.TaskGroup() as group:
        proxy.hold()
        client = Client(folder / "client", place, proxy.port)
        image = f"https://images.example.org/{folder.parent.name}.img" if cell.row is Row.FETCHING else _IMAGE
        await client.begin(group, grace_s=grace_s, image=image)
        scene = Scene(cell, place, proxy, client, folder)
        try:
            yield scene
        finally:
            client.signal(signal.SIGKILL)
            await _leave_nothing(scene)


async def _leave_nothing(scene: Scene) -> None:
    """Whatever came of it, the next cell on this host finds the world as it was."""
    place, vm = scene.place, scene.vm
    if place.kit is Kit.CLOCK:
        place.set_clock("+0")
    if vm in place.vms():
        await asyncio.to_thread(place.demo.multipass, "delete", "--purge", vm)
        place.expected.discard(vm)


async def _reach(scene: Scene, record: Record) -> bool:
    try:
        await scene.reach()
    except (NotReachedError, DayflyError) as error:
        record.faults.append(f"not reached: {error}")
        return False
    return True


async def _carry_out(scene: Scene, record: Record) -> None:
    record.vm = scene.vm
    try:
        scene.lines_before, scene.struck_at = scene.client.lines(), time.monotonic()
        async with STRIKES[scene.cell.column](scene):
            await scene.let_go()
        await _SEE_THROUGH[scene.cell.fate.kind](scene, record)
    except (TimeoutError, StrikeFailedError, DayflyError, SubprocessError) as error:
        record.faults.append(f"{type(error).__name__}: {error}")
    _look_at_log(scene, record)
    _look_at_host(scene, record)
    record.status = scene.client.status


# ---- until it is over


async def _survive(scene: Scene, record: Record) -> None:
    """It must go on: with more lines, if it was not over yet, and then to its own end."""
    client = scene.client
    wanted = scene.lines_before + _MORE_LINES
    await scene.until(
        lambda: client.lines() >= wanted or client.status is not None or scene.has_ended("work"),
        "the log goes on",
        _SEE_LIMIT_S,
    )
    scene.finish()
    await _until_client_ends(scene, record, _SEE_LIMIT_S)
    await _until_clean(scene, record, _END_LIMIT_S)


async def _end(scene: Scene, record: Record) -> None:
    grace_s = scene.cell.grace_s if scene.cell.fate.is_unheard else 0
    since = max(scene.struck_at + grace_s, scene.released_at)
    await _until_clean(scene, record, grace_s + _SEE_LIMIT_S)
    record.clean_s = round(max(0.0, time.monotonic() - since), 1)
    if record.clean_s > CLEAN_S:
        record.faults.append(f"clean after {record.clean_s} s")
    if scene.cell.fate.statuses:
        await _until_client_ends(scene, record, _END_LIMIT_S)


async def _stay(scene: Scene, record: Record) -> None:
    """Nothing may happen for longer than the grace: the one thing that can only be waited out."""
    await asyncio.sleep(scene.cell.grace_s + _QUIET_S)
    state = scene.place.vms().get(scene.vm)
    is_pinned = scene.has_phase("live") and (scene.lease / "pin.on").exists()
    if state != "Running" or not is_pinned:
        record.pin_lost = True
        record.faults.append(f"the VM is {state or 'gone'}, the lease pinned: {is_pinned}")
        return
    status, said = await scene.client.call("rm", scene.vm)
    if status:
        record.faults.append(f"rm ended with {status}: {said[-300:]}")
    await _until_clean(scene, record, CLEAN_S)


_SEE_THROUGH = {Kind.SURVIVES: _survive, Kind.ENDS: _end, Kind.PINNED: _stay}


async def _until_client_ends(scene: Scene, record: Record, limit_s: float) -> None:
    client = scene.client
    await scene.until(lambda: client.status is not None, "the run's process ends", limit_s)
    if client.status not in scene.cell.fate.statuses:
        ended = client.find("WorkEnded")
        outcome = ended["outcome"] if ended else client.stderr[-300:]
        record.faults.append(f"status {client.status}, not {scene.cell.fate.statuses}: {outcome}")


async def _until_clean(scene: Scene, record: Record, limit_s: float) -> None:
    """Until the lease is closed and the VM absent; a VM that only has its name is somebody else's."""
    is_others = scene.vm in scene.place.expected
    try:
        await scene.until(
            lambda: scene.is_closed() and (is_others or scene.vm not in scene.place.vms()), "clean", limit_s
        )
    except TimeoutError:
        record.leaked = True
        lease = sorted(path.name for path in scene.lease.glob("*.*"))
        record.faults.append(f"leak: the VM is {scene.place.vms().get(scene.vm)}, the lease {lease}")


# ---- what is there then


def _look_at_log(scene: Scene, record: Record) -> None:
    client = scene.client
    has_failed = client.status in scene.cell.fate.statuses and client.status != WORK_STATUS
    must_be_whole = scene.cell.fate.kind is Kind.SURVIVES and not has_failed
    for stream in workload.STREAMS:
        readings = {"log": workload.read(client.log(stream), stream)}
        if must_be_whole:
            readings["printed"] = workload.read(client.printed(stream), stream)
        for name, reading in readings.items():
            record.lost += reading.lost
            record.doubled += reading.doubled
            if not (reading.whole if must_be_whole else reading.prefix):
                record.faults.append(f"{name} of {stream}: {reading}")


def _look_at_host(scene: Scene, record: Record) -> None:
    place = scene.place
    record.wrongly_deleted = place.touched()
    if scene.vm in place.expected and scene.vm not in place.vms():
        record.wrongly_deleted.append(scene.vm)
    if record.wrongly_deleted:
        record.faults.append(f"wrongly deleted: {record.wrongly_deleted}")
