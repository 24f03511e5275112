"""The one way up: copies the fleet's state to the app, at most twenty times a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tui.contracts import Fleet
from tui.model.state import FleetState

_PAUSE_S = 0.05


async def follow_fleet(fleet: Fleet, show: Callable[[FleetState], None]) -> None:
    """Show every state that stays for a moment, the last one always. Runs until cancelled."""
    shown: FleetState | None = None
    while True:
        state = fleet.state
        if state is shown:
            await fleet.changed()
            continue
        show(state)
        shown = state
        await asyncio.sleep(_PAUSE_S)
