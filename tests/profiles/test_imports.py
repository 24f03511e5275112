"""The old flow's inputs as a profile."""

import json
from pathlib import Path

import pytest

from tui import profiles
from tui.model.errors import ProfileError
from tui.model.spec import PinPolicy, RunSpec
from tui.model.units import GIB
from tui.profiles import imports

HOSTILE = [
    "ls -l /",
    "exit 1",
    "yes",
    "echo '\"$(id)`id`\\' \"{{ secret('X') }}\"",
    "a: b # c\n- d\n\ttab\r\nend \\ud83d",
    "\U0001f41d é \u2028",
    "null",
]


def read(text: str) -> RunSpec:
    return imports.from_bytes(text.encode(), "inputs.yaml", host="demo")


@pytest.mark.parametrize("command", HOSTILE)
def test_a_workload_is_taken_as_it_is(command: str, tmp_path: Path) -> None:
    inputs = {"base_image_name": "lts", "workload_command": command}
    path = tmp_path / "My inputs.json"
    path.write_text(json.dumps(inputs))
    spec = imports.from_file(path, host="demo")
    assert spec.command == command
    saved = profiles.save(spec, "old", with_host=False)
    assert profiles.load(str(saved), overrides={}, default_host="demo").command == command


def test_yaml_and_json_say_the_same() -> None:
    yaml = "base_image_name: 24.10\nworkload_command: |\n  ls\n  exit 1\nvm_cpus: 4\n"
    yaml += "vm_memory: 2G\nvm_disk: 8G\n"
    data = {"base_image_name": "24.10", "workload_command": "ls\nexit 1\n", "vm_cpus": 4}
    spec = read(yaml)
    assert spec == read(json.dumps({**data, "vm_memory": "2G", "vm_disk": "8G", "debug_mode": False}))
    assert (spec.image, spec.cpus, spec.memory, spec.disk) == ("24.10", 4, 2 * GIB, 8 * GIB)
    assert (spec.pin, spec.pin_for_s) == (PinPolicy.NEVER, None)


@pytest.mark.parametrize("debug", ["true", '"true"', "True", "'TRUE'"])
def test_debug_mode_keeps_the_vm(debug: str) -> None:
    spec = read(f"base_image_name: lts\nworkload_command: ls\ndebug_mode: {debug}\n")
    assert (spec.pin, spec.pin_for_s) == (PinPolicy.ALWAYS, None)


WRONG = [
    ("vm_cpu: 2", ['"vm_cpu": unknown key; did you mean vm_cpus?', "base_image_name: missing"]),
    ("base_image_name: -x\nworkload_command: [a, 1]\ndebug_mode: maybe\nvm_memory: 4Gi\nvm_cpus: many", [
        'debug_mode: found "maybe"; write true or false', 'base_image_name: found "-x"; write one word',
        'vm_cpus: found "many"; write a whole number', 'vm_memory: found "4Gi"; write a number']),
    ("- a", ["is no mapping; write base_image_name"]),
    ("a: [", ["line 1, column 5: neither JSON nor YAML: "]),
    ("", ["is no mapping"]),
    ('{"a": ' * 50_000, [""]),
    ("x" * 300_000, ["is larger than 256K"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), WRONG, ids=[text[:12] for text, _ in WRONG])
def test_every_fault_is_named(text: str, words: list[str]) -> None:
    with pytest.raises(ProfileError) as caught:
        read(text)
    for word in words:
        assert any(fault.startswith(f"inputs.yaml: {word}") for fault in caught.value.faults)
    assert str(caught.value).replace("\n", "").isprintable()
