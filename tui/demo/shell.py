"""A shell on the demo host, for `dayfly demo --shell`.

The demo host is this very machine, so no connection is needed: only its account's surroundings.
"""

from __future__ import annotations

import asyncio
import os

from tui.demo import process
from tui.demo.account import environment


async def run(command: str | None = None) -> int:
    """Run `command`, or a login shell, as the demo host would; its status, 128+n if a signal ended it.

    Starts the demo host where it is not running. Raises what `process.ensure` raises.
    """
    world = (await process.ensure()).world
    words = ["/bin/sh", "-c", command] if command else ["/bin/sh", "-l"]
    terminal = {"TERM": os.environ["TERM"]} if "TERM" in os.environ else {}
    child = await asyncio.create_subprocess_exec(
        *words, cwd=world / "home", env=environment(world) | terminal
    )
    status = await child.wait()
    return status if status >= 0 else 128 - status
