"""Who may speak to the server: our own page, under our own name, opened by a link that was used once.

A page of another site that a browser has open can send requests to loopback too; so every request must name
us in `Host`, and none may come from another `Origin`.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # the terminal in the page sets the width of its cells
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Lets requests through, or not. `on_link` hears every new link that opens the dashboard once."""

    def __init__(self, origin: str, *, on_link: Callable[[str], None]) -> None:
        self._origin = origin
        self._name = origin.split("://", 1)[1]
        self._on_link = on_link
        self._token = ""
        self._sessions: set[str] = set()
        # Browsers give a cookie to every port of a machine: ours has our port in its name.
        self._cookie = f"dayfly-{self._name.rpartition(':')[2]}"

    def make_link(self) -> None:
        """From now on this link opens the dashboard, once, and the one before does not."""
        self._token = secrets.token_urlsafe(32)
        self._on_link(f"{self._origin}/?token={self._token}")

    @property
    def middleware(self) -> Middleware:
        """For the server, in front of every route."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._check_source(request)
            if request.path == "/" and "token" in request.query:
                return self._redeem(request.query["token"])
            if not self._is_known(request):
                raise web.HTTPForbidden(text="Open the link that `dayfly serve` shows; it works once.\n")
            return await handler(request)

        return check

    async def add_headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        """What every answer says to the browser; for the signal `on_response_prepare`."""
        response.headers.update(_HEADERS)

    def _check_source(self, request: web.Request) -> None:
        if request.headers.get("Host", "").lower() != self._name:
            raise web.HTTPForbidden(text=f"dayfly is served as {self._origin} only.\n")
        origin = request.headers.get("Origin")
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        if origin != self._origin and (origin is not None or is_socket):
            raise web.HTTPForbidden(text="This page belongs to another site.\n")

    def _redeem(self, token: str) -> web.StreamResponse:
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise web.HTTPForbidden(text="This link was used before; `dayfly serve` shows a new one.\n")
        session = secrets.token_urlsafe(32)
        self._sessions.add(session)
        self.make_link()
        opened = web.HTTPSeeOther("/")
        opened.set_cookie(
            self._cookie,
            session,
            httponly=True,
            samesite="Strict",
            secure=self._origin.startswith("https"),
        )
        return opened

    def _is_known(self, request: web.Request) -> bool:
        shown = request.cookies.get(self._cookie, "").encode()
        return any(hmac.compare_digest(shown, session.encode()) for session in self._sessions)
