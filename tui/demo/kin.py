"""Which processes are ours: identity, descent, and a mark in the environment."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable

MARK = "DAYFLY_DEMO_WORLD"
"""In the environment of everything the demo host starts: the world it belongs to."""

_PROC = "/proc"
_LINUX = sys.platform == "linux"


def identity(pid: int) -> str:
    """When the process began, in whatever words the system has; empty: there is none (or a zombie)."""
    if _LINUX:
        stat = _stat(pid)
        return stat[19] if stat and stat[0] not in "ZX" else ""
    return "".join(_ps("-o", "lstart=", "-p", str(pid)))


def is_alive(pid: int, started: str) -> bool:
    """Whether that very process still runs."""
    return bool(started) and identity(pid) == started


def descendants(pid: int) -> list[int]:
    """Children, their children and so on, as they are now."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found, queue = [], [pid]
    while queue:
        born = children.get(queue.pop(), [])
        found += born
        queue += born
    return found


def dead_children(pid: int) -> set[int]:
    """Children that ended and were not waited for. Linux only: elsewhere none."""
    return {each for each in _pids() if (stat := _stat(each)) and stat[0] == "Z" and int(stat[1]) == pid}


def marked(world: str | os.PathLike[str]) -> list[int]:
    """Processes whose environment names this world, except this one. Linux only: elsewhere none."""
    mark = f"{MARK}={os.fspath(world)}".encode()
    return [
        pid
        for pid in _pids()
        if mark in _read(f"{_PROC}/{pid}/environ").split(b"\0") and pid != os.getpid() and identity(pid)
    ]


def signal_tree(pid: int, number: signal.Signals) -> None:
    """Signal a process and all its descendants, until no new one is born."""
    done: set[int] = set()
    while new := [each for each in (pid, *descendants(pid)) if each not in done]:
        for each in new:
            _signal(each, number)
        done.update(new)


def end(pids: Iterable[int], *, limit_s: float = 3.0) -> None:
    """KILL these and wait until they are gone. Blocking; the caller has made sure that they are ours."""
    known = {pid: identity(pid) for pid in pids}
    for pid, started in known.items():
        if started:
            _signal(pid, signal.SIGKILL)
    deadline = time.monotonic() + limit_s
    while any(is_alive(*each) for each in known.items()) and time.monotonic() < deadline:
        time.sleep(0.01)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir(_PROC) if name.isdigit()]
    except FileNotFoundError:
        return []


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on."""
    return _read(f"{_PROC}/{pid}/stat").rpartition(b")")[2].decode().split()


def _read(path: str) -> bytes:
    """A file that may be gone at any time: then empty."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _parents() -> list[tuple[int, int]]:
    if _LINUX:
        return [(pid, int(stat[1])) for pid in _pids() if (stat := _stat(pid))]
    return [(int(pid), int(parent)) for pid, parent in (line.split() for line in _ps("-axo", "pid=,ppid="))]


def _ps(*options: str) -> list[str]:
    """Lines of ps, where there is no /proc."""
    with os.popen(" ".join(("ps", *options, "2>/dev/null"))) as shown:
        return shown.read().splitlines()
