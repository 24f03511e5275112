from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.model.errors import (
    DayflyError,
    LeaseClosing,
    ManagerSilent,
    NameTaken,
    NoSuchLease,
    NotOurs,
    Unguarded,
    WardenError,
)
from tui.model.lease import EndKind, JobEnd, LeasePhase, LeaseReport
from tui.model.spec import VmName
from tui.warden import wire

REPORT = [
    "lease df-a live 3540 own none none 900 7200 30 kept client-a me@here (laptop)",
    "job df-a launch started host exit 0 64 0",
    "job df-a work started exec pending none 0 0",
    "job df-a late ready guest pending none 0 0",
    "done df-a",
]
words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


@given(st.lists(words, max_size=8))
def test_words_come_through_a_shell(argv: list[str]) -> None:
    """What `call` writes is what the script's own way of reading makes of it."""
    lines = wire.call(argv).decode("ascii").splitlines()
    assert lines[0] == str(len(argv))
    assert len(lines) == len(argv) + 1
    formats = [line.replace("%", "%%") for line in lines[1:]]
    decoded = [_printf(line) for line in formats]
    assert decoded == [word.encode() for word in argv]


def _printf(line: str) -> bytes:
    """POSIX `%b`: only octal escapes occur."""
    out, at = bytearray(), 0
    line = line.replace("%%", "%")
    while at < len(line):
        if line[at] == "\\":
            assert line[at + 1] == "0"
            out.append(int(line[at + 2 : at + 5], 8))
            at += 5
        else:
            out += line[at].encode("ascii")
            at += 1
    return bytes(out)


def test_a_real_shell_decodes_the_words() -> None:
    word = 'it\'s "$HOME" `x` \\ * ü\n\ttab and newline\n'
    script = "printf '%b.' \"$1\""
    done = subprocess.run(["sh", "-c", script, "sh", wire.escape(word)], capture_output=True, check=True)
    assert done.stdout == word.encode() + b"."


def test_a_command_is_one_line_and_keeps_empty_words() -> None:
    assert wire.command_line(("a b", "", "c")) == "=a\\0040b = =c"
    with pytest.raises(WardenError):
        wire.command_line(("a\0b",))


@pytest.mark.parametrize("name", ["", "-a", "A", "a_b", "a" * 64, "a/b", "../x", "a\n"])
def test_ids_are_plain(name: str) -> None:
    with pytest.raises(WardenError):
        wire.check_id(name)


def test_an_answer_is_found_behind_a_banner() -> None:
    answer = wire.parse_answer(b"Welcome!\ndayfly ok\none\ntwo\ndayfly end\n")
    assert answer is not None
    assert answer.lines == ("one", "two")
    assert wire.parse_answer(b"sh: not found\n") is None
    with pytest.raises(WardenError, match="broke off"):
        wire.parse_answer(b"dayfly ok\none\n")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("closing", LeaseClosing),
        ("manager-silent", ManagerSilent),
        ("name-taken", NameTaken),
        ("no-lease", NoSuchLease),
        ("not-ours", NotOurs),
        ("unguarded", Unguarded),
        ("never-killed", WardenError),
        ("\x1b]0;title\x07", WardenError),
    ],
)
def test_refusals_have_their_kind(code: str, error: type[DayflyError]) -> None:
    with pytest.raises(error) as caught:
        wire.parse_answer(f"dayfly error {code} why \x1b[31mit\x1b[0m is so\ndayfly end\n".encode())
    assert "\x1b" not in str(caught.value)


def test_a_report() -> None:
    assert wire.parse_report(REPORT) == LeaseReport(
        vm=VmName("df-a"),
        phase=LeasePhase.LIVE,
        pinned=True,
        pin_left_s=3540,
        grace_s=900,
        finish_s=7200,
        silent_s=30,
        exec_bound=("work",),
        client="client-a",
        owner="me@here (laptop)",
        ends=(("launch", JobEnd(EndKind.EXIT, "0", 64, 0)),),
        started=("launch", "work"),
    )


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (0, "lease df-a flying off own none none 9 0 0 kept c o"),
        (0, "lease df-a live off own none none 9 0 0 kept c"),
        (0, "lease df-a live off own none none c o"),
        (0, "lease df-a live of own none none 9 0 0 kept c o"),
        (0, "lease df-a live off own none none x 0 0 kept c o"),
        (0, "lease ../a live off own none none 9 0 0 kept c o"),
        (0, "lease df-a live off own no\x1bne none 9 0 0 kept c o"),
        (1, "job df-b work started host exit 0 0 0"),
        (1, "job df-a work started host exit 256 0 0"),
        (1, "job df-a work started host exit x 0 0"),
        (1, "job df-a work started host burst x 0 0"),
        (1, f"job df-a work started host exit 0 {2**63} 0"),
        (1, "job df-a work started host exit 0 -1 0"),
        (1, "job df-a work started host exit 0 ١ 0"),
        (1, "job df-a work started moon exit 0 0 0"),
        (1, "garbage"),
        (4, "done df-b"),
    ],
)
def test_a_hostile_report_is_refused(number: int, line: str) -> None:
    lines = REPORT.copy()
    lines[number] = line
    with pytest.raises(WardenError):
        wire.parse_report(lines)


def test_sizes_go_to_the_largest_file_there_can_be() -> None:
    lines = [REPORT[0], f"job df-a work started guest lost vm-absent {2**63 - 1} 0", REPORT[-1]]
    end = wire.parse_report(lines).end_of("work")
    assert end == JobEnd(EndKind.LOST, "vm-absent", 2**63 - 1, 0)
    assert end.status is None


def test_a_pin_without_an_end_and_dropped_spools() -> None:
    line = "lease df-a gone on own pin-expired none 900 0 0 dropped c o"
    report = wire.parse_report([line, "done df-a"])
    assert (report.pinned, report.pin_left_s, report.dropped) == (True, None, True)
    assert report.cause == "pin-expired"


def test_news_come_in_any_pieces() -> None:
    data = "\n".join(["motd", "dayfly hold", *REPORT, "ok 7", ""]).encode()
    reader = wire.NewsReader()
    news = [item for n in range(len(data)) for item in reader.feed(data[n : n + 1])]
    assert news == [wire.parse_report(REPORT), 7]


@given(st.binary(max_size=300))
def test_news_are_values_or_a_warden_error(data: bytes) -> None:
    reader = wire.NewsReader()
    list(reader.feed(b"dayfly hold\n"))
    try:
        for item in reader.feed(data):
            assert isinstance(item, LeaseReport | int)
    except WardenError:
        pass


@given(st.binary(max_size=200))
def test_answers_are_values_or_a_warden_error(data: bytes) -> None:
    for stdout in (data, b"dayfly ok\n" + data + b"\ndayfly end\n"):
        try:
            answer = wire.parse_answer(stdout)
            wire.parse_reports(answer.lines if answer else ())
        except (WardenError, ManagerSilent):
            pass


@pytest.mark.parametrize("data", [b"x" * 5000, b"y" * 5000 + b"\n", b"lease\n" * 200])
def test_endless_news_are_refused(data: bytes) -> None:
    reader = wire.NewsReader()
    list(reader.feed(b"dayfly hold\n"))
    with pytest.raises(WardenError):
        list(reader.feed(data))


def test_what_was_asked() -> None:
    asked = wire.parse_asked(b"no newline\xffdayfly asked exit 7\n")
    assert asked is not None
    assert (asked.status, asked.stderr) == (7, b"no newline\xff")
    asked = wire.parse_asked(b"dayfly asked exit 1\ndayfly asked silent\n")
    assert asked is not None
    assert (asked.status, asked.stderr) == (None, b"dayfly asked exit 1\n")
    for lie in (
        b"",
        b"dayfly asked",
        b"dayfly asked exit",
        b"dayfly asked exit x\n",
        b"dayfly asked exit 1 2\n",
    ):
        assert wire.parse_asked(lie) is None
