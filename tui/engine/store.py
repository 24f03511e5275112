"""The one state, and who waits for it to change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tui.model.events import Event
from tui.model.state import FleetState, reduce

OnEvent = Callable[[Event], None]


class Signal:
    """Wakes everybody who waits for the next change."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def fire(self) -> None:
        """Something has changed."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the next `fire`."""
        await self._event.wait()

    async def wait_for(self, seconds: float) -> bool:
        """Wait at most so long; whether it fired."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        return True


class Store:
    """Holds the state; events go in, states come out."""

    def __init__(self) -> None:
        self.state = FleetState()
        self.changes = Signal()
        self._listeners: list[OnEvent] = []

    def listen(self, on_event: OnEvent) -> None:
        """Call `on_event` for every event from now on, before the state changes."""
        self._listeners.append(on_event)

    def apply(self, event: Event) -> None:
        """Take in one event."""
        for listener in self._listeners:
            listener(event)
        state = reduce(self.state, event)
        if state is not self.state:
            self.state = state
            self.changes.fire()
