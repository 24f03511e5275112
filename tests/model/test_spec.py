import json

import pytest
from hypothesis import given

from tests.model.strategies import entries, specs
from tui.model.hosts import HostEntry
from tui.model.spec import HostName, RunSpec, dumps, loads


@given(specs)
def test_a_spec_survives_json(spec: RunSpec) -> None:
    assert loads(dumps(spec)) == spec
    assert "\n" not in dumps(spec)


@given(specs)
def test_keys_of_a_later_version_are_ignored(spec: RunSpec) -> None:
    assert RunSpec.from_json({**spec.to_json(), "matrix": {"os": ["a"]}}) == spec


@given(entries)
def test_a_host_entry_survives_json(entry: HostEntry) -> None:
    data = json.loads(json.dumps(entry.to_json()))
    assert HostEntry.from_json(data) == entry
    assert HostEntry.from_json(data) == entry, "reading must not use the data up"


@pytest.mark.parametrize(
    ("command", "sudo", "argv"),
    [
        ("exit 1", False, ("bash", "-c", "exit 1")),
        (("ls", "-l"), False, ("ls", "-l")),
        ("id", True, ("sudo", "--", "bash", "-c", "id")),
    ],
)
def test_what_is_executed(command: str | tuple[str, ...], sudo: bool, argv: tuple[str, ...]) -> None:
    assert RunSpec(image="lts", command=command, host=HostName("demo"), sudo=sudo).argv == argv
