"""The emulator: what a guest may do, what it may not, and what is sent to it."""

from __future__ import annotations

import tracemalloc
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.term.emulator import SCROLLBACK_CELLS, Emulator
from tui.term.flood import without_unseen

WORDS = (
    *(
        b"\x1b[",
        b"\x1b]",
        b"\x1bP",
        b"\x1b_",
        b"\x1b^",
        b"\x1bX",
        b"\x9b",
        b"\x1b\\",
        b"\x07",
        b"\x18",
        b"\x1b",
    ),
    *(b"0", b"1", b"2", b"52", b"8", b"38", b"1049", b"2027", b"9" * 30, b"9" * 5000, b";", b"?", b">", b"="),
    *(
        b"h",
        b"l",
        b"m",
        b"r",
        b"s",
        b"u",
        b"J",
        b"K",
        b"L",
        b"M",
        b"P",
        b"X",
        b"@",
        b"b",
        b"t",
        b"n",
        b"c",
        b"q",
    ),
    *(b"$", b"'", b'"', b"*", b" ", b"z", b"{", b"w", b"y", b"p", b"x", b"v", b"\x1bc", b"\x1b#8", b"\x1b(0"),
    *(
        "漢".encode(),
        "e\u0301".encode(),
        "\u202e\u200b".encode(),
        "👨‍👩‍👧".encode(),
        b"\xff\xfe",
        b"\xc2\x9b31m",
    ),
    *(b"\r\n", b"\n", b"\x08", b"\t", b"abc", b"\x0e", b"\x0f", b"\x00", b"\x7f", b"\x85"),
)
GARBAGE = st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=40)), max_size=60).map(b"".join)


def heard(columns: int = 40, rows: int = 6) -> tuple[Emulator, list[bytes]]:
    replies: list[bytes] = []
    return Emulator(columns, rows, replies.append), replies


@settings(max_examples=100, deadline=None)
@given(st.lists(GARBAGE, max_size=4), st.integers(1, 90), st.integers(1, 30))
def test_any_bytes_do_no_harm(pieces: list[bytes], columns: int, rows: int) -> None:
    emulator, replies = heard()
    for piece in pieces:
        emulator.feed(piece)
        emulator.resize(columns, rows)
        emulator.scroll(-3)
        grid = emulator.rows()
        assert [len(row) for row in grid] == [columns] * rows
        text = "".join(cell.text for row in grid for cell in row) + emulator.title
        assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in text)
    emulator.scroll_to_end()
    columns, rows = emulator.size
    assert emulator.cursor is None or (0 <= emulator.cursor[0] < columns and 0 <= emulator.cursor[1] < rows)
    assert sum(map(len, replies)) <= 4096


@pytest.mark.parametrize(
    "endless", [b"\x1b]0;" + b"x" * 1000, b"\x1bP" + b"y" * 1000, b"\x1b[" + b"1;" * 500]
)
def test_a_sequence_without_an_end_takes_no_room(endless: bytes) -> None:
    emulator, _ = heard()
    emulator.feed(endless)
    tracemalloc.start()
    for _ in range(2000):
        emulator.feed(endless[4:])
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 1_000_000
    emulator.feed(b"\x18\x1b\\\r\nstill here")
    assert any("still here" in "".join(cell.text for cell in row) for row in emulator.rows())


def test_the_past_has_a_limit() -> None:
    emulator, _ = heard(200)
    for _ in range(8):
        emulator.feed((b"0123456789" * 19 + b"\r\n") * 1000)
    assert 5000 < emulator.past <= SCROLLBACK_CELLS / 190


def test_what_only_a_window_may_do_is_not_done() -> None:
    emulator, replies = heard()
    for asked in (
        *(b"\x1b]52;c;aGFjaw==\x07", b"\x1b]52;c;?\x07", b"\x1b]8;;http://evil\x07link\x1b]8;;\x07"),
        *(
            b"\x1b]2;rm -rf /\r\x07\x1b[21t\x1b[20t",
            b"\x1b[8;200;200t",
            b"\x1b[?3h",
            b"\x1b[5i",
            b"\x1b]4;1;?\x07",
        ),
        *(b"\x1bP1;1|17/6c730d\x1b\\", b"\x1b[2h", b"\x05", b"\x1b]9;note\x07", b"\x1b[1;1;1;1;6;40*y"),
    ):
        emulator.feed(asked)
    assert replies == []
    assert emulator.size == (40, 6)
    assert emulator.title == "rm -rf /"
    emulator.press("f6")
    emulator.press("a", "a")
    assert replies == [b"\x1b[17~", b"a"]


def test_a_title_is_one_short_safe_line() -> None:
    emulator, _ = heard()
    emulator.feed("\x1b]0;\u202ea\nb\u200b[bold]".encode() + b"c" * 500 + b"\x07")
    assert emulator.title.isprintable()
    assert len(emulator.title) <= 120


def test_a_guest_is_answered_and_cannot_make_us_talk_without_end() -> None:
    emulator, replies = heard()
    emulator.feed(b"\x1b[3;4H\x1b[6n\x1b[c")
    assert replies == [b"\x1b[3;4R", b"\x1b[?62;22c"]
    emulator.feed(b"\x1b[c" * 100_000)
    assert sum(map(len, replies)) <= 4096
    replies.clear()
    emulator.feed(b"\x1b[5n" * 10)
    rest = len(replies)
    emulator.allow_replies(16)
    emulator.feed(b"\x1b[5n" * 10)
    assert len(replies) == rest + 4


@pytest.mark.parametrize(
    ("key", "character", "sent"),
    [
        ("a", "a", b"a"),
        ("A", "A", b"A"),
        ("upper_a", "A", b"A"),
        ("space", " ", b" "),
        ("ä", "ä", "ä".encode()),
        ("enter", "\r", b"\r"),
        ("escape", "\x1b", b"\x1b"),
        ("tab", "\t", b"\t"),
        ("shift+tab", None, b"\x1b[Z"),
        ("backspace", "\x7f", b"\x7f"),
        ("delete", None, b"\x1b[3~"),
        ("ctrl+c", "\x03", b"\x03"),
        ("ctrl+space", None, b"\0"),
        ("ctrl+at", None, b"\0"),
        ("ctrl+backslash", None, b"\x1c"),
        ("ctrl+right_square_bracket", None, b"\x1d"),
        ("ctrl+underscore", None, b"\x1f"),
        ("alt+x", "x", b"\x1bx"),
        ("alt+enter", "\r", b"\x1b\r"),
        ("up", None, b"\x1b[A"),
        ("ctrl+left", None, b"\x1b[1;5D"),
        ("ctrl+shift+up", None, b"\x1b[1;6A"),
        ("home", None, b"\x1b[H"),
        ("pageup", None, b"\x1b[5~"),
        ("f1", None, b"\x1bOP"),
        ("f12", None, b"\x1b[24~"),
        ("plus", "+", b"+"),
        ("slash", "/", b"/"),
    ],
)
def test_keys(key: str, character: str | None, sent: bytes) -> None:
    emulator, replies = heard()
    emulator.press(key, character)
    assert replies == [sent]


def test_the_guests_modes_change_what_is_sent() -> None:
    emulator, replies = heard()
    emulator.paste("a\nb")
    emulator.point(2, 1, 0, "press")
    emulator.focus(has_it=False)
    assert replies == [b"a\rb"]
    replies.clear()
    emulator.feed(b"\x1b[?1h\x1b[?2004h\x1b[?1002h\x1b[?1006h\x1b[?1004h")
    emulator.press("up")
    emulator.paste("a\x1b[201~b")
    emulator.point(2, 1, 0, "press", ["shift"])
    emulator.point(3, 1, 0, "move")
    emulator.point(3, 1, 0, "release")
    emulator.focus(has_it=True)
    assert replies == [
        *(
            b"\x1bOA",
            b"\x1b[200~a [201~b\x1b[201~",
            b"\x1b[<4;3;2M",
            b"\x1b[<32;4;2M",
            b"\x1b[<0;4;2m",
            b"\x1b[I",
        )
    ]


def test_the_past_can_be_looked_at_and_a_key_comes_back() -> None:
    emulator, _ = heard(20, 4)
    emulator.feed(b"".join(b"%d\r\n" % number for number in range(30)))
    emulator.scroll(-10)
    assert emulator.scrolled_back == 10
    assert "".join(cell.text for cell in emulator.rows()[0]).strip() == "17"
    assert emulator.cursor is None
    emulator.feed(b"more\r\n")
    assert "".join(cell.text for cell in emulator.rows()[0]).strip() == "17"
    emulator.press("a", "a")
    assert emulator.scrolled_back == 0
    emulator.feed(b"\x1b[?1049h")
    assert emulator.is_full_screen


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from([b"y\r\n", b"a longer line\r\n", b"\n", b"wide \xe6\xbc\xa2\r\n", b"x\ty\r\n"])),
    st.integers(0, 400),
    GARBAGE,
)
def test_what_is_skipped_of_a_flood_would_not_be_seen(lines: list[bytes], times: int, tail: bytes) -> None:
    flood = b"first\r\n" + b"".join(lines) + b"y\r\n" * times + b"\x1b[1mend\r\n" + tail
    (whole, _), (short, _) = heard(), heard()
    whole.feed(flood)
    short.feed(without_unseen(flood, 6))
    assert short.rows() == whole.rows()
    assert len(without_unseen(b"y\r\n" * 10_000 + b"$ ", 6)) < 100
