"""The pin of one run: asked for here, set on the host, or moved from another terminal."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time

from tui.engine.ledger import Ledger
from tui.engine.link import HostLink
from tui.engine.store import Store
from tui.model.errors import LeaseClosing, NoSuchLease
from tui.model.events import PinChanged
from tui.model.lease import LeaseReport
from tui.model.phase import Pin
from tui.model.spec import RunId, VmName

_SETTLES_S = 5.0
"""After our own word: reports from before it may still come in."""


class PinSwitch:
    """Says pin and unpin to the host, one after the other; what came of it is in the state."""

    def __init__(
        self, run: RunId, vm: VmName, link: HostLink, *, store: Store, ledger: Ledger, patience_s: float
    ) -> None:
        self._run, self._vm, self._link = run, vm, link
        self._store, self._ledger = store, ledger
        self._patience_s = patience_s
        self._lock = asyncio.Lock()
        self._moved = -math.inf

    @property
    def is_on(self) -> bool:
        """Whether the host has confirmed it."""
        return self._now is Pin.ON

    @property
    def is_wanted(self) -> bool:
        """Whether it is on, or will be as soon as there is a lease."""
        return self._now in (Pin.ON, Pin.ASKED)

    async def pin(self, *, is_leased: bool) -> None:
        """Keep the VM; before there is a lease it is only remembered, and said again afterwards."""
        async with self._lock:
            if self._now is Pin.ON:
                return
            self._show(Pin.ASKED)
            if is_leased:
                self._moved = time.monotonic()
                try:
                    await self._link.say(lambda: self._link.warden.pin(self._vm), patience_s=self._patience_s)
                except (LeaseClosing, NoSuchLease) as error:
                    self._show(Pin.REFUSED, error.message)
                else:
                    await asyncio.to_thread(self._ledger.pinned, self._run, time.time())
                    self._show(Pin.ON)

    async def unpin(self, *, is_leased: bool) -> None:
        """Let the VM go."""
        async with self._lock:
            if is_leased and self._now is not Pin.OFF:
                self._moved = time.monotonic()
                with contextlib.suppress(NoSuchLease):
                    await self._link.say(
                        lambda: self._link.warden.unpin(self._vm), patience_s=self._patience_s
                    )
            await asyncio.to_thread(self._ledger.pinned, self._run, None)
            self._show(Pin.OFF)

    def differs_from(self, report: LeaseReport) -> bool:
        """Whether another terminal has moved it."""
        is_settled = time.monotonic() - self._moved > _SETTLES_S and not self._lock.locked()
        return is_settled and report.pinned != self.is_on

    def take(self, report: LeaseReport, *, since: float | None = None) -> None:
        """Show the pin as the host has it; `since` when, where we know that it was ours."""
        if report.pinned != self.is_on:
            reason = "" if since else "from another terminal, or by the host"
            self._show(Pin.ON if report.pinned else Pin.OFF, reason, since)

    @property
    def _now(self) -> Pin:
        return self._store.state.runs[self._run].pin

    def _show(self, pin: Pin, reason: str = "", at: float | None = None) -> None:
        if pin is not self._now:
            self._store.apply(PinChanged(run=self._run, at=at or time.time(), pin=pin, reason=reason))
