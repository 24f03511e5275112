"""The Multipass driver: argv by version, and output that no Multipass has ever printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.drivers.recorded import CASES, read
from tui.contracts import Driver, Version
from tui.drivers.multipass import Multipass
from tui.drivers.multipass_json import STATES
from tui.model.errors import ManagerError, ManagerMissing, ManagerRefused, UsageError
from tui.model.hosts import VmInfo
from tui.model.spec import CloudInit, HostName, RunSpec, VmName
from tui.model.text import clean_line
from tui.model.units import GIB, MIB

DRIVER: Driver = Multipass()
VM = VmName("df-hello-abcdefgh")
SPEC = RunSpec(image="24.04", command="true", host=HostName("h"), cpus=2, memory=1536 * MIB, disk=8 * GIB)
PARSERS: list[Callable[[bytes], object]] = [
    DRIVER.parse_version,
    DRIVER.parse_list,
    DRIVER.parse_images,
]


# Far more than any of it may take, for a machine that is busy: what is quadratic still shows.
PATIENT = settings(deadline=2000)


def words(*argv: str) -> tuple[str, ...]:
    return argv


# ---- argv


def test_launch_says_everything_that_was_asked_for() -> None:
    assert DRIVER.launch_argv(VM, SPEC, "golden", Version("1.16.2")) == words(
        *("multipass", "launch", "golden", "--name", VM, "--cpus", "2", "--memory", "1536M"),
        *("--disk", "8G", "--timeout", "900"),
    )


@pytest.mark.parametrize(
    ("version", "option"),
    [
        ("1.10.1", "--mem"),
        ("1.11.0", "--memory"),
        ("1.9999.0", "--memory"),
        ("1.17.0-dev.310+g6e2a1b7", "--memory"),
        ("2.0", "--memory"),
        ("", "--memory"),
    ],
)
def test_memory_option_by_version(version: str, option: str) -> None:
    assert option in DRIVER.launch_argv(VM, SPEC, "24.04", Version(version))


@pytest.mark.parametrize("image", ["", "-h", "--name=primary"])
def test_an_image_is_never_an_option(image: str) -> None:
    with pytest.raises(UsageError):
        DRIVER.launch_argv(VM, SPEC, image, Version("1.16.2"))


def test_cloud_init_goes_in_by_stdin() -> None:
    spec = replace(SPEC, cloud_init=CloudInit("#cloud-config\n"))
    argv = DRIVER.launch_argv(VM, spec, "golden", Version("1.16.2"))
    assert argv == (*DRIVER.launch_argv(VM, SPEC, "golden", Version("1.16.2")), "--cloud-init", "-")


def test_put_reads_stdin() -> None:
    assert DRIVER.put_argv(VM, "/var/tmp/in.tar") == words(
        "multipass", "transfer", "-", f"{VM}:/var/tmp/in.tar"
    )


def test_recipe() -> None:
    recipe = DRIVER.recipe(VM)
    assert recipe.delete == words("multipass", "delete", "--purge", VM)
    assert recipe.enter == words("multipass", "exec", "-n", VM, "--")
    assert recipe.probe == words("multipass", "launch", "file:///no/such.img", "--name", VM)


def test_another_command_is_used_everywhere() -> None:
    driver = Multipass("/snap/bin/multipass")
    recipe = driver.recipe(VM)
    argvs = [recipe.list, recipe.delete, recipe.enter, recipe.probe]
    argvs += [driver.version_argv(), driver.list_argv(), driver.images_argv()]
    argvs += [driver.launch_argv(VM, SPEC, "24.04", Version("1.16.2")), driver.put_argv(VM, "/x")]
    assert {argv[0] for argv in argvs} == {"/snap/bin/multipass"}
    assert driver.shell_command(VM) == f"/snap/bin/multipass shell {VM}"


def test_commands_that_people_type() -> None:
    assert DRIVER.shell_command(VM) == f"multipass shell {VM}"
    assert DRIVER.delete_command(VM) == f"multipass delete --purge {VM}"


# ---- version


@pytest.mark.parametrize(
    ("client", "daemon"), [("1.9.2", "1.9.2"), ("1.16.2", "1.8.1"), ("0.8", ""), ("1.10.0", "1.9.0")]
)
def test_too_old_is_refused_by_name(client: str, daemon: str) -> None:
    answer = json.dumps({"multipass": client, "multipassd": daemon}).encode()
    with pytest.raises(ManagerMissing, match=r"Multipass (1\.9\.2|1\.8\.1|0\.8|1\.9\.0) .*1\.10 or newer"):
        DRIVER.parse_version(answer)


@pytest.mark.parametrize(
    "client", ["1.10.0", "1.16.3+mac", "1.17.0-dev.310+g6e2a1b7", "1.13.0-rc.1077+gdd9cd5"]
)
def test_versions_we_take(client: str) -> None:
    assert DRIVER.parse_version(json.dumps({"multipass": client}).encode()) == Version(client)


# ---- list and find of other versions


def test_list_of_1_17_with_zones() -> None:
    zone = {"name": "zone1", "available": False}
    row = {"name": "a", "state": "Unavailable", "ipv4": [], "release": "Fedora 43", "zone": zone}
    assert DRIVER.parse_list(json.dumps({"list": [row]}).encode()) == (
        VmInfo("a", "Unavailable", (), "Fedora 43"),
    )


def test_unknown_states_are_unknown() -> None:
    rows = [
        {"name": "a", "state": state, "ipv4": []}
        for state in ("Hibernating", "\x1b[2J", 7, None, ["Running"])
    ]
    assert {vm.state for vm in DRIVER.parse_list(json.dumps({"list": rows}).encode())} == {"Unknown"}


def test_a_name_that_hides_something_is_refused_not_mended() -> None:
    for name in ("df-a\x1b[0m", "df-a\u200b", "", "\ud800", "df-a\n"):
        with pytest.raises(ManagerRefused):
            DRIVER.parse_list(json.dumps({"list": [{"name": name, "state": "Running", "ipv4": []}]}).encode())


def test_images_of_other_versions_are_in_a_sensible_order() -> None:
    def row(remote: str = "", *aliases: str) -> dict[str, object]:
        return {"os": "Ubuntu", "release": "x", "version": "1", "aliases": [*aliases], "remote": remote}

    images = {
        **{"core24": row(), "snapcraft:core22": row("snapcraft"), "daily:26.10": row("daily", "devel")},
        **{"debian": row(), "20.04": row(), "25.10": row(), "24.04": row("", "lts"), "22.04": row()},
    }
    answer = {"images": images, "blueprints": {"jellyfin": row()}}
    assert [image.name for image in DRIVER.parse_images(json.dumps(answer).encode())] == [
        *(
            "24.04",
            "25.10",
            "22.04",
            "20.04",
            "debian",
            "daily:26.10",
            "jellyfin",
            "core24",
            "snapcraft:core22",
        )
    ]


# ---- hostile output

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "list",
                    "images",
                    "name",
                    "state",
                    "ipv4",
                    "release",
                    "aliases",
                    "os",
                    "multipass",
                    "blueprints",
                ]
            )
            | st.text(),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
RECORDED = [read(path).stdout for path in sorted(CASES.glob("*-json*.txt"))]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(RECORDED))
    start = draw(st.integers(0, len(data)))
    end = draw(st.integers(start, min(len(data), start + 20)))
    return data[:start] + draw(st.binary(max_size=12)) + data[end:]


def assert_refused_or_clean(data: bytes) -> None:
    for parse in PARSERS:
        try:
            parsed = parse(data)
        except ManagerError:
            continue
        for vm in parsed if isinstance(parsed, tuple) else ():
            shown = [vm.name, *(vm.ipv4, vm.state, vm.release)] if isinstance(vm, VmInfo) else [vm.name]
            assert all(clean_line(str(text)) == str(text) for text in shown)
            assert not isinstance(vm, VmInfo) or vm.state in STATES


@PATIENT
@given(st.binary() | damaged() | JSON.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b'{"list":' * 50_000)
@example(b'{"list": ' + b"9" * 5000 + b"}")
@example(b'{"multipass": "' + b"1." * 9000 + b'"}')
@example(b"\xff\xfe{")
@example(b"")
def test_hostile_output_is_refused_and_nothing_else(data: bytes) -> None:
    assert_refused_or_clean(data)


def test_refusal_says_what_was_seen() -> None:
    with pytest.raises(ManagerRefused) as refused:
        DRIVER.parse_list(b"\x1b]0;owned\x07Segmentation fault\nmore")
    assert refused.value.detail == "Segmentation fault"
    assert "multipass list --format json" in refused.value.hint


# ---- progress


@pytest.mark.parametrize(
    ("tail", "said"),
    [
        (b"", ""),
        (b"ing image for vm1  \b/\b-", ""),
        (b"\b/\b-\b\\\b|", ""),
        (b"\x1b[2K\x1b[0A\x1b[0E\rRetrieving image: 61%", "Retrieving image: 61%"),
        (b"\x1b[2K\x1b[0A\x1b[0E\rRetrieving image: 61%\x1b[2K\x1b[0", "Retrieving image: 61%"),
        (
            b"\rRetrieving image: 61%\x1b[2K\x1b[0A\x1b[0EPreparing image for vm1  \b",
            "Preparing image for vm1",
        ),
        (b"\rRetrieving image: 99%\x1b[2K\x1b[0A\x1b[0EVerifying image  \b/\b", "Verifying image"),
        (
            b"\nStarting \x9b31m\x00vm1  \b/",
            "Starting \N{REPLACEMENT CHARACTER}31m\N{REPLACEMENT CHARACTER}vm1",
        ),
    ],
)
def test_launch_progress(tail: bytes, said: str) -> None:
    assert DRIVER.launch_progress(tail) == said


@PATIENT
@given(st.binary())
def test_launch_progress_is_always_safe_to_show(tail: bytes) -> None:
    said = DRIVER.launch_progress(tail)
    assert clean_line(said) == said


# ---- explain


@pytest.mark.parametrize(
    "shell_says",
    [
        b"",
        b"sh: 1: multipass: not found\n",
        b"bash: line 1: multipass: command not found\n",
        b"zsh: command not found: multipass\n",
        b"fish: Unknown command: multipass\n",
        b"env: 'multipass': No such file or directory\n",
    ],
)
def test_command_that_is_not_there(shell_says: bytes) -> None:
    sentence, hint = DRIVER.explain(shell_says, 127)
    assert sentence.startswith("The command multipass is not where this account on the host")
    assert "snap install multipass" in hint


@pytest.mark.parametrize(
    ("stderr", "status", "sentence"),
    [
        (
            b"launch failed: Operation canceled\n",
            2,
            "Multipass on the host stumbles over an earlier download",
        ),
        (b"launch failed: CPU does not support KVM extensions.\n", 2, "The host cannot run VMs"),
        (b"launch failed: write failed: No space left on device\n", 2, "The host's disk is full"),
        (
            b"launch failed: The following errors occurred:\nx: timed out waiting for response\n",
            2,
            "The VM was not",
        ),
        (
            b"exec failed: ssh connection failed: 'Timeout connecting'\n",
            2,
            "Multipass could not get into the VM",
        ),
        (b'exec failed: instance "x" is not running\n', 2, "The VM x is not running"),
        (b"", 5, "The VM was not ready in time"),
        (b"launch failed: The moon is full\nand more\n", 2, "The moon is full"),
        (b"[2026-11-23T08:17:19.924] [error] [client] Odd\n", 1, "Odd"),
        (b"\n \n", 2, "Multipass ended with status 2 and did not say why"),
    ],
)
def test_explain(stderr: bytes, status: int, sentence: str) -> None:
    said, hint = DRIVER.explain(stderr, status)
    assert said.startswith(sentence)
    assert hint


def test_braces_from_the_host_are_only_text() -> None:
    said, _hint = DRIVER.explain(b"launch failed: Custom image `/{path.__class__}` does not exist.", 2)
    assert said == "There is no image file /{path.__class__} on the host"


def test_commands_to_copy_hold_only_real_names() -> None:
    said, hint = DRIVER.explain(b'launch failed: instance "x; reboot" already exists', 2)
    assert said == 'instance "x; reboot" already exists'
    assert "reboot" not in hint


@PATIENT
@given(
    st.binary()
    | st.text().map(
        lambda text: f'launch failed: instance "{text}" already exists'.encode("utf-8", "replace")
    )
    | st.text().map(lambda text: f"launch failed: {text}".encode("utf-8", "replace")),
    st.integers(0, 255),
)
@example(b'instance "' * 20_000, 2)
@example(b"x" * 200_000, 2)
@example(b"\x1b]52;c;" + b"A" * 100_000, 2)
def test_explain_is_always_safe_and_short(stderr: bytes, status: int) -> None:
    for text in DRIVER.explain(stderr, status):
        assert text
        assert clean_line(text) == text
        assert len(text) <= 500
