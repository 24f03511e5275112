"""What a guest says of itself, line by line, as samples. What makes no sense is dropped."""

from __future__ import annotations

import re

from tui.model.use import VmUse

_LINE = re.compile(
    rb"cpu ([0-9 ]{0,240}) mem ([0-9]{0,15}) ([0-9]{0,15}) load ([0-9.]{0,12}) disk ([0-9 ]{0,40})"
)
_LONGEST = 512
_TICKS_AT_MOST = 10**18
_COUNTED = 8
"""user nice system idle iowait irq softirq steal; what a hypervisor's guests take is in user already."""


class FigureReader:
    """Takes in the bytes of one channel. Remembers the last ticks, as CPU is what came since, and a line."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_skipping = False
        self._ticks: tuple[int, int] | None = None

    def feed(self, data: bytes, at: float) -> tuple[VmUse, ...]:
        """The samples that these bytes complete; `at` is when they came."""
        *lines, rest = (self._rest + data).split(b"\n")
        if lines and self._is_skipping:
            del lines[0]
            self._is_skipping = False
        self._is_skipping = self._is_skipping or len(rest) > _LONGEST
        self._rest = b"" if self._is_skipping else rest
        samples = (self._sample(line, at) for line in lines if len(line) <= _LONGEST)
        return tuple(sample for sample in samples if sample is not None)

    def _sample(self, line: bytes, at: float) -> VmUse | None:
        told = _LINE.fullmatch(line.removesuffix(b"\r"))
        if told is None:
            return None
        cpu, total, free, load, disk = (text.decode("ascii") for text in told.groups())
        memory, space = _part(f"{total} {free}"), _part(disk)
        return VmUse(
            at=at,
            cpu=self._cpu(cpu),
            memory=None if memory is None else memory[0] - memory[1],
            memory_total=None if memory is None else memory[0],
            disk=None if space is None else space[1],
            disk_total=None if space is None else space[0],
            load=_load(load),
        )

    def _cpu(self, text: str) -> float | None:
        """The share of the ticks since the line before that were not idle."""
        ticks = [min(int(word), _TICKS_AT_MOST) for word in text.split()[:_COUNTED] if len(word) <= 20]
        before, self._ticks = self._ticks, None
        if len(ticks) < 4:
            return None
        self._ticks = (sum(ticks), sum(ticks[3:5]))
        if before is None:
            return None
        passed, idle = self._ticks[0] - before[0], self._ticks[1] - before[1]
        return min(1.0, max(0.0, 1 - idle / passed)) if passed > 0 else None


def _part(text: str) -> tuple[int, int] | None:
    """Whole and part in bytes, from KiB; no part is more than the whole."""
    sizes = [int(word) * 1024 for word in text.split() if len(word) <= 15]
    return (sizes[0], sizes[1]) if len(sizes) == 2 and 0 < sizes[0] >= sizes[1] else None


def _load(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,4})?", text) else None
