"""`dayfly serve` in a real browser: who gets in, a run from launch to cleanup, and a tab that is closed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.cli.conftest import Dayfly, only
from tests.until import until

if TYPE_CHECKING:  # the extra `web` and the group `browser` are there where the marker is asked for
    import aiohttp
    from playwright.async_api import Page, WebSocket

pytestmark = [only("demo"), pytest.mark.browser]

CHROMIUM = shutil.which("chromium") or ""
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
QUIETER = ("--disable-background-networking", "--disable-component-update")


@dataclass
class Served:
    """A `dayfly serve --demo`, and the links it has shown."""

    process: Process
    links: list[str]

    @property
    def origin(self) -> str:
        parts = urlsplit(self.links[0])
        return f"{parts.scheme}://{parts.netloc}"

    async def next_link(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            self.links.append((await self.process.stdout.readline()).decode().strip())
        return self.links[-1]


@asynccontextmanager
async def serving(dayfly: Dayfly) -> AsyncIterator[Served]:
    served = Served(await dayfly.start("serve", "--demo", "--port", "0"), [])
    await served.next_link()
    try:
        yield served
    finally:
        if served.process.returncode is None:
            served.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            await served.process.wait()


class Tab:
    """A dashboard in a tab; what it paints is kept, as the page shows it on a canvas."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.painted = b""
        self.asked: list[str] = []
        page.on("websocket", self._listen)
        page.on("request", lambda request: self.asked.append(request.url))

    def _listen(self, tab: WebSocket) -> None:
        tab.on("framereceived", self._take)

    def _take(self, data: bytes | str) -> None:
        self.painted += data if isinstance(data, bytes) else data.encode()

    async def sees(self, words: str, *, seconds: float = 60) -> None:
        await until(lambda: words.encode() in self.painted, words, timeout_s=seconds)
        self.painted = b""

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.painted = b""
            await self.page.keyboard.press(key)
            await until(lambda: self.painted != b"", f"{key} did something")


@asynccontextmanager
async def browser_tab(link: str) -> AsyncIterator[Tab]:
    from playwright.async_api import async_playwright

    assert CHROMIUM, "Debian's package chromium is needed"
    async with async_playwright() as tool:
        browser = await tool.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *QUIETER])
        page = await browser.new_page(viewport={"width": 1100, "height": 640})
        tab = Tab(page)
        await page.goto(link)
        try:
            yield tab
        finally:
            await browser.close()


async def launch(tab: Tab, command: str) -> None:
    await tab.sees("Command: missing")
    await tab.page.keyboard.type("lts")
    await tab.press("Tab", "Tab", "Tab", "Tab")
    await tab.page.keyboard.type(command)
    await tab.sees("ready")
    await tab.page.keyboard.press("F5")


async def test_a_run_from_launch_to_cleanup(dayfly: Dayfly, tmp_path: Path) -> None:
    async with serving(dayfly) as served, browser_tab(served.links[0]) as tab:
        await launch(tab, "echo he''llo; exit 3")
        await tab.sees("hello")
        await until(lambda: dayfly.demo.ours() == {}, "the VM is gone", timeout_s=60)
        await tab.sees("gone")
        await tab.page.screenshot(path=tmp_path / "tab.png")
        assert (tmp_path / "tab.png").stat().st_size > 10_000
        assert {urlsplit(url).netloc for url in tab.asked if not url.startswith("data:")} == {
            urlsplit(served.origin).netloc
        }, "everything on the page comes from us"


async def test_a_closed_tab_ends_its_run(dayfly: Dayfly) -> None:
    async with serving(dayfly) as served:
        async with browser_tab(served.links[0]) as tab:
            await launch(tab, "echo be''gun; sleep 300")
            await tab.sees("begun")
            assert dayfly.demo.ours() != {}
        await until(lambda: dayfly.demo.ours() == {}, "the VM is gone", timeout_s=60)
        assert served.process.returncode is None, "others may open a tab"


async def test_ended_it_waits_for_the_cleanup_of_its_tabs(dayfly: Dayfly) -> None:
    async with serving(dayfly) as served, browser_tab(served.links[0]) as tab:
        await launch(tab, "echo be''gun; sleep 300")
        await tab.sees("begun")
        served.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            assert await served.process.wait() == 130
        assert dayfly.demo.ours() == {}


async def test_who_is_let_in(dayfly: Dayfly) -> None:
    import aiohttp

    async with (
        serving(dayfly) as served,
        aiohttp.ClientSession() as stranger,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as person,
    ):
        origin, link = served.origin, served.links[0]

        async def status(session: aiohttp.ClientSession, url: str, **headers: str) -> int:
            async with session.get(url, headers=headers, allow_redirects=False) as answer:
                return int(answer.status)

        assert await status(stranger, f"{origin}/") == 403
        assert await status(stranger, f"{origin}/static/js/textual.js") == 403
        assert await status(stranger, f"{origin}/?token=guessed") == 403
        assert await status(stranger, link, Host="evil.example") == 403, "a name that leads to us (rebinding)"
        assert await status(stranger, link, Origin="http://evil.example") == 403
        assert await status(person, link) == 303
        assert await status(person, f"{origin}/") == 200
        assert await status(stranger, link) == 403, "it worked once"
        assert await status(person, f"{origin}/", Host="evil.example") == 403
        assert await served.next_link() != link
        assert await status(stranger, served.links[-1]) == 303, "the next one works"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", ""])
async def test_no_other_page_opens_the_socket(dayfly: Dayfly, origin: str) -> None:
    import aiohttp

    jar = aiohttp.CookieJar(unsafe=True)
    async with serving(dayfly) as served, aiohttp.ClientSession(cookie_jar=jar) as person:
        async with person.get(served.links[0]) as opened:
            assert opened.status == 200
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await person.ws_connect(f"{served.origin}/ws", headers={"Origin": origin} if origin else {})
        assert refused.value.status == 403
        async with person.ws_connect(f"{served.origin}/ws", headers={"Origin": served.origin}) as socket:
            assert not socket.closed


async def test_what_it_will_not_do(dayfly: Dayfly) -> None:
    seen = await dayfly("serve", "--listen", "0.0.0.0")
    assert seen.status == 2
    assert "without TLS" in seen.stderr
    assert "ssh -L" in seen.stderr
    plain = await dayfly("serve", "--public-url", "http://build.example")
    assert plain.status == 2
    assert "https://NAME" in plain.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        busy = await dayfly("serve", "--port", str(port))
    assert busy.status == 125
    assert "--port 0" in busy.stderr


async def test_the_child_is_no_child_of_a_shell(dayfly: Dayfly) -> None:
    """What ends with its terminal would not clean up."""
    async with serving(dayfly) as served, browser_tab(served.links[0]) as tab:
        await tab.sees("Command: missing")
        task = Path(f"/proc/{served.process.pid}/task/{served.process.pid}")
        pids = (task / "children").read_text().split()
        assert [os.getsid(int(pid)) for pid in pids] == [int(pid) for pid in pids]
        words = [Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:4] for pid in pids]
        assert words == [[b"-m", b"tui", b"demo"]]
