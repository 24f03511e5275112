"""A command that gets the whole terminal while the dashboard stands back."""

from __future__ import annotations

import asyncio

from textual.app import App


def may_run(app: App[object]) -> bool:
    """Whether there is a terminal to be given away: not in a browser, not in a test."""
    return not (app.is_headless or app.is_web)


async def run(app: App[object], command: str) -> int:
    """Stand back, run `command` on the terminal, come back; its status.

    All else goes on meanwhile. Cancelled, the command is told to end.
    """
    with app.suspend(), app.batch_update():
        process = await asyncio.create_subprocess_shell(command)
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
