"""Moments of the dashboard, each led to by a script: what `looks` writes down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from tests.app.conftest import Stage, on_stage
from tests.app.fleet_script import NOW, SPEC, ScriptedFleet
from tests.app.test_files import FilesFleet
from tests.app.test_history import FAILED, PASSED, write_run
from tests.app.test_inspect import InsideFleet
from tui.engine.logs import JobLog
from tui.model.events import HostAdded, HostMeasured, LinkChanged, PortForwarded, VmSampled, VmsListed
from tui.model.hosts import DEMO, Health, HostEntry, Question, QuestionKind, VmInfo
from tui.model.phase import Outcome, OutcomeKind, Phase
from tui.model.results import Result, ResultState
from tui.model.spec import HostName, PinPolicy, RunId
from tui.model.units import GIB, MIB
from tui.model.use import HostLoad, PeakUse, VmUse

BUILD = HostName("build-1")
AWAY = HostName("lab-2")
UP_TO_WORK = (Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING, Phase.WORKING)

Script = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True)
class Scene:
    """What there is, and what somebody presses."""

    fleet: Callable[[], ScriptedFleet]
    script: Script
    before: Callable[[], None] = lambda: None
    """What earlier sessions left behind."""

    @asynccontextmanager
    async def stage(self) -> AsyncIterator[Stage]:
        self.before()
        async with on_stage(self.fleet(), size=(80, 24)) as stage:
            await self.script(stage)
            yield stage
            if isinstance(stage.fleet, InsideFleet):
                await stage.fleet.rooms.close()


def _begin(fleet: ScriptedFleet, name: str, *phases: Phase, ago: int, **spec: object) -> RunId:
    """A run that was submitted so many seconds ago and took 8 s for each phase."""
    fleet.now = NOW - ago
    run = fleet.begin(replace(SPEC, name=name, **spec))  # type: ignore[arg-type]
    for phase in phases:
        fleet.now += 8
        fleet.enter(run, phase)
        if phase is Phase.BOOTING:
            fleet.boot(run)
    return run


def _use(fleet: ScriptedFleet, run: RunId, busy: float) -> None:
    for step in range(40):
        wave = busy * (0.6 + 0.4 * ((step * 7) % 11) / 10)
        use = VmUse(
            at=NOW - 2 * (40 - step),
            cpu=wave,
            memory=int(wave * 3 * GIB),
            memory_total=4 * GIB,
            disk=int(2.5 * GIB),
            disk_total=10 * GIB,
            load=2 * wave,
        )
        fleet.emit(VmSampled(run=run, at=use.at, use=use))


def empty() -> ScriptedFleet:
    fleet = ScriptedFleet()
    fleet.add_demo()
    return fleet


def nothing() -> ScriptedFleet:
    return ScriptedFleet()


def busy() -> ScriptedFleet:
    """Runs in every state, on three hosts, one of which is not reached."""
    fleet = empty()
    for host, health in ((BUILD, Health.READY), (AWAY, Health.UNREACHABLE)):
        entry = HostEntry(name=host, address=f"{host}.example.org", user="ana")
        detail = "no answer from lab-2.example.org" if health is Health.UNREACHABLE else ""
        fleet.emit(
            HostAdded(host=host, at=NOW - 900, entry=entry),
            LinkChanged(host=host, at=NOW - 600, health=health, version="1.16.2", detail=detail),
        )
    foreign = (VmInfo("primary", "Running", ("10.7.0.2",), "24.04"), VmInfo("db", "Stopped"))
    load = HostLoad(
        at=NOW, cpus=16, load=3.2, memory_total=64 * GIB, memory_free=21 * GIB, disk_free=90 * GIB
    )
    fleet.emit(
        VmsListed(host=BUILD, at=NOW - 2, vms=foreign, took_s=0.12),
        HostMeasured(host=BUILD, at=NOW, load=load),
    )
    done = _begin(fleet, "lint", *UP_TO_WORK, ago=840, host=BUILD)
    fleet.end(done, Outcome(OutcomeKind.SUCCEEDED, 0))
    fleet.enter(done, Phase.DELETING)
    fleet.enter(done, Phase.GONE)
    failed = _begin(fleet, "nightly", *UP_TO_WORK, ago=620, pin=PinPolicy.ON_FAILURE, host=BUILD)
    fleet.end(failed, Outcome(OutcomeKind.FAILED, 7))
    fleet.pin(failed, for_s=7200)
    fleet.enter(failed, Phase.KEPT)
    working = _begin(fleet, "bench", *UP_TO_WORK, ago=300, host=BUILD)
    _use(fleet, working, 0.9)
    _write(fleet, working)
    _begin(fleet, "fuzz", *UP_TO_WORK[:2], ago=20, host=DEMO)
    _begin(fleet, "docs", ago=4, host=DEMO)
    fleet.now = NOW
    fleet.ran("multipass launch 24.04 --name df-bench-r0000003 --cpus 2 --memory 4G --disk 10G", took_s=38.2)
    fleet.ran("multipass delete --purge df-lint-r0000001", took_s=1.4)
    fleet.ran("multipass exec df-gone -n -- true", status=2, took_s=0.3)
    return fleet


def _write(fleet: ScriptedFleet, run: RunId) -> None:
    log = fleet.log(run)
    log.add("launch", b"Launched: df-bench-r0000003\n", at=NOW - 260)
    log.add("work", b"+ make bench\n\x1b[1mcompiling\x1b[0m 214 files\n", at=NOW - 230)
    for number in range(60):
        line = f"\x1b[32mok\x1b[0m   bench_{number:02d}  {number * 37 % 97 + 3:3d} ms\n"
        log.add("work", line.encode(), at=NOW - 220 + number)
    log.add("work", b"warning: bench_17 is 12 % slower than last time\n", "stderr", at=NOW - 100)
    log.add("work", b"downloading  3%\rdownloading 71%\rdownloading 100%\ndone\n", at=NOW - 90)
    log.add("cleanup", b"Nothing is owed yet.\n", at=NOW - 80)


def with_results() -> ScriptedFleet:
    fleet = empty()
    run = _begin(fleet, "report", *UP_TO_WORK, ago=120)
    fleet.end(run, Outcome(OutcomeKind.SUCCEEDED, 0))
    done = Result(path="out/*.csv", folder="/results", state=ResultState.COMPLETE, size=3 * MIB, files=4)
    coming = Result(path="core*", folder="/results", state=ResultState.COLLECTING, size=MIB)
    fleet.bring(run, done, coming)
    fleet.enter(run, Phase.COLLECTING)
    fleet.now = NOW
    return fleet


def forwarded() -> ScriptedFleet:
    fleet = busy()
    fleet.emit(PortForwarded(run=RunId("r0000003"), at=NOW, port=8080, local_port=41234))
    return fleet


def asking() -> ScriptedFleet:
    fleet = busy()
    text = "The host key of build-1 is not known: ED25519 SHA256:n0tAReal0ne. Trust it?"
    fleet.ask(Question(id="q1", host=BUILD, kind=QuestionKind.HOST_KEY, text=text, hidden=False))
    return fleet


def in_a_shell() -> ScriptedFleet:
    fleet = InsideFleet()
    fleet.add_demo()
    _begin(fleet, "bench", *UP_TO_WORK, ago=300)
    fleet.now = NOW
    return fleet


def earlier() -> None:
    """Runs of last week: the same twice, and another."""
    peak = PeakUse(cpu=0.2, memory=310 * MIB)
    old = write_run("aaaaaaaa", PASSED, ago_s=400_000, peak=peak)
    new = write_run("bbbbbbbb", FAILED, replace(SPEC, command="make test lint", cpus=4), ago_s=90_000)
    write_run("cccccccc", PASSED, replace(SPEC, name="docs", command="make html"), ago_s=7_200)
    for folder, words in ((old, b"214 passed\n"), (new, b"213 passed\n1 failed: test_of_time\n")):
        log = JobLog(folder, "work")
        log.stdout(words)
        log.close()


def left_over() -> ScriptedFleet:
    fleet = empty()
    fleet.leave_over()
    return fleet


def keys(*pressed: str) -> Script:
    """Press them, one after the other."""

    async def script(stage: Stage) -> None:
        for key in pressed:
            await stage.press(key)

    return script


def on_run(name: str, *pressed: str) -> Script:
    """Open the run of that name, and press."""

    async def script(stage: Stage) -> None:
        run = next(run for run in stage.fleet.state.runs.values() if run.spec.name == name)
        home = stage.app.screen_stack[0]
        home.open_run(run.id)  # type: ignore[attr-defined]
        await stage.pilot.pause()
        for key in pressed:
            await stage.press(key)

    return script


async def in_the_shell(stage: Stage) -> None:
    await stage.press("s")
    await stage.sees("\n$\n")
    await stage.press(*"echo", "space", *"hello", "enter")
    await stage.sees("\nhello\n")


SCENES: dict[str, Scene] = {
    "first-steps": Scene(nothing, keys()),
    "home-empty": Scene(empty, keys()),
    "home": Scene(busy, keys()),
    "home-filtered": Scene(busy, keys("slash", *"failed", "enter")),
    "home-marked": Scene(busy, keys("space", "down", "space")),
    "command-line": Scene(busy, keys("colon", *"pi")),
    "hosts": Scene(busy, keys("2")),
    "profiles": Scene(busy, keys("3")),
    "history-empty": Scene(busy, keys("4")),
    "history": Scene(empty, keys("4"), before=earlier),
    "history-run": Scene(empty, keys("4", "down", "enter"), before=earlier),
    "history-events": Scene(empty, keys("4", "down", "v"), before=earlier),
    "history-compared": Scene(
        empty, keys("4", "down", "space", "down", "space", "equals_sign"), before=earlier
    ),
    "history-delete": Scene(empty, keys("4", "ctrl+d"), before=earlier),
    "shell": Scene(in_a_shell, in_the_shell),
    "files": Scene(FilesFleet, keys("F")),
    "tiles": Scene(busy, keys("down", "space", "space", "m")),
    "commands": Scene(busy, keys("5")),
    "commands-empty": Scene(empty, keys("5")),
    "new-run": Scene(empty, keys("n")),
    "images": Scene(empty, keys("n", "f2")),
    "run-working": Scene(busy, on_run("bench")),
    "run-find": Scene(busy, on_run("bench", "slash", *"bench_17", "enter")),
    "run-all-logs": Scene(busy, on_run("bench", "0")),
    "run-forwarded": Scene(forwarded, on_run("bench")),
    "run-launching": Scene(busy, on_run("fuzz")),
    "run-pinned": Scene(busy, on_run("nightly")),
    "run-gone": Scene(busy, on_run("lint")),
    "run-results": Scene(with_results, on_run("report", "4")),
    "help-home": Scene(busy, keys("question_mark")),
    "help-run": Scene(busy, on_run("bench", "question_mark")),
    "cancel": Scene(busy, on_run("bench", "x")),
    "pin-for": Scene(busy, on_run("bench", "P")),
    "add-host": Scene(empty, keys("a")),
    "question": Scene(asking, keys()),
    "left-over": Scene(left_over, keys()),
    "leave": Scene(busy, keys("ctrl+q")),
    "palette": Scene(busy, keys("ctrl+p")),
}
