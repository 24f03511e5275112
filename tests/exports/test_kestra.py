"""The exported Kestra flow: what is in it, and its shell lines carried out for real."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.exports.hostile import HOSTILE, directly
from tests.exports.pebble import Execution
from tests.exports.ssh import Place, spec
from tui.exports.kestra import FILE, flow
from tui.model.errors import UsageError
from tui.model.spec import Artifact, PinPolicy, RunSpec, SecretRef, SecretSource
from tui.model.units import MIB

DATA = Path(__file__).parent / "data"
PROFILE = spec(
    'set -e\necho "{{ .Names }} {% if x %}"\n\nmake test\n',
    name="build",
    description="Build and test",
    image="24.04",
    cpus=2,
    memory=1536 * MIB,
    timeout_s=600,
    boot_timeout_s=300,
    pin=PinPolicy.ALWAYS,
    pin_for_s=3600,
    artifacts=(Artifact(path="out/*"),),
    secrets=(SecretRef("TOKEN", SecretSource.ENV, "DEPLOY_TOKEN"),),
)
GOLDEN = {
    "flow-1.yaml": (None, 1),
    "flow-2.yaml": (None, 2),
    "profile-1.yaml": (PROFILE, 1),
    "profile-2.yaml": (PROFILE, 2),
}

SSH = {
    "id": str,
    "type": str,
    "host": str,
    "port": str,
    "username": str,
    "authMethod": str,
    "privateKey": str,
    "commands": list,
}
MAY = {"timeout": str, "retry": dict, "when": str, "runIf": str}
TASKS: dict[str, tuple[dict[str, type], dict[str, type]]] = {
    "io.kestra.plugin.core.debug.Return": ({"id": str, "type": str, "format": str}, {}),
    "io.kestra.plugin.core.log.Log": ({"id": str, "type": str, "message": str}, MAY),
    "io.kestra.plugin.fs.ssh.Command": (SSH, MAY),
}
INPUTS = {
    "base_image_name": {"type": "STRING", "validator": "^[A-Za-z0-9][A-Za-z0-9.:/_-]*$"},
    "workload_command": {"type": "STRING"},
    "debug_mode": {"type": "BOOLEAN", "defaults": False},
    "vm_cpus": {"type": "INT", "defaults": 1, "min": 1},
    "vm_memory": {"type": "STRING", "defaults": "1G", "validator": "^[0-9]+([.][0-9]+)?[KMG]$"},
    "vm_disk": {"type": "STRING", "defaults": "5G", "validator": "^[0-9]+([.][0-9]+)?[KMG]$"},
}


def parsed(run: RunSpec | None = None, target: int = 2) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(flow(run, target=target))
    return loaded


def check(task: dict[str, Any], target: int) -> None:
    """As Kestra's own schema has it, of what the flow uses."""
    must, may = TASKS[task["type"]]
    kinds = must | may
    assert must.keys() <= task.keys() <= kinds.keys(), task["id"]
    assert all(isinstance(value, kinds[key]) for key, value in task.items()), task["id"]
    assert ("runIf" if target == 2 else "when") not in task
    assert re.fullmatch("PT[0-9]+[SM]", task.get("timeout", "PT1S"))
    if "retry" in task:
        assert task["retry"] == {"type": "constant", "interval": "PT15S", "maxAttempts": 8}
    if "commands" in task:
        assert task["commands"][0] == "set -eu"
        assert all(isinstance(line, str) and line for line in task["commands"])
        assert (task["port"], task["authMethod"]) == ("22", "PUBLIC_KEY")
        secrets = [re.findall(r"secret\('(\w+)'\)", task[key]) for key in ("host", "username", "privateKey")]
        assert secrets == [["MULTIPASS_HOST"], ["MULTIPASS_SSH_USER"], ["MULTIPASS_SSH_PRIVATE_KEY"]]


@pytest.mark.parametrize("name", GOLDEN)
def test_it_is_what_it_was(name: str) -> None:
    run, target = GOLDEN[name]
    assert flow(run, target=target) == (DATA / name).read_text("utf-8")


@pytest.mark.parametrize("target", [1, 2])
@pytest.mark.parametrize("run", [None, PROFILE], ids=["flow", "profile"])
def test_it_has_only_what_that_kestra_knows(run: RunSpec | None, target: int) -> None:
    loaded = parsed(run, target)
    keys = ["id", "namespace", "description", "inputs", "concurrency", "tasks", "finally"]
    assert list(loaded) == keys
    assert (loaded["id"], loaded["namespace"]) == ("multipass-vm-lifecycle", "dev.orch")
    assert loaded["concurrency"] == {"limit": 2, "behavior": "QUEUE"}
    tasks = loaded["tasks"] + loaded["finally"]
    assert len({task["id"] for task in tasks}) == len(tasks)
    for task in tasks:
        check(task, target)
    assert all(("when" if target == 2 else "runIf") in task for task in loaded["finally"])


def test_its_inputs_are_those_of_the_flow_it_replaces() -> None:
    assert {item["id"]: {k: v for k, v in item.items() if k != "id"} for item in parsed()["inputs"]} == INPUTS


def test_a_profile_gives_the_defaults_and_says_what_is_left_out() -> None:
    defaults = {item["id"]: item["defaults"] for item in parsed(PROFILE)["inputs"]}
    assert defaults["base_image_name"] == "24.04"
    assert (defaults["vm_cpus"], defaults["vm_memory"], defaults["vm_disk"]) == (2, "1536M", "5G")
    assert defaults["debug_mode"] is True
    head = flow(PROFILE).partition("\nid:")[0]
    for word in ("results", "secrets TOKEN", "kept VM"):
        assert word in head
    assert "DEPLOY_TOKEN" not in flow(PROFILE)


def test_the_shell_lines_hold_nothing_that_kestra_would_take_for_its_own() -> None:
    for task in parsed()["tasks"] + parsed()["finally"]:
        for line in task.get("commands", []):
            left = re.sub(r"\{\{ [a-z_.0-9 |]+ \}\}", "", line)
            assert not re.search(r"\{[{%#]", left), task["id"]


@pytest.mark.parametrize("image", ["file:///a b.img", "-x", "24.04\n", "a'b"])
def test_an_image_that_its_rule_refuses_is_refused_here(image: str) -> None:
    with pytest.raises(UsageError):
        flow(spec(image=image))


# ---- carried out


async def execute(
    place: Place, loaded: dict[str, Any], folder: Path, **given: object
) -> tuple[int, Execution]:
    execution = Execution(loaded, given, place.demo, folder)
    return await execution.carry_out(), execution


@pytest.mark.parametrize("target", [1, 2])
async def test_lists_the_root_and_leaves_nothing(place: Place, tmp_path: Path, target: int) -> None:
    loaded = parsed(target=target)
    status, execution = await execute(
        place, loaded, tmp_path, base_image_name="lts", workload_command="ls -l /"
    )
    assert status == 0, execution.stderr
    assert b"etc" in execution.log
    assert execution.ran == ["generate_vm_name", "launch_vm", "execute_workload", "cleanup_vm"]


async def test_a_failure_fails_it_and_leaves_nothing(place: Place, tmp_path: Path) -> None:
    status, execution = await execute(
        place, parsed(), tmp_path, base_image_name="lts", workload_command="exit 1"
    )
    assert status == 1, execution.stderr
    assert execution.ran[-1] == "cleanup_vm"


async def test_a_launch_that_fails_runs_nothing_and_is_cleaned_up(place: Place, tmp_path: Path) -> None:
    status, execution = await execute(
        place, parsed(), tmp_path, base_image_name="no-such-image", workload_command="true"
    )
    assert status == 2
    assert execution.ran == ["generate_vm_name", "launch_vm", "cleanup_vm"]


async def test_debug_mode_keeps_the_vm_and_says_how_to_delete_it(place: Place, tmp_path: Path) -> None:
    status, execution = await execute(
        place, parsed(), tmp_path, base_image_name="lts", workload_command="true", debug_mode=True
    )
    assert status == 0, execution.stderr
    assert place.demo.ours() == {execution.vm: "Running"}
    assert f"multipass delete --purge {execution.vm}".encode() in execution.log
    assert place.demo.multipass("delete", "--purge", execution.vm).returncode == 0


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_work_is_what_it_was(place: Place, tmp_path: Path, name: str) -> None:
    here = await asyncio.to_thread(directly, HOSTILE[name])
    status, execution = await execute(
        place, parsed(), tmp_path, base_image_name="lts", workload_command=HOSTILE[name]
    )
    assert status == here.returncode, execution.stderr
    assert execution.log == f"{execution.vm},Running,".encode() + execution.log.partition(b"Running,")[2]
    assert execution.log.partition(b"\n")[2] == here.stdout


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_work_of_a_profile_is_what_it_was(name: str, tmp_path: Path) -> None:
    (default,) = (
        item["defaults"] for item in parsed(spec(HOSTILE[name]))["inputs"] if "command" in item["id"]
    )
    execution = Execution({}, {}, None, tmp_path)  # type: ignore[arg-type]
    assert execution.render(default) == HOSTILE[name]


async def test_words_variables_and_folder_of_a_profile_are_what_they_were(
    place: Place, tmp_path: Path
) -> None:
    words = ("a b", "'", "{{ x }}", "$(id)", "\n", "é\\")
    run = spec(
        ("sh", "-c", 'printf "%s|" "$PWD" "$ODD" "$@"', "sh", *words),
        env=(("ODD", "it's\n$(x)"),),
        workdir="/usr/lib",
        sudo=True,
    )
    status, execution = await execute(place, parsed(run), tmp_path)
    assert status == 0, execution.stderr
    expected = "".join(f"{word}|" for word in ("/usr/lib", "it's\n$(x)", *words))
    assert execution.log.decode().partition("\n")[2] == expected


def test_it_has_a_name_of_its_own() -> None:
    assert FILE == "kestra-flows/multipass-vm-lifecycle.yaml"
