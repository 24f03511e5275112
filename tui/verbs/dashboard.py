"""The dashboard, alone or on the demo host."""

from __future__ import annotations

import asyncio
import os
import sys

import click

from tui.model.errors import UsageError
from tui.model.hosts import DEMO


@click.command()
def dashboard() -> None:
    """Open the dashboard."""
    _need_terminal()
    sys.exit(asyncio.run(_open(None)))


@click.command()
@click.option(
    "--speed", type=click.FloatRange(0.1, 1000), help="How many times faster than life. [default: 1]"
)
@click.option(
    "--shell", "shell", is_flag=True, help="A shell on the demo host, where `multipass` is the demo's."
)
@click.argument("command", required=False)
def demo(speed: float | None, *, shell: bool, command: str | None) -> None:
    """Open the dashboard on the embedded demo host, or with --shell a shell on it."""
    from tui.demo import process

    if command and not shell:
        raise UsageError(f"demo takes no word {command!r}", hint="a command goes with --shell")
    if shell:
        sys.exit(asyncio.run(process.shell(command)))
    _need_terminal()
    if speed is not None:
        os.environ["DAYFLY_DEMO_SPEED"] = str(speed)
    sys.exit(asyncio.run(_open(DEMO)))


def _need_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the dashboard needs a terminal", hint="without one: dayfly run, dayfly ps")
