"""Where a run is, and how its work went."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Where a run is in its life."""

    QUEUED = "queued"
    LEASED = "leased"
    LAUNCHING = "launching"
    BOOTING = "booting"
    WORKING = "working"
    COLLECTING = "collecting"
    DELETING = "deleting"
    GONE = "gone"
    KEPT = "kept"
    """The work is over and the VM stays, pinned, until its owner says otherwise."""

    @property
    def is_over(self) -> bool:
        """Nothing more happens by itself."""
        return self in (Phase.GONE, Phase.KEPT)


_FORWARD = (
    Phase.QUEUED,
    Phase.LEASED,
    Phase.LAUNCHING,
    Phase.BOOTING,
    Phase.WORKING,
    Phase.COLLECTING,
    Phase.DELETING,
    Phase.GONE,
)


def may_move(old: Phase, new: Phase) -> bool:
    """Whether a run may go from `old` to `new`: only forward, and never back from GONE."""
    if old is Phase.KEPT:
        return new in (Phase.DELETING, Phase.GONE)
    if new is Phase.KEPT:
        return old is not Phase.GONE
    return _FORWARD.index(new) > _FORWARD.index(old)


class Pin(StrEnum):
    """Whether the VM is kept from every reaper."""

    OFF = "off"
    ASKED = "asked"
    ON = "on"
    REFUSED = "refused"
    """It came too late: deletion had begun."""


class OutcomeKind(StrEnum):
    """How the work went."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    CANCELLED = "cancelled"
    LAUNCH_FAILED = "launch failed"
    LOST = "lost"
    """The VM or its host went away."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the work went, and why."""

    kind: OutcomeKind
    status: int | None = None
    """The workload's own exit status, 128+n for a signal; None if it never ended by itself."""
    reason: str = ""

    @classmethod
    def of_status(cls, status: int) -> Outcome:
        """The outcome of a workload that ended by itself."""
        return cls(OutcomeKind.FAILED if status else OutcomeKind.SUCCEEDED, status)

    @property
    def exit_code(self) -> int:
        """What `dayfly run` exits with: the workload's status, else 124 or 125."""
        if self.status is not None:
            return self.status
        return 124 if self.kind is OutcomeKind.TIMED_OUT else 125

    def __str__(self) -> str:
        words = f"{self.kind} {self.status}" if self.status else str(self.kind)
        return f"{words}: {self.reason}" if self.reason else words
