from __future__ import annotations

from dataclasses import replace

import pytest

from tests.app.conftest import Stage, on_stage
from tests.app.fleet_script import NOW, SPEC, ScriptedFleet
from tui.app.screens.home import HomeScreen
from tui.app.screens.new_run import NewRunScreen
from tui.app.screens.run import RunScreen
from tui.model.events import HostAdded, LinkChanged, ProgressMade, VmsListed
from tui.model.hosts import DEMO, Health, HostEntry, VmInfo
from tui.model.phase import Outcome, OutcomeKind, Phase, Pin
from tui.model.spec import HostName

LAB = HostName("lab-1")
WORKING = (Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING, Phase.WORKING)


async def test_an_empty_home_says_what_to_press(stage: Stage) -> None:
    await stage.sees(
        "No runs yet. Press n to start a run on the demo host.", "● demo ready", "n New", "q Quit"
    )


async def test_without_a_host_it_says_how_to_add_one() -> None:
    async with on_stage(ScriptedFleet()) as stage:
        await stage.sees("No hosts yet. Press a to add one")


async def test_runs_are_shown_with_state_name_host_age_and_news(stage: Stage) -> None:
    fleet = stage.fleet
    fleet.now = NOW - 125
    launching = fleet.begin(replace(SPEC, name=""), Phase.LEASED, Phase.LAUNCHING)
    fleet.emit(ProgressMade(run=launching, at=NOW, text="Retrieving image: 61%"))
    failed = fleet.begin(SPEC, *WORKING)
    fleet.boot(failed)
    fleet.end(failed, Outcome.of_status(7))
    fleet.pin(failed)
    fleet.enter(failed, Phase.KEPT)
    fleet.now = NOW
    await stage.sees("◔ launching", "make test", "2m 05s", "Retrieving image: 61%", "◆ kept", "✘ failed 7")
    await stage.sees(
        "▶ 1 active", "◆ 1 pinned", "ssh -t demo multipass shell", "until you delete it: dayfly rm"
    )


async def test_a_wide_terminal_shows_vm_and_size_and_the_details_beside(fleet: ScriptedFleet) -> None:
    async with on_stage(fleet, size=(200, 50)) as stage:
        fleet.begin(SPEC, *WORKING)
        await stage.sees("SIZE", "2 cpu 4G 10G", "VM ")
        first_row = stage.text.splitlines()[3]
        assert "df-hello-r0000001" in first_row
        assert "VM        df-hello-r0000001 on demo" in first_row


async def test_hosts_show_health_version_vms_and_what_is_wrong(stage: Stage) -> None:
    run = stage.fleet.begin(SPEC, *WORKING)
    vm = stage.fleet.state.runs[run].vm
    stage.fleet.emit(
        VmsListed(host=DEMO, at=NOW, vms=(VmInfo(vm, "Running"), VmInfo("primary", "Stopped"))),
        HostAdded(host=LAB, at=NOW, entry=HostEntry(name=LAB, address="lab.example.org")),
        LinkChanged(host=LAB, at=NOW, health=Health.REFUSED, detail="no key fits", hint="add one by ssh-add"),
    )
    await stage.sees("1 of 2 ours", "1.16.2", "✘ lab-1 refused", "no key fits")
    await stage.press("tab", "down")
    await stage.sees("Host lab-1", "add one by ssh-add", "lab.example.org")


async def test_ctrl_r_reconnects_all_hosts_or_the_chosen_one(stage: Stage) -> None:
    stage.fleet.emit(HostAdded(host=LAB, at=NOW, entry=HostEntry(name=LAB)))
    await stage.sees("lab-1")
    await stage.press("ctrl+r")
    assert stage.fleet.called("reconnect") == [(DEMO,), (LAB,)]
    await stage.press("tab", "down", "ctrl+r")
    assert stage.fleet.called("reconnect")[2:] == [(LAB,)]


async def test_adding_a_host(stage: Stage) -> None:
    await stage.press("a", *"ana@", "space", "x", "enter")
    await stage.sees("is not a host", "write user@server")
    await stage.press("backspace", "backspace", *"lab", "tab", *"local", "enter")
    await stage.sees("local is a host of its own")
    await stage.press(*["backspace"] * 5, *"lab-1", "enter")
    ((entry,),) = stage.fleet.called("add_host")
    assert entry == HostEntry(name=LAB, address="lab", user="ana")
    await stage.sees("lab-1 unknown")


async def test_the_cursor_stays_on_its_run_when_others_come(stage: Stage) -> None:
    first = stage.fleet.begin(SPEC, *WORKING)
    await stage.sees("▶ working")
    stage.fleet.now = NOW + 1
    stage.fleet.begin(replace(SPEC, name="other"))
    await stage.sees("other")
    home = stage.app.screen
    assert isinstance(home, HomeScreen)
    assert home.chosen_run is not None
    assert home.chosen_run.id == first


async def test_pin_toggles_and_a_refusal_is_said(stage: Stage) -> None:
    run = stage.fleet.begin(SPEC, *WORKING)
    await stage.sees("▶ working")
    await stage.press("p")
    await stage.sees("◆ pinned")
    await stage.press("p")
    await stage.sees_no("◆ pinned")
    stage.fleet.refuses_pins = True
    await stage.press("p")
    await stage.sees("✘ no pin", "was not pinned")
    assert [call[0] for call in stage.fleet.calls if call[0].endswith("pin")] == ["pin", "unpin", "pin"]
    assert stage.fleet.state.runs[run].pin is Pin.REFUSED


async def test_once_deletion_began_neither_pin_nor_cancel_do_anything(stage: Stage) -> None:
    stage.fleet.begin(SPEC, *WORKING, Phase.DELETING)
    await stage.sees("⌫ deleting")
    await stage.press("p", "x", "y")
    assert not stage.fleet.calls
    assert isinstance(stage.app.screen, HomeScreen)


async def test_unpinning_a_kept_vm_asks_because_it_deletes(stage: Stage) -> None:
    run = stage.fleet.begin(SPEC, *WORKING)
    stage.fleet.pin(run)
    stage.fleet.enter(run, Phase.KEPT)
    await stage.sees("◆ kept")
    await stage.press("p")
    await stage.sees("Unpin and delete?")
    await stage.press("enter")
    assert not stage.fleet.called("unpin")
    await stage.press("p", "tab", "enter")
    assert stage.fleet.called("unpin") == [(run,)]


async def test_cancel_asks_and_the_harmless_answer_has_the_focus(stage: Stage) -> None:
    run = stage.fleet.begin(SPEC, *WORKING)
    await stage.sees("▶ working")
    await stage.press("x")
    await stage.sees("Stop and delete?", "df-hello-r0000001 on demo")
    await stage.press("enter")
    assert not stage.fleet.called("cancel")
    await stage.press("x", "right", "enter")
    assert stage.fleet.called("cancel") == [(run,)]


async def test_enter_opens_the_run_and_escape_comes_back(stage: Stage) -> None:
    stage.fleet.begin(SPEC, *WORKING)
    await stage.sees("▶ working")
    await stage.press("enter")
    assert isinstance(stage.app.screen, RunScreen)
    await stage.press("escape")
    assert isinstance(stage.app.screen, HomeScreen)


async def test_run_again_submits_the_same_and_shows_it(stage: Stage) -> None:
    stage.fleet.begin(SPEC, *WORKING)
    await stage.sees("▶ working")
    await stage.press("r")
    assert stage.fleet.called("submit") == [(SPEC,)]
    assert isinstance(stage.app.screen, RunScreen)


async def test_it_can_start_at_a_new_run(fleet: ScriptedFleet) -> None:
    async with on_stage(fleet, start=DEMO) as stage:
        assert isinstance(stage.app.screen, NewRunScreen)
        await stage.press("escape")
        assert isinstance(stage.app.screen, HomeScreen)


async def test_help_shows_the_keys_of_where_one_is(stage: Stage) -> None:
    await stage.press("question_mark")
    await stage.sees("Here", "Choose an image, resources and a command, and launch.")
    await stage.press("G")
    await stage.sees("Moving", "Page down", "Deleted means seen absent")
    await stage.press("g", "j", "k")
    await stage.sees("Choose an image, resources and a command, and launch.")
    await stage.press("escape")
    assert isinstance(stage.app.screen, HomeScreen)


async def test_the_palette_finds_commands_by_words(stage: Stage) -> None:
    await stage.press("ctrl+p", *"new run")
    await stage.sees("Choose an image, resources")
    await stage.press("enter")
    await stage.until(lambda: isinstance(stage.app.screen, NewRunScreen), "the form")


@pytest.mark.parametrize("size", [(59, 24), (80, 14), (20, 5)])
async def test_too_small_says_so_and_keeps_running(fleet: ScriptedFleet, size: tuple[int, int]) -> None:
    async with on_stage(fleet) as stage:
        await stage.pilot.resize_terminal(*size)
        await stage.sees("too small")
        fleet.begin(SPEC, *WORKING)
        await stage.pilot.resize_terminal(80, 24)
        await stage.sees("▶ working")
        assert "too small" not in stage.text


async def test_dialogs_too_say_that_it_is_too_small(stage: Stage) -> None:
    await stage.press("a")
    await stage.pilot.resize_terminal(40, 10)
    await stage.sees("too small")


async def test_markup_and_escapes_of_a_host_stay_text(stage: Stage) -> None:
    stage.fleet.emit(
        LinkChanged(
            host=DEMO, at=NOW, health=Health.UNREACHABLE, detail="[red]no[/] \x1b]52;c;AA\x07\x9b31m!"
        )
    )
    await stage.sees("[red]no[/] !")
    strips = stage.app.screen._compositor.render_strips()
    assert not [char for strip in strips for char in strip.text if ord(char) < 32 or 127 <= ord(char) < 160]


async def test_both_themes_show_everything(stage: Stage) -> None:
    dark = stage.app.theme
    await stage.press("ctrl+t")
    assert stage.app.theme != dark
    await stage.sees("No runs yet")
    await stage.press("ctrl+t")
    assert stage.app.theme == dark


async def test_on_a_tiny_terminal_only_leaving_and_help_work(stage: Stage) -> None:
    stage.fleet.begin(SPEC, *WORKING)
    await stage.sees("▶ working")
    await stage.press("x")
    await stage.pilot.resize_terminal(40, 10)
    stage.app.notify("a toast")
    await stage.sees("too small", "a question waits")
    await stage.press("y", "enter", "escape", "tab")
    assert not stage.fleet.called("cancel")
    assert "a toast" not in stage.text
    await stage.pilot.resize_terminal(80, 24)
    await stage.sees("▸ Leave it alone (n)")
    await stage.press("enter", "n")
    assert isinstance(stage.app.screen, NewRunScreen)
    await stage.press("escape")
    await stage.pilot.resize_terminal(40, 10)
    await stage.press("n", "enter")
    assert isinstance(stage.app.screen, HomeScreen)
    await stage.press("ctrl+q", "ctrl+q")
    assert stage.fleet.called("leave")


async def test_the_focus_comes_back_from_a_tiny_terminal(stage: Stage) -> None:
    stage.fleet.begin(SPEC, *WORKING)
    await stage.sees("▶ working")
    for keys, field in (((), "runs"), (("enter",), "log"), (("escape", "n", "tab", "tab"), "memory")):
        await stage.press(*keys)
        await stage.pilot.resize_terminal(40, 10)
        await stage.until(lambda: stage.app.focused is None, "no focus")
        await stage.pilot.resize_terminal(80, 24)
        await stage.until(
            lambda field=field: stage.app.focused is not None and stage.app.focused.id == field, field
        )


async def test_a_screen_comes_back_from_tiny_behind_a_dialog(stage: Stage) -> None:
    stage.fleet.begin(SPEC, *WORKING)
    await stage.pilot.resize_terminal(40, 10)
    await stage.press("ctrl+q")
    await stage.pilot.resize_terminal(80, 24)
    await stage.sees("Leave dayfly?")
    await stage.press("n")
    await stage.sees("▶ working", "n New")
    assert "too small" not in stage.text


async def test_the_runs_are_seen_on_a_low_terminal(fleet: ScriptedFleet) -> None:
    async with on_stage(fleet, size=(60, 15)) as stage:
        fleet.begin(SPEC, *WORKING)
        await stage.sees("▶ working", "hello", "● ready")


async def test_runs_that_are_over_are_told_apart(stage: Stage) -> None:
    plain = stage.fleet.begin(replace(SPEC, command="pytest -x"), *WORKING)
    lost = stage.fleet.begin(replace(SPEC, command="make"), *WORKING)
    stage.fleet.end(plain, Outcome.of_status(0))
    stage.fleet.end(lost, Outcome(OutcomeKind.LOST, reason="the VM was deleted"))
    for run in (plain, lost):
        stage.fleet.enter(run, Phase.GONE)
    await stage.sees("TIME", "the VM was deleted", "pytest -x")


async def test_a_kept_run_is_unpinned_or_deleted_and_both_say_so(stage: Stage) -> None:
    run = stage.fleet.begin(SPEC, *WORKING)
    stage.fleet.pin(run)
    await stage.sees("p Unpin", "x Cancel")
    await stage.press("p")
    await stage.sees("p Pin")
    stage.fleet.pin(run)
    stage.fleet.end(run, Outcome.of_status(0))
    stage.fleet.enter(run, Phase.KEPT)
    await stage.sees("x Delete")
    await stage.press("x")
    await stage.sees("Delete the VM?", "The work is over")
    assert "Stop" not in stage.text
    await stage.press("y")
    assert stage.fleet.called("cancel") == [(run,)]


async def test_a_name_of_a_host_is_checked_while_it_is_typed(stage: Stage) -> None:
    await stage.press("a", *"lab", "tab", *"x y")
    await stage.sees("✘ 'x y' has a space")
    await stage.press("backspace", "backspace", "backspace", *"demo")
    await stage.sees("✘ demo is the name of a host that is known already")
    await stage.press("enter")
    assert not stage.fleet.called("add_host")
    await stage.press("backspace")
    await stage.sees_no("✘ demo is")


async def test_a_host_that_was_not_listed_yet_has_unknown_vms(stage: Stage) -> None:
    await stage.press("tab")
    await stage.sees("Host demo", "VMs       –")
    stage.fleet.emit(VmsListed(host=DEMO, at=NOW, vms=()))
    await stage.sees("VMs       none")
