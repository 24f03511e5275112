import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.model.units import (
    GIB,
    MIB,
    approximate_size,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)


@given(st.integers(0, 2**70))
def test_a_size_survives_being_written_down(size: int) -> None:
    assert parse_size(format_size(size)) == size


@given(st.integers(0, 10**9))
def test_a_duration_survives_being_written_down(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512M", 512 * MIB),
        ("1.5G", 1536 * MIB),
        ("1GiB", GIB),
        ("1gb", GIB),
        ("2KB", 2048),
        ("4096", 4096),
        ("4096B", 4096),
        (" 1G ", GIB),
    ],
)
def test_sizes_are_read_as_multipass_reads_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "G", "4Gi", "1T", "-1G", "1.5", "1,5G", "1 0G", "1e3M", "٣G", "1\u212a", "9" * 5000, "9" * 99 + "G"],
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("1h30m", 5400), ("2D", 172800), ("0", 0)]
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "m", "-5m", "1.5h", "30m1h", "5 m", "five", "٣m", "9" * 5000, "9" * 50 + "s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("size", "words"), [(900, "900"), (1536, "1.5K"), (12 * MIB, "12M"), (GIB * 1.44, "1.4G"), (0, "0")]
)
def test_sizes_for_people(size: float, words: str) -> None:
    assert approximate_size(size) == words
