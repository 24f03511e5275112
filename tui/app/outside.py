"""A command that gets the whole terminal while the dashboard stands back."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from textual.app import App


def may_run(app: App[Any]) -> bool:
    """Whether there is a terminal to be given away: not in a browser, not in a test."""
    return not (app.is_headless or app.is_web)


async def run(app: App[Any], command: str) -> int:
    """Stand back, run `command` on the terminal, come back; its status.

    All else goes on meanwhile, unpainted: the driver would take 30 writes, then hold up the whole loop.
    Cancelled, the command is told to end. Raises SuspendNotSupported where there is no terminal.
    """
    with app.batch_update(), app.suspend(), _interrupts_are_its_own():
        process = await asyncio.create_subprocess_shell(command)
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()


@contextmanager
def _interrupts_are_its_own() -> Iterator[None]:
    """Ctrl-c goes to all in the foreground; it means the command, not us."""
    before = signal.getsignal(signal.SIGINT)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
