"""The dashboard, alone or on the demo host. The engine encloses it: when it ends, cleanup does not."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from tui.engine.history import LedgerHistory
from tui.engine.ledger import LedgerRow
from tui.engine.supervisor import Pace, Supervisor
from tui.model.errors import UsageError
from tui.model.hosts import DEMO
from tui.model.spec import HostName
from tui.verbs.output import say

if TYPE_CHECKING:
    from tui.app.app import DayflyApp  # Textual is loaded only when the dashboard opens

_PACE = Pace(sample_s=2.0)
_LOOK_S = 0.5
_BROKEN = 125
_STOPPED_BY = {signal.SIGTERM: 143, signal.SIGHUP: 129}


@click.command()
def dashboard() -> None:
    """Open the dashboard."""
    _need_terminal()
    sys.exit(asyncio.run(_open()))


@click.command()
@click.option(
    "--speed", type=click.FloatRange(0.1, 1000), help="How many times faster than life. [default: 1]"
)
@click.option("--shell", is_flag=True, help="A shell on the demo host, where `multipass` is the demo's.")
@click.argument("command", required=False)
def demo(speed: float | None, *, shell: bool, command: str | None) -> None:
    """Open the dashboard on the embedded demo host, or with --shell a shell on it."""
    if command and not shell:
        raise UsageError(f"demo takes no word {command!r}", hint="a command goes with --shell")
    if speed is not None:
        os.environ["DAYFLY_DEMO_SPEED"] = str(speed)
    if shell:
        from tui.demo import shell as demo_shell

        sys.exit(asyncio.run(demo_shell.run(command)))
    _need_terminal()
    sys.exit(asyncio.run(_open(DEMO)))


def _need_terminal() -> None:
    if "web_driver" in os.environ.get("TEXTUAL_DRIVER", ""):
        return  # dayfly serve is the terminal
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the dashboard needs a terminal", hint="without one: dayfly run, dayfly ps")


async def _open(start_on: HostName | None = None) -> int:
    from tui import config
    from tui.app import names
    from tui.app.app import DayflyApp
    from tui.app.summary import summarise
    from tui.wiring import Shelf, open_fleet, open_ledger

    loaded = config.load(config.Names(names.all_commands(), names.all_themes()))
    default = start_on or config.default_host(loaded) or _first_host()
    shown = {*loaded.hosts, *([default] if default else [])}
    with open_ledger() as ledger:
        async with open_fleet(ledger, sorted({DEMO, *shown}), pace=_PACE) as fleet:
            for host in shown:
                fleet.show_host(host)
            app = DayflyApp(
                fleet,
                Shelf(default),
                lambda text: config.host_entry(text, config.load()),
                history=LedgerHistory(ledger),
                start=start_on,
                settings=loaded.settings,
            )
            async with asyncio.TaskGroup() as group:
                connecting = group.create_task(_connect(fleet, ledger.open_rows(), shown))
                status = await _watch(app, fleet)
                connecting.cancel()
            for line in summarise(fleet).lines:
                say(line)
            fleet.abandon()
            return status


async def _connect(fleet: Supervisor, rows: Sequence[LedgerRow], hosts: Collection[HostName]) -> None:
    """While the first screen is being painted: what SSH needs takes a third of a second to load."""
    from tui.wiring import load_transport

    await asyncio.to_thread(load_transport)
    gc.freeze()  # what is loaded stays: going through all of it for garbage would hold up a key for 0.1 s
    for row in rows:
        fleet.recover(row)
    for host in hosts:
        fleet.link(host)


def _first_host() -> HostName | None:
    """Where nothing is configured, the demo host stands in, if it is installed."""
    return DEMO if find_spec("bashkit") else None


async def _watch(app: DayflyApp, fleet: Supervisor) -> int:
    """Show the dashboard; what it leaves behind is cleaned up without it. The exit status."""
    told: list[signal.Signals] = []

    def on_signal(number: signal.Signals) -> None:
        told.append(number)
        app.leave_now()

    with _caught(list(_STOPPED_BY), on_signal):
        summary = await app.run_async()
        closed = summary is None and not app.breakdown  # the browser's tab
        if app.breakdown:
            say(f"the dashboard broke down ({app.breakdown}); cleaning up without it")
        if summary is None or told:
            await _see_it_through(fleet, hung_up=closed or signal.SIGHUP in told)
    if told:
        return _STOPPED_BY[told[0]]
    return _BROKEN if app.breakdown else 0


async def _see_it_through(fleet: Supervisor, *, hung_up: bool) -> None:
    """Clean up headless what the exit screen did not; ctrl-c says what is owed, twice leaves it."""
    if hung_up:
        fleet.hang_up()
    else:
        fleet.leave()
    pressed: list[signal.Signals] = []
    with _caught([signal.SIGINT], pressed.append):
        said = 0
        while fleet.state.unfinished and len(pressed) < 2:
            if len(pressed) > said:
                said = len(pressed)
                for run in fleet.state.unfinished:
                    say(f"still owed: {run.vm} on {run.host} ({run.delay or run.phase}); once more: leave it")
            await fleet.store.changes.wait_for(_LOOK_S)


@contextmanager
def _caught(numbers: Sequence[signal.Signals], on_signal: Callable[[signal.Signals], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
