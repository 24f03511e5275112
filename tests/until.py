"""Wait for a fact of the outer world, with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

LIMIT_S = 60.0


async def until(condition: Callable[[], object], what: str = "it", *, timeout_s: float = LIMIT_S) -> None:
    """Look, in a thread, every few milliseconds until `condition` holds."""
    deadline = time.monotonic() + timeout_s
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        await asyncio.sleep(0.01)
