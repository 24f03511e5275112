from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui.model.names import NAME_LIMIT, is_vm_name, new_run_id, vm_name
from tui.model.spec import RunId

MULTIPASS_TAKES = re.compile(r"[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?")
RUN_ID = RunId("abcdefg7")


def test_run_ids_are_eight_of_base32_and_do_not_repeat() -> None:
    ids = {new_run_id() for _ in range(500)}
    assert len(ids) == 500
    assert all(re.fullmatch("[a-z2-7]{8}", run_id) for run_id in ids)


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ("hello", "df-hello-abcdefg7"),
        ("", "df-run-abcdefg7"),
        ("...", "df-run-abcdefg7"),
        ("Nightly ETL (EU)", "df-nightly-etl-eu-abcdefg7"),
        ("Größe_1", "df-grosse-1-abcdefg7"),
        ("a-very-long-profile-name-indeed", "df-a-very-long-profile-abcdefg7"),
        ("nineteen-letters-xx-and", "df-nineteen-letters-xx-abcdefg7"),
    ],
)
def test_vm_name(profile: str, name: str) -> None:
    assert vm_name(profile, RUN_ID) == name


@given(st.text())
@example("-" * 50)
@example("9" * 50)
def test_every_profile_gives_a_name_that_multipass_takes(profile: str) -> None:
    name = vm_name(profile, new_run_id())
    assert MULTIPASS_TAKES.fullmatch(name)
    assert name == name.lower()
    assert len(name) <= NAME_LIMIT
    assert name != "primary"


@given(st.text())
def test_two_runs_of_one_profile_never_share_a_name(profile: str) -> None:
    assert vm_name(profile, new_run_id()) != vm_name(profile, new_run_id())


@given(st.text(max_size=60))
def test_a_vm_of_ours_is_known_by_its_name(profile: str) -> None:
    name = vm_name(profile, RUN_ID)
    assert is_vm_name(name)
    assert not is_vm_name(name[:-1])
    assert not is_vm_name(f" {name}")
