import json
import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.strategies import EVENTS, events
from tui.model.events import Event, HostEvent, RunEvent, to_json
from tui.model.hosts import HostEntry
from tui.model.spec import HostName

CLASSES = (*get_args(RunEvent), *get_args(HostEvent))
PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text()


def test_every_event_is_tried() -> None:
    assert set(EVENTS) == set(CLASSES)


@given(events)
def test_an_event_is_one_line_of_json(event: Event) -> None:
    line = json.dumps(to_json(event))
    assert "\n" not in line
    read = json.loads(line)
    assert read["event"] == type(event).__name__
    assert set(read) == {"event", *(field.name for field in fields(event))}


@given(st.data())
def test_a_private_key_is_in_no_event(data: st.DataObject) -> None:
    event_class = data.draw(st.sampled_from([cls for cls in CLASSES if cls.__name__ == "HostAdded"]))
    entry = HostEntry(name=HostName("demo"), identity="-----BEGIN OPENSSH PRIVATE KEY-----")
    event = event_class(host=entry.name, at=data.draw(st.floats(0, 1)), entry=entry)
    assert "PRIVATE KEY" not in json.dumps(to_json(event)) + repr(event)


def section(name: str) -> str:
    return PAGE.partition(f"\n### {name}\n")[2].partition("\n### ")[0]


@pytest.mark.parametrize("cls", CLASSES)
def test_the_page_names_every_event_and_field(cls: type) -> None:
    names = [field.name for field in fields(cls) if field.name not in ("run", "host", "at")]
    for name in names:
        assert f"`{name}`" in section(cls.__name__)
    example = re.search(r"```json\n(.*?)\n```", section(cls.__name__), re.DOTALL)
    assert example
    shown = json.loads(example[1])
    assert shown["event"] == cls.__name__
    assert set(shown) == {"event", *(field.name for field in fields(cls))}
