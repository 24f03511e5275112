"""Finding and filtering: the same lines as looking at each one would find, from any window."""

from __future__ import annotations

import asyncio
import subprocess
import time
from pathlib import Path
from statistics import median
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.app.fleet_script import ScriptedLog
from tui.app.widgets import log_find
from tui.app.widgets.log_ansi import styled
from tui.app.widgets.log_find import WINDOW, Hits, Place, parse_pattern, search
from tui.app.widgets.log_rows import ROW_MAX, rows
from tui.app.widgets.log_view import LogView
from tui.engine.logs import JobLog, RunLogReader
from tui.model.errors import UsageError

PIECES = st.sampled_from(
    [b"needle", b"Needle", b"\x1b[31mnee\x1b[0mdle", b"nee", b"dle", b"\n", b" x ", b"a\rb", b"y" * 30,
     b"x\r\n", b"\xc3\xa9", b"\xc3\x89", b"\xc3", b"\xff", b"\t", b"\r", b"\x08", b"\x1b[K", b"\xc2\x9b31m",
     b"\x1b]8;;http://x\x1b\\", b"\x00"]
)  # fmt: skip
WRITES = st.lists(
    st.tuples(st.sampled_from(["stdout", "stderr"]), st.lists(PIECES, min_size=1, max_size=8).map(b"".join)),
    max_size=25,
)
TYPED = st.sampled_from(
    [
        "needle",
        "Needle",
        "/nee.*/",
        "/^nee/",
        "é",
        "É",
        "/[xy]$/",
        r"/\s+x/",
        "/^$/",
        "!needle",
        "!/x/",
        " x  ",
    ]
)


def log_of(written: list[tuple[str, bytes]]) -> ScriptedLog:
    log = ScriptedLog()
    for stream, data in written:
        log.add("work", data, stream)
    return log


def scan(hits: Hits) -> list[int]:
    while hits.is_behind:
        hits.step()
    return [hits[index] for index in range(len(hits))]


@given(WRITES, TYPED)
@settings(deadline=None, max_examples=300)
def test_it_finds_what_looking_at_each_line_finds(written: list[tuple[str, bytes]], typed: str) -> None:
    log, pattern = log_of(written), parse_pattern(typed, may_invert=True)
    wanted = [
        row.offset
        for row in rows(log.read("work", 0, 1 << 20), 0)
        if pattern.is_in(styled(row.data).text) is not pattern.is_inverse
    ]
    assert scan(Hits(log, "work", "", pattern, 1000)) == wanted


@given(st.lists(PIECES, max_size=200).map(b"".join), TYPED, st.integers(20, 300))
@settings(deadline=None, max_examples=200)
def test_windows_make_no_difference(data: bytes, typed: str, window: int) -> None:
    pattern = parse_pattern(typed, may_invert=True)
    log = log_of([("stdout", data)])
    whole = scan(Hits(log, "work", "", pattern, 1000))
    with patch.object(log_find, "WINDOW", window), patch.object(log_find, "_PAD", 2 * len(data) + 2):
        assert scan(Hits(log, "work", "", pattern, 1000)) == whole


def numbered(count: int) -> ScriptedLog:
    log = ScriptedLog()
    log.add("work", b"".join(b"line %d\n" % number for number in range(count)))
    return log


def first_text(log: ScriptedLog, offset: int) -> bytes:
    return log.read("work", offset, 40)[0].data.split(b"\n")[0]


def found(log: ScriptedLog, typed: str, origin: tuple[int, int], *, down: bool) -> tuple[bytes, bool]:
    places = [Place(0, log, "work", "")]
    last = list(search(places, parse_pattern(typed), origin, down=down))[-1]
    return (first_text(log, last.offset) if last.offset >= 0 else b""), last.wrapped


def test_from_hit_to_hit_and_around() -> None:
    log = numbered(200_000)
    assert found(log, "line 777", (0, -1), down=True) == (b"line 777", False)
    here = log.read("work", 0, 1 << 30)[0].data.index(b"line 7770\n")
    assert found(log, "line 777", (0, here), down=True) == (b"line 7771", False)
    assert found(log, "line 777", (0, here), down=False) == (b"line 777", False)
    end = log.size("work")
    assert found(log, "line 777", (0, end), down=False) == (b"line 77799", False)
    assert found(log, "line 777", (0, end), down=True) == (b"line 777", True)
    assert found(log, "line 777", (0, 0), down=False) == (b"line 77799", True)
    assert found(log, "no such line", (0, here), down=True) == (b"", False)


def test_the_only_hit_is_found_again() -> None:
    log = numbered(100)
    here = log.read("work", 0, 1 << 30)[0].data.index(b"line 42\n")
    assert found(log, "line 42", (0, here), down=True) == (b"line 42", True)
    assert found(log, "line 42", (0, here), down=False) == (b"line 42", True)


def test_no_capital_means_any_case() -> None:
    assert parse_pattern("error").is_in("An ERROR")
    assert not parse_pattern("Error").is_in("An ERROR")
    assert parse_pattern(r"/\Serr/").ignores_case
    assert parse_pattern("/a|b/").spans("xaxb") == [(1, 2), (3, 4)]
    assert parse_pattern("a.b").is_in("a.b")
    assert not parse_pattern("a.b").is_in("axb")
    with pytest.raises(UsageError, match="no regular expression"):
        parse_pattern("/(/")


def test_a_growing_log_is_searched_on_and_its_unfinished_line_again() -> None:
    log = numbered(10)
    hits = Hits(log, "work", "", parse_pattern("/end$/"), 100)
    log.add("work", b"the end")
    assert len(scan(hits)) == 1
    log.add("work", b"less\nthe end\n")
    assert [first_text(log, hit) for hit in scan(hits)] == [b"the end"]


def test_only_so_many_hits_are_kept() -> None:
    hits = Hits(numbered(1000), "work", "", parse_pattern("line"), 50)
    assert len(scan(hits)) == 50
    assert hits.is_full


def test_a_line_of_many_megabytes_does_no_harm() -> None:
    log = ScriptedLog()
    log.add("work", b"head\n" + b"x" * (5 << 20) + b"needle" + b"y" * (5 << 20) + b"\ntail\n")
    (hit,) = scan(Hits(log, "work", "", parse_pattern("needle"), 100))
    assert hit % ROW_MAX == 0
    view = LogView(log, "work")
    view.height = 5
    view.show((0, hit, 0))
    assert any(line.spot[:2] == (0, hit) for line in view.page())
    assert log.largest_read <= 2 << 20


def test_what_lies_across_two_rows_of_a_long_line_is_found_where_it_begins() -> None:
    log = ScriptedLog()
    log.add("work", b"x" * (ROW_MAX - 3) + b"needle" + b"y" * 3 * ROW_MAX + b"\n")
    assert scan(Hits(log, "work", "", parse_pattern("needle"), 100)) == [0]
    assert scan(Hits(log, "work", "", parse_pattern("/e+dle/"), 100)) == [0]
    assert scan(Hits(log, "work", "", parse_pattern("/y{9}/"), 100)) == [ROW_MAX, 2 * ROW_MAX, 3 * ROW_MAX]


def test_a_hit_across_two_writes_and_two_windows_is_found_once(tmp_path: Path) -> None:
    async def write() -> None:
        log = JobLog(tmp_path, "work")
        log.stdout(b"x" * 99 + b"\n")
        for _ in range(3):
            log.stdout(b"y" * (WINDOW - 104) + b"\nnee")
            log.flush()
            log.stderr(b"no NEEDLE here\n")
            log.flush()
            log.stdout(b"dle\n")
            log.flush()
        log.close()

    asyncio.run(write())
    reader = RunLogReader(tmp_path)
    assert len(scan(Hits(reader, "work", "stderr", parse_pattern("needle"), 100))) == 3
    assert len(scan(Hits(reader, "work", "", parse_pattern("needle"), 100))) == 6


# ---- filtered


def shown(view: LogView) -> list[str]:
    return ["⋯" if line.stream == "gap" else line.text for line in view.page()]


def filtered(log: ScriptedLog, typed: str, context: int, *, height: int = 100) -> LogView:
    view = LogView(log, "work")
    view.height = height
    for hits in view.keep_only(parse_pattern(typed, may_invert=True), context):
        scan(hits)
    return view


def test_a_filter_keeps_lines_and_what_is_around_them() -> None:
    log = numbered(100)
    assert shown(filtered(log, "line 3", 0, height=3)) == ["line 37", "line 38", "line 39"]
    view = filtered(log, "/^line (20|22|50)$/", 1)
    assert shown(view) == [
        *("line 19", "line 20", "line 21", "line 22", "line 23"),
        *("⋯", "line 49", "line 50", "line 51"),
    ]
    assert [line.is_context for line in view.page()][:3] == [True, False, True]
    assert len(shown(filtered(log, "!line 9", 0))) == 89


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 4), st.integers(1, 9))
@settings(deadline=None, max_examples=150)
def test_a_filter_is_the_same_from_above_and_from_below(
    is_hit: list[bool], context: int, height: int
) -> None:
    log = ScriptedLog()
    log.add("work", b"".join(b"%s %d\n" % (b"hit" if yes else b"no", n) for n, yes in enumerate(is_hit)))
    view = filtered(log, "hit", context, height=height)
    near = [
        f"{'hit' if yes else 'no'} {n}"
        for n, yes in enumerate(is_hit)
        if any(is_hit[max(0, n - context) : n + context + 1])
    ]
    down = [line.whole for line in view._forwards((0, -1, 0)) if line.stream != "gap"]
    up = [line.whole for line in view._backwards((1, 0, 0)) if line.stream != "gap"]
    assert down == near
    assert up[::-1] == near
    gaps = [line.spot for line in view._forwards((0, -1, 0)) if line.stream == "gap"]
    assert gaps == [line.spot for line in view._backwards((1, 0, 0)) if line.stream == "gap"][::-1]


def test_one_stream_alone() -> None:
    log = ScriptedLog()
    for number in range(3000):
        log.add("work", b"out %d\n" % number)
        if number % 1000 == 0:
            log.add("work", b"err %d\n" % number, "stderr")
    view = LogView(log, "work")
    view.height = 50
    view.leave_out("stdout")
    assert shown(view) == ["err 0", "err 1000", "err 2000"]
    view.leave_out("stderr")
    assert shown(view)[-1] == "out 2999"
    view.home()
    assert shown(view)[:2] == ["out 0", "out 1"]


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of a million lines, as they come: in many writes."""
    folder = tmp_path_factory.mktemp("million")

    async def write() -> None:
        log = JobLog(folder, "work")
        for number in range(1000):
            words = b"2026-01-01T00:00:00 worker-%d: step %d of many is done, all is well here\n"
            log.stdout(b"".join(words % (number % 7, step) for step in range(1000)))
            log.flush()
            if number == 990:
                log.stdout(b"the one NEEDLE\n")
        log.close()

    asyncio.run(write())
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("option", "needle"), [("-c", "the one NEEDLE"), ("-ci", "the one needle")])
def test_a_rare_string_is_found_as_quickly_as_grep_does(million: Path, option: str, needle: str) -> None:
    """Grep's whole process and our search in turn: what else the machine does slows both."""
    reader, ratios = RunLogReader(million), []
    words = ["grep", option, needle, str(million / "work.stdout")]
    for _ in range(9):
        began = time.perf_counter()
        grep = subprocess.run(words, check=True, capture_output=True)
        theirs = time.perf_counter()
        hits = scan(Hits(reader, "work", "", parse_pattern(needle), 10))
        ratios.append((time.perf_counter() - theirs) / (theirs - began))
        assert int(grep.stdout) == len(hits) == 1
    assert median(ratios) <= 2, ratios
