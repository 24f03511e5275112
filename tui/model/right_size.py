"""Which size would do for a profile: a guess on the safe side, from the most that its runs have used."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tui.model.spec import RunSpec
from tui.model.units import GIB, approximate_size
from tui.model.use import PeakUse

SAMPLED_S = 60.0
"""A workload that ran for less was not looked at often enough to say what it needs."""
_MARGIN = 1.5
_TIGHT = 0.9
_MIB = GIB // 1024
_SIZES = (512 * _MIB, *sorted({factor * GIB << power for power in range(11) for factor in (1, 3)}))
_LEAST_MEMORY = 512 * _MIB
_LEAST_DISK = 5 * GIB


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run of the profile used at most, and of how many processors."""

    peak: PeakUse
    cpus: int
    worked_s: float


def right_size(spec: RunSpec, seen: Sequence[Seen]) -> tuple[str, ...]:
    """What could be smaller, or should be larger, than `spec` asks for; empty: nothing, or nobody knows.

    Of all runs the one that used most counts. Smaller is said only where half would do.
    """
    long = [one for one in seen if one.worked_s >= SAMPLED_S]
    memory = max((one.peak.memory for one in long if one.peak.memory is not None), default=None)
    disk = max((one.peak.disk for one in long if one.peak.disk is not None), default=None)
    cores = max((one.peak.cpu * one.cpus for one in long if one.peak.cpu is not None), default=None)
    return tuple(
        hint
        for hint in (
            _of_bytes("memory", memory, spec.memory, _LEAST_MEMORY),
            _of_cpus(cores, spec.cpus),
            _of_bytes("disk", disk, spec.disk, _LEAST_DISK),
        )
        if hint
    )


def _of_bytes(what: str, peak: int | None, has: int, least: int) -> str:
    if peak is None or has <= 0:
        return ""
    used = f"peak {what} {approximate_size(peak)} of {approximate_size(has)}"
    enough = next((size for size in _SIZES if size >= max(least, peak * _MARGIN)), _SIZES[-1])
    if peak >= has * _TIGHT and enough > has:
        return f"{used}: {approximate_size(enough)} would be safer"
    return f"{used}: {approximate_size(enough)} would do" if enough * 2 <= has else ""


def _of_cpus(cores: float | None, has: int) -> str:
    if cores is None:
        return ""
    enough = max(1, math.ceil(cores * 1.25))
    share = f"cpu peak {cores / has:.0%} of {has}".replace("%", " %")
    return f"{share}: {enough} would do" if enough * 2 <= has else ""
