"""Keeps what ended runs left here within its limits, when the dashboard opens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tui.app import past
from tui.app.screens.fleet_screen import Desk


async def keep_within_limits(desk: Desk, tell: Callable[[str], None]) -> None:
    """Remove what is over the limits of the settings, and say so; what cannot be removed stays."""
    try:
        done = await asyncio.to_thread(desk.history.prune, desk.settings.retention)
    except OSError:
        return  # a disk in such a state has its own warning
    if done.runs:
        limits = "over the limits of [history] in config.toml"
        tell(f"{past.removed_words(done)}, {limits}")
