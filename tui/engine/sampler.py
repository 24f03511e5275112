"""What the VMs use, over one channel of our own into each: no run waits for it, fails by it, or ends later.

Never `exec` in a loop, and never a question of the manager: a sh loop in the guest prints a line every few
seconds. The host lets nobody into a VM that does not run; nor do we ask to, once its work has ended and no
pin keeps it: so the channel is closed before a deletion begins.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from importlib.resources import files

from tui.contracts import Channel
from tui.engine.figures import FigureReader
from tui.engine.link import HostLink
from tui.engine.racing import first_of
from tui.engine.store import Store
from tui.model.errors import DayflyError
from tui.model.events import VmSampled
from tui.model.hosts import RUNNING
from tui.model.phase import Phase
from tui.model.spec import HostName, RunId, VmName
from tui.model.state import RunState

_FIRST_BACKOFF_S, _LAST_BACKOFF_S = 2.0, 60.0
_SETTLE_S = 1.0
"""What is over sooner than this is not worth a channel."""
_STEADY_S = 30.0
"""A channel that lasted so long was a good one: the next one need not wait for long."""
_FLOOD, _FLOOD_A_SECOND = 64 * 1024, 1024
"""Bytes; no guest that prints our lines comes near them."""
_SHORTAGE_LOOK_S = 5.0
_SPARE_TO_BEGIN, _SPARE_TO_GO_ON = 4, 2
"""Long channels that the host must still have for logs and shells."""


class Sampling:
    """Has a sampler at work for each run whose VM takes commands, for as long as `serve` runs."""

    def __init__(self, store: Store, link_of: Callable[[HostName], HostLink], *, every_s: float) -> None:
        self._store = store
        self._link_of = link_of
        self._every_s = every_s
        self._tasks: dict[RunId, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._begin_and_end(group)
                await self._store.changes.wait()

    def _begin_and_end(self, group: asyncio.TaskGroup) -> None:
        for run in self._store.state.runs.values():
            is_wanted = self._is_wanted(run)
            if is_wanted and run.id not in self._tasks:
                sampler = VmSampler(run.id, run.vm, self._link_of(run.host), self._store, self._every_s)
                self._tasks[run.id] = group.create_task(sampler.serve(), name=f"sample {run.vm}")
            elif not is_wanted and run.id in self._tasks:
                self._tasks.pop(run.id).cancel()

    def _is_wanted(self, run: RunState) -> bool:
        if run.phase not in (Phase.WORKING, Phase.COLLECTING, Phase.KEPT) or run.left:
            return False
        if run.outcome is not None and not run.is_pinned:
            return False
        return run.vm_state == RUNNING


class VmSampler:
    """Samples one VM. `serve` is its one task; cancelled, it leaves no channel open."""

    def __init__(self, run: RunId, vm: VmName, link: HostLink, store: Store, every_s: float) -> None:
        self._run, self._vm, self._link, self._store = run, vm, link, store
        self._every_s = every_s
        self._begin_to_listen()

    async def serve(self) -> None:
        """Sample until cancelled; a channel that ends is opened again, ever later."""
        await asyncio.sleep(_SETTLE_S)
        backoff = _FIRST_BACKOFF_S
        while True:
            await self._await_room()
            began_at = time.monotonic()
            await self._listen_once()
            if time.monotonic() - began_at > _STEADY_S:
                backoff = _FIRST_BACKOFF_S
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _LAST_BACKOFF_S)

    async def _await_room(self) -> None:
        while not (self._link.is_up and self._link.spare_channels >= _SPARE_TO_BEGIN):  # noqa: ASYNC110
            await asyncio.sleep(_FIRST_BACKOFF_S)

    async def _listen_once(self) -> None:
        """Until the channel ends, for whatever reason; none of them is any concern of the run's."""
        self._begin_to_listen()
        script = (files("tui.engine") / "sampler.sh").read_text("utf-8")
        argv = ("sh", "-c", script, "dayfly", f"{self._every_s:g}")
        try:
            channel = await self._link.warden.enter(
                self._vm, argv, on_stdout=self._on_bytes, on_stderr=_ignore
            )
        except DayflyError:
            return
        try:
            channel.write_eof()
            await first_of(_ended(channel), self._is_flooded.wait(), self._is_short())
        finally:
            channel.abort()

    def _begin_to_listen(self) -> None:
        self._reader = FigureReader()
        self._is_flooded = asyncio.Event()
        self._began_at = time.monotonic()
        self._heard = 0
        self._sampled_at = 0.0

    def _on_bytes(self, data: bytes) -> None:
        now = time.monotonic()
        self._heard += len(data)
        if self._heard > _FLOOD + (now - self._began_at) * _FLOOD_A_SECOND:
            self._is_flooded.set()
        if self._is_flooded.is_set():
            return
        samples = self._reader.feed(data, time.time())
        if samples and now - self._sampled_at >= self._every_s / 2:
            self._sampled_at = now
            self._store.apply(VmSampled(run=self._run, at=samples[-1].at, use=samples[-1]))

    async def _is_short(self) -> bool:
        """Logs and shells come first."""
        while self._link.spare_channels >= _SPARE_TO_GO_ON:  # noqa: ASYNC110
            await asyncio.sleep(_SHORTAGE_LOOK_S)
        return True


async def _ended(channel: Channel) -> bool:
    try:
        await channel.wait()
    except DayflyError:
        return False  # the link was lost
    return True


def _ignore(_data: bytes) -> None:
    """What the guest complains of."""
