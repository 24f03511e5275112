"""What can be made to go wrong, by name.

Orders, one line each, given with `control(world, "...")` or to `multipass` on the demo host as
`multipass @control ...`:

    hang WHAT [SECONDS [TIMES]]     the next calls say nothing for so long (default: until released)
    slow WHAT SECONDS [TIMES]       they answer right, but late
    garbage WHAT [TIMES]            they print nonsense and exit 0
    fail WHAT [STATUS [TIMES]]      they fail, default 2
    drop WHAT [TIMES]               the daemon closes the connection on them
    forget WHAT [TIMES]             they say that all went well, and nothing was done
    release WHAT                    what hangs or is slow goes on at once
    wedge SECONDS                   the whole daemon answers nobody for so long
    reboot NAME, poweroff NAME      somebody does it inside the VM
    crash NAME                      the VM dies under everybody's hands
    delete NAME                     somebody deletes the VM by hand
    fill NAME, fill home            the VM's disk, or that of the account's home, is full
    free NAME, free home            there is room again
    hangup                          all SSH connections drop
    sshd SECONDS                    the SSH server is gone for so long, with its connections; then it answers
    term, kill                      the daemon gets that signal; it is started again as systemd would
    clear                           no fault waits any more

Seconds are real ones, whatever the speed. WHAT is a verb of `multipass`, or VERB:NAME for calls about
that VM; `exec`, `shell` and `transfer` ask the daemon for the VM's address first, which is where they are
hit. `fetch:NAME`, `prepare:NAME` and `boot:NAME` are steps of a launch, for `hang` and `slow` alone. While
something is held there is a file `held/VERB.NAME` in the world.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

FOR_EVER_S = 86400.0
HELD = "held"
"""In the world's folder."""


class Kind(StrEnum):
    """What happens to a call."""

    HANG = "hang"
    SLOW = "slow"
    GARBAGE = "garbage"
    FAIL = "fail"
    DROP = "drop"
    FORGET = "forget"


@dataclass(slots=True, eq=False)
class Fault:
    """One order for the next calls of a verb."""

    kind: Kind
    what: str
    """VERB, or VERB:NAME."""
    amount: float
    """Seconds, or the exit status."""
    times: int


_WITH_AMOUNT = {Kind.HANG: FOR_EVER_S, Kind.SLOW: 1.0, Kind.FAIL: 2.0}
_EVERY_TIME = 1_000_000


class Faults:
    """The orders that wait for their calls, and the calls that are held. Of one life of the daemon."""

    def __init__(self, root: Path) -> None:
        self._waiting: list[Fault] = []
        self._releases: dict[asyncio.Event, str] = {}
        self._held = root / HELD
        shutil.rmtree(self._held, ignore_errors=True)
        self._held.mkdir()

    def order(self, words: list[str]) -> bool:
        """Take an order about calls; False: it is not one. Raises ValueError for a bad number."""
        match words:
            case ["clear"]:
                self._waiting.clear()
                return True
            case ["release", what]:
                self._release(what)
                return True
            case [kind, what, *rest] if kind in set(Kind):
                self._waiting.append(_fault(Kind(kind), what, rest))
                return True
        return False

    def take(self, verb: str, names: Sequence[str] = ()) -> Fault | None:
        """What a call about these VMs shall meet."""
        hit = {verb, *(f"{verb}:{name}" for name in names)}
        for fault in self._waiting:
            if fault.what in hit:
                fault.times -= 1
                if not fault.times:
                    self._waiting.remove(fault)
                return fault
        return None

    async def step(self, step: str, name: str) -> None:
        """A step of a launch: it is held here where that was ordered."""
        fault = self.take(step, [name])
        if fault is not None:
            await self.hold(fault, f"{step}.{name}")

    async def hold(self, fault: Fault, mark: str) -> None:
        """Let the seconds of the order pass, or less if it is released."""
        if fault.kind not in (Kind.HANG, Kind.SLOW):
            return
        released, file = asyncio.Event(), self._held / mark
        self._releases[released] = fault.what
        file.touch()
        try:
            async with asyncio.timeout(fault.amount):
                await released.wait()
        except TimeoutError:
            return
        finally:
            del self._releases[released]
            file.unlink(missing_ok=True)

    def _release(self, what: str) -> None:
        self._waiting = [fault for fault in self._waiting if fault.what != what]
        for event, held in self._releases.items():
            if held == what:
                event.set()


def _fault(kind: Kind, what: str, rest: list[str]) -> Fault:
    amount = float(rest.pop(0)) if kind in _WITH_AMOUNT and rest else _WITH_AMOUNT.get(kind, 0.0)
    times = int(rest.pop(0)) if rest else (_EVERY_TIME if amount == FOR_EVER_S else 1)
    return Fault(kind, what, amount, times)


# ---- a full disk


_FILLER = ".filler"
_BLOCKS = (1 << 20, 1 << 12)


def fill(folder: Path, root: Path) -> None:
    """Take all room of the file system of `folder`. Raises ValueError where that is the world's own."""
    if folder.stat().st_dev == root.stat().st_dev:
        raise ValueError(f"{folder.name} has no disk of its own here")
    filler = os.open(folder / _FILLER, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for size in _BLOCKS:
            _write_until_full(filler, bytes(size))
    finally:
        os.close(filler)


def free(folder: Path) -> None:
    """Give it back. Idempotent."""
    (folder / _FILLER).unlink(missing_ok=True)


def _write_until_full(file: int, block: bytes) -> None:
    while True:
        try:
            if os.write(file, block) < len(block):
                return
        except OSError:
            return
