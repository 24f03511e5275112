"""Reads the recorded cases in tests/data: what a real Multipass was asked, and what it did."""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CASES = Path(__file__).parents[1] / "data" / "multipass" / "1.16.2"

_REPR = re.compile(
    r"\(not plain text; (\d+) bytes, sha256 ([0-9a-f]{64}); Python repr follows\)\n(b['\"].*['\"])\n?",
    re.DOTALL,
)
_SUMMARY = re.compile(r"\((\d+) bytes, sha256 [0-9a-f]{64}; first 120 bytes: (b'.*')\)\n?")
_STEP = re.compile(r"\$ multipass (?P<args>[^\n]*?)   \((?:\w+; )?exit (?P<status>\d+), [0-9.]+ s\)\n")
_RECORDED_AT_MOST = 6000


@dataclass(frozen=True)
class Step:
    """One of the commands that were run while the case went on, or afterwards."""

    args: str
    status: int
    output: bytes
    """stdout and stderr, and what the recorder noted next."""


@dataclass(frozen=True)
class Case:
    number: str
    argv: str
    """As typed, with what the recorder added behind it."""
    exit: str
    """A status, or what became of the client instead."""
    stdout: bytes
    stderr: bytes
    afterwards: str

    @property
    def verb(self) -> str:
        return self.argv.split()[1]

    @property
    def status(self) -> int:
        """As a shell would say it: 128+n for a client that a signal ended."""
        status = int(self.exit)
        return status if status >= 0 else 128 - status

    def steps(self) -> list[Step]:
        found = list(_STEP.finditer(self.afterwards))
        ends = [*(match.start() for match in found[1:]), len(self.afterwards)]
        return [
            Step(match["args"], int(match["status"]), self.afterwards[match.end() : end].encode())
            for match, end in zip(found, ends, strict=False)  # no steps, one end
        ]


def _stream(text: str) -> bytes:
    if match := _REPR.fullmatch(text):
        data: bytes = ast.literal_eval(match[3])
        whole = len(data) == int(match[1]) and hashlib.sha256(data).hexdigest() == match[2]
        assert whole or len(data) == _RECORDED_AT_MOST
        return data
    if match := _SUMMARY.fullmatch(text):
        shown: bytes = ast.literal_eval(match[2])
        return shown
    return text.removesuffix("(no newline at end)\n").encode()


@cache
def read(path: Path) -> Case:
    text = path.read_bytes().decode("utf-8")
    head, rest = text.split("\n--- stdout\n", 1)
    stdout, rest = re.split(r"^--- stderr\n?", rest, maxsplit=1, flags=re.M)
    stderr, _, afterwards = rest.partition("--- afterwards\n")
    argv, status = head.split("\nexit: ", 1)
    return Case(
        number=path.name.split("-", 1)[0],
        argv=argv.removeprefix("$ "),
        exit=status.split("\n", 1)[0],
        stdout=_stream(stdout),
        stderr=_stream(stderr),
        afterwards=afterwards,
    )


@cache
def cases() -> dict[str, Case]:
    found = [read(path) for path in sorted(CASES.glob("*.txt"))]
    return {case.number: case for case in found}
