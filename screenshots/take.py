"""Take every screen of the dashboard on a private demo host: SVG and PNG, into this folder.

    uv run --extra demo python screenshots/take.py

The PNGs are drawn with Fira Code (Debian's fonts-firacode), where it is installed.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import resvg_py
from textual.pilot import Pilot

from tui import config
from tui.app.app import DayflyApp
from tui.app.summary import Summary
from tui.demo import process
from tui.engine.history import LedgerHistory
from tui.engine.supervisor import Supervisor
from tui.model.hosts import DEMO
from tui.model.phase import Phase
from tui.model.spec import PinPolicy, RunId, RunSpec
from tui.model.units import GIB
from tui.wiring import Shelf, open_fleet, open_ledger

HERE = Path(__file__).parent
FONTS = "/usr/share/fonts"
PATIENCE_S = 60
SIZES = {"": (110, 30), "-80x24": (80, 24)}


class Photographer:
    """Shows the app what to show, and takes it."""

    def __init__(self, app: DayflyApp, fleet: Supervisor, pilot: Pilot[Summary], suffix: str) -> None:
        self.app, self.fleet, self.pilot, self.suffix = app, fleet, pilot, suffix

    async def take(self, name: str) -> None:
        """Save what is on the screen now."""
        await self.pilot.pause(1.0)
        svg = self.app.export_screenshot(title="dayfly")
        path = HERE / f"{name}{self.suffix}.svg"
        path.write_text(svg)
        png = resvg_py.svg_to_bytes(svg_string=svg, font_dirs=[FONTS], font_family="Fira Code", zoom=1)
        path.with_suffix(".png").write_bytes(bytes(png))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for the fleet."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.05)
        await self.pilot.pause()

    async def reaches(self, run: RunId, phase: Phase) -> None:
        """Wait for a run to be there."""
        await self.until(lambda: any(p is phase for p, _ in self.fleet.state.runs[run].entered))


def spec(name: str, command: str, pin: PinPolicy = PinPolicy.NEVER, **more: int) -> RunSpec:
    """A run for the pictures."""
    return RunSpec(name=name, image="ubuntu-lts-agent", command=command, host=DEMO, pin=pin, **more)


async def tour(photo: Photographer) -> None:
    """One walk through every screen."""
    fleet, press = photo.fleet, photo.pilot.press
    await photo.until(lambda: fleet.state.hosts[DEMO].listed_at is not None)
    await photo.take("home-empty")
    await press("n", "f2")
    await photo.until(lambda: bool(fleet.state.hosts[DEMO].images))
    await photo.take("images")
    await press("escape", *"lts", "tab", "tab", "tab", "tab", *"make test && ./bench --quick")
    await photo.take("new-run")
    await press("escape")
    await photo.pilot.pause()
    await press("right", "enter")

    shelf = Shelf(DEMO)
    failed = fleet.submit(spec("unit-tests", "echo '3 tests, 1 failed' >&2; exit 7", PinPolicy.ON_FAILURE))
    done = fleet.submit(shelf.load("data-job"))
    await photo.reaches(failed, Phase.KEPT)
    await photo.reaches(done, Phase.GONE)
    build = fleet.submit(shelf.load("build"))
    await photo.reaches(build, Phase.WORKING)
    fleet.submit(spec("integration", "sleep 60", memory=4 * GIB, cpus=2))
    fleet.submit(spec("nightly", "sleep 60"))
    fleet.submit(spec("fuzz", "sleep 60"))
    await asyncio.sleep(1.5)
    await photo.take("home")

    await press("question_mark")
    await photo.take("help")
    await press("escape")
    home = photo.app.screen_stack[0]
    photo.app.call_later(home.open_run, build)  # type: ignore[attr-defined]
    await asyncio.sleep(2)
    await photo.take("run")
    await press("3")
    await photo.take("run-cleanup")
    await press("escape")
    photo.app.call_later(home.open_run, failed)  # type: ignore[attr-defined]
    await photo.take("run-pinned")
    await press("escape")
    photo.app.call_later(home.open_run, done)  # type: ignore[attr-defined]
    await photo.pilot.pause(0.5)
    await press("4")
    await photo.take("results")
    await press("escape", "ctrl+q")
    await photo.take("leave")
    await press("e")
    await photo.pilot.pause(0.8)
    await photo.take("leaving")


async def main() -> None:
    """Every size, each on a world of its own."""
    for suffix, size in SIZES.items():
        with tempfile.TemporaryDirectory(prefix="dayfly-shots-", ignore_cleanup_errors=True) as folder:
            for name in ("STATE", "CONFIG"):
                os.environ[f"DAYFLY_{name}_DIR"] = str(Path(folder) / name.lower())
            os.environ["TEXTUAL_ANIMATIONS"] = "none"
            await process.ensure(speed=3)
            try:
                await photograph(size, suffix)
            finally:
                await process.stop()


async def photograph(size: tuple[int, int], suffix: str) -> None:
    """All screens in one size."""
    with open_ledger() as ledger:
        async with open_fleet(ledger, [DEMO]) as fleet:
            fleet.link(DEMO)
            parse = lambda text: config.host_entry(text, config.load())  # noqa: E731
            app = DayflyApp(fleet, Shelf(DEMO), parse, history=LedgerHistory(ledger))
            async with app.run_test(size=size, notifications=False) as pilot:
                await tour(Photographer(app, fleet, pilot, suffix))
            for run in fleet.state.runs:
                fleet.cancel(run)


if __name__ == "__main__":
    asyncio.run(main())
