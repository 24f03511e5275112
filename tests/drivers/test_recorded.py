"""Replays every recorded case of a verb we use: version, find, list, launch, exec, delete, transfer."""

from __future__ import annotations

import csv
import re
import shlex

import pytest

from tests.drivers.expected import (
    CSV_LISTS,
    DELETED,
    DOWN,
    GUEST_COMMANDS,
    GUEST_FAILURES,
    IMAGES,
    LAUNCHES,
    LEFT_OUT,
    LISTS,
    OTHER_FORMATS,
    REFUSALS,
    TABLES,
    TRANSFERS,
    VERSIONS,
)
from tests.drivers.recorded import Case, cases
from tui.drivers.multipass import Multipass
from tui.drivers.multipass_json import STATES
from tui.model.errors import ManagerRefused
from tui.model.spec import CloudInit, HostName, RunSpec, VmName

DRIVER = Multipass()


def case(number: str) -> Case:
    return cases()[number]


def check(stderr: bytes, status: int, expected: tuple[str, str]) -> None:
    sentence, hint = DRIVER.explain(stderr, status)
    assert sentence.startswith(expected[0])
    assert expected[1] in hint


def test_every_case_is_in_exactly_one_table() -> None:
    listed = [number for table in TABLES for number in table]
    assert sorted(listed) == sorted(cases())


def test_hardly_any_case_is_left_out() -> None:
    assert len(LEFT_OUT) < 0.1 * len(cases())
    assert all(LEFT_OUT.values())


@pytest.mark.parametrize("number", VERSIONS)
def test_version(number: str) -> None:
    assert DRIVER.parse_version(case(number).stdout) == VERSIONS[number]


@pytest.mark.parametrize("number", sorted(OTHER_FORMATS))
def test_other_formats_are_refused(number: str) -> None:
    parsers = {"version": DRIVER.parse_version, "find": DRIVER.parse_images, "list": DRIVER.parse_list}
    with pytest.raises(ManagerRefused, match=f"multipass {case(number).verb}"):
        parsers[case(number).verb](case(number).stdout)


@pytest.mark.parametrize("number", LISTS)
def test_list(number: str) -> None:
    assert list(DRIVER.parse_list(case(number).stdout)) == LISTS[number]


@pytest.mark.parametrize("number", CSV_LISTS)
def test_list_for_the_warden(number: str) -> None:
    assert shlex.join(DRIVER.recipe(VmName("vm1")).list) == case(number).argv
    header, *rows = csv.reader(case(number).stdout.decode().splitlines())
    assert header[:2] == ["Name", "State"]
    assert [(row[0], row[1]) for row in rows] == CSV_LISTS[number]


@pytest.mark.parametrize("number", IMAGES)
def test_images(number: str) -> None:
    assert list(DRIVER.parse_images(case(number).stdout)) == IMAGES[number]


@pytest.mark.parametrize("number", LAUNCHES)
def test_launch(number: str) -> None:
    progress, failure = LAUNCHES[number]
    assert DRIVER.launch_progress(case(number).stdout) == progress
    if failure:
        check(case(number).stderr, case(number).status, failure)
    else:
        assert case(number).stderr == b""


@pytest.mark.parametrize("number", REFUSALS)
def test_refusal(number: str) -> None:
    check(case(number).stderr, case(number).status, REFUSALS[number])


@pytest.mark.parametrize("number", GUEST_FAILURES)
def test_failure_in_the_guest_is_not_blamed_on_multipass(number: str) -> None:
    sentence, _hint = DRIVER.explain(case(number).stderr, case(number).status)
    assert sentence == GUEST_FAILURES[number]


@pytest.mark.parametrize("number", GUEST_COMMANDS)
def test_exec_enters_the_vm_as_recorded(number: str) -> None:
    vm, command = GUEST_COMMANDS[number]
    ours = [word for word in DRIVER.recipe(VmName(vm)).enter if word != "-n"]
    typed = re.sub(r" (-d \S+|--no-map-working-directory)(?= )", "", case(number).argv)
    assert typed.startswith(f"{shlex.join(ours)} {command}")


@pytest.mark.parametrize("number", sorted(DELETED))
def test_delete_says_nothing_when_it_worked(number: str) -> None:
    assert (case(number).exit, case(number).stdout, case(number).stderr) == ("0", b"", b"")
    if "--purge" in case(number).argv:
        vm = VmName(case(number).argv.rsplit(" ", 1)[-1])
        ours = DRIVER.recipe(vm).delete
        assert ours[-1] == vm
        assert case(number).argv.startswith(shlex.join(ours[:-1]))


@pytest.mark.parametrize("number", TRANSFERS)
def test_transfer(number: str) -> None:
    assert (case(number).exit, case(number).stdout.rstrip(b"\n")) == ("0", TRANSFERS[number])
    assert case(number).stderr == b""


@pytest.mark.parametrize("number", ["175", "179"])
def test_put_is_the_recorded_transfer_from_stdin(number: str) -> None:
    typed, _, _given = case(number).argv.partition(" < ")
    assert typed == shlex.join(DRIVER.put_argv(VmName("vm1"), typed.partition(":")[2]))


def test_cloud_init_comes_from_stdin_as_recorded() -> None:
    spec = RunSpec(image="i", command="true", host=HostName("h"), cloud_init=CloudInit("#cloud-config\n"))
    ours = DRIVER.launch_argv(VmName("c2"), spec, "i", VERSIONS["002"])
    assert case("361").argv.partition(" < ")[0].split()[-2:] == list(ours[-2:])


def test_a_disk_that_fills_during_a_transfer_is_named() -> None:
    said = (
        b"[2026-11-23T08:47:37.505] [error] [sftp] cannot write to remote file /tmp/x: SFTP server: Failure\n"
    )
    check(said, 2, ("The VM took only a part of /tmp/x", "disk"))


# What other commands said while a case went on.
STEP_FAILURES = (
    (b"cannot connect to the multipass socket", DOWN[0]),
    (b"does not exist\n", "There is no "),
    (b"is being prepared", "A launch of "),
    (b"already exists", "The host already has a VM called "),
    (b"in unknown state", "The VM does not answer"),
    (b"Unable to find an image", "The host knows no image called no-such-image"),
    (b"Custom image `/no/such.img`", "There is no image file /no/such.img on the host"),
    (b"failed to download", "The host could not download http://127.0.0.1:18099/no-such.img"),
    (b"did not finish within 300000 milliseconds", "The VM ignored a request to shut down"),
    (b"timed out waiting for response", "The VM was not ready in time"),
)


def test_steps_within_the_cases() -> None:
    seen: set[bytes] = set()
    for recording in cases().values():
        for step in recording.steps():
            if step.status != 2:
                continue
            words, sentence = next(row for row in STEP_FAILURES if row[0] in step.output)
            assert DRIVER.explain(step.output, step.status)[0].startswith(sentence), recording.number
            seen.add(words)
    assert seen == {words for words, _sentence in STEP_FAILURES}


def test_every_state_ever_listed_is_known() -> None:
    listed = [
        row.split(",")[1]
        for recording in cases().values()
        for step in recording.steps()
        if step.args == "list --format csv" and step.status == 0
        for row in step.output.decode().splitlines()[1:]
        if re.fullmatch(r"[a-z][a-z0-9-]*,\w+,.*", row)
    ]
    assert set(listed) == {"Running", "Stopped", "Deleted", "Starting", "Unknown"}
    assert set(listed) < STATES
    assert len(listed) > 50


PROBED = {
    "N is free (never used)": "free",
    "a launch of N is preparing its image": "busy",
    "N is listed, still booting": "neither",
}


def test_probe_tells_a_free_name_from_a_busy_one() -> None:
    recipe = DRIVER.recipe(VmName("pa"))
    probes = re.split(r"^--- (N .*|a launch .*)\n", case("411").afterwards, flags=re.M)[1:]
    told = {}
    for situation, text in zip(probes[::2], probes[1::2], strict=True):
        assert f"$ {shlex.join(recipe.probe)} " in text
        free, busy = recipe.probe_free in text, recipe.probe_busy in text
        told[situation] = {(True, False): "free", (False, True): "busy", (False, False): "neither"}[
            free, busy
        ]
    assert told.items() >= PROBED.items()
    assert [word for word in told.values() if word == "busy"] == ["busy"]


@pytest.mark.parametrize("number", ["320", "321", "322", "346"])
def test_fetching_is_told_by_the_last_words(number: str) -> None:
    assert DRIVER.recipe(VmName("x")).fetching in DRIVER.launch_progress(case(number).stdout)


@pytest.mark.parametrize("number", ["300", "323", "331", "347"])
def test_after_the_download_it_is_fetching_no_more(number: str) -> None:
    assert DRIVER.recipe(VmName("x")).fetching not in DRIVER.launch_progress(case(number).stdout)


def test_probe_is_the_recorded_one() -> None:
    assert case("411").argv.startswith(shlex.join(DRIVER.recipe(VmName("pa")).probe))
