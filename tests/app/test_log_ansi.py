"""What is left of a line of output: its last state, its colours, nothing that a terminal acts on."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style

from tests.app.fleet_script import NOW, ScriptedLog
from tui.app.widgets.log_ansi import styled
from tui.app.widgets.log_find import parse_pattern
from tui.app.widgets.log_paint import Brush
from tui.app.widgets.log_times import Times
from tui.app.widgets.log_view import LogView


def style_at(data: bytes, at: int) -> Style:
    found = [style for start, end, style in styled(data).spans if start <= at < end]
    return found[0] if found else Style.null()


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"plain\n", "plain"),
        (b"[1/3] a\r[2/3] b\r[3/3] c\n", "[3/3] c"),
        (b"downloading...\rdone\x1b[K\n", "done"),
        (b"overwritten\rOVER\n", "OVERwritten"),
        (b"100%|####|\x1b[2K\r\n", ""),
        (b"Retrieving image: 61%  \x08-\x08\\\x08|\x08/\n", "Retrieving image: 61% "),
        (b"typo\x08\x08\x08\x08text\n", "text"),
        (b"a\tb\n", "a       b"),
        (b"red \x1b[31mred\x1b[0m plain\r\n", "red red plain"),
        (b"\x1b]0;a title\x07\x1b]52;c;QQ==\x1b\\x\x1b[2J\x1b[10;40Hy\n", "xy"),
    ],
)
def test_a_line_is_shown_in_its_last_state(data: bytes, shown: str) -> None:
    assert styled(data).text == shown


def test_colours_are_kept() -> None:
    assert style_at(b"a\x1b[31mb\x1b[0mc", 0) == Style.null()
    assert style_at(b"a\x1b[31mb\x1b[0mc", 1) == Style(color="color(1)")
    assert style_at(b"a\x1b[31mb\x1b[0mc", 2) == Style.null()
    assert style_at(b"\x1b[1;92mx", 0) == Style(bold=True, color="color(10)")
    assert style_at(b"\x1b[38;5;208mx", 0) == Style(color="color(208)")
    assert style_at(b"\x1b[48;2;1;2;3mx", 0) == Style(bgcolor="#010203")
    assert style_at(b"\x1b[38:2::1:2:3mx", 0) == Style(color="#010203")
    assert style_at(b"\x1b[1;31;39mx", 0) == Style(bold=True)
    assert style_at(b"\x1b[1m\x1b[22mx", 0) == Style(bold=False, dim=False)


def test_hidden_text_is_shown_and_nothing_blinks() -> None:
    assert styled(b"\x1b[8msecret\x1b[5m!").text == "secret!"
    assert style_at(b"\x1b[8;5msecret", 0) == Style.null()


@given(st.binary(max_size=60))
def test_any_colour_is_taken_or_left(parameters: bytes) -> None:
    styled(b"\x1b[" + parameters + b"mtext")
    styled(b"\x1b[38;5;999;2;1m\x1b[38;2;300;1;1m\x1b[48m\x1b[38;5m" + parameters)


SEQUENCES = (b"\x9b", b"\xc2\x9b", b"0;t", b"52;c;QQ==", b"\x1b\\", b"?1049h", b"\x1b[38;5;9m")
CONTROLS = (b"\x1b", b"\r", b"\x08", b"\t", b"\n", b"\x07", b"\x00", b"\x7f", b"\xc2\x85", b"\x0e")
TEXTS = (b"[", b"]", b"31m", b"m", b"K", b"P", b"\\", b"\xf0\x9f\x98\x80", b"a\xcc\x81", b"\xed\xa0\x80")
HIDING = (b"\xe2\x80\xae", b"\xe2\x80\xa8")
HOSTILE = st.lists(st.sampled_from((*SEQUENCES, *CONTROLS, *TEXTS, *HIDING)), max_size=40).map(b"".join)


@given(st.one_of(HOSTILE, st.binary(max_size=400)), st.booleans(), st.sampled_from(list(Times)))
@settings(deadline=None, max_examples=400)
@example(b"\x1b]0;\x1b[31mtitle\x07 x\x1b[0m", False, Times.OFF)
def test_no_strip_ever_holds_what_a_terminal_acts_on(data: bytes, wrap: bool, times: Times) -> None:
    log = ScriptedLog()
    log.add("work", data)
    view = LogView(log, "work")
    view.width, view.height = 30, 100
    view.rewrap(wrap=wrap)
    brush = Brush(
        width=40,
        style_of=lambda _: Style(color="red"),
        ground=Style.null(),
        times=times,
        began=NOW,
        now=NOW + 5,
        pattern=parse_pattern("b"),
    )
    for line in view.page():
        strip = brush.strip(line)
        assert strip.cell_length == 40
        for segment in strip:
            assert isinstance(segment, Segment)
            assert segment.control is None
            assert not [
                c
                for c in segment.text
                if ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or ord(c) in (0x2028, 0x202E)
            ]
            assert segment.style is None or not (segment.style.link or segment.style.meta)
