"""One POST of JSON to a URL of the person's own. Whoever knows the URL may post there: it is never shown."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import threading
import urllib.error
import urllib.request
from email.message import Message
from typing import IO

from tui import __version__

LIMIT_S = 10.0
_STEP_S = 5.0
"""For each wait on the socket; the limit is for all of it."""


async def post(where: str, body: bytes, *, limit_s: float = LIMIT_S) -> str:
    """Post it; what went wrong, in a few words that follow its name. Empty: nothing did.

    `where`: a URL, or `env:NAME`. At the limit its thread is left alone: it holds nothing up, ends included.
    """
    url = where
    if where.startswith("env:"):
        url = os.environ.get(where.removeprefix("env:"), "")
        if not url.startswith(("https://", "http://")):
            return f"was not called: no URL is in the variable {where.removeprefix('env:')}"
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[str] = loop.create_future()

    def tell(wrong: str) -> None:
        if not answered.done():
            answered.set_result(wrong)

    def work() -> None:
        wrong = _post(url, body)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, wrong)

    threading.Thread(target=work, name="webhook", daemon=True).start()
    try:
        async with asyncio.timeout(limit_s):
            return await answered
    except TimeoutError:
        return f"did not answer in {limit_s:.0f} s"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A POST that is sent on becomes a GET without its body: better to say so."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Follow none."""


def _post(url: str, body: bytes) -> str:
    headers = {"Content-Type": "application/json", "User-Agent": f"dayfly/{__version__}"}
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        request = urllib.request.Request(url, body, headers)
        with opener.open(request, timeout=_STEP_S):
            return ""
    except urllib.error.HTTPError as error:
        error.close()
        return f"answered {error.code}"
    except urllib.error.URLError as error:
        reason = error.reason
        return f"could not be reached: {reason.strerror if isinstance(reason, OSError) else 'no such host'}"
    except OSError as error:
        return f"could not be reached: {error.strerror or 'it did not answer'}"
    except (ValueError, http.client.HTTPException):  # their words may hold the URL
        return "could not be called: its URL or its answer makes no sense"
