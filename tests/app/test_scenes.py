"""Every screen is as it was when it was looked at: `python -m tests.app.looks` writes what to look at."""

from __future__ import annotations

import time

import pytest

from tests.app.looks import FOLDER, show
from tests.app.scenes import SCENES


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.parametrize("name", SCENES)
async def test_a_screen_looks_as_it_was_looked_at(name: str) -> None:
    seen = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    assert await show(SCENES[name]) == seen


def test_nothing_is_left_of_scenes_that_are_gone() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(SCENES)
