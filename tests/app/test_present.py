from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from tests.app.fleet_script import NOW, SPEC, ScriptedFleet, ScriptedShelf
from tui.app import present, tables
from tui.app.present import Label
from tui.model.events import CleanupDelayed, PhaseEntered, PinChanged, ProgressMade, RunRecovered
from tui.model.hosts import Health, HostEntry, VmInfo
from tui.model.phase import Outcome, OutcomeKind, Phase, Pin
from tui.model.spec import HostName, PinPolicy, RunId, RunSpec, VmName
from tui.model.state import FleetState, HostState, RunState

LIFE = (
    Phase.LEASED,
    Phase.LAUNCHING,
    Phase.BOOTING,
    Phase.WORKING,
    Phase.COLLECTING,
    Phase.DELETING,
    Phase.GONE,
)


def run_in(*phases: Phase, outcome: Outcome | None = None, spec: RunSpec = SPEC) -> RunState:
    fleet = ScriptedFleet()
    run = fleet.begin(spec, *phases)
    if outcome:
        fleet.end(run, outcome)
    return fleet.state.runs[run]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m 00s"),
        (3599, "59m 59s"),
        (3600, "1h 00m"),
        (86399, "23h 59m"),
        (86400, "1d 00h"),
        (99 * 86400, "99d 00h"),
    ],
)
def test_age(seconds: float, text: str) -> None:
    assert present.age(seconds) == text
    assert len(text) <= 7


@pytest.mark.parametrize(
    ("text", "width", "fitted"),
    [("abc", 5, "abc  "), ("abcdef", 4, "abc…"), ("日本語", 4, "日 …"), ("abc", 0, "")],
)
def test_fit(text: str, width: int, fitted: str) -> None:
    assert present.fit(text, width) == fitted
    assert cell_len(fitted) == width


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_has_a_glyph_and_its_word(phase: Phase) -> None:
    glyph, word = present.phase_label(phase).text.split(" ", 1)
    assert (cell_len(glyph), word) == (1, phase.value)


@pytest.mark.parametrize("health", list(Health))
def test_every_health_has_a_glyph_and_its_word(health: Health) -> None:
    glyph, word = present.health_label(health).text.split(" ", 1)
    assert (cell_len(glyph), word) == (1, health.value)


@pytest.mark.parametrize("kind", list(OutcomeKind))
def test_every_outcome_fits_the_state_column(kind: OutcomeKind) -> None:
    assert cell_len(present.outcome_label(Outcome(kind, 137)).text) <= 15


@pytest.mark.parametrize(
    ("run", "label"),
    [
        (run_in(), Label("◌ queued", "muted")),
        (run_in(*LIFE[:4]), Label("▶ working", "busy")),
        (run_in(*LIFE[:6], outcome=Outcome.of_status(7)), Label("⌫ deleting", "warn")),
        (run_in(*LIFE, outcome=Outcome.of_status(0)), Label("✔ passed", "good")),
        (run_in(*LIFE, outcome=Outcome.of_status(7)), Label("✘ failed 7", "bad")),
        (run_in(*LIFE), Label("■ gone", "muted")),
        (run_in(*LIFE[:4], Phase.KEPT, outcome=Outcome.of_status(1)), Label("◆ kept", "pin")),
    ],
)
def test_run_label(run: RunState, label: Label) -> None:
    assert present.run_label(run) == label


def test_news_of_a_run_prefers_what_delays_its_cleanup() -> None:
    fleet = ScriptedFleet()
    run = fleet.begin(SPEC, *LIFE[:2])
    fleet.emit(ProgressMade(run=run, at=NOW, text="Retrieving image: 61%"))
    assert present.run_news(fleet.state.runs[run]) == Label("Retrieving image: 61%", "muted")
    fleet.end(run, Outcome(OutcomeKind.CANCELLED, reason="asked"))
    fleet.enter(run, Phase.DELETING)
    assert present.run_news(fleet.state.runs[run]) == Label("■ cancelled: asked", "muted")
    fleet.emit(CleanupDelayed(run=run, at=NOW, reason="the manager is silent"))
    assert present.run_news(fleet.state.runs[run]) == Label("the manager is silent", "warn")


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (PinPolicy.NEVER, "not pinned: deleted as soon as the work is over"),
        (PinPolicy.ON_FAILURE, "not pinned: will be, should the work fail"),
        (PinPolicy.ALWAYS, "will be pinned when the work is over"),
    ],
)
def test_the_pin_policy_is_said_while_it_matters(policy: PinPolicy, words: str) -> None:
    spec = replace(SPEC, pin=policy)
    assert present.pin_sentence(run_in(*LIFE[:4], spec=spec), NOW).text == words
    assert present.pin_sentence(run_in(*LIFE, spec=spec), NOW).text == "not pinned"


@pytest.mark.parametrize(
    ("pin", "words"),
    [
        (Pin.ON, "◆ pinned for 1m 05s: by rule"),
        (Pin.ASKED, "◇ asking the host to keep it"),
        (Pin.REFUSED, "✘ not pinned: by rule"),
    ],
)
def test_pin_sentence(pin: Pin, words: str) -> None:
    fleet = ScriptedFleet()
    run = fleet.begin(SPEC, *LIFE[:4])
    fleet.emit(PinChanged(run=run, at=NOW - 65, pin=pin, reason="by rule"))
    assert present.pin_sentence(fleet.state.runs[run], NOW).text == words


def test_the_strip_of_a_whole_life() -> None:
    fleet = ScriptedFleet()
    run = fleet.begin()
    for seconds, phase in enumerate(LIFE, start=1):
        fleet.now += seconds
        fleet.enter(run, phase)
    marks = [(step.name, step.mark) for step in present.phase_steps(fleet.state.runs[run], fleet.now)]
    assert marks == [
        ("queued", "✔ 1s"),
        ("leased", "✔ 2s"),
        ("launching", "✔ 3s"),
        ("booting", "✔ 4s"),
        ("working", "✔ 5s"),
        ("collecting", "✔ 6s"),
        ("deleting", "✔ 7s"),
        ("gone", "✔"),
    ]


def test_the_strip_counts_the_present_phase_and_dashes_what_was_skipped() -> None:
    run = run_in(Phase.LEASED, Phase.LAUNCHING, Phase.DELETING)
    marks = {step.name: step.mark for step in present.phase_steps(run, NOW + 125)}
    assert marks["booting"] == marks["working"] == marks["collecting"] == "–"
    assert marks["deleting"] == "⌫ 2m 05s"
    assert marks["gone"] == "·"


def test_the_strip_of_a_kept_run_ends_with_kept_and_goes_on_when_it_is_let_go() -> None:
    fleet = ScriptedFleet()
    run = fleet.begin(SPEC, *LIFE[:4], Phase.KEPT)
    assert [step.name for step in present.phase_steps(fleet.state.runs[run], NOW)][-1] == "kept"
    fleet.enter(run, Phase.DELETING)
    names = [step.name for step in present.phase_steps(fleet.state.runs[run], NOW)]
    assert names[-3:] == ["kept", "deleting", "gone"]


@pytest.mark.parametrize("width", [72, 90, 120, 200])
def test_the_columns_of_the_runs_fill_the_width_and_no_more(width: int) -> None:
    table = tables.runs_table(FleetState(), NOW, width)
    assert sum(column.width for column in table.columns) == width


def test_names_from_outside_are_cleaned() -> None:
    run = run_in(spec=replace(SPEC, name="", command="evil\x1b]0;title\x07\x1b[31m"))
    assert present.run_name(run) == "evil"


def test_vms_are_ours_or_not() -> None:
    run = run_in(*LIFE[:4])
    vms = (VmInfo(run.vm, "Running"), VmInfo("primary", "Stopped"))
    host = HostState(entry=HostEntry(name=SPEC.host), vms=vms, listed_at=NOW)
    assert present.ours_and_others(FleetState(runs={run.id: run}), host) == (1, 1)


def test_command_line_says_only_what_differs() -> None:
    assert tables.command_line(SPEC, SPEC) == "dayfly run hello --host demo"
    other = replace(SPEC, cpus=8, command="ls -l /")
    assert tables.command_line(other, SPEC) == "dayfly run hello --host demo --cpus 8 -- bash -c 'ls -l /'"
    bare = RunSpec(image="24.04", command=("ls", "-l"), host=HostName("lab"))
    assert tables.command_line(bare, None) == "dayfly run --host lab --image 24.04 -- ls -l"


def test_a_form_can_carry_every_field_of_a_spec() -> None:
    spec = replace(SPEC, timeout_s=90, grace_s=61, sudo=True, workdir="/srv", pin=PinPolicy.ALWAYS)
    texts = tables.form_fields(spec)
    assert (texts["timeout"], texts["grace"], texts["sudo"], texts["pin"]) == (
        "1m30s",
        "1m1s",
        "true",
        "always",
    )
    assert (texts["memory"], texts["disk"], texts["workdir"]) == ("4G", "10G", "/srv")


def test_a_run_that_may_finish_alone_and_a_pin_with_an_end_keep_both_in_a_form() -> None:
    spec = replace(SPEC, timeout_s=7200, finish=True, pin=PinPolicy.ALWAYS, pin_for_s=28800)
    texts = tables.form_fields(spec)
    assert (texts["grace"], texts["pin_for"]) == ("finish", "8h")
    assert ScriptedShelf().resolve_form({**texts, "boot_timeout": ""}) == spec
    line = tables.command_line(spec, SPEC)
    assert line == "dayfly run hello --host demo --timeout 2h --grace finish --pin always --for 8h"


@pytest.mark.parametrize(
    ("outcome", "mark"),
    [
        (Outcome.of_status(7), "✘ 0s"),
        (Outcome(OutcomeKind.LOST), "✘ 0s"),
        (Outcome(OutcomeKind.TIMED_OUT), "✘ 0s"),
        (Outcome(OutcomeKind.CANCELLED), "■ 0s"),
        (Outcome.of_status(0), "✔ 0s"),
    ],
)
def test_the_strip_marks_where_it_went_wrong(outcome: Outcome, mark: str) -> None:
    marks = {step.name: step.mark for step in present.phase_steps(run_in(*LIFE, outcome=outcome), NOW)}
    assert (marks["working"], marks["booting"], marks["deleting"]) == (mark, "✔ 0s", "✔ 0s")


def test_the_strip_marks_a_launch_that_failed() -> None:
    outcome = Outcome(OutcomeKind.LAUNCH_FAILED)
    run = run_in(Phase.LEASED, Phase.LAUNCHING, Phase.DELETING, Phase.GONE, outcome=outcome)
    marks = {step.name: step.mark for step in present.phase_steps(run, NOW)}
    assert (marks["leased"], marks["launching"], marks["working"]) == ("✔ 0s", "✘ 0s", "–")


def test_a_working_run_of_an_earlier_session_shows_no_time_that_nobody_knows() -> None:
    fleet = ScriptedFleet()
    run = RunId("r0000009")
    fleet.emit(
        RunRecovered(run=run, at=NOW, vm=VmName("df-old"), spec=SPEC, submitted_at=NOW - 9000),
        PinChanged(run=run, at=NOW - 5000, pin=Pin.ON),
        PhaseEntered(run=run, at=NOW, phase=Phase.WORKING),
    )
    state = fleet.state.runs[run]
    marks = {step.name: step.mark.strip() for step in present.phase_steps(state, NOW + 5)}
    assert (marks["queued"], marks["booting"], marks["working"]) == ("✔", "✔", "▶")
    assert dict(tables.run_head(state, None, NOW + 5))["Now"].text == "▶ working"
    assert present.pin_sentence(state, NOW).text == "◆ pinned for 1h 23m"
    assert "until you delete it" in present.vanishing(state, "")


def test_a_pin_holds_nothing_once_deletion_began() -> None:
    fleet = ScriptedFleet()
    run = fleet.begin(SPEC, *LIFE[:4])
    fleet.pin(run)
    fleet.enter(run, Phase.DELETING)
    state = fleet.state.runs[run]
    assert present.pin_sentence(state, NOW).text == "not pinned any more"
    assert present.pin_label(state, NOW).text == ""
    assert "goes on deleting" in present.vanishing(state, "")


@pytest.mark.parametrize(
    ("height", "text"),
    [(4, "one two\nthree\nfour\nfive"), (3, "one two\nthree\nand 2 more"), (2, "one two\nthree\nand 2 more")],
)
def test_what_does_not_fit_is_counted(height: int, text: str) -> None:
    assert present.fitting(["one two three", "four", "five"], 8, height) == text
