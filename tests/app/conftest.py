"""A running dashboard over a scripted fleet, on a terminal of 80x24."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from textual.message import Message
from textual.pilot import Pilot

from tests.app.fleet_script import ScriptedFleet, ScriptedShelf, parse_host
from tui.app.app import DayflyApp
from tui.app.summary import Summary
from tui.engine.history import LedgerHistory
from tui.model.settings import Settings
from tui.wiring import open_ledger


@dataclass
class Stage:
    fleet: ScriptedFleet
    shelf: ScriptedShelf
    app: DayflyApp
    pilot: Pilot[Summary]

    @property
    def text(self) -> str:
        """Everything on the terminal, line by line."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Let the app work until `condition`; fails with what is on the screen."""
        for _ in range(200):
            if condition():
                return
            await self.pilot.pause(0.02)
        pytest.fail(f"never came: {what}\n{self.text}")

    async def sees(self, *words: str) -> None:
        for word in words:
            await self.until(lambda word=word: word in self.text, word)

    async def sees_no(self, word: str) -> None:
        await self.until(lambda: word not in self.text, f"no {word}")


@asynccontextmanager
async def on_stage(
    fleet: ScriptedFleet,
    *,
    size: tuple[int, int] = (80, 24),
    start: str | None = None,
    shelf: Any = None,
    settings: Settings | None = None,
    hook: Callable[[Message], None] | None = None,
) -> AsyncIterator[Stage]:
    """`shelf`: another than a ScriptedShelf. `hook` sees every message before it is dealt with."""
    shelf = shelf or ScriptedShelf()
    with open_ledger() as ledger:
        app = DayflyApp(
            *(fleet, shelf, parse_host),
            history=LedgerHistory(ledger),
            start=start,
            settings=settings or Settings(),
            clock=lambda: fleet.now,
        )
        async with app.run_test(size=size, notifications=True, message_hook=hook) as pilot:
            await pilot.pause()
            yield Stage(fleet, shelf, app, pilot)


@pytest.fixture
async def fleet() -> ScriptedFleet:
    fleet = ScriptedFleet()
    fleet.add_demo()
    return fleet


@pytest.fixture
async def stage(fleet: ScriptedFleet) -> AsyncIterator[Stage]:
    async with on_stage(fleet) as stage:
        yield stage
