"""Words to the host and news from it: pure text, no I/O.

What comes from a host is hostile: whatever it sends is either a value of the model or a WardenError.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tui.model.errors import (
    DayflyError,
    LeaseClosing,
    LeasePinned,
    ManagerSilent,
    NameTaken,
    NoSuchLease,
    NotOurs,
    Unguarded,
    WardenError,
)
from tui.model.lease import Argv, EndKind, JobEnd, LeasePhase, LeaseReport
from tui.model.spec import VmName
from tui.model.text import clean_line

MAX_LINE = 4096
"""Bytes of one line of news; no honest line is longer."""

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/:@%+,-")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SIZE = re.compile(r"[0-9]{1,19}")
_MAX_SIZE = 2**63 - 1
_ERRORS: dict[str, type[DayflyError]] = {
    "closing": LeaseClosing,
    "manager-silent": ManagerSilent,
    "name-taken": NameTaken,
    "no-lease": NoSuchLease,
    "not-ours": NotOurs,
    "pinned": LeasePinned,
    "unguarded": Unguarded,
}


def escape(word: str) -> str:
    """One word as the script reads it. Raises WardenError for a NUL byte, which no argument can carry."""
    data = word.encode("utf-8", "surrogateescape")
    if b"\0" in data:
        raise WardenError("A NUL byte cannot be part of a command.")
    return "".join(chr(byte) if byte in _PLAIN else f"\\0{byte:03o}" for byte in data)


def command_line(argv: Argv) -> str:
    """A whole command as one word; the script keeps it like that in its files."""
    return " ".join("=" + escape(word) for word in argv)


def call(words: Iterable[str]) -> bytes:
    """What a call sends on stdin."""
    lines = [escape(word) for word in words]
    return "\n".join([str(len(lines)), *lines, ""]).encode("ascii")


def check_id(text: str) -> str:
    """`text`, if the host would take it for an id. Raises WardenError."""
    if not _ID.fullmatch(text):
        raise WardenError(f"{text!r} is not a name of small letters, digits and dashes, at most 63.")
    return text


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call brought back."""

    lines: tuple[str, ...]


def parse_answer(stdout: bytes) -> Answer | None:
    """The answer in `stdout`, or None if there is none: then the script is not there.

    What a login shell printed before it is skipped. Raises WardenError kinds: what the host said, or that
    its answer makes no sense.
    """
    lines = stdout.decode("ascii", "replace").splitlines()
    begin = next((n for n, line in enumerate(lines) if _is_first(line)), None)
    if begin is None:
        return None
    if "dayfly end" not in lines[begin:]:
        raise WardenError("The host's answer broke off.")
    if lines[begin] != "dayfly ok":
        raise _refusal(lines[begin])
    return Answer(tuple(lines[begin + 1 : lines.index("dayfly end", begin)]))


def _is_first(line: str) -> bool:
    return line == "dayfly ok" or line.startswith("dayfly error ")


def _refusal(line: str) -> DayflyError:
    code, _, text = line.removeprefix("dayfly error ").partition(" ")
    return _ERRORS.get(code, WardenError)(f"The host refused: {clean_line(text) or clean_line(code)}.")


@dataclass(frozen=True, slots=True)
class Asked:
    """How a command of `ask` ended; None: it was silent until its limit and was killed."""

    status: int | None
    stderr: bytes


def parse_asked(stderr: bytes) -> Asked | None:
    """The command's own stderr and how it ended; None: the script is not there."""
    begin = stderr.rfind(b"dayfly asked ")
    words = stderr[begin:].split() if begin >= 0 else []
    match words:
        case [_, _, b"silent"]:
            return Asked(None, stderr[:begin])
        case [_, _, b"exit", status] if _SIZE.fullmatch(status.decode("ascii", "replace")):
            number = int(status)
            return Asked(number if number <= 255 else number % 256, stderr[:begin])
        case _:
            return None


class NewsReader:
    """Puts the lines of reports together, as bytes come in.

    `feed` yields each finished LeaseReport, and an int for each beat that was answered.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._greeted = False
        self._report: list[str] = []

    def feed(self, data: bytes) -> Iterator[LeaseReport | int]:
        """Take bytes as they came. Raises WardenError for what no honest host would say."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            raise WardenError("The host sends a line without end.")
        for line in lines:
            yield from self._take(line)

    def _take(self, line: bytes) -> Iterator[LeaseReport | int]:
        if len(line) > MAX_LINE:
            raise WardenError("The host sends lines too long to be news.")
        text = line.decode("utf-8", "replace")
        if not self._greeted:
            self._greeted = text == "dayfly hold"
        elif text.startswith("ok "):
            yield _size(text[3:])
        else:
            self._report.append(text)
            if text.startswith("done "):
                lines, self._report = self._report, []
                yield parse_report(lines)
            elif len(self._report) > 100:
                raise WardenError("The host sends a report without end.")


def parse_reports(lines: Iterable[str]) -> tuple[LeaseReport, ...]:
    """Every report in the lines of an answer. Raises WardenError."""
    reports, lot = [], list[str]()
    for line in lines:
        lot.append(line)
        if line.startswith("done "):
            reports.append(parse_report(lot))
            lot = []
    if lot:
        raise WardenError("The host's report broke off.")
    return tuple(reports)


def parse_report(lines: list[str]) -> LeaseReport:
    """One report, from its `lease` line to its `done` line. Raises WardenError."""
    head = lines[0].split(" ", 12)
    if len(head) != 13 or head[0] != "lease" or lines[-1] != f"done {head[1]}":
        raise _nonsense(lines[0])
    _, vm, phase, pin, whose, cause, note, grace, finish, silent, spools, client, owner = head
    jobs = [_job(line, vm) for line in lines[1:-1]]
    return LeaseReport(
        vm=VmName(check_id(vm)),
        phase=_phase(phase),
        pinned=pin != "off",
        pin_left_s=None if pin in ("on", "off") else _size(pin),
        foreign=whose == "foreign",
        cause=_word(cause),
        note=_word(note),
        grace_s=_size(grace),
        finish_s=_size(finish),
        silent_s=_size(silent),
        dropped=spools == "dropped",
        client=_word(client),
        owner=clean_line(owner[:200]),
        exec_bound=tuple(job.name for job in jobs if job.bound == "exec"),
        ends=tuple((job.name, job.end) for job in jobs if job.end is not None),
        started=tuple(job.name for job in jobs if job.started),
    )


@dataclass(frozen=True, slots=True)
class _Job:
    """One job of a report."""

    name: str
    started: bool
    bound: str
    end: JobEnd | None


def _job(line: str, vm: str) -> _Job:
    match line.split(" "):
        case [
            "job",
            of,
            name,
            ("ready" | "started") as stage,
            ("host" | "guest" | "exec") as bound,
            kind,
            detail,
            out,
            err,
        ] if of == vm:
            end = None if kind == "pending" else _end(kind, detail, _size(out), _size(err))
            return _Job(check_id(name), stage == "started", bound, end)
        case _:
            raise _nonsense(line)


def _end(kind: str, detail: str, out: int, err: int) -> JobEnd:
    if kind not in EndKind.__members__.values() or (kind == EndKind.EXIT and not _is_status(detail)):
        raise _nonsense(f"{kind} {detail}")
    return JobEnd(EndKind(kind), detail if kind == EndKind.EXIT else _word(detail), out, err)


def _is_status(text: str) -> bool:
    return bool(_SIZE.fullmatch(text)) and int(text) <= 255


def _phase(text: str) -> LeasePhase:
    if text not in LeasePhase.__members__.values():
        raise _nonsense(text)
    return LeasePhase(text)


def _word(text: str) -> str:
    if text == "none":
        return ""
    if not _ID.fullmatch(text):
        raise _nonsense(text)
    return text


def parse_size(lines: tuple[str, ...]) -> int:
    """The one number of bytes in an answer. Raises WardenError."""
    return _size(" ".join(lines))


def _size(text: str) -> int:
    if not _SIZE.fullmatch(text) or int(text) > _MAX_SIZE:
        raise _nonsense(text)
    return int(text)


def _nonsense(text: str) -> WardenError:
    return WardenError(f"The host's report makes no sense: {clean_line(text[:80])!r}.")
