from __future__ import annotations

from dataclasses import replace

import pytest
from textual.worker import WorkerFailed

from tests.app.conftest import Stage, on_stage
from tests.app.fleet_script import NOW, SPEC, ScriptedFleet, ScriptedShelf, parse_host
from tui.app import away
from tui.app.app import DayflyApp
from tui.app.screens.home import HomeScreen
from tui.app.screens.leaving import LeavingScreen
from tui.app.widgets.facts import Labels
from tui.engine.history import LedgerHistory
from tui.model.events import CleanupDelayed, QuestionAsked, QuestionClosed
from tui.model.hosts import DEMO, Question, QuestionKind
from tui.model.phase import Phase
from tui.wiring import open_ledger

WORKING = (Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING, Phase.WORKING)


async def leaves(stage: Stage) -> list[str]:
    """Wait for the end of the app; its last lines."""
    await stage.until(lambda: stage.app.return_value is not None, "the end")
    assert stage.app.return_value is not None
    return list(stage.app.return_value.lines)


async def test_with_nothing_under_way_q_leaves_at_once(stage: Stage) -> None:
    await stage.press("q")
    assert await leaves(stage) == []
    assert stage.fleet.called("leave")


@pytest.mark.parametrize("key", ["q", "ctrl+q", "ctrl+c"])
async def test_it_asks_and_names_the_vms_and_enter_stays(stage: Stage, key: str) -> None:
    stage.fleet.begin(SPEC, *WORKING)
    await stage.sees("▶ working")
    await stage.press(key)
    await stage.sees("Leave dayfly?", "df-hello-r0000001 on demo")
    await stage.press("enter")
    assert isinstance(stage.app.screen, HomeScreen)
    assert not stage.fleet.called("leave")


async def test_each_answer_says_what_it_means(stage: Stage) -> None:
    fleet = stage.fleet
    fleet.begin(replace(SPEC, timeout_s=7200), *WORKING)
    await stage.sees("▶ working")
    await stage.press("q")
    until = away.moment(NOW + 7200, NOW)
    await stage.sees(
        "Stay", f"the run goes on until {until} at most; log and result", "dayfly attach r0000001"
    )
    await stage.sees("the run is stopped, its VM deleted", "▸ Stay (s)", "Leave to finish (l)", "End now (e)")
    await stage.press("s")
    assert not fleet.called("leave")
    fleet.begin(SPEC, Phase.LEASED, Phase.LAUNCHING)
    fleet.pin(fleet.begin(SPEC, *WORKING), for_s=7200)
    await stage.press("q")
    until = away.moment(NOW + 86400, NOW)
    await stage.sees(f"2 runs go on until {until} at most", "1 of them as soon as the command has started")
    await stage.sees("2 runs are stopped", "df-hello-r0000003 on demo, 2h 00m left; its work goes on")


async def test_of_many_runs_the_first_are_named_and_the_answers_are_seen(fleet: ScriptedFleet) -> None:
    async with on_stage(fleet) as stage:
        for _ in range(12):
            fleet.begin(SPEC, *WORKING)
        await stage.sees("▶ 12 active")
        await stage.press("q")
        await stage.sees("df-hello-r0000005 on demo", "and 7 more", "▸ Stay (s)", "End now (e)")


async def test_what_works_is_left_to_finish_and_the_launch_is_waited_for(stage: Stage) -> None:
    fleet = stage.fleet
    fleet.begin(SPEC, *WORKING)
    starting = fleet.begin(SPEC, Phase.LEASED, Phase.LAUNCHING)
    await stage.sees("◔ launching")
    await stage.press("q", "l")
    assert fleet.called("leave") == [(True,)]
    await stage.sees("left once it has started", "0 of 1 done", "dayfly attach r0000001", "e End all now")
    assert stage.app.return_value is None
    fleet.enter(starting, Phase.WORKING)
    fleet.let_go(starting)
    lines = await leaves(stage)
    assert [line for line in lines if "attach" in line] == [
        "  log and result: dayfly attach r0000001",
        "  log and result: dayfly attach r0000002",
    ]
    assert "Nothing is owed." not in lines


async def test_what_was_to_finish_can_be_ended_after_all(stage: Stage) -> None:
    fleet = stage.fleet
    run = fleet.begin(SPEC, Phase.LEASED, Phase.LAUNCHING)
    await stage.sees("◔ launching")
    await stage.press("q", "l")
    await stage.sees("left once it has started")
    await stage.press("e")
    assert fleet.called("leave") == [(True,), (False,)]
    await stage.sees("Being deleted", "⌫ deleting", "0 of 1 gone")
    fleet.enter(run, Phase.GONE)
    assert (await leaves(stage))[-1] == "Nothing is owed."


async def test_it_waits_until_every_vm_is_gone_and_says_what_stays(stage: Stage) -> None:
    fleet = stage.fleet
    goes, stays = fleet.begin(SPEC, *WORKING), fleet.begin(SPEC, *WORKING)
    fleet.pin(stays)
    await stage.sees("◆ pinned")
    await stage.press("q", "e")
    await stage.sees("⌫ deleting", "df-hello-r0000001", "0 of 1 gone", "dayfly rm df-hello-r0000002")
    fleet.emit(CleanupDelayed(run=goes, at=NOW, reason="the manager does not answer"))
    await stage.sees("the manager does not")
    assert stage.app.return_value is None
    fleet.enter(goes, Phase.GONE)
    assert await leaves(stage) == [
        "pinned: df-hello-r0000002 on demo stays until you delete it",
        "  way in: ssh -t demo multipass shell df-hello-r0000002",
        "  delete: dayfly rm df-hello-r0000002",
        "  its work goes on: dayfly attach r0000002",
        "1 VM gone.",
        "Nothing is owed.",
    ]


async def test_the_second_time_it_says_what_is_owed_the_third_leaves_it(stage: Stage) -> None:
    stage.fleet.begin(SPEC, *WORKING)
    await stage.sees("▶ working")
    await stage.press("ctrl+c", "ctrl+c")
    assert stage.fleet.called("leave")
    owed = "still owed: df-hello-r0000001 on demo (deleting); it is being deleted; if that does not finish"
    await stage.sees(owed[:70], "once more leaves at once")
    assert stage.app.return_value is None
    await stage.press("ctrl+c")
    assert (await leaves(stage))[0].startswith(owed)
    assert stage.app.return_value is not None
    assert stage.app.return_value.owed == ("df-hello-r0000001",)


async def test_what_is_only_being_deleted_needs_no_question(stage: Stage) -> None:
    run = stage.fleet.begin(SPEC, *WORKING, Phase.DELETING)
    await stage.sees("⌫ deleting")
    await stage.press("q")
    assert isinstance(stage.app.screen, LeavingScreen)
    await stage.press("ctrl+q")
    await stage.sees("still owed")
    stage.fleet.enter(run, Phase.GONE)
    assert (await leaves(stage))[-1] == "Nothing is owed."


async def test_ctrl_c_leaves_from_the_form_and_the_run_screen_too(stage: Stage) -> None:
    stage.fleet.begin(SPEC, *WORKING)
    await stage.sees("▶ working")
    for key in ("enter", "n"):
        await stage.press(key)
        await stage.press("ctrl+c")
        await stage.sees("Leave dayfly?")
        await stage.press("escape", "escape")
    assert isinstance(stage.app.screen, HomeScreen)


async def test_leave_now_leaves_without_a_word(stage: Stage) -> None:
    stage.fleet.begin(SPEC, *WORKING)
    stage.app.leave_now()
    assert (await leaves(stage))[0].startswith("still owed: df-hello-r0000001")
    assert not stage.fleet.called("leave")


@pytest.mark.parametrize(("method", "error"), [("show", WorkerFailed), ("render_line", RuntimeError)])
async def test_an_exception_in_a_widget_ends_the_app(
    monkeypatch: pytest.MonkeyPatch, method: str, error: type[Exception]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a widget failed")

    fleet = ScriptedFleet()
    fleet.add_demo()
    apps = []

    async def break_it() -> None:
        with open_ledger() as ledger:
            shelf, books = ScriptedShelf(), LedgerHistory(ledger)
            apps.append(DayflyApp(fleet, shelf, parse_host, history=books, clock=lambda: fleet.now))
            async with apps[0].run_test() as pilot:
                await pilot.pause()
                monkeypatch.setattr(Labels, method, fail)
                fleet.begin(SPEC, *WORKING)
                await pilot.pause(0.5)

    with pytest.raises(error, match="a widget failed"):
        await break_it()
    (app,) = apps
    assert app.return_code == 1
    assert app.return_value is None
    assert not fleet.called("leave")


async def test_what_happens_while_it_ends_is_not_drawn_any_more(fleet: ScriptedFleet) -> None:
    async with on_stage(fleet) as stage:
        await stage.press("q")
        await leaves(stage)
    fleet.begin(SPEC, *WORKING)
    stage.app._publish(fleet.state)
    assert stage.app.return_code == 0


def question(kind: QuestionKind, text: str) -> QuestionAsked:
    return QuestionAsked(host=DEMO, at=NOW, question=Question(id="q1", host=DEMO, kind=kind, text=text))


async def test_a_passphrase_is_asked_for_and_not_shown(stage: Stage) -> None:
    stage.fleet.emit(question(QuestionKind.PASSPHRASE, "Passphrase of ~/.ssh/id_ed25519"))
    await stage.sees("Passphrase of ~/.ssh/id_ed25519")
    await stage.press(*"secret")
    assert "secret" not in stage.text
    await stage.press("enter")
    assert stage.fleet.called("answer") == [("q1", "secret")]
    assert isinstance(stage.app.screen, HomeScreen)


async def test_an_unknown_host_key_is_refused_by_enter_and_accepted_by_choice(stage: Stage) -> None:
    stage.fleet.emit(question(QuestionKind.HOST_KEY, "ED25519 SHA256:abcdef"))
    await stage.sees("demo: unknown host key", "SHA256:abcdef", "ssh-keygen -lf")
    await stage.press("enter")
    assert stage.fleet.called("answer") == [("q1", None)]
    stage.fleet.emit(
        QuestionAsked(
            host=DEMO,
            at=NOW,
            question=Question(id="q2", host=DEMO, kind=QuestionKind.HOST_KEY, text="RSA SHA256:xyz"),
        )
    )
    await stage.sees("SHA256:xyz")
    await stage.press("right", "enter")
    assert stage.fleet.called("answer")[1:] == [("q2", "yes")]


async def test_a_question_that_needs_no_answer_any_more_goes_away(stage: Stage) -> None:
    stage.fleet.emit(question(QuestionKind.PASSWORD, "Password:"))
    await stage.sees("Password:")
    stage.fleet.emit(QuestionClosed(host=DEMO, at=NOW, question_id="q1"))
    await stage.until(lambda: isinstance(stage.app.screen, HomeScreen), "home")


async def test_two_questions_are_asked_one_after_the_other(stage: Stage) -> None:
    for number in ("1", "2"):
        asked = Question(id=number, host=DEMO, kind=QuestionKind.PASSWORD, text=f"Password {number}")
        stage.fleet.emit(QuestionAsked(host=DEMO, at=NOW, question=asked))
    await stage.sees("Password 1")
    await stage.press("a", "enter")
    await stage.sees("Password 2")
    await stage.press("b", "enter")
    assert stage.fleet.called("answer") == [("1", "a"), ("2", "b")]


async def test_leaving_on_a_narrow_terminal(fleet: ScriptedFleet) -> None:
    async with on_stage(fleet, size=(60, 15)) as stage:
        fleet.begin(SPEC, *WORKING)
        await stage.sees("▶ working")
        await stage.press("q", "e")
        await stage.sees("⌫ deleting", "Not waiting?")


async def test_the_work_that_goes_on_in_a_pinned_vm_is_told(stage: Stage) -> None:
    stage.fleet.begin(SPEC, *WORKING)
    pinned = stage.fleet.begin(SPEC, *WORKING)
    stage.fleet.pin(pinned)
    await stage.sees("◆ pinned")
    await stage.press("q")
    await stage.sees("df-hello-r0000002 on demo; its work goes on", "▸ Stay (s)", "End now (e)")
    await stage.press("left")
    await stage.sees("▸ End now (e)")
    await stage.press("s")
    assert isinstance(stage.app.screen, HomeScreen)


async def test_a_host_key_can_be_accepted_by_y(stage: Stage) -> None:
    stage.fleet.emit(question(QuestionKind.HOST_KEY, "ED25519 SHA256:abcdef"))
    await stage.sees("Accept this key (y)")
    await stage.press("y")
    assert stage.fleet.called("answer") == [("q1", "yes")]


async def test_a_secret_is_typed_hidden(stage: Stage) -> None:
    stage.fleet.emit(question(QuestionKind.SECRET, "Token of the registry"))
    await stage.sees("A secret of the run", "Token of the registry")
    await stage.press(*"s3cret")
    assert "s3cret" not in stage.text
    await stage.press("enter")
    assert stage.fleet.called("answer") == [("q1", "s3cret")]


@pytest.mark.parametrize(("key", "reply"), [("enter", None), ("y", "yes"), ("escape", None)])
async def test_a_command_runs_here_only_when_allowed(stage: Stage, key: str, reply: str | None) -> None:
    stage.fleet.emit(
        question(QuestionKind.CONFIRM, "what this prints:\n  pass show ci\x1b[2K[bold]\nRun it?")
    )
    await stage.sees("Run a command here?", "  pass show ci[bold]", "Run it here (y)")
    await stage.press(key)
    assert stage.fleet.called("answer") == [("q1", reply)]


async def test_a_question_may_come_again_under_its_old_id(stage: Stage) -> None:
    for _ in range(2):
        stage.fleet.emit(question(QuestionKind.SECRET, "Token of the registry"))
        await stage.sees("Token of the registry")
        await stage.press("x", "enter")
        await stage.sees_no("Token of the registry")
    assert len(stage.fleet.called("answer")) == 2
