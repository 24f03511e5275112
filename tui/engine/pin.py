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
_DRIFT_S, _DRIFT = 120.0, 0.1
"""A pin whose end is so far from where we have it was moved: seconds, and parts of what is left."""


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
        self._for_s: int | None = None

    @property
    def is_on(self) -> bool:
        """Whether the host has confirmed it."""
        return self._now is Pin.ON

    @property
    def is_wanted(self) -> bool:
        """Whether it is on, or will be as soon as there is a lease."""
        return self._now in (Pin.ON, Pin.ASKED)

    async def pin(self, *, is_leased: bool, for_s: int | None = None) -> None:
        """Keep the VM, for so long or until unpinned; the last word counts.

        Before there is a lease it is only remembered, and said as soon as there is one.
        """
        async with self._lock:
            for_s = for_s or self._for_s
            if self._now is Pin.ON and for_s is None and self._until is None:
                return
            self._for_s = for_s
            if self._now is not Pin.ON:
                self._show(Pin.ASKED)
            if is_leased:
                await self._say_pin(for_s)

    async def _say_pin(self, for_s: int | None) -> None:
        self._moved, self._for_s = time.monotonic(), None
        try:
            await self._link.say(
                lambda: self._link.warden.pin(self._vm, for_s=for_s), patience_s=self._patience_s
            )
        except (LeaseClosing, NoSuchLease) as error:
            self._show(Pin.REFUSED, error.message)
        else:
            await asyncio.to_thread(self._ledger.pinned, self._run, time.time())
            self._show(Pin.ON, until=time.time() + for_s if for_s else None)

    async def unpin(self, *, is_leased: bool) -> None:
        """Let the VM go."""
        async with self._lock:
            if is_leased and self._now is not Pin.OFF:
                self._moved, self._for_s = time.monotonic(), None
                with contextlib.suppress(NoSuchLease):
                    await self._link.say(
                        lambda: self._link.warden.unpin(self._vm), patience_s=self._patience_s
                    )
            await asyncio.to_thread(self._ledger.pinned, self._run, None)
            self._show(Pin.OFF)

    def differs_from(self, report: LeaseReport) -> bool:
        """Whether another terminal has moved it, or its end."""
        if time.monotonic() - self._moved <= _SETTLES_S or self._lock.locked():
            return False
        return report.pinned != self.is_on or (report.pinned and self._is_other_end(report.pin_left_s))

    def _is_other_end(self, left_s: int | None) -> bool:
        """Whether the host's pin ends otherwise than ours; its ticks and our clock drift apart a little."""
        if left_s is None or self._until is None:
            return (left_s is None) != (self._until is None)
        return abs(self._until - time.time() - left_s) > _DRIFT_S + _DRIFT * left_s

    def take(self, report: LeaseReport, *, since: float | None = None) -> None:
        """Show the pin as the host has it; `since` when, where we know that it was ours."""
        if report.pinned == self.is_on and not (report.pinned and self._is_other_end(report.pin_left_s)):
            return
        reason = "" if since else "from another terminal, or by the host"
        left_s = report.pin_left_s
        until = time.time() + left_s if report.pinned and left_s is not None else None
        self._show(Pin.ON if report.pinned else Pin.OFF, reason, at=since, until=until)

    @property
    def _now(self) -> Pin:
        return self._store.state.runs[self._run].pin

    @property
    def _until(self) -> float | None:
        return self._store.state.runs[self._run].pinned_until

    def _show(
        self, pin: Pin, reason: str = "", *, at: float | None = None, until: float | None = None
    ) -> None:
        if (pin, until) != (self._now, self._until):
            event = PinChanged(run=self._run, at=at or time.time(), pin=pin, reason=reason, until=until)
            self._store.apply(event)
