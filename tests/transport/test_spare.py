"""How many long channels may be opened without anybody having to wait for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tui.contracts import Channel
from tui.model.spec import HostName
from tui.transport.pool import LONG_SESSIONS, Pool


@dataclass
class Line:
    """A connection on which nothing ever happens."""

    attended: bool
    usable: bool = True

    def abort(self) -> None:
        self.usable = False

    def close(self) -> None:
        self.usable = False

    async def wait_closed(self) -> None:
        pass


async def occupy(pool: Pool[Line], count: int) -> Callable[[], None]:
    """Open so many long channels; ends the last one."""
    ends: list[Callable[[], None]] = []

    async def start(_line: Line, on_end: Callable[[], None]) -> Channel:
        ends.append(on_end)
        return None  # type: ignore[return-value]  # nobody uses it

    for _ in range(count):
        await pool.open(start, long=True)
    return ends[-1]


def pool_of(*, attended: bool) -> Pool[Line]:
    async def dial(_on_lost: Callable[[], None]) -> Line:
        return Line(attended)

    return Pool(HostName("lab"), dial)


async def test_where_connections_may_be_made_there_is_always_room() -> None:
    pool = pool_of(attended=False)
    assert pool.spare == LONG_SESSIONS
    await occupy(pool, 3 * LONG_SESSIONS)
    assert pool.spare == LONG_SESSIONS


async def test_where_a_person_had_to_log_in_one_connection_is_all() -> None:
    pool = pool_of(attended=True)
    end = await occupy(pool, LONG_SESSIONS - 1)
    assert pool.spare == 1
    await occupy(pool, 1)
    assert pool.spare == 0
    end()
    assert pool.spare == 1
    pool.drop()
    assert pool.spare == LONG_SESSIONS
