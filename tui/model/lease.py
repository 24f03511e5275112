"""What the warden on a host is told about one VM, and what it tells us."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tui.model.spec import PinPolicy, VmName
from tui.model.units import GIB

Argv = tuple[str, ...]

LAUNCH_JOB = "launch"
BOOT_JOB = "boot"
"""Waits for cloud-init in the guest, and shows its log."""
SEND_JOB = "send"
"""Carries the inputs from the host into the VM."""
UNPACK_JOB = "unpack"
"""Puts the inputs in their places, in the guest."""
ENV_JOB = "env"
"""Carries the variables of the workload into the VM, secrets too."""
WORK_JOB = "work"
_COLLECT = "collect-"


def collect_job(index: int) -> str:
    """The job of the epilogue that brings out the artifact of that index."""
    return f"{_COLLECT}{index}"


def is_collect_job(job: str) -> bool:
    """Whether a job brings out an artifact: its stdout is a tar, not a log."""
    return job.startswith(_COLLECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a VM of one manager is looked for, entered and deleted, without naming the manager."""

    list: Argv
    """Prints rows of CSV; NAME,STATE are the first two columns."""
    running: str
    """The word in STATE for a VM that takes commands."""
    delete: Argv
    """Deletes this one VM; its exit status is not believed."""
    enter: Argv
    """Prefix of a command that runs in the VM."""
    owner: Argv = ()
    """Prints the label of the VM, where the manager has labels: its run's id, the last word of its name."""
    probe: Argv = ()
    """Tells whether a launch of this name is under way, and creates nothing."""
    probe_busy: str = ""
    """Part of the probe's output while a launch of this name is under way."""
    probe_free: str = ""
    """Part of the probe's output when the name is positively free."""
    fetching: str = ""
    """Part of the launch job's last words while only an image is downloaded: then it may be killed."""
    taken: str = ""
    """Part of the launch job's stderr when its name was taken by then: what has it is foreign."""
    settle_s: int = 300
    """Without a probe: how long to look for a VM whose launch was cut off."""
    lane: int = 1
    """How many deletions the manager takes at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are to a host."""

    client: str
    """Random id of this installation: whose lease it is."""
    owner: str
    """The same for people: user@machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseSpec:
    """What the host must know before anything is launched."""

    vm: VmName
    client: str
    """See Identity."""
    owner: str
    grace_s: int
    finish_s: int = 0
    """How long a workload that runs may go on without a heartbeat; 0: no longer than the grace."""
    pin: PinPolicy
    pin_for_s: int | None = None
    """When a pin that the policy sets expires; None: never."""
    recipe: Recipe
    epilogue: tuple[tuple[str, Argv], ...] = ()
    """Jobs in the guest, by name, run once when the workload has ended or was stopped, while the VM lives."""
    epilogue_s: int = 60
    """For all of the epilogue together."""
    epilogue_limit: int = GIB
    """Bytes of one stream of an epilogue job that the host keeps for us at once."""


class JobPlace(StrEnum):
    """Where a job's command runs."""

    HOST = "host"
    GUEST = "guest"


class EndKind(StrEnum):
    """How a job ended."""

    EXIT = "exit"
    KILLED = "killed"
    """By us."""
    LOST = "lost"
    """Nobody knows its status; `detail` says why."""


@dataclass(frozen=True, slots=True)
class JobEnd:
    """The recorded end of a job, and how much it wrote in all."""

    kind: EndKind
    detail: str
    """The exit status, or the reason."""
    stdout_size: int
    stderr_size: int

    @property
    def status(self) -> int | None:
        """The command's own exit status, where it ended by itself."""
        return int(self.detail) if self.kind is EndKind.EXIT else None


class LeasePhase(StrEnum):
    """Where a lease is on its host."""

    LIVE = "live"
    REAPING = "reaping"
    """It has expired; a pin still wins."""
    COMMITTED = "committed"
    """The VM will be deleted; jobs are being stopped."""
    DELETING = "deleting"
    GONE = "gone"
    """The VM was seen absent."""
    HALF_OPEN = "half-open"
    NONE = "none"
    """The host has no such lease."""

    @property
    def is_ending(self) -> bool:
        """Deletion has begun: a pin comes too late."""
        return self in (LeasePhase.COMMITTED, LeasePhase.DELETING, LeasePhase.GONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseReport:
    """All the warden says of one lease."""

    vm: VmName
    phase: LeasePhase
    pinned: bool = False
    foreign: bool = False
    """The name was taken before our launch; nothing of it is ours."""
    cause: str = ""
    """Why it ended: `asked`, `expired` (no heartbeat), `pin-expired`, `absent` (deleted by somebody)."""
    note: str = ""
    """What cleanup waits for, in the warden's word: `manager-silent`, `launch-pending`, ..."""
    client: str = ""
    owner: str = ""
    pin_left_s: int | None = None
    """Until the pin expires; None: it does not."""
    grace_s: int = 0
    finish_s: int = 0
    silent_s: int = 0
    """How long ago the host last heard a heartbeat, by its own ticks."""
    exec_bound: tuple[str, ...] = ()
    """Jobs in the guest that die with their exec, as the guest can keep none: no sh, nothing writable."""
    dropped: bool = False
    """What the jobs wrote was kept too long, or too much of it, and is gone; their ends are here."""
    ends: tuple[tuple[str, JobEnd], ...] = ()
    """Jobs that have ended, by name."""
    started: tuple[str, ...] = ()
    """Jobs that have started, ended or not."""

    def end_of(self, job: str) -> JobEnd | None:
        """The end of `job`, if it has ended."""
        return dict(self.ends).get(job)
