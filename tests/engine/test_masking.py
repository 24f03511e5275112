"""Stars for secrets: every occurrence, across chunks and cuts of the link, and not a byte moves."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.engine.logs import JobLog, RunLogs
from tui.engine.masking import Mask, patterns_of

FEW = st.binary(min_size=3, max_size=8).map(lambda data: bytes(byte % 3 + 97 for byte in data))
"""Of three letters, so that they meet, overlap and repeat."""
SECRETS = st.one_of(st.lists(FEW, max_size=4), st.lists(st.binary(min_size=3, max_size=20), max_size=4))
STREAM = st.one_of(
    st.binary(max_size=300), st.binary(max_size=300).map(lambda d: bytes(b % 3 + 97 for b in d))
)


def starred(data: bytes, secrets: list[bytes]) -> bytes:
    """The plain truth: every byte of every occurrence."""
    shown = bytearray(data)
    for secret in secrets:
        for at in range(len(data) - len(secret) + 1):
            if data.startswith(secret, at):
                shown[at : at + len(secret)] = b"*" * len(secret)
    return bytes(shown)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[bytes], bytes]:
    """Secrets, and a stream that has some of them whole, cut short, and in one another."""
    secrets = draw(SECRETS)
    parts = [draw(STREAM)]
    for _ in range(draw(st.integers(0, 6))):
        if secrets:
            secret = draw(st.sampled_from(secrets))
            parts.append(secret[: draw(st.integers(1, len(secret)))])
        parts.append(draw(st.binary(max_size=5)))
    return secrets, b"".join(parts)


@given(streams(), st.lists(st.integers(1, 9), min_size=1, max_size=40), st.sets(st.integers(0, 40)))
async def test_the_file_is_the_stream_with_every_secret_starred(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: tuple[list[bytes], bytes],
    lengths: list[int],
    cuts: set[int],
) -> None:
    """`cuts`: after these chunks the link is lost, and the follow begins anew where the file ends."""
    secrets, stream = drawn
    folder = tmp_path_factory.mktemp("log")
    log = JobLog(folder, "work", secrets)
    at = count = 0
    while at < len(stream):
        chunk = stream[at : at + lengths[count % len(lengths)]]
        log.stdout(chunk)
        at += len(chunk)
        if count in cuts:
            at = log.sizes()[0]
        count += 1
    log.end(len(stream), 0)
    assert log.sizes() == (len(stream), 0)
    log.close()
    assert (folder / "work.stdout").read_bytes() == starred(stream, secrets)


def masked(secrets: list[bytes], *chunks: bytes) -> bytes:
    mask = Mask(secrets)
    return b"".join([mask.feed(chunk) for chunk in chunks] + [mask.end()])


@pytest.mark.parametrize(
    ("secrets", "chunks", "shown"),
    [
        ([b"hunter22"], [b"x hunter22 y"], b"x ******** y"),
        ([b"hunter22"], [b"x h", b"unte", b"r", b"22 y"], b"x ******** y"),
        ([b"hunter22"], [b"x hunter2", b"3"], b"x hunter23"),
        ([b"abc", b"abcdef"], [b"abc abcdef abcde"], b"*** ****** ***de"),
        ([b"abc", b"cde"], [b"abcde"], b"*****"),
        ([b"abcX", b"Xyz"], [b"abcX", b"yz"], b"******"),
        ([b"aaa"], [b"aa", b"aaa", b"b"], b"*****b"),
        ([b"a**"], [b"a**a*"], b"***a*"),
    ],
)
def test_occurrences(secrets: list[bytes], chunks: list[bytes], shown: bytes) -> None:
    assert masked(secrets, *chunks) == shown


async def test_a_stream_that_is_not_over_is_not_let_go(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "work", [b"hunter22"])
    log.stdout(b"x hunt")
    log.end(10, 0)
    assert log.sizes() == (2, 0)
    log.stdout(b"hunter22")
    assert log.sizes() == (10, 0)
    log.close()
    assert (tmp_path / "work.stdout").read_bytes() == b"x ********"


async def test_a_follow_that_knows_the_end_comes_to_it(tmp_path: Path) -> None:
    """As the warden's client does it: the end, the sizes, the bytes from there, the sizes."""
    log, stream = JobLog(tmp_path, "work", [b"hunter22"]), b"hunter22 hunt"
    for _ in range(2):
        log.end(len(stream), 0)
        log.stdout(stream[log.sizes()[0] :])
    assert log.sizes() == (len(stream), 0)
    log.close()
    assert (tmp_path / "work.stdout").read_bytes() == b"******** hunt"


def test_which_parts_of_a_value_are_secret() -> None:
    key = b"-----BEGIN KEY-----\nMIIEvQIBADANBg\nshort\n"
    assert set(patterns_of([key, b"ab", b"abc", b""])) == {
        key,
        b"-----BEGIN KEY-----",
        b"MIIEvQIBADANBg",
        b"abc",
    }


async def test_results_are_never_starred(tmp_path: Path) -> None:
    logs = RunLogs(tmp_path)
    logs.mask([b"hunter22"])
    for job in ("work", "collect-0"):
        logs.job(job).stdout(b"hunter22 ")
    logs.close()
    assert (tmp_path / "work.stdout").read_bytes() == b"******** "
    assert (tmp_path / "collect-0.stdout").read_bytes() == b"hunter22 "
