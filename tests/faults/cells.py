"""The matrix: where a run is (rows), what happens to it (columns), and what must come of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum


class Row(StrEnum):
    """Where the run is when it happens."""

    BEFORE = "before the lease"
    LEASED = "lease written"
    SENT = "launch sent"
    FETCHING = "launch in progress"
    PREPARING = "image being prepared"
    BOOTING = "booting"
    WORKING = "working"
    COLLECTING = "collecting"
    DELETING = "delete sent"
    DELETED = "delete done"


class Column(StrEnum):
    """What happens."""

    SIGKILL = "client SIGKILL"
    SIGTERM = "client SIGTERM"
    SIGHUP = "client SIGHUP"
    CTRL_C_TWICE = "ctrl-c twice"
    CUT = "link cut 5 s"
    CUT_FOR_EVER = "link cut for ever"
    FROZEN = "link frozen, no FIN"
    SSHD = "sshd killed and back"
    DAEMON_TERM = "manager restarted"
    DAEMON_KILL = "manager and VMs killed"
    EXEC_KILL = "exec killed on the host"
    WEDGED = "manager wedged"
    REBOOT = "host rebooted"
    HOST_DISK = "host disk full"
    CLOCK = "clock +-1 day"
    NAME = "name collision"
    SECOND_CLIENT = "second client"
    PIN_ON = "pin on"
    PIN_OFF = "pin off"
    SUPERVISOR = "supervisor killed"
    VM_REBOOT = "VM rebooted"
    VM_STOP = "VM stopped"
    VM_DELETE = "VM deleted by hand"
    GUEST_DISK = "guest disk full"


class Kind(Enum):
    """What must come of it."""

    SURVIVES = "survives"
    """The workload's exact status, the log byte for byte, then the VM seen absent and the lease closed."""
    ENDS = "ends"
    """The VM seen absent, the lease closed, and the log a prefix of the truth."""
    PINNED = "pinned"
    """The VM alive and pinned, with the client dead and the grace over."""
    NO_MEANING = "-"


WORK_STATUS = 7
"""What the workload ends with."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What must come of a cell."""

    kind: Kind
    statuses: tuple[int, ...] = ()
    """What the client may end with; none: it is not waited for."""
    why: str = ""
    """Why the cell has no meaning."""

    @property
    def is_unheard(self) -> bool:
        """The client is dead or cut off: the host waits out the grace."""
        return not self.statuses or -9 in self.statuses

    @property
    def is_failure(self) -> bool:
        """The run breaks by itself, without anybody's word."""
        return 125 in self.statuses


SURVIVES = Fate(Kind.SURVIVES, (WORK_STATUS,))
SURVIVES_OR_FAILS = Fate(Kind.SURVIVES, (WORK_STATUS, 125))
"""Nothing can be begun as long as it lasts: a run fails, and says so, unless it has no need to."""
ENDS = Fate(Kind.ENDS, (125,))
ENDS_UNHEARD = Fate(Kind.ENDS)
PINNED = Fate(Kind.PINNED)


def ends(*statuses: int) -> Fate:
    return Fate(Kind.ENDS, statuses)


def senseless(why: str) -> Fate:
    return Fate(Kind.NO_MEANING, why=why)


@dataclass(frozen=True, slots=True)
class Rule:
    """A column's fate, and the rows where it is another."""

    fate: Fate
    but: Mapping[Row, Fate] = field(default_factory=dict)

    def at(self, row: Row) -> Fate:
        return self.but.get(row, self.fate)


def _at(*rows: Row, is_: Fate) -> dict[Row, Fate]:
    return dict.fromkeys(rows, is_)


_OVER = (Row.DELETING, Row.DELETED)
_LAUNCH = (Row.SENT, Row.FETCHING, Row.PREPARING, Row.BOOTING)
_NO_VM = (Row.BEFORE, Row.LEASED, Row.SENT, Row.FETCHING, Row.PREPARING)
_NO_LEASE = _at(Row.BEFORE, is_=senseless("there is no lease yet"))
_NO_VM_YET = _at(*_NO_VM, is_=senseless("there is no VM yet"))
_NO_VM_ANY_MORE = _at(Row.DELETED, is_=senseless("there is no VM any more"))
_KNOWN = _at(*_OVER, is_=SURVIVES)
"""The workload has ended by itself, and its client knows the status."""


def _told(signal_status: int) -> Rule:
    heard_or_not = ends(signal_status, WORK_STATUS)
    return Rule(ends(signal_status), _at(Row.COLLECTING, is_=heard_or_not) | _KNOWN)


_VM_GONE = Rule(ENDS, _NO_VM_YET | _at(Row.COLLECTING, Row.DELETING, is_=SURVIVES) | _NO_VM_ANY_MORE)

RULES: Mapping[Column, Rule] = {
    Column.SIGKILL: Rule(ends(-9)),
    Column.SIGTERM: _told(143),
    Column.SIGHUP: _told(129),
    Column.CTRL_C_TWICE: _told(130),
    Column.CUT: Rule(SURVIVES, _at(Row.BEFORE, is_=ENDS)),  # unreachable: said at once
    Column.CUT_FOR_EVER: Rule(ENDS_UNHEARD),
    Column.FROZEN: Rule(ENDS_UNHEARD),
    Column.SSHD: Rule(SURVIVES),
    Column.DAEMON_TERM: Rule(SURVIVES, _at(*_LAUNCH, is_=ENDS)),
    Column.DAEMON_KILL: Rule(SURVIVES, _at(*_LAUNCH, Row.WORKING, is_=ENDS)),
    Column.EXEC_KILL: Rule(senseless("no exec is running then"), _at(Row.WORKING, is_=SURVIVES)),
    Column.WEDGED: Rule(SURVIVES),
    Column.REBOOT: Rule(SURVIVES, _at(*_LAUNCH, Row.WORKING, is_=ENDS)),
    Column.HOST_DISK: Rule(
        SURVIVES, _at(Row.BEFORE, Row.LEASED, is_=ENDS) | _at(*_LAUNCH, is_=SURVIVES_OR_FAILS)
    ),
    Column.CLOCK: Rule(SURVIVES),
    Column.NAME: Rule(
        SURVIVES,
        _at(Row.BEFORE, Row.LEASED, Row.SENT, is_=ENDS)
        | _at(Row.DELETED, is_=senseless("until the lease is closed, what has its name is ours")),
    ),
    Column.SECOND_CLIENT: Rule(SURVIVES),
    Column.PIN_ON: Rule(PINNED, _NO_LEASE | _KNOWN),
    Column.PIN_OFF: Rule(ends(-9), _NO_LEASE | _at(*_OVER, is_=senseless("it is too late for any pin"))),
    Column.SUPERVISOR: Rule(SURVIVES, _NO_LEASE),
    Column.VM_REBOOT: Rule(SURVIVES, _NO_VM_YET | _at(Row.WORKING, is_=ENDS) | _NO_VM_ANY_MORE),
    Column.VM_STOP: _VM_GONE,
    Column.VM_DELETE: _VM_GONE,
    Column.GUEST_DISK: Rule(
        SURVIVES,
        _NO_VM_YET
        | _at(Row.BOOTING, is_=senseless("nobody but the guest itself writes there"))
        | _NO_VM_ANY_MORE,
    ),
}


class Kit(Enum):
    """What kind of host a column needs."""

    SHARED = "shared"
    """The fault hits one run alone: many cells use the host at once."""
    OWN = "own"
    """It hits the whole host."""
    SMALL_DISKS = "small disks"
    CLOCK = "clock"


_KITS = {
    Column.SSHD: Kit.OWN,
    Column.DAEMON_TERM: Kit.OWN,
    Column.DAEMON_KILL: Kit.OWN,
    Column.WEDGED: Kit.OWN,
    Column.REBOOT: Kit.OWN,
    Column.HOST_DISK: Kit.SMALL_DISKS,
    Column.GUEST_DISK: Kit.SMALL_DISKS,
    Column.CLOCK: Kit.CLOCK,
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One row under one column."""

    row: Row
    column: Column

    @property
    def fate(self) -> Fate:
        return RULES[self.column].at(self.row)

    @property
    def kit(self) -> Kit:
        return _KITS.get(self.column, Kit.SHARED)

    @property
    def grace_s(self) -> int:
        """Short where the host waits for its end; longer where the run must outlast a fault, or a pin."""
        if self.column in (Column.PIN_ON, Column.PIN_OFF):
            is_held_meanwhile = self.row in (Row.LEASED, Row.COLLECTING)
            return 15 if is_held_meanwhile else 10
        return 20 if self.fate.kind is Kind.SURVIVES else 5

    def __str__(self) -> str:
        return f"{self.row} x {self.column}"


def cells() -> Iterator[Cell]:
    """All that have a meaning."""
    for column in Column:
        for row in Row:
            cell = Cell(row, column)
            if cell.fate.kind is not Kind.NO_MEANING:
                yield cell
