"""The connections to one host: one as long as one will do, more where the server's limits ask for it.

All runs share them. Short commands queue for a free session; long channels don't wait behind each
other. Where the server refuses a session (MaxSessions), the pool learns how many it grants. Where a
login needed a person, no further connection is made: nobody is asked for a second one-time password.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from tui.contracts import Channel
from tui.model.errors import ConnectionDropped, HostError, HostUnreachable
from tui.model.spec import HostName

SHORT_SESSIONS = 5
"""sshd frees a session later than its client hears of the end; five leave room for that."""
LONG_SESSIONS = 8
MAX_SESSIONS = 10
"""What OpenSSH grants a connection by default; less is learned."""
MAX_HANDSHAKES = 8
"""sshd drops connections at random from ten unauthenticated ones on (MaxStartups)."""
PATIENCE_S = 0.1
"""How long a short command queues before another connection is worth its while."""
QUEUE_LIMIT_S = 60.0
IDLE_S = 60.0
"""After that an empty connection that isn't the only one is closed."""
CLOSE_WITHIN_S = 2.0
LEARN_AFTER = 3
"""Refusals in a row; a first one may only mean that sshd is late."""
MAX_REFUSALS = 10


class SessionRefused(Exception):
    """The server grants no further session on this connection."""


class Link(Protocol):
    """One authenticated connection."""

    @property
    def usable(self) -> bool:
        """It was neither lost nor closed."""

    @property
    def attended(self) -> bool:
        """A person had to type something for it that can't be used again."""

    def abort(self) -> None:
        """Drop it at once. Idempotent."""

    def close(self) -> None:
        """Say goodbye and close."""

    async def wait_closed(self) -> None:
        """Wait until it is closed."""


L = TypeVar("L", bound=Link)


@dataclass(slots=True, eq=False)
class _Member(Generic[L]):
    """A connection and what runs on it."""

    link: L
    short: int = 0
    long: int = 0
    beside: int = 0
    """Channels that the server counts as no session."""
    retired: bool = False
    """Takes no new channels; closed when the last one has ended."""
    idle_timer: asyncio.TimerHandle | None = None

    @property
    def sessions(self) -> int:
        return self.short + self.long

    @property
    def busy(self) -> int:
        return self.sessions + self.beside

    def count(self, change: int, *, long: bool) -> None:
        if long:
            self.long += change
        else:
            self.short += change

    def has_room(self, max_sessions: int, *, long: bool) -> bool:
        if self.retired or not self.link.usable or self.sessions >= max_sessions:
            return False
        return self.long < LONG_SESSIONS if long else self.short < SHORT_SESSIONS


class Pool(Generic[L]):
    """Sessions on as few connections as will do.

    `dial` makes a connection, and calls what it was given when that connection is lost.
    """

    def __init__(self, name: HostName, dial: Callable[[Callable[[], None]], Awaitable[L]]) -> None:
        self._name = name
        self._dial = dial
        self._members: list[_Member[L]] = []
        self._max_sessions = MAX_SESSIONS
        self._first: asyncio.Future[HostError | None] | None = None
        self._dialling = 0
        self._closed = False
        self._queues: dict[bool, deque[asyncio.Future[None]]] = {False: deque(), True: deque()}

    @property
    def spare(self) -> int:
        """How many more long channels make nobody wait: as many as you like where we may make connections."""
        takers = self._takers()
        if not any(member.link.attended for member in takers):
            return LONG_SESSIONS
        rooms = (min(LONG_SESSIONS - each.long, self._max_sessions - each.sessions) for each in takers)
        return sum(max(0, room) for room in rooms)

    async def connect(self) -> None:
        """Have a connection. All who wait for the first one share its outcome: no storm of logins.

        Raises what `dial` raises.
        """
        while not self._takers():
            if self._closed:
                raise ConnectionDropped(f"{self._name} is closed", host=self._name)
            if self._first is None:
                await self._connect_first()
                continue
            error = await asyncio.shield(self._first)
            if error is not None:
                raise error

    async def open(
        self, start: Callable[[L, Callable[[], None]], Awaitable[Channel]], *, long: bool
    ) -> Channel:
        """Start a channel on a connection with room for it.

        `start` gets what to call once the channel has ended, and raises SessionRefused or a HostError.
        Raises the latter, what `dial` raises, and HostUnreachable if no session is to be had.
        """
        for refusals in range(1, MAX_REFUSALS + 1):
            member = await self._take(long=long)
            give_back = partial(self._give_back, member, long=long)
            with ExitStack() as undo, suppress(SessionRefused):
                undo.callback(give_back)
                try:
                    channel = await start(member.link, give_back)
                except asyncio.CancelledError:
                    # The session may still come, and nobody would close it.
                    member.retired = not member.link.attended
                    raise
                undo.pop_all()
                return channel
            if refusals >= LEARN_AFTER:
                self._max_sessions = max(1, min(self._max_sessions, member.sessions))
            await asyncio.sleep(0.004 * 2**refusals * random.uniform(0.5, 1))
        raise HostUnreachable(
            f"{self._name} takes the login but grants no session",
            host=self._name,
            hint="look at MaxSessions in the server's sshd_config, and at its process limits",
        )

    async def open_beside(self, start: Callable[[L, Callable[[], None]], Awaitable[Channel]]) -> Channel:
        """Start a channel that takes no session, on the connection that has least to do.

        Raises what `start` raises, and what `dial` raises.
        """
        await self.connect()
        member = min(self._takers(), key=lambda member: member.busy)
        member.beside += 1

        def give_back() -> None:
            member.beside -= 1
            self._close_if_unused(member)

        with ExitStack() as undo:
            undo.callback(give_back)
            channel = await start(member.link, give_back)
            undo.pop_all()
        return channel

    def drop(self) -> None:
        """Abort every connection now. The next `open` connects anew."""
        members, self._members = self._members, []
        for member in members:
            member.link.abort()
        self._wake_all()

    async def aclose(self) -> None:
        """Close every connection, for good; what is not closed after two seconds is aborted."""
        self._closed = True
        members, self._members = self._members, []
        for member in members:
            member.link.close()
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                for member in members:
                    await member.link.wait_closed()
        except TimeoutError:
            for member in members:
                member.link.abort()
        self._wake_all()

    def _takers(self) -> list[_Member[L]]:
        """The connections that may get new channels."""
        self._members = [member for member in self._members if member.link.usable]
        return [member for member in self._members if not member.retired]

    async def _connect_first(self) -> None:
        first = self._first = asyncio.get_running_loop().create_future()
        outcome: HostError | None = None
        try:
            await self._grow()
        except HostError as error:
            outcome = error
            raise
        finally:
            self._first = None
            first.set_result(outcome)

    async def _grow(self) -> None:
        self._dialling += 1
        try:
            link = await self._dial(self._wake_all)
            if self._closed:
                link.abort()
                raise ConnectionDropped(f"{self._name} was closed meanwhile", host=self._name)
            self._members.append(_Member(link))
        finally:
            self._dialling -= 1
            self._wake_all()

    def _may_grow(self, *, long: bool) -> bool:
        """Whether the connections being made leave us without a session, and one more may be made."""
        if self._dialling >= MAX_HANDSHAKES or any(member.link.attended for member in self._takers()):
            return False
        coming = self._dialling * min(LONG_SESSIONS if long else SHORT_SESSIONS, self._max_sessions)
        return coming <= sum(len(queue) for queue in self._queues.values())

    async def _take(self, *, long: bool) -> _Member[L]:
        """A connection with room, with us counted in; another one is made where that is worth its while."""
        clock = asyncio.get_running_loop().time
        await self.connect()
        deadline = clock() + QUEUE_LIMIT_S
        grow_at = clock() + (0 if long else PATIENCE_S)
        while True:
            await self.connect()
            roomy = [member for member in self._takers() if member.has_room(self._max_sessions, long=long)]
            if roomy:
                member = min(roomy, key=lambda member: member.busy)
                member.count(+1, long=long)
                return member
            if clock() >= deadline:
                raise HostUnreachable(f"every session of {self._name} is in use", host=self._name)
            if clock() < grow_at:
                await self._queue(grow_at, long=long)
            elif not self._may_grow(long=long):
                await self._queue(deadline, long=long)
            elif not await self._try_to_grow(or_raise=long):
                grow_at = clock() + 1

    async def _try_to_grow(self, *, or_raise: bool) -> bool:
        try:
            await self._grow()
        except HostError:
            if or_raise:
                raise
            return False
        return True

    async def _queue(self, until: float, *, long: bool) -> None:
        """Wait until something has changed for us, or it is `until`."""
        queue = self._queues[long]
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            async with asyncio.timeout_at(until):
                await turn
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            if turn not in queue:
                self._wake_next()  # it was our turn, and we won't take it
            raise
        finally:
            if turn in queue:
                queue.remove(turn)

    def _give_back(self, member: _Member[L], *, long: bool) -> None:
        member.count(-1, long=long)
        self._close_if_unused(member)
        self._wake_next()

    def _close_if_unused(self, member: _Member[L]) -> None:
        if not member.busy:
            if member.retired:
                member.link.close()
            elif len(self._members) > 1:
                self._close_later(member)

    def _close_later(self, member: _Member[L]) -> None:
        def close_if_idle() -> None:
            if not member.busy and len(self._takers()) > 1:
                member.retired = True
                member.link.close()

        if member.idle_timer is not None:
            member.idle_timer.cancel()
        member.idle_timer = asyncio.get_running_loop().call_later(IDLE_S, close_if_idle)

    def _wake_next(self) -> None:
        """A session is free: whoever is first in either queue may look."""
        for queue in self._queues.values():
            self._wake(queue, 1)

    def _wake_all(self) -> None:
        for queue in self._queues.values():
            self._wake(queue, len(queue))

    def _wake(self, queue: deque[asyncio.Future[None]], count: int) -> None:
        while queue and count:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                count -= 1
