"""`dayfly serve`: the dashboard in a browser."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import socket
import sys
from contextlib import closing, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from tui.model.errors import DayflyError, UsageError
from tui.verbs.output import say

if TYPE_CHECKING:
    from tui.app.serve.server import DashboardServer  # Textual and aiohttp are loaded only to serve

_LOOK_S = 0.3


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8023, show_default=True, help="0: any free one."
)
@click.option("--listen", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--public-url", metavar="URL", help="How browsers reach it through a proxy of yours, with TLS.")
@click.option("--demo", "on_demo", is_flag=True, help="The dashboard on the embedded demo host.")
def serve(*, port: int, listen: str, public_url: str | None, on_demo: bool) -> None:
    """Serve the dashboard to browsers of this machine, until ctrl-c.

    Whoever opens the link that is printed may do what you may do. It works once; then the next is printed.
    Each tab is a dashboard of its own; closing it ends or keeps its runs as a closed terminal does.
    """
    if not find_spec("textual_serve"):
        raise UsageError("serve needs what is not installed here", hint="pip install 'dayfly[web]'")
    _check_exposure(listen, public_url)
    sys.exit(asyncio.run(_serve(port, listen, public_url, on_demo=on_demo)))


def _check_exposure(listen: str, public_url: str | None) -> None:
    """Beyond this machine only behind a proxy with TLS: the link would go over the wire as it is."""
    if public_url is not None:
        parts = urlsplit(public_url)
        if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/"):
            raise UsageError(
                f"--public-url {public_url!r} will not do", hint="write https://NAME or https://NAME:PORT"
            )
    elif not _is_loopback(listen):
        raise UsageError(
            f"--listen {listen} shows the dashboard to other machines without TLS",
            hint="leave it out and go through ssh -L, or put a proxy with TLS before it and add"
            " --public-url https://NAME",
        )


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


async def _serve(port: int, listen: str, public_url: str | None, *, on_demo: bool) -> int:
    from tui.app.serve.guard import Guard
    from tui.app.serve.server import DashboardServer, serving

    told: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, told.put_nowait, number)
    with closing(_listen(listen, port)) as listening:
        origin = public_url.rstrip("/") if public_url else _origin(listening)
        guard = Guard(origin.lower(), on_link=click.echo)
        command = (sys.executable, "-m", "tui", *(["demo"] if on_demo else []))
        server = DashboardServer(command, origin.lower(), guard)
        async with serving(server, listening):
            say(f"the dashboard is served as {origin}; ctrl-c ends it. Open this link; it works once:")
            guard.make_link()
            asked = await told.get()
            await _end(server, told)
    return 128 + asked


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family)
    except OSError as error:
        raise DayflyError(
            f"cannot listen on {address}, port {port}: {error.strerror or error}",
            hint="any free port: --port 0",
        ) from error


def _origin(listening: socket.socket) -> str:
    address, port = listening.getsockname()[:2]
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


async def _end(server: DashboardServer, told: asyncio.Queue[signal.Signals]) -> None:
    """Close the tabs and wait until their dashboards have cleaned up; told again: leave that to the hosts."""
    await server.close_tabs()
    if server.dashboards:
        say(f"waiting for {server.dashboards} of them to clean up; ctrl-c leaves that to the hosts")
    while server.dashboards and told.empty():
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                told.put_nowait(await told.get())
