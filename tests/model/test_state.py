"""No order of events, however wrong, brings the state where a run cannot be."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.model.strategies import events, specs
from tui.model.events import Event, HostAdded, LinkChanged, PhaseEntered, RunSubmitted, VmObserved, WorkEnded
from tui.model.hosts import Health, HostEntry
from tui.model.phase import Outcome, OutcomeKind, Phase, may_move
from tui.model.spec import HostName, RunId, RunSpec, VmName
from tui.model.state import FleetState, reduce

RUN = RunId("aaaaaaaa")
SPEC = RunSpec(image="lts", command="true", host=HostName("demo"))
SUBMITTED = RunSubmitted(run=RUN, at=1.0, vm=VmName("df-run-aaaaaaaa"), spec=SPEC)


def states(story: list[Event]) -> list[FleetState]:
    seen = [FleetState()]
    for event in story:
        seen.append(reduce(seen[-1], event))
    return seen


def phases(*steps: Phase) -> list[Event]:
    return [PhaseEntered(run=RUN, at=float(at), phase=phase) for at, phase in enumerate(steps, 2)]


@given(st.lists(events, max_size=40))
def test_phases_move_only_where_they_may(story: list[Event]) -> None:
    for old, new in pairwise(states([SUBMITTED, *story])):
        assert set(old.runs) <= set(new.runs)
        for run_id, before in old.runs.items():
            after = new.runs[run_id]
            assert after.phase is before.phase or may_move(before.phase, after.phase)
            assert after.entered[: len(before.entered)] == before.entered
            assert after.entered[-1][0] is after.phase
            assert before.outcome in (None, after.outcome)


@given(st.lists(events, max_size=40))
def test_what_is_gone_stays_gone(story: list[Event]) -> None:
    gone = [SUBMITTED, *phases(Phase.DELETING, Phase.GONE)]
    for state in states([*gone, *story])[len(gone) :]:
        run = state.runs[RUN]
        assert run.phase is Phase.GONE
        assert not run.is_pinned
        assert run.vm_state == ""
        assert run not in state.unfinished
        assert run not in state.pinned


@given(st.lists(events, max_size=20))
def test_an_old_state_is_never_changed(story: list[Event]) -> None:
    seen = states(story)
    before = [dict(state.runs) for state in seen]
    states(story)
    assert [dict(state.runs) for state in seen] == before


@given(specs)
def test_a_run_is_submitted_once(spec: RunSpec) -> None:
    again = RunSubmitted(run=RUN, at=9.0, vm=VmName("other"), spec=spec)
    last = states([SUBMITTED, *phases(Phase.WORKING), again])[-1]
    assert last.runs[RUN].phase is Phase.WORKING
    assert last.runs[RUN].vm == SUBMITTED.vm


def test_events_of_unknown_runs_and_hosts_change_nothing() -> None:
    start = FleetState()
    for event in (*phases(Phase.WORKING), LinkChanged(host=HostName("demo"), at=1.0, health=Health.READY)):
        assert reduce(start, event) is start


def test_a_whole_life() -> None:
    story: list[Event] = [SUBMITTED, *phases(Phase.LEASED, Phase.LAUNCHING, Phase.WORKING)]
    working = states([*story, VmObserved(run=RUN, at=7.0, state="Running", ipv4=("10.0.0.2",))])[-1].runs[RUN]
    assert (working.vm_state, working.ipv4, working.ended_at) == ("Running", ("10.0.0.2",), None)
    ended = WorkEnded(run=RUN, at=8.0, outcome=Outcome.of_status(3))
    late = WorkEnded(run=RUN, at=9.0, outcome=Outcome(OutcomeKind.CANCELLED))
    over = PhaseEntered(run=RUN, at=10.0, phase=Phase.GONE)
    last = states([*story, ended, late, over])[-1]
    assert last.runs[RUN].outcome == Outcome.of_status(3)
    assert last.runs[RUN].ended_at == 10.0
    assert last.unfinished == ()


def test_a_host_is_since_when_it_changed() -> None:
    host = HostName("demo")
    story: list[Event] = [HostAdded(host=host, at=1.0, entry=HostEntry(name=host))]
    for at, health in ((2.0, Health.READY), (3.0, Health.READY), (4.0, Health.UNREACHABLE)):
        story.append(LinkChanged(host=host, at=at, health=health))
    assert [state.hosts[host].since for state in states(story)[1:]] == [1.0, 2.0, 2.0, 4.0]
