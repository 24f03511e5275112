"""Several ways in which something may end; the first that does decides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def first_of(*ways: Awaitable[T]) -> T:
    """The result of whichever ends first; the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_as_coroutine(way)) for way in ways]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
    return next(task.result() for task in tasks if task in done)


async def _as_coroutine(way: Awaitable[T]) -> T:
    return await way
