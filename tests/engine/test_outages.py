"""A lost link and a silent manager are told once, in every run they concern, with what comes of it."""

import time
from dataclasses import replace

from tests.model.test_state import RUN, SPEC, SUBMITTED
from tui.engine.outages import Outages
from tui.engine.store import Store
from tui.model.events import Event, HostAdded, LinkChanged, Narrated, PhaseEntered, PinChanged, RunSubmitted
from tui.model.hosts import Health, HostEntry
from tui.model.phase import Phase, Pin
from tui.model.spec import RunSpec

HOST = SPEC.host


def told(*events: Event, spec: RunSpec = SPEC, phase: Phase = Phase.WORKING) -> list[str]:
    store, said = Store(), list[str]()
    Outages(store)
    store.listen(lambda event: said.append(event.text) if isinstance(event, Narrated) else None)
    submitted = RunSubmitted(run=RUN, at=1.0, vm=SUBMITTED.vm, spec=spec)
    begun = PhaseEntered(run=RUN, at=2.0, phase=phase)
    for event in (HostAdded(host=HOST, at=0.0, entry=HostEntry(name=HOST)), submitted, begun, *events):
        store.apply(event)
    return said


def link(health: Health, *, detail: str = "", heard_at: float | None = None) -> LinkChanged:
    return LinkChanged(host=HOST, at=time.time(), health=health, detail=detail, heard_at=heard_at)


def lost(ago_s: float) -> LinkChanged:
    return link(Health.UNREACHABLE, detail="no route to demo", heard_at=time.time() - ago_s)


def test_lost_and_back_are_told_once_each() -> None:
    trying = link(Health.CONNECTING, heard_at=time.time() - 32)
    said = told(link(Health.READY), lost(30), trying, lost(32), link(Health.READY), link(Health.READY))
    assert said == [
        "demo unreachable (no route to demo); the run goes on; demo ends it in 14m30s unless we return.",
        "demo is back after 32s.",
    ]


def test_what_is_told_fits_the_run() -> None:
    finishing = replace(SPEC, finish=True, timeout_s=7200)
    (alone,) = told(lost(0), spec=finishing)
    assert "demo ends it in 2h unless we return" in alone
    (launching,) = told(lost(0), spec=finishing, phase=Phase.LAUNCHING)
    assert "demo ends it in 15m unless we return" in launching
    (deleting,) = told(lost(0), phase=Phase.DELETING)
    assert deleting.endswith("it goes on deleting df-run-aaaaaaaa.")
    *_, pinned = told(PinChanged(run=RUN, at=3.0, pin=Pin.ON), lost(0))
    assert pinned.endswith("df-run-aaaaaaaa stays there, pinned.")


def test_runs_that_are_over_or_have_not_begun_are_spared() -> None:
    for phase in (Phase.QUEUED, Phase.GONE):
        assert told(lost(0), link(Health.READY), phase=phase) == []


def test_a_silent_manager_is_told_once_and_so_is_its_return() -> None:
    silent = link(Health.MANAGER_SILENT, detail="it did not answer")
    said = told(link(Health.READY), silent, silent, link(Health.READY))
    assert len(said) == 2
    assert said[0].startswith("The VM manager on demo does not answer; what runs goes on")
    assert said[1].startswith("The VM manager on demo answers again")
