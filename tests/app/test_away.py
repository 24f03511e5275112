from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.app.fleet_script import NOW, SPEC, ScriptedFleet
from tui.app import away, present, tables
from tui.app.present import Label
from tui.app.summary import summarise
from tui.model.hosts import DEMO, Health
from tui.model.phase import Outcome, Phase
from tui.model.state import RunState

WORKING = (Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING, Phase.WORKING)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (12.9, "12 s"),
        (119, "119 s"),
        (120, "2 min"),
        (899, "14 min"),
        (3600, "1 h"),
        (7199, "1 h 59 min"),
        (47 * 3600, "47 h"),
        (2 * 86400, "2 d"),
        (51 * 3600, "2 d 3 h"),
    ],
)
def test_a_span_within_a_sentence(seconds: float, text: str) -> None:
    assert away.span(seconds) == text


def test_a_moment_says_the_day_only_when_it_is_another_one() -> None:
    noon = time.mktime((2027, 3, 1, 12, 0, 0, 0, 0, -1))
    assert away.moment(noon + 7200, noon) == "14:00"
    assert away.moment(noon + 26 * 3600, noon) == time.strftime("%a 14:00", time.localtime(noon + 26 * 3600))
    assert away.moment(noon + 10 * 86400, noon) == "2027-03-11 12:00"


def lost(*phases: Phase, after_s: float, finish: bool = False, pinned: bool = False) -> str:
    """What is said of a run whose host was heard of last `after_s` ago."""
    fleet = ScriptedFleet()
    fleet.add_demo()
    run = fleet.begin(replace(SPEC, finish=finish, timeout_s=7200), *phases)
    if pinned:
        fleet.pin(run)
    fleet.link(DEMO, Health.UNREACHABLE, NOW - after_s)
    return away.silence(fleet.state.runs[run], fleet.state.hosts[DEMO], NOW)


def test_a_lost_link_says_when_the_host_ends_the_run() -> None:
    assert lost(*WORKING, after_s=12) == (
        "unreachable for 12 s; the run goes on; demo ends it in 14 min unless we return"
    )
    assert lost(*WORKING, after_s=901).endswith("by now demo has ended the run")


def test_what_may_finish_alone_has_its_time_once_it_works() -> None:
    assert "ends it in 1 h 59 min" in lost(*WORKING, after_s=12, finish=True)
    assert "ends it in 14 min" in lost(*WORKING[:2], after_s=12, finish=True)


def test_a_lost_link_ends_no_pinned_run_and_says_nothing_of_what_is_not_there() -> None:
    assert lost(*WORKING, after_s=12, pinned=True).endswith("the VM is pinned and stays")
    assert lost(*WORKING, Phase.DELETING, after_s=12).endswith("demo goes on deleting the VM")
    assert lost(after_s=12) == lost(*WORKING, Phase.DELETING, Phase.GONE, after_s=12) == ""


def test_a_host_that_is_tried_again_stays_unreachable_until_it_is_back() -> None:
    fleet = ScriptedFleet()
    fleet.add_demo()
    fleet.begin(SPEC, *WORKING)
    fleet.link(DEMO, Health.UNREACHABLE, NOW - 12)
    before = fleet.state
    fleet.link(DEMO, Health.CONNECTING, NOW - 12)
    assert away.host_label(fleet.state.hosts[DEMO]) == Label("✘ unreachable", "bad")
    assert away.host_news(before, fleet.state, NOW) == ()
    assert away.host_note(fleet.state, fleet.state.hosts[DEMO], NOW) == "for 12 s; 1 run goes on"
    fleet.link(DEMO, Health.READY)
    assert away.host_news(before, fleet.state, NOW + 20) == (Label("demo is back after 32 s", "good"),)
    assert away.host_note(fleet.state, fleet.state.hosts[DEMO], NOW) == ""


def test_a_silent_manager_says_how_many_deletions_wait() -> None:
    fleet = ScriptedFleet()
    fleet.add_demo()
    runs = [fleet.begin(SPEC, *WORKING, *phases) for phases in ((), (Phase.DELETING,), (Phase.DELETING,))]
    fleet.link(DEMO, Health.MANAGER_SILENT)
    host = fleet.state.hosts[DEMO]
    assert away.host_note(fleet.state, host, NOW + 180) == "for 3 min; 2 deletions wait"
    said = [away.silence(fleet.state.runs[run], host, NOW + 180) for run in runs]
    assert said == ["", *["manager silent for 3 min; the deletion waits"] * 2]


def left_over(*, log: bytes = b"") -> tuple[RunState, int]:
    fleet = ScriptedFleet()
    run = fleet.leave_over()
    fleet.log(run).add("work", log)
    return fleet.state.runs[run], fleet.log(run).size("work")


def test_an_orphan_says_where_it_is_how_far_and_how_long_it_has() -> None:
    run, size = left_over(log=b"x" * 2048)
    assert away.orphan_sentence(run, size, NOW + 60) == (
        "left over from an earlier session, still working on demo (log so far 2K);"
        " demo ends it in 13 min unless taken over"
    )
    assert present.run_label(run) == Label("? left over", "warn")
    assert away.ending(run, NOW) == "in 14 min"


def test_an_orphan_of_which_no_end_is_known_ends_by_its_grace() -> None:
    run, size = left_over()
    unknown = replace(run, ends_at=None)
    assert "demo ends it 15m after it last heard" in away.orphan_sentence(unknown, size, NOW)
    assert away.ending(unknown, NOW) == "–"


@pytest.mark.parametrize("width", [52, 68, 90])
def test_the_columns_of_the_orphans_fill_the_width(width: int) -> None:
    table = tables.orphans_table([left_over()], NOW, width)
    assert sum(column.width for column in table.columns) == max(width, 57)


def test_the_summary_tells_what_goes_on_and_how_to_get_it_back() -> None:
    fleet = ScriptedFleet()
    fleet.add_demo()
    fleet.begin(replace(SPEC, timeout_s=7200), *WORKING)
    fleet.leave_over()
    kept = fleet.begin(SPEC, *WORKING)
    fleet.end(kept, Outcome.of_status(0))
    fleet.pin(kept, for_s=3600)
    fleet.leave(finish=True)
    two_hours, quarter, hour = (away.moment(NOW + s, NOW) for s in (7200, 840, 3600))
    assert summarise(fleet, NOW).lines == (
        f"goes on without us: df-hello-r0000001 on demo; demo ends it by {two_hours} at the latest",
        "  log and result: dayfly attach r0000001",
        f"left over: df-hello-r0000002 on demo; demo ends it by {quarter} at the latest",
        "  log and result: dayfly attach r0000002",
        f"pinned: df-hello-r0000003 on demo stays until {hour}, or until you delete it",
        "  way in: ssh -t demo multipass shell df-hello-r0000003",
        "  delete: dayfly rm df-hello-r0000003",
    )
    assert not summarise(fleet, NOW).owed


def test_a_pin_that_expires_says_how_long_it_holds() -> None:
    fleet = ScriptedFleet()
    run = fleet.begin(SPEC, *WORKING)
    fleet.pin(run, for_s=7200)
    state = fleet.state.runs[run]
    assert present.pin_label(state, NOW + 60).text == "◆ pinned, 1h 59m left"
    assert present.pin_sentence(state, NOW + 60).text == "◆ pinned for 1m 00s, 1h 59m left"
    assert "until its pin expires" in present.vanishing(state, "")
    fleet.pin(run)
    assert present.pin_label(fleet.state.runs[run], NOW).text == "◆ pinned"
