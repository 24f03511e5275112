"""How busy a VM and its host are, and what was run on the host. Sizes are bytes, times epoch seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from tui.model.lease import Argv
from tui.model.units import approximate_size

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class VmUse:
    """What a VM used at one moment; None: it does not tell."""

    at: float
    cpu: float | None = None
    """Of all its cores since the sample before, from 0 to 1."""
    memory: int | None = None
    memory_total: int | None = None
    disk: int | None = None
    """Of the file system of `/`."""
    disk_total: int | None = None
    load: float | None = None
    """Average length of the run queue in the last minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakUse:
    """The most that a VM used of each while it worked; None: it did not tell."""

    cpu: float | None = None
    memory: int | None = None
    disk: int | None = None
    load: float | None = None

    def with_sample(self, use: VmUse) -> PeakUse:
        """The same with one more sample taken in."""
        return PeakUse(
            cpu=_most(self.cpu, use.cpu),
            memory=_most(self.memory, use.memory),
            disk=_most(self.disk, use.disk),
            load=_most(self.load, use.load),
        )

    @property
    def words(self) -> str:
        """`cpu 35 %, memory 310M, disk 2.1G, load 1.2`; `not known` where it did not tell."""
        parts = (
            f"cpu {self.cpu * 100:.0f} %" if self.cpu is not None else "",
            f"memory {approximate_size(self.memory)}" if self.memory is not None else "",
            f"disk {approximate_size(self.disk)}" if self.disk is not None else "",
            f"load {self.load:.1f}" if self.load is not None else "",
        )
        return ", ".join(part for part in parts if part) or "not known"


def _most(one: Number | None, other: Number | None) -> Number | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLoad:
    """How busy a host is; None: it does not tell."""

    at: float
    cpus: int | None = None
    load: float | None = None
    memory_total: int | None = None
    memory_free: int | None = None
    disk_total: int | None = None
    """Of the file system on which the manager keeps its VMs, where that is known; else of the home."""
    disk_free: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCommand:
    """One command that was run on a host, once it ended."""

    at: float
    """When it began."""
    argv: Argv
    """As a shell on the host would be given it; no secret is in it."""
    took_s: float
    status: int | None
    """Its exit status; None: the link was lost, or we left it."""
    about: str = ""
    """The VM that it was about."""
    is_routine: bool = False
    """One of those that come every few seconds."""
