"""The holder: one channel that renews all leases of a connection and brings their news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from tui.contracts import Channel
from tui.model.errors import ConnectionDropped, DayflyError, HostUnreachable, WardenError
from tui.model.lease import LeasePhase, LeaseReport
from tui.model.spec import VmName
from tui.warden.wire import NewsReader

_MIN_PATIENCE_S = 6.0
_LOOK_S = 1.0
"""How often a lease that is ending is looked at."""
_KEEN_S = 5.0
"""How long after a stir news are expected at any moment."""


class Holder:
    """Says beats and hears news, as long as its channel lives."""

    def __init__(
        self,
        leases: Callable[[], Sequence[VmName]],
        on_news: Callable[[LeaseReport], None],
        *,
        beat_s: float,
        stirred: asyncio.Event,
    ) -> None:
        self._leases = leases
        self._on_news = on_news
        self._beat_s = beat_s
        self._stirred = stirred
        self._reader = NewsReader()
        self._told: dict[VmName, LeaseReport] = {}
        self._said = 0
        self._unanswered: dict[int, float] = {}
        self._keen_until = 0.0
        self._fault: DayflyError | None = None
        self._clock = asyncio.get_running_loop().time

    def on_bytes(self, data: bytes) -> None:
        """Take what the host says."""
        try:
            for news in self._reader.feed(data):
                self._take(news)
        except WardenError as error:
            self._fault = error
            self._stirred.set()

    def _take(self, news: LeaseReport | int) -> None:
        if isinstance(news, int):
            for number in [number for number in self._unanswered if number <= news]:
                del self._unanswered[number]
        elif self._told.get(news.vm) != news and news.vm in self._leases():
            self._told[news.vm] = news
            self._on_news(news)

    async def beat(self, channel: Channel) -> int:
        """Beat at once and every `beat_s`; look in between where something is ending.

        Returns the channel's exit status, should it ever end by itself. Raises ConnectionDropped with the
        link, HostUnreachable when beats stay unanswered, WardenError when what comes makes no sense.
        """
        status = 0
        async with asyncio.TaskGroup() as group:
            saying = group.create_task(self._say(channel))
            try:
                status = await channel.wait()
            except ConnectionDropped as dropped:
                self._fault = self._fault or dropped
            saying.cancel()
        if self._fault is not None:
            raise self._fault
        return status

    async def _say(self, channel: Channel) -> None:
        """Until something is wrong; then the channel is of no use any more."""
        next_beat = self._clock()
        while self._fault is None:
            now = self._clock()
            word = "look"
            if now >= next_beat:
                word, next_beat = "beat", now + self._beat_s
            self._said += 1
            self._unanswered[self._said] = now
            channel.write(f"{word} {self._said} {' '.join(self._leases())}\n".encode("ascii"))
            await self._pause(next_beat)
        channel.abort()

    async def _pause(self, next_beat: float) -> None:
        """Until the next word is due; also notices that the last ones were not answered."""
        due = min(next_beat, self._clock() + _LOOK_S) if self._is_keen() else next_beat
        while self._fault is None and (left := due - self._clock()) > 0:
            try:
                async with asyncio.timeout(min(left, _LOOK_S)):
                    await self._stirred.wait()
            except TimeoutError:
                self._check()
                continue
            self._stirred.clear()
            self._keen_until = self._clock() + _KEEN_S
            break
        self._check()

    def _is_keen(self) -> bool:
        ending = (LeasePhase.REAPING, LeasePhase.COMMITTED, LeasePhase.DELETING)
        told = (self._told.get(vm) for vm in self._leases())
        return self._clock() < self._keen_until or any(news and news.phase in ending for news in told)

    def _check(self) -> None:
        oldest = min(self._unanswered.values(), default=self._clock())
        if self._clock() - oldest > max(3 * self._beat_s, _MIN_PATIENCE_S):
            self._fault = self._fault or HostUnreachable("The host does not answer our heartbeats.")
