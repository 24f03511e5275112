"""What came home of what the work left in its VM."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ResultState(StrEnum):
    """How far one artifact is."""

    WAITING = "waiting"
    """The work goes on."""
    COLLECTING = "collecting"
    """It is on its way out of the VM, or from the host to here."""
    COMPLETE = "complete"
    PARTIAL = "partial"
    """Only some of it is here; the reason says why."""
    MISSING = "missing"
    """Nothing of it is here; the reason says why."""

    @property
    def is_final(self) -> bool:
        """Nothing more of it comes."""
        return self in (ResultState.COMPLETE, ResultState.PARTIAL, ResultState.MISSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One artifact of a run."""

    path: str
    """The glob in the VM, as the profile has it."""
    folder: str
    """Where it is put here, absolute."""
    required: bool = False
    state: ResultState = ResultState.WAITING
    size: int = 0
    """Bytes that are here so far; in the end, of all files."""
    files: int = 0
    reason: str = ""
    """Why it is partial or missing."""

    @property
    def lacks(self) -> bool:
        """It was to come home for certain, and did not, or not all of it."""
        return self.required and self.state in (ResultState.PARTIAL, ResultState.MISSING)
