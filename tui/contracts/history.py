"""What this installation knows of its runs, those of earlier sessions too. It asks no host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tui.model.phase import Outcome
from tui.model.settings import Retention
from tui.model.spec import HostName, RunId, RunSpec, VmName
from tui.model.state import RunState
from tui.model.use import PeakUse


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One run in a list; it may still be going on. Times are epoch seconds."""

    run: RunId
    vm: VmName
    profile: str
    """Empty: it was made of flags or a form."""
    image: str
    host: HostName
    submitted_at: float
    working_at: float | None = None
    """When the workload began."""
    ended_at: float | None = None
    """When its work was over."""
    gone_at: float | None = None
    """When its VM was seen absent."""
    pinned_at: float | None = None
    outcome: Outcome | None = None
    is_owed: bool = False
    """Its VM may still be there."""
    peak: PeakUse = field(default_factory=PeakUse)

    @property
    def name(self) -> str:
        """The profile's name, or the image of a run without one."""
        return self.profile or self.image

    @property
    def took_s(self) -> float | None:
        """From its submission until its work was over; None: it is not."""
        return None if self.ended_at is None else self.ended_at - self.submitted_at

    @property
    def worked_s(self) -> float | None:
        """How long its workload ran."""
        if self.ended_at is None or self.working_at is None:
            return None
        return self.ended_at - self.working_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which runs; what is empty or None asks for nothing."""

    word: str = ""
    """Within the id, the VM's name, the profile, the image, the host or the outcome; case is ignored."""
    profile: str = ""
    host: str = ""
    since: float | None = None
    """Epoch seconds."""
    failed: bool = False
    """Only those that failed, timed out, were lost or never launched."""
    newest: int | None = None
    """At most so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskUse:
    """Bytes in a run's folder here."""

    logs: int = 0
    """Logs and all else that is no result."""
    results: int = 0
    """Results that are in the run's folder; those that a profile puts elsewhere are not counted."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.logs + self.results


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """All that is known of one run."""

    past: PastRun
    spec: RunSpec
    state: RunState
    """As its events and the ledger tell it."""
    disk: DiskUse
    hints: tuple[str, ...] = ()
    """Which size would do, or would be safer, in sentences."""
    bound_by: str = ""
    """Why its record may not be deleted; empty: it may."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same in two runs, in words."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffSection:
    """A kind of differences; none: both runs are alike in it."""

    title: str
    rows: tuple[Difference, ...] = ()
    lines: tuple[str, ...] = ()
    """Of a text: a unified diff."""
    note: str = ""
    """What was left out, or why there is nothing to compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDiff:
    """In what two runs differ."""

    before: PastRun
    after: PastRun
    sections: tuple[DiffSection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed, or would be."""

    runs: tuple[PastRun, ...] = ()
    freed: int = 0
    """Bytes."""
    kept: tuple[tuple[PastRun, str], ...] = ()
    """What is over the limits, or was asked for, and stays, with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskRoom:
    """The disk on which all this is, in bytes."""

    free: int
    kept: int
    """What runs take of it."""
    warning: str = ""
    """That it is nearly full, and what to do; empty: it is not."""


class History(Protocol):
    """Every run of this installation. All methods block: call them in a thread. All may raise OSError."""

    def runs(self, wanted: Wanted = Wanted()) -> Sequence[PastRun]:
        """Those that are wanted, newest first."""

    def disk_use(self, runs: Sequence[RunId]) -> Mapping[RunId, DiskUse]:
        """What each takes here."""

    def record(self, run: RunId) -> RunRecord:
        """All of one. Raises KeyError where there is no such run."""

    def sentences(self, run: RunId) -> Sequence[tuple[float, str]]:
        """What happened to it, and when, in order."""

    def diff(self, before: RunId, after: RunId) -> RunDiff:
        """In what two runs differ; bounded in time and memory. Raises KeyError."""

    def delete(self, runs: Sequence[RunId]) -> Pruned:
        """Remove records: logs, events, and results that are in the run's folder. Idempotent.

        Never of a run that is under way, pinned or owed, or whose results may still come home; never a
        file outside the run's folder. After a crash the next call of this or `prune` completes it.
        """

    def prune(self, limits: Retention, *, results: bool = False, dry_run: bool = False) -> Pruned:
        """Remove what is over the limits, oldest first, as `delete` does.

        Runs with results in their folder stay unless `results` are to go too.
        """

    def room(self) -> DiskRoom:
        """Whether the disk has room for more."""
