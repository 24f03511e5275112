"""The history place over a real ledger in the test's own folder."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.app.conftest import Stage, on_stage
from tests.app.fleet_script import NOW, SPEC, ScriptedFleet
from tui.app.screens.history import HistoryScreen
from tui.app.screens.new_run import NewRunScreen
from tui.app.screens.past_run import PastRunScreen
from tui.app.screens.run import RunScreen
from tui.engine.ledger import Ledger
from tui.model.events import Event, PhaseEntered, RunSubmitted, to_json
from tui.model.hosts import DEMO, HostEntry
from tui.model.phase import Outcome, OutcomeKind, Phase
from tui.model.spec import RunId, RunSpec, VmName
from tui.model.units import GIB, MIB
from tui.model.use import PeakUse
from tui.wiring import open_ledger

FAILED, PASSED = Outcome(OutcomeKind.FAILED, 7), Outcome(OutcomeKind.SUCCEEDED, 0)


def write_run(
    run: str, outcome: Outcome | None, spec: RunSpec = SPEC, *, ago_s: float = 3600, peak: PeakUse | None = None
) -> Path:
    """A run of an earlier session, a minute of work; gone where it has an outcome. Its folder."""
    with open_ledger() as ledger:
        vm = VmName(f"df-{spec.name or 'run'}-{run}")
        ledger.intend(RunId(run), vm, HostEntry(name=DEMO), spec)
        folder = ledger.run_folder(RunId(run))
        at = NOW - ago_s
        events: list[Event] = [RunSubmitted(run=RunId(run), at=at, vm=vm, spec=spec)]
        events += [
            PhaseEntered(run=RunId(run), at=at + after, phase=phase)
            for phase, after in ((Phase.LAUNCHING, 1), (Phase.WORKING, 10), (Phase.DELETING, 100))
        ]
        if outcome is not None:
            ledger.ended(RunId(run), outcome)
            ledger.gone(RunId(run))
        if peak is not None:
            ledger.peaked(RunId(run), peak)
        _backdate(ledger, run, at)
    (folder / "events.ndjson").write_text("".join(json.dumps(to_json(event)) + "\n" for event in events))
    return folder


def _backdate(ledger: Ledger, run: str, at: float) -> None:
    ledger._write(
        "UPDATE runs SET submitted_at = ?, working_at = ?, ended_at = ?, gone_at = ? WHERE id = ? AND debt = 'paid'",
        (at, at + 10, at + 100, at + 110, run),
    )


@pytest.fixture
async def past(fleet: ScriptedFleet) -> AsyncIterator[Stage]:
    """Two runs of earlier sessions, looked at."""
    big = PeakUse(cpu=0.2, memory=310 * MIB)
    write_run("aaaaaaaa", PASSED, ago_s=90_000, peak=big)
    write_run("bbbbbbbb", FAILED, replace(SPEC, command="make other"))
    async with on_stage(fleet) as stage:
        await stage.press("4")
        await stage.sees("✘ failed 7", "✔ passed")
        yield stage


async def test_it_lists_what_earlier_sessions_left_and_tells_all_about_one(past: Stage) -> None:
    assert isinstance(past.app.screen, HistoryScreen)
    await past.sees("hello bbbbbbbb", "launching 9s  working 1m 30s", "make other")
    await past.press("down")
    await past.sees("hello aaaaaaaa", "peak memory 310M of 4G: 512M would do", "memory 310M")
