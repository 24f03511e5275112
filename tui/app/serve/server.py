"""The server: a page, and for each tab a dashboard in a process of its own, which ends with the tab."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager
from textual_serve.server import Server, to_int

from tui.app.serve.guard import Guard

_HEARTBEAT_S = 15
_CLOSE_LIMIT_S = 5


class DashboardServer(Server):
    """Serves the dashboard as `origin` (`http://127.0.0.1:8023`) to whoever opened a link of its guard."""

    def __init__(self, command: Sequence[str], origin: str, guard: Guard) -> None:
        super().__init__("dayfly", title="dayfly", public_url=origin)
        self._argv = tuple(command)
        self._guard = guard
        self._open: dict[Dashboard, web.WebSocketResponse] = {}

    @property
    def dashboards(self) -> int:
        """How many processes there are, those that still clean up included."""
        return len(self._open)

    def routes(self) -> web.Application:
        """All that is served, behind the guard."""
        app = web.Application(middlewares=[self._guard.middleware])
        app.on_response_prepare.append(self._guard.add_headers)
        page = str(resources.files("tui.app.serve"))
        aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(page), autoescape=True)
        app.add_routes(
            [
                web.get("/", self.handle_index, name="index"),
                web.get("/ws", self.handle_websocket, name="websocket"),
                web.get("/download/{key}", self.handle_download, name="download"),
                web.static("/static", self.statics_path, name="static"),
                web.static("/page", Path(page) / "static"),
            ]
        )
        return app

    @aiohttp_jinja2.template("page.html")
    async def handle_index(self, request: web.Request) -> dict[str, object]:
        """The page, with the address of its socket."""
        scheme, _, name = self.public_url.partition("://")
        address = f"{'wss' if scheme == 'https' else 'ws'}://{name}/ws"
        return {"socket": address, "font_size": to_int(request.query.get("fontsize", "14"), 14)}

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """One tab: its dashboard begins with it, and is told to end when it is closed."""
        tab = web.WebSocketResponse(heartbeat=_HEARTBEAT_S)
        await tab.prepare(request)
        dashboard = Dashboard(self._argv, tab, self.download_manager)
        self._open[dashboard] = tab
        try:
            width, height = (to_int(request.query.get(side, ""), 80) for side in ("width", "height"))
            await dashboard.start(width, height)
            await self._process_messages(tab, dashboard)
        finally:
            try:
                await asyncio.shield(dashboard.stop())
            finally:
                del self._open[dashboard]
        return tab

    async def close_tabs(self) -> None:
        """Close every tab, as the person would; their dashboards clean up on their own."""
        for tab in list(self._open.values()):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_LIMIT_S):
                    await tab.close()


class Dashboard(AppService):
    """One dashboard's process: no shell's, and not of the server's terminal."""

    def __init__(self, argv: Sequence[str], tab: web.WebSocketResponse, downloads: DownloadManager) -> None:
        super().__init__(
            "dayfly",
            write_bytes=self._show,
            write_str=self._tell,
            close=self._close,
            download_manager=downloads,
        )
        self._argv = tuple(argv)
        self._tab = tab

    async def _open_app_process(self, width: int = 80, height: int = 24) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *self._argv,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=self._build_environment(width=width, height=height),
            start_new_session=True,
        )
        self._process, self._stdin = process, process.stdin
        return process

    # A tab that is gone takes nothing more, but its dashboard must be read until it has ended.

    async def _show(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            await self._tab.send_bytes(data)

    async def _tell(self, text: str) -> None:
        with contextlib.suppress(ConnectionError):
            await self._tab.send_str(text)

    async def _close(self) -> None:
        await self._tab.close()


@asynccontextmanager
async def serving(server: DashboardServer, listening: socket.socket) -> AsyncIterator[None]:
    """Answer on that socket for as long as the block runs."""
    runner = web.AppRunner(server.routes(), handle_signals=False, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        yield
    finally:
        await runner.cleanup()
