import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.model.text import clean, clean_bytes, clean_line, decode_clean

FORBIDDEN = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))} - {"\n", "\t"}
REORDERING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# Escapes, their parts and their terminators, in any order: what an attack is made of.
hostile = st.lists(
    st.sampled_from(
        ["\x1b", "[", "]", "P", "52;c;", "\x07", "\x9b", "\x9d", "\x9c", "\x1b\\", "31m", "\x08", "\r"]
    )
    | st.text(max_size=5)
).map("".join)


@given(hostile | st.text(st.characters()))
def test_nothing_is_left_that_a_terminal_acts_on(text: str) -> None:
    for cleaned in (clean(text), clean_line(text)):
        assert not FORBIDDEN & set(cleaned)
        assert not REORDERING & set(cleaned)
        cleaned.encode()  # no lone surrogates either


@given(st.binary())
def test_bytes_come_out_safe_too(data: bytes) -> None:
    assert not FORBIDDEN & set(decode_clean(data))
    assert not (FORBIDDEN | {"\n"}) & set(clean_bytes(data))


@given(st.text(st.characters(codec="utf-8")))
def test_what_is_clean_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("attack", "left"),
    [
        ("a\x1b]52;c;aGk=\x07b", "ab"),
        ("a\x1b]52;c;aGk=\x1b\\b", "ab"),
        ("a\x9d52;c;aGk=\x9cb", "ab"),
        ("a\x1b]0;owned\x07b", "ab"),
        ("a\x1b]0;never ended", "a"),
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("a\x9b31mred", "ared"),
        ("a\x1b[2J\x1b[H\x1b[?1049hb", "ab"),
        ("a\x1bPq#0\x1b\\b", "ab"),
        ("a\x1bcb", "ab"),
        ("a\x1b(0b", "ab"),
        ("a\x1b", "a"),
        ("a\u202egpj.exe", "a\ufffdgpj.exe"),
        ("a\x00b\x07c", "a\ufffdb\ufffdc"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("[bold]markup is none of our business[/]", "[bold]markup is none of our business[/]"),
    ],
)
def test_known_attacks(attack: str, left: str) -> None:
    assert clean(attack) == left


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("10%\r50%\r100%", "100%"),
        ("done\r\n", "done"),
        ("Starting vm \x08/\x08-\x08\\ ok", "Starting vm ok"),
        ("two\nlines", "two lines"),
        ("61%\x1b[2K\x1b[0A\x1b[0EStarting vm", "Starting vm"),
    ],
)
def test_a_line_is_what_a_terminal_would_show(line: str, seen: str) -> None:
    assert clean_line(line) == seen
