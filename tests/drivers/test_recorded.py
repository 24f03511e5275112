"""Replays every recorded case of a verb we use: version, find, list, launch, exec, delete.

What is expected was written by reading the cases. Cases are named by their number.
"""

from __future__ import annotations

import csv
import re
import shlex

import pytest

from tests.drivers.recorded import Case, cases
from tui.contracts import Version
from tui.drivers.multipass import Multipass
from tui.drivers.multipass_json import STATES
from tui.model.errors import ManagerRefused
from tui.model.hosts import ImageInfo, VmInfo
from tui.model.spec import VmName

DRIVER = Multipass()

LEFT_OUT = {
    "132": "its stderr is only summed up in the recording",
    "140": "a table of several tries; no command's own output",
    "141": "a table of several tries; no command's own output",
    "142": "a table of several tries; no command's own output",
    "154": "the client never ended: there is nothing to explain",
    "155": "the client never ended: there is nothing to explain",
    "156": "the client never ended: there is nothing to explain",
    "423": "the client never ended: there is nothing to explain",
    "340": "the outputs of three clients in one; 323 and 411 have what they say",
}

VERSIONS = {"002": Version("1.16.2", "1.16.2")}

# Other formats than the one we ask for: nonsense to us, and said so.
OTHER_FORMATS = {"001", "003", "381", "004", "010", "013", "101", "104", "198", "246", "306"}

NOT_AVAILABLE = "Not Available"
LISTS: dict[str, list[VmInfo]] = {
    "011": [],
    "085": [],
    "389": [],
    "102": [VmInfo("vm1", "Running", ("10.131.114.228",), NOT_AVAILABLE)],
    "211": [VmInfo("vm1", "Suspended", (), NOT_AVAILABLE)],
    "216": [VmInfo("vm1", "Stopped", (), NOT_AVAILABLE)],
    "247": [VmInfo("vm1", "Deleted", (), NOT_AVAILABLE)],
    "342": [
        VmInfo("p2", "Running", ("10.131.114.221",), NOT_AVAILABLE),
        VmInfo("p1", "Running", ("10.131.114.245",), NOT_AVAILABLE),
    ],
}
CSV_LISTS: dict[str, list[tuple[str, str]]] = {"012": [], "103": [("vm1", "Running")]}

NOBLE = ImageInfo("24.04", ("lts", "noble"), "Ubuntu 24.04 LTS")
DAILY = ImageInfo("daily:25.10", ("questing", "devel"), "Ubuntu 25.10 (daily build)")
STANDIN = ImageInfo("standin", (), "a stand-in blueprint (blueprint)")
ADGUARD = ImageInfo("appliance:adguard-home", (), "Ubuntu AdGuard Home Appliance")
CORES = [
    ImageInfo("core24", (), "Ubuntu Core 24"),
    ImageInfo("core22", (), "Ubuntu Core 22"),
    ImageInfo("core20", (), "Ubuntu Core 20"),
    ImageInfo("core18", (), "Ubuntu Core 18"),
]
CORE16 = ImageInfo("core", ("core16",), "Ubuntu Core 16")
EVERYTHING = [NOBLE, DAILY, STANDIN, *CORES, ADGUARD, CORE16]
IMAGES: dict[str, list[ImageInfo]] = {
    "005": EVERYTHING,
    "006": [DAILY],
    "007": [ImageInfo("24.04", (), "Ubuntu 24.04 LTS")],
    "008": [],
    "087": EVERYTHING,
    "089": [NOBLE, DAILY, STANDIN, ADGUARD],
    "089c": EVERYTHING,
}

DOWN = ("Multipass on the host is not running, or is just restarting", "snap restart multipass")
STRANGER = ("Multipass on the host does not let this account in", "multipass authenticate")
NOT_UNDERSTOOD = ("Multipass did not understand the command: ", "multipass version")
NOT_READY = ("The VM was not ready in time", "boot_timeout")
NO_IMAGE = ("The host knows no image called nosuchimage", "dayfly images")
BAD_TIMEOUT = ("Multipass does not accept this time limit for the launch", "boot_timeout")
UNEXPLAINED = "did not say why"


def no_vm(name: str) -> tuple[str, str]:
    return (f"There is no VM called {name} on the host", "multipass list")


def bad_name(name: str) -> tuple[str, str]:
    return (f"{name} is not a name that Multipass accepts for a VM", "letters, digits and hyphens")


# Progress in the last words on stdout, then the beginning of the sentence and a part of the hint.
LAUNCHES: dict[str, tuple[str, tuple[str, str] | None]] = {
    "030": ("", NO_IMAGE),
    "031": ("", ("The host knows no image source called nosuch", "before the colon")),
    "032": ("Creating bad1", ("There is no image file /nope/missing.qcow2 on the host", "not here")),
    "033": ("", ("0 is not a number of CPUs", "1 or more")),
    "034": ("", ("two is not a number of CPUs", "1 or more")),
    "035": ("", NO_IMAGE),
    "036": ("", ("Multipass does not accept 1 of memory", "128M")),
    "037": ("", ("lots is not a size", "512M or 1.5G")),
    "038": ("", ("Multipass does not accept 64M of memory", "128M")),
    "039": ("", ("Multipass does not accept a disk of 1M", "512M")),
    "040": (
        "Preparing image for bad1",
        ("A disk of 1G is too small for this image", "Set disk to 3G or more"),
    ),
    "041": ("", ("900T is not a size", "K, M or G")),
    "042": ("", NOT_UNDERSTOOD),
    "043": ("", bad_name("a_b")),
    "044": ("", bad_name("1abc")),
    "045": ("", bad_name("abc-")),
    "046": ("", bad_name("a.b")),
    "047": ("", NO_IMAGE),
    "048": ("", NO_IMAGE),
    "049": ("", NO_IMAGE),
    "050": ("", NO_IMAGE),
    "051": ("", NO_IMAGE),
    "052": ("", ("The cloud-init configuration cannot be used: bad file: /nope/ci.yaml", "YAML")),
    "053": ("", ("The cloud-init configuration cannot be used: yaml-cpp: error at line 2", "YAML")),
    "054": ("", BAD_TIMEOUT),
    "055": ("", BAD_TIMEOUT),
    "056": ("", BAD_TIMEOUT),
    "057": ("", NOT_UNDERSTOOD),
    "058": ("", NOT_UNDERSTOOD),
    "059": ("", ("The host has no such network", "multipass networks")),
    "086": ("Creating off1", ("The host could not download https://127.0.0.1:8099/", "network and proxy")),
    "089b": ("", ("The host has no valid list of images", "find --force-update")),
    "093": ("", DOWN),
    "100": ("Launched: vm1", None),
    "110": ("", ("The host already has a VM called vm1", "multipass delete --purge vm1")),
    "253": ("", ("The host already has a VM called vm1", "multipass delete --purge vm1")),
    "300": ("Launched: al1", None),
    "310": ("Starting to1", NOT_READY),
    "320": ("Retrieving image: 24%", (f"Multipass ended with status 137 and {UNEXPLAINED}", "by hand")),
    "321": ("Retrieving image: 23%", (f"Multipass ended with status 130 and {UNEXPLAINED}", "by hand")),
    "322": ("Retrieving image: 24%", (f"Multipass ended with status 143 and {UNEXPLAINED}", "by hand")),
    "323": ("Launched: dd", None),
    "330": ("Starting sk", (f"Multipass ended with status 137 and {UNEXPLAINED}", "by hand")),
    "331": ("Preparing image for sp", (f"Multipass ended with status 137 and {UNEXPLAINED}", "by hand")),
    "332": ("Launched: d3", None),
    "333": ("Launched: d1", None),
    "334": ("Waiting for initialization to complete", None),
    "335": ("Waiting for initialization to complete", None),
    "336": ("Launched: sf", None),
    "337": ("Launched: ew", None),
    "344": ("Starting k1", DOWN),
    "345": ("Starting k1", DOWN),
    "346": ("Retrieving image: 23%", DOWN),
    "347": ("Preparing image for k3", DOWN),
    "360": ("Launched: c1", None),
    "361": ("Launched: c2", None),
    "363": ("", NOT_READY),
    "370": (
        f"Creating {'a' * 300}",
        ("Multipass could not make the VM's folder on the host", "long VM name"),
    ),
    "371": ("Launched: verified-guppy", None),
    "372": (f"Starting {'b' * 64}", NOT_READY),
    "382": ("", STRANGER),
    "410": ("", ("The host knows no image called no-such-image", "dayfly images")),
    "411": ("", ("A launch of pa is still under way on the host", "Wait")),
    "413": ("", ("A launch of pa is still under way on the host", "Wait")),
}

# Multipass itself failed.
REFUSALS: dict[str, tuple[str, str]] = {
    "009": ("The host knows no image source called nosuch", "before the colon"),
    "081": NOT_UNDERSTOOD,
    "088": ("The host could not download https://127.0.0.1:8099/", "network and proxy"),
    "380": STRANGER,
    "383": STRANGER,
    "060": no_vm("nope"),
    "083": NOT_UNDERSTOOD,
    "084": NOT_UNDERSTOOD,
    "091": DOWN,
    "127": NOT_UNDERSTOOD,
    "138": NOT_UNDERSTOOD,
    "250": ("Somebody deleted the VM vm1", "multipass recover vm1"),
    "065": no_vm("nope"),
    "066": no_vm("nope"),
    "076": NOT_UNDERSTOOD,
    "079": no_vm("a_b"),
    "090": DOWN,
    "228": ("Snapshots can only be purged", "by hand"),
    "230": no_vm("vm1c"),
    "257": no_vm("vm1"),
    "307": no_vm("al1-clone1"),
    "348": no_vm("nope"),
}

# What ran in the guest failed: no failure of Multipass may be read into it.
GUEST_FAILURES: dict[str, str] = {
    "112": f"Multipass ended with status 7 and {UNEXPLAINED}",
    "113": f"Multipass ended with status 2 and {UNEXPLAINED}",
    "114": f"Multipass ended with status 255 and {UNEXPLAINED}",
    "115": f"Multipass ended with status 255 and {UNEXPLAINED}",
    "116": f"Multipass ended with status 255 and {UNEXPLAINED}",
    "120": "to-err",
    "121": "bash: line 1: nosuchcommand: command not found",
    "122": "bash: line 1: /etc/hostname: Permission denied",
    "125": "bash: line 1: cd: /nope: No such file or directory",
    "135": "late",
    "136": f"Multipass ended with status 9 and {UNEXPLAINED}",
    "139": "/bin/bash: Argument list too long",
    "150": f"Multipass ended with status 130 and {UNEXPLAINED}",
    "151": f"Multipass ended with status 143 and {UNEXPLAINED}",
    "152": f"Multipass ended with status 137 and {UNEXPLAINED}",
    "153": f"Multipass ended with status 129 and {UNEXPLAINED}",
    "157": f"Multipass ended with status 143 and {UNEXPLAINED}",
    "158": f"Multipass ended with status 137 and {UNEXPLAINED}",
    "159": f"Multipass ended with status 141 and {UNEXPLAINED}",
    "160": f"Multipass ended with status 137 and {UNEXPLAINED}",
    "161": f"Multipass ended with status 143 and {UNEXPLAINED}",
    "162": f"Multipass ended with status 255 and {UNEXPLAINED}",
    "163": f"Multipass ended with status 129 and {UNEXPLAINED}",
    "172": f"Multipass ended with status 7 and {UNEXPLAINED}",
    "421": f"Multipass ended with status 3 and {UNEXPLAINED}",
}

# Commands that worked, and what the guest was to run: our prefix must come to the same command line.
GUEST_COMMANDS: dict[str, tuple[str, str]] = {
    "111": ("vm1", "echo hello"),
    "117": ("vm1", "cat"),
    "118": ("vm1", "cat"),
    "119": ("vm1", "cat"),
    "123": ("vm1", "printf"),
    "124": ("vm1", "pwd"),
    "126": ("vm1", "pwd"),
    "128": ("vm1", "sh -c"),
    "129": ("vm1", "sh -c"),
    "130": ("vm1", "python3 -c"),
    "131": ("vm1", "sha256sum"),
    "133": ("vm1", "sh -c"),
    "134": ("vm1", "sh -c"),
    "137": ("vm1", "sudo id -u"),
    "231": ("vm1", "echo hello"),
    "349": ("p1", "sudo poweroff"),
    "420": ("pb", "sh -c"),
    "422": ("pb", "sh -c"),
}

DELETED = {"077", "229", "245", "249", "255", "256", "308", "350"}

TABLES = (
    *(VERSIONS, OTHER_FORMATS, LISTS, CSV_LISTS, IMAGES, LAUNCHES, REFUSALS),
    *(GUEST_FAILURES, GUEST_COMMANDS, DELETED, LEFT_OUT),
)


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
