"""What a host is like, and how its guards are woken after a reboot."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SweepWay(StrEnum):
    """What runs the sweep on a host."""

    SYSTEMD = "systemd"
    """A timer of the account's own systemd."""
    CRON = "cron"
    LAUNCHD = "launchd"
    """An agent of the account, on macOS."""
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """What was seen on the host, as its account sees it."""

    user: str
    folder: str
    """Where the leases are kept: a whole path."""
    writable: bool
    """Tried, by writing."""
    free: int | None
    """Bytes; None: nobody can say."""
    apart: str
    """How processes are told apart: `proc`, `ps`; empty: not at all."""
    kills: bool | None
    """Whether logind says that it ends what a login leaves behind; None: there is none to ask."""
    lingers: bool
    """Whether the account's own services run while nobody is logged in."""
    sweep: SweepWay
    sweeps: bool
    """Whether that sweep would run now, and after a reboot."""


class ChangeKind(StrEnum):
    """What was done on the host."""

    PUT = "put"
    KEPT = "kept"
    """It was there already, just so."""
    REMOVED = "removed"
    RAN = "ran"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was done, or would be."""

    kind: ChangeKind
    what: str
    """A file, or a command."""
    lines: tuple[str, ...] = ()
    """What was put there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """What became of an order to install the sweep, or to remove it."""

    way: SweepWay
    """What runs it now."""
    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    """What could not be done, in the script's word: `no-linger`, `crontab-refused`, ..."""
