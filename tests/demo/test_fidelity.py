"""The emulated Multipass against what a real one was recorded to do.

The recorded cases tell a story in their order: VMs are launched, entered, suspended, deleted. The same
story is played on one demo host, each case's command as it was typed; exit status, stderr and the shape of
its JSON must be the recorded ones, and so must its spinner. What is volatile by nature is named below.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.demo_host import FOREIGN, DemoHost, private_demo
from tests.drivers.recorded import CASES, Case, read

NEEDED = 0.9
SPEED = 40.0

STORY = """
001 002 003 004 005 006 007 008 009
!empty 010 011 012 013 014 015 016 017 020 021 022 023 024
030 031 032 033 034 035 036 037 038 039 040 041 042 043 044 045 046 047 048 049 050 051 052 053 054 055
056 057 058 059 060 061 062 063 064 065 066 067 068 069 070 071 072 073 074 075 076 077 078 079 080 081 082
083 084 085 100 101 102 103 104 105 106 107 108 109 110
111 112 113 114 115 116 117 118 119 120 121 122 123 124 125 126 127 129 130 131 132 135 136 137 138 139
171 173 174 175 176 177 178 179 180 181 182 183 184 185 186 187 188 189 190 191 192 193 194 195 196 197 198
199 200 210 211 212 213 214 215 216 217 218 219 220 221 222 223 224 226 227 228 229 230
231 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257
!al1 301 302 303 307 !clones 308
!p1 !p2 341 342 343 348 349 !start-p1 350
360 361 370 392 393 384
!down 090 091 092 093 094 095 096 097 !up 390
"""
"""Numbers of cases, and `!` what is done between them."""

LEFT_OUT = {
    "018 019 391": "end the daemon a moment before they are asked",
    "086 087 088 089 089b 089c": "an image server that is away",
    "128": "the environment of a Debian guest",
    "133 134 140 141 142": "played in test_exec, with their times",
    "150-163 170 172 300 304 305 306": "a killed client or a terminal: played in test_exec",
    "225": "an error text of qemu-img",
    "310 320-323 330-347 363 371 372 394 395 410-423": "races and signals: played in test_races",
    "380-383 385-389": "a second account",
    "400 401": "timings",
}

_VOLATILE = (
    (re.compile(rb"\[\d{4}-\d\d-\d\dT[0-9:.]+\]"), b"[TIME]"),
    (re.compile(rb"'/[^ ']*/instances/"), b"'/INSTANCES/"),
    (re.compile(rb"^/tmp/\S*?/mpx/", re.M), b"/tmp/mpx/"),
)
_FRAMES = re.compile(rb"(?:\x08[-/\\|])+")
_STDIN = {
    "117": b"line one\nline two\n",
    "131": b"y\n" * 1024,
    "171": b"echo piped-shell; exit 4\n",
    "175": b"via stdin\n",
    "053": b"a: [b\n ",
    "179": bytes(20 << 20),
}
_NOT_EXECUTABLE = ("/etc/hostname", "/etc/passwd")
"""In a container the former may be executable."""
_SPINNER = b"\x1b[2K"


@dataclass(frozen=True, slots=True)
class Player:
    """One demo host on which the story is told."""

    demo: DemoHost
    scene: Path
    """Where the files of the recorded commands are."""

    async def play(self, case: Case) -> list[str]:
        """What differs."""
        done = await asyncio.to_thread(self._run, case)
        faults = []
        if done.returncode != int(case.exit):
            faults.append(f"exit {done.returncode}, not {case.exit}")
        stderr = self._plain(done.stderr)
        if stderr.rstrip() != _stable(case.stderr).rstrip() and not _summarised(case):
            faults.append(f"stderr {stderr!r}, not {case.stderr!r}")
        return faults + self._stdout_faults(case, done.stdout)

    def _stdout_faults(self, case: Case, stdout: bytes) -> list[str]:
        if case.stdout.startswith(b"{"):
            ours, theirs = shape(json.loads(stdout or b"{}")), shape(json.loads(case.stdout))
            return [] if ours == theirs else [f"shape {ours}, not {theirs}"]
        if case.stdout.startswith(_SPINNER):
            ours, theirs = _FRAMES.sub(b"", stdout), _FRAMES.sub(b"", case.stdout)
            return [] if ours == theirs else [f"stdout {ours!r}, not {theirs!r}"]
        return []

    def _run(self, case: Case) -> subprocess.CompletedProcess[bytes]:
        if case.number == "361":
            return self.demo.multipass(*self._words(case), stdin=b"#cloud-config\n")
        return self.demo.multipass(*self._words(case), stdin=_STDIN.get(case.number, b""))

    def _words(self, case: Case) -> list[str]:
        typed = re.sub(r"\s+(< \([^)]*\)|# .*|< \(.*)$", "", case.argv, flags=re.S)
        if case.number == "139":
            return ["exec", "vm1", "--", "sh", "-c", "echo $#", "x", *["a" * 100] * 1500]
        words = shlex.split(typed.replace(*_NOT_EXECUTABLE) if case.number == "122" else typed)[1:]
        return [word.replace("/images/", f"{self.scene}/").replace("/tmp/mpx", f"{self.scene}/mpx")
                .replace("/tmp/ci.yaml", f"{self.scene}/ci.yaml") for word in words]  # fmt: skip

    def _plain(self, stderr: bytes) -> bytes:
        return _stable(
            stderr.replace(*(each.encode() for each in _NOT_EXECUTABLE[::-1])).replace(
                str(self.scene).encode() + b"/mpx", b"/tmp/mpx"
            )
        )


def _stable(stderr: bytes) -> bytes:
    for pattern, instead in _VOLATILE:
        stderr = pattern.sub(instead, stderr)
    return stderr


def _summarised(case: Case) -> bool:
    """The recording keeps only the size and the beginning of what was printed."""
    return case.number == "132"


def shape(value: object) -> object:
    """Keys and kinds of a JSON value. Names of images and VMs are values, not keys."""
    if isinstance(value, dict):
        return {key: _contents(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


def _contents(key: str, value: object) -> object:
    if key in ("images", "info") and isinstance(value, dict):
        return sorted(
            {json.dumps(shape(inner) | {"aliases": []}, sort_keys=True) for inner in value.values()}
        )  # type: ignore[operator]
    return [] if key == "aliases" else shape(value)


async def _between(player: Player, what: str) -> None:
    """What the recorder did between two cases."""
    demo = player.demo
    match what:
        case "empty":
            for name in FOREIGN:
                await demo.control(f"delete {name}")
        case "clones":
            return
        case "start-p1":
            assert demo.multipass("start", "p1").returncode == 0
        case "down":
            (demo.world / "multipass.sock").rename(demo.world / "away.sock")
        case "up":
            (demo.world / "away.sock").rename(demo.world / "multipass.sock")
        case name:
            assert demo.multipass("launch", "24.04", "--name", name).returncode == 0


def _scene(tmp_path: Path) -> Path:
    scene = tmp_path / "scene"
    (scene / "mpx/dir/sub").mkdir(parents=True)
    (scene / "mpx/dir/sub/b").write_text("b\n")
    (scene / "mpx/a.txt").write_text("hello\n")
    (scene / "mpx/big").write_bytes(bytes(20 << 20))
    (scene / "debian-12.qcow2").touch()
    (scene / "ci.yaml").write_text("#cloud-config\n")
    return scene


def _case(number: str) -> Case:
    for folder in (CASES, CASES / "other"):
        for path in folder.glob(f"{number}-*.txt"):
            return read(path)
    raise AssertionError(f"case {number} is not in tests/data")


@pytest.mark.timeout(240)
async def test_the_recorded_story_goes_as_recorded(tmp_path: Path) -> None:
    different: dict[str, list[str]] = {}
    played = 0
    async with private_demo(tmp_path / "state", speed=SPEED) as demo:
        player = Player(demo, _scene(tmp_path))
        for word in STORY.split():
            if word.startswith("!"):
                await _between(player, word[1:])
                continue
            case = _case(word)
            played += 1
            if faults := await player.play(case):
                different[f"{word} {case.argv[:70]}"] = faults
        await demo.until_daemon()
    for name, faults in different.items():
        print(f"{name}\n    " + "\n    ".join(faults))  # noqa: T201
    print(f"{played - len(different)} of {played} cases as recorded; left out: {len(LEFT_OUT)} groups")  # noqa: T201
    assert played - len(different) >= NEEDED * played, different
