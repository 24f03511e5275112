from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Input, TextArea

from tests.app.conftest import Stage, on_stage
from tests.app.fleet_script import NOW, SPEC, ScriptedFleet
from tui.app.screens.home import HomeScreen
from tui.app.screens.new_run import NewRunScreen
from tui.app.screens.run import RunScreen
from tui.app.widgets.choice import Choice
from tui.app.widgets.run_form import LABELS
from tui.model.events import LinkChanged
from tui.model.hosts import DEMO, Health
from tui.model.spec import Artifact, CloudInit, PinPolicy, RunSpec, SecretRef, SecretSource
from tui.model.spec import Input as SentFile
from tui.model.units import GIB


async def test_keys_alone_make_a_run(stage: Stage) -> None:
    await stage.press("n", *"24.04", "tab", "2", "tab", *"4G", "tab", *"10G", "tab", *"make test")
    await stage.press(
        "tab", "right", "tab", *"20m", "tab", *"5m", "tab", *"8h", "tab", "right", "tab", *"/srv"
    )
    await stage.sees("✔ ready: F5 launches", "demo deletes the VM 300 s")
    await stage.press("f5")
    ((spec,),) = stage.fleet.called("submit")
    assert spec == RunSpec(
        image="24.04",
        command="make test",
        host=DEMO,
        cpus=2,
        memory=4 * GIB,
        disk=10 * GIB,
        pin=PinPolicy.ON_FAILURE,
        pin_for_s=8 * 3600,
        timeout_s=1200,
        grace_s=300,
        sudo=True,
        workdir="/srv",
    )
    assert isinstance(stage.app.screen, RunScreen)
    await stage.press("escape")
    assert isinstance(stage.app.screen, HomeScreen)


async def test_everything_is_seen_at_80x24(stage: Stage) -> None:
    await stage.press("n")
    await stage.sees(*(label for label in LABELS.values()), "f5 Launch", "f2 Images", "^s Save", "esc Back")


async def test_every_field_is_reached_and_seen_on_a_low_terminal(fleet: ScriptedFleet) -> None:
    async with on_stage(fleet, size=(60, 15)) as stage:
        await stage.press("n")
        met = set()
        for _ in LABELS:
            focused = stage.app.screen.focused
            assert focused is not None
            met.add(focused.id)
            await stage.until(lambda field=focused: stage.app.screen.can_view_partial(field), f"{focused.id}")
            await stage.sees("Launch")
            await stage.press("tab")
        assert met == set(LABELS)


async def test_a_bad_field_is_marked_and_its_sentence_shown(stage: Stage) -> None:
    await stage.press("n", *"24.04", "tab", "tab", *"4Q")
    await stage.sees("✘ Memory", "Memory: '4Q' is not a size", "✘ not yet")
    await stage.press("backspace", "G")
    await stage.sees_no("✘ Memory")
    await stage.sees("Command: missing", "something is missing")


async def test_launch_with_a_fault_goes_to_the_field_and_launches_nothing(stage: Stage) -> None:
    await stage.press("n", *"24.04", "f5")
    await stage.sees("Not launched")
    assert isinstance(stage.app.screen.focused, TextArea)
    assert not stage.fleet.called("submit")


async def test_images_come_from_the_host_golden_ones_first(stage: Stage) -> None:
    await stage.press("n", "f2")
    await stage.sees("Images of demo", "golden image: ubuntu-lts-agent", "Ubuntu 24.04 LTS  noble, lts")
    assert stage.fleet.called("refresh_images")
    await stage.press(*"jam", "enter")
    assert stage.app.screen.query_one("#image", Input).value == "22.04"


async def test_the_image_list_can_be_left_and_one_typed_by_hand(stage: Stage) -> None:
    await stage.press("n", "f2", "escape", *"file:///srv/my.img")
    assert stage.app.screen.query_one("#image", Input).value == "file:///srv/my.img"


async def test_a_profile_fills_the_form_and_the_command_line_names_it(stage: Stage) -> None:
    stage.shelf.profiles["hello"] = replace(SPEC, boot_timeout_s=77, description="says hello")
    await stage.press("n", "shift+tab", "shift+tab", "enter", "down", "enter")
    await stage.sees("make test", "4G", "dayfly run hello --host demo")
    await stage.press("f5")
    ((spec,),) = stage.fleet.called("submit")
    assert (spec.name, spec.image, spec.cpus) == ("hello", "24.04", 2)


async def test_saving_asks_for_a_name_and_says_what_is_wrong_with_it(stage: Stage) -> None:
    await stage.press("n", *"24.04", "tab", "tab", "tab", "tab", *"true", "ctrl+s")
    await stage.sees("Save as a profile")
    await stage.press(*"a b", "enter")
    await stage.sees("is no name for a profile")
    await stage.press("ctrl+s", *"smoke", "enter")
    await stage.sees("Saved as smoke.toml")
    ((name, spec),) = stage.shelf.saved
    assert (name, spec.image, spec.command) == ("smoke", "24.04", "true")
    await stage.press("escape")
    assert isinstance(stage.app.screen, HomeScreen)


async def test_escape_asks_only_if_something_was_typed(stage: Stage) -> None:
    await stage.press("n", "escape")
    assert isinstance(stage.app.screen, HomeScreen)
    await stage.press("n", "x", "escape")
    await stage.sees("What you typed is lost.")
    await stage.press("enter")
    assert isinstance(stage.app.screen, NewRunScreen)
    await stage.press("escape", "tab", "enter")
    assert isinstance(stage.app.screen, HomeScreen)


async def test_an_image_from_the_list_leads_to_an_empty_command(stage: Stage) -> None:
    await stage.press("n", "f2", *"jam", "enter")
    assert isinstance(stage.app.screen.focused, TextArea)
    await stage.press(*"true", "shift+tab", "f2", *"nob", "enter")
    await stage.until(lambda: stage.app.screen.query_one("#image", Input).value == "24.04", "the image")
    assert not isinstance(stage.app.screen.focused, TextArea)


async def test_what_no_image_matches_can_be_taken_as_typed(stage: Stage) -> None:
    await stage.press("n", "f2", *"zzz")
    await stage.sees("no image matches: esc, then type it by hand")
    await stage.press("enter")
    assert stage.app.screen.query_one("#image", Input).value == "zzz"


async def test_the_images_of_an_unreachable_host_say_why(stage: Stage) -> None:
    stage.fleet.emit(
        LinkChanged(host=DEMO, at=NOW, health=Health.UNREACHABLE, detail="no route to it", hint="is it on?")
    )
    await stage.press("n", "f2")
    await stage.sees("✘ unreachable: no route to it · is it on?")


async def test_left_and_right_choose_and_space_does_not(stage: Stage) -> None:
    await stage.press("n")
    pin = stage.app.screen.query_one("#pin", Choice)
    pin.focus()
    await stage.press("right", "space")
    assert pin.value == PinPolicy.ON_FAILURE
    await stage.press("left", "left")
    assert pin.value == PinPolicy.ALWAYS


async def test_faults_that_do_not_fit_are_counted(fleet: ScriptedFleet) -> None:
    async with on_stage(fleet, size=(60, 15)) as stage:
        await stage.press("n", "tab", "x", "tab", "x", "tab", "x", "tab", "tab", "tab", "x", "tab", "x")
        await stage.sees("and ", " more")
        assert len([line for line in stage.text.splitlines() if " more" in line]) == 1


async def test_refusals_are_short_and_do_not_pile_up(stage: Stage) -> None:
    await stage.press("n", "f5", "f5", "ctrl+s")
    await stage.sees("Not saved: 2 fields want something")
    assert "Not launched" not in stage.text
    assert "tab Next" in stage.text
    assert "f1 Help" in stage.text


@pytest.mark.parametrize("key", ["ctrl+c", "ctrl+q"])
async def test_leaving_dayfly_asks_before_what_was_typed_is_lost(stage: Stage, key: str) -> None:
    await stage.press("n", "x", key)
    await stage.sees("What you typed is lost.")
    await stage.press("n")
    assert isinstance(stage.app.screen, NewRunScreen)
    assert stage.app.return_value is None
    await stage.press(key, "l")
    await stage.until(lambda: stage.app.return_value is not None, "the end")


FULL = replace(
    SPEC,
    inputs=(SentFile("/srv/data", "data/"), SentFile("/srv/in/*.csv", "in/")),
    artifacts=(Artifact(path="out/*.csv"),),
    env=(("MODE", "fast"),),
    secrets=(
        SecretRef("TOKEN", SecretSource.ENV, "CI_TOKEN"),
        SecretRef("PASS", SecretSource.PROMPT, "which?"),
    ),
    cloud_init=CloudInit("#cloud-config\npackages: [make]\n", stop_on_failure=True),
)


async def test_what_a_profile_brings_along_is_shown_and_kept(stage: Stage) -> None:
    stage.shelf.profiles["hello"] = FULL
    await stage.press("n", "shift+tab", "shift+tab", "enter", "down", "enter")
    await stage.sees(
        "Files in  2 (data, *.csv)",
        "Results   out/*.csv → the results folder of the run",
        "Variables 1 (MODE)",
        "Secrets   2 (TOKEN from env:CI_TOKEN, PASS, asked for)",
        "Boot      cloud-init of 2 lines, stops on failure",
        "Its results wait there for",
        "dayfly run hello --host demo",
    )
    cpus = stage.app.screen.query_one("#cpus", Input)
    cpus.value = "3"
    await stage.sees("dayfly run hello --host demo --cpus 3")
    await stage.press("ctrl+s", "enter")
    await stage.sees("Saved as hello.toml")
    await stage.press("f5")
    ((spec,),) = stage.fleet.called("submit")
    assert spec == replace(FULL, cpus=3)
    assert stage.shelf.saved == [("hello", spec)]


async def test_without_a_profile_nothing_is_brought_along(stage: Stage) -> None:
    stage.shelf.profiles["hello"] = FULL
    await stage.press("n", "shift+tab", "shift+tab", "enter", "down", "enter")
    await stage.sees("Files in")
    await stage.press("enter", "up", "enter")
    await stage.sees_no("Files in")
    await stage.press("f5")
    ((spec,),) = stage.fleet.called("submit")
    assert isinstance(spec, RunSpec)
    assert (spec.inputs, spec.secrets, spec.cloud_init) == ((), (), None)
