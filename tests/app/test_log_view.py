from __future__ import annotations

import random
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.app.fleet_script import ScriptedLog
from tui.app.widgets import log_source
from tui.app.widgets.log_rows import ROW_MAX, rows
from tui.app.widgets.log_source import LogSource
from tui.app.widgets.log_view import LogView


def view_of(log: ScriptedLog, *, width: int = 40, height: int = 5) -> LogView:
    view = LogView(log, "work")
    view.width, view.height = width, height
    return view


def seen(view: LogView) -> list[str]:
    return [line.text for line in view.page()]


def numbered(count: int) -> ScriptedLog:
    log = ScriptedLog()
    log.add("work", b"".join(b"line %d\n" % number for number in range(count)))
    return log


def test_it_follows_the_end() -> None:
    log = numbered(100)
    view = view_of(log)
    assert seen(view) == [f"line {n}" for n in range(95, 100)]
    log.add("work", b"more\nhalf")
    assert seen(view)[-2:] == ["more", "half"]


def test_scrolling_up_stays_and_the_end_follows_again() -> None:
    log = numbered(100)
    view = view_of(log)
    view.move(-10)
    assert not view.is_following
    assert seen(view)[0] == "line 85"
    log.add("work", b"more\n")
    assert seen(view)[0] == "line 85"
    while view.count_new():
        pass
    assert view.unseen == 1
    view.move(3)
    assert seen(view)[0] == "line 88"
    view.move(50)
    assert view.is_following
    assert seen(view)[-1] == "more"


def test_home_shows_the_beginning() -> None:
    view = view_of(numbered(100))
    view.home()
    assert seen(view)[0] == "line 0"
    view.move(-3)
    assert seen(view)[0] == "line 0"


def test_a_short_log_is_always_followed() -> None:
    view = view_of(numbered(3))
    view.home()
    view.move(-1)
    assert view.is_following
    assert len(seen(view)) == 3


def test_every_line_of_a_long_log_is_met_on_the_way_up_and_down() -> None:
    view = view_of(numbered(5000), height=50)
    met = {*seen(view)}
    while "line 0" not in met:
        view.move(-50)
        met |= {*seen(view)}
    assert met == {f"line {n}" for n in range(5000)}
    met = set()
    while not view.is_following:
        met |= {*seen(view)}
        view.move(50)
    assert met | {*seen(view)} == {f"line {n}" for n in range(5000)}


def test_interrupted_lines_are_put_together_again() -> None:
    log = ScriptedLog()
    log.add("work", b"one ")
    log.add("work", b"warn\n", "stderr")
    log.add("work", b"two\n")
    assert [(line.stream, line.text) for line in view_of(log).page()] == [
        ("stdout", "one two"),
        ("stderr", "warn"),
    ]


def test_the_first_line_of_the_other_stream_is_never_lost() -> None:
    log = numbered(20_000)
    log.add("work", b"first on stderr\n", "stderr")
    assert seen(view_of(log))[-1] == "first on stderr"


def test_long_lines_are_cut_or_wrapped() -> None:
    log = ScriptedLog()
    log.add("work", b"x" * 100 + b"\n")
    view = view_of(log, width=40)
    (line,) = view.page()
    assert (len(line.text), line.is_cut) == (39, True)
    view.rewrap(wrap=True)
    assert [len(line.text) for line in view.page()] == [40, 40, 20]


def test_a_wrapped_line_longer_than_the_window_can_be_walked_through() -> None:
    log = ScriptedLog()
    log.add("work", b"".join(b"%04d" % number for number in range(1000)) + b"\nend\n")
    view = view_of(log, width=40, height=5)
    view.rewrap(wrap=True)
    view.home()
    met = list(seen(view))
    while not view.is_following:
        view.move(1)
        met.append(seen(view)[-1])
    assert "".join(met).startswith("".join(f"{number:04d}" for number in range(1000)))
    view.move(-1)
    assert not view.is_following


def test_a_line_without_end_is_shown_in_pieces_that_stay_the_same() -> None:
    log = ScriptedLog()
    log.add("work", b"head\n" + bytes(random.Random(5).choices(b"abcdef", k=40 * ROW_MAX)) + b"\ntail\n")
    view = view_of(log, height=3)
    assert seen(view)[-1] == "tail"
    tops = []
    while seen(view)[0] != "head":
        view.move(-1)
        tops.append(view.page()[0].spot)
    back = [view.page()[0].spot]
    while not view.is_following:
        view.move(1)
        back.append(view.page()[0].spot)
    assert set(back) >= set(tops[:-1])


def test_only_the_neighbourhood_is_read() -> None:
    log = numbered(200_000)
    view = view_of(log, height=50)
    view.page()
    view.move(-500)
    view.home()
    view.move(500)
    assert log.largest_read <= 128 * 1024


def test_spinners_and_carriage_returns_are_collapsed() -> None:
    log = ScriptedLog()
    log.add("work", b"Retrieving image: 61%  \x08-\x08\\\x08|\x08/\n[1/3] a\r[2/3] b\r[3/3] c")
    assert seen(view_of(log)) == ["Retrieving image: 61%", "[3/3] c"]


@given(st.binary(max_size=3000), st.booleans())
@settings(deadline=None, max_examples=200)
def test_no_control_byte_ever_gets_through(data: bytes, wrap: bool) -> None:
    log = ScriptedLog()
    log.add("work", data)
    view = view_of(log, width=30, height=100)
    view.rewrap(wrap=wrap)
    for line in view.page():
        assert not [char for char in line.text if ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0]


chunks = st.lists(
    st.tuples(st.sampled_from(["stdout", "stderr"]), st.binary(min_size=1, max_size=60)), max_size=30
)


@given(chunks)
@settings(deadline=None, max_examples=200)
def test_rows_hold_every_byte_of_each_stream_in_order(written: list[tuple[str, bytes]]) -> None:
    log = ScriptedLog()
    for stream, data in written:
        log.add("work", data, stream)
    found = rows(log.read("work", 0, 1 << 20), 0)
    for stream in ("stdout", "stderr"):
        raw = b"".join(data for name, data in written if name == stream)
        assert b"".join(row.data for row in found if row.stream == stream) == raw
    assert [row.offset for row in found] == sorted(row.offset for row in found)


@given(chunks, st.integers(0, 1000), st.integers(1, 200))
@settings(deadline=None, max_examples=200)
def test_the_same_rows_are_found_from_anywhere(
    written: list[tuple[str, bytes]], offset: int, block: int
) -> None:
    log = ScriptedLog()
    for stream, data in written:
        log.add("work", data.replace(b"a", b"\n"), stream)
    whole = rows(log.read("work", 0, 1 << 20), 0)
    offset = min(offset, log.size("work"))
    with patch.object(log_source, "_BLOCK", block):
        source = LogSource(log, "work")
        assert list(source.rows_from(offset)) == [row for row in whole if row.offset >= offset]
        assert [*source.rows_before(offset)][::-1] == [row for row in whole if row.offset < offset]
