"""The history place over a real ledger in the test's own folder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator
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
from tui.model.spec import Artifact, RunId, RunSpec, VmName
from tui.model.units import MIB
from tui.model.use import PeakUse
from tui.wiring import open_ledger

FAILED, PASSED = Outcome(OutcomeKind.FAILED, 7), Outcome(OutcomeKind.SUCCEEDED, 0)


def write_run(
    run: str,
    outcome: Outcome | None,
    spec: RunSpec = SPEC,
    *,
    ago_s: float = 3600,
    peak: PeakUse | None = None,
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
    ledger._write("UPDATE runs SET submitted_at = ?, working_at = ? WHERE id = ?", (at, at + 10, run))
    ledger._write(
        "UPDATE runs SET ended_at = ?, gone_at = ? WHERE id = ? AND debt = 'paid'", (at + 100, at + 110, run)
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


async def test_it_is_narrowed_by_what_no_column_shows(past: Stage) -> None:
    await past.press("slash", *"df-hello-aaaa", "enter")
    await past.sees("History 1 of 2 · /df-hello-aaaa")
    assert "✘ failed 7" not in past.text
    await past.press("escape")
    await past.sees("✘ failed 7", "✔ passed")


async def test_a_run_is_opened_with_its_log_and_events(past: Stage) -> None:
    write_log(Path(os.environ["DAYFLY_STATE_DIR"]) / "runs" / "bbbbbbbb")
    past.fleet.log(RunId("bbbbbbbb")).add("work", b"what it said\n")
    await past.press("enter")
    await past.until(lambda: isinstance(past.app.screen, PastRunScreen), "the run")
    await past.sees("df-hello-bbbbbbbb on demo", "✘ failed 7", "what it said", "v Events")
    assert "x Cancel" not in past.text
    await past.press("p", "x", "v")
    await past.sees("Events of hello", "Launching df-hello-bbbbbbbb on demo from 24.04.")
    await past.press("escape", "escape")
    await past.until(lambda: isinstance(past.app.screen, HistoryScreen), "the list")
    assert not past.fleet.calls


async def test_it_is_run_again_as_it_was_or_with_changes(past: Stage) -> None:
    await past.press("r")
    await past.until(lambda: isinstance(past.app.screen, RunScreen), "the new run")
    assert past.fleet.called("submit") == [(replace(SPEC, command="make other"),)]
    await past.press("escape")
    await past.until(lambda: isinstance(past.app.screen, HistoryScreen), "the list")
    await past.press("e")
    await past.until(lambda: isinstance(past.app.screen, NewRunScreen), "the form")
    await past.sees("make other", "24.04")
    await past.press("f5")
    await past.until(lambda: len(past.fleet.called("submit")) == 2, "another run")
    (changed,) = past.fleet.called("submit")[1]
    assert changed == replace(SPEC, command="make other")


async def test_what_no_form_shows_is_carried_into_the_changed_run(fleet: ScriptedFleet) -> None:
    spec = replace(SPEC, env=(("MODE", "all"),), artifacts=(Artifact(path="out/*"),))
    write_run("aaaaaaaa", PASSED, spec)
    async with on_stage(fleet) as stage:
        await stage.press("4")
        await stage.sees("✔ passed")
        await stage.press("e")
        await stage.until(lambda: isinstance(stage.app.screen, NewRunScreen), "the form")
        await stage.press("f5")
        await stage.until(lambda: bool(fleet.called("submit")), "the run")
    assert fleet.called("submit") == [(spec,)]


async def test_a_pinned_vm_hides_not_that_the_work_failed(fleet: ScriptedFleet) -> None:
    write_run("aaaaaaaa", None)
    with open_ledger() as ledger:
        ledger.ended(RunId("aaaaaaaa"), FAILED)
        ledger.pinned(RunId("aaaaaaaa"), NOW)
    async with on_stage(fleet) as stage:
        await stage.press("4")
        await stage.sees("✘ failed 7 ◆", "✘ failed 7 ◆ pinned")


async def test_two_are_compared(past: Stage) -> None:
    await past.press("equals_sign")
    assert isinstance(past.app.screen, HistoryScreen)
    await past.press("space", "equals_sign")
    await past.sees("Compare hello and hello", "command  make test → make other", "succeeded → failed 7")
    await past.press("escape")
    await past.sees("History · 1 marked")


async def test_records_are_deleted_after_a_question_that_counts_their_results(past: Stage) -> None:
    folder = Path(os.environ["DAYFLY_STATE_DIR"]) / "runs" / "aaaaaaaa"
    (folder / "results").mkdir()
    (folder / "results" / "out").write_bytes(b"x" * 4096)
    write_run("cccccccc", None, ago_s=60)
    await past.press("1", "4")
    await past.sees("? not over")
    await past.press("asterisk", "ctrl+d")
    await past.sees("This deletes the records of 2 runs", "the results of 1 run, 4K", "hello cccccccc stays")
    await past.press("enter")
    assert folder.exists()
    await past.press("ctrl+d", "y")
    await past.until(lambda: not folder.exists(), "its end")
    await past.sees("Deleted the records of 2 runs")
    await past.sees_no("✔ passed")
    await past.press("ctrl+d")
    await past.sees("the deletion of its VM is owed")


async def test_an_empty_history_says_what_to_do(stage: Stage) -> None:
    await stage.press("4")
    await stage.sees("No runs yet. 1, then n, starts one.")


async def test_it_fits_the_smallest_terminal(fleet: ScriptedFleet) -> None:
    write_run("aaaaaaaa", FAILED)
    async with on_stage(fleet, size=(60, 15)) as stage:
        await stage.press("4")
        await stage.sees("✘ failed 7", "hello", "today")


async def test_what_is_too_old_goes_when_the_dashboard_opens_and_says_so(fleet: ScriptedFleet) -> None:
    folder = write_run("aaaaaaaa", PASSED, ago_s=NOW - time.time() + 91 * 86400)
    kept = write_run("bbbbbbbb", PASSED, ago_s=NOW - time.time() + 89 * 86400)
    async with on_stage(fleet, size=(120, 36)) as stage:
        await stage.sees("Deleted the records of 1 run", "over the limits of [history]")
    assert (folder.exists(), kept.exists()) == (False, True)


async def test_a_disk_that_is_nearly_full_is_told_before_it_is(
    fleet: ScriptedFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 800 * MIB
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((1, 1, left, left, left, 1, 1, 1, 0, 255)))
    async with on_stage(fleet) as stage:
        await stage.sees("the disk is nearly full: 800M free")
        await stage.press("4")
        await stage.sees("4 History", "the disk is nearly full: 800M free")


def write_log(folder: Path) -> None:
    """Something that takes room."""
    (folder / "work.stdout").write_bytes(b"x" * 1000)
