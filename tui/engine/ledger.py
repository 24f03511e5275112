"""This client's own crash-safe record of runs and of the VMs it owes a deletion.

One SQLite file, `synchronous=FULL`: what a method has returned from is on the disk. A lock file per run
tells whether the process that carries it out is alive: the system drops the lock when it dies.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from tui.contracts import PastRun, Wanted
from tui.model import spec as specs
from tui.model.hosts import HostEntry
from tui.model.phase import Outcome, OutcomeKind
from tui.model.spec import RunId, RunSpec, VmName
from tui.model.use import PeakUse

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY,
    vm TEXT NOT NULL,
    host TEXT NOT NULL,
    entry TEXT NOT NULL,
    spec TEXT NOT NULL,
    submitted_at REAL NOT NULL,
    debt TEXT NOT NULL,
    outcome TEXT,
    ended_at REAL,
    pinned_at REAL,
    gone_at REAL,
    working_at REAL,
    peak TEXT,
    profile TEXT,
    image TEXT
);
CREATE INDEX IF NOT EXISTS open_runs ON runs (debt) WHERE debt != 'paid';
CREATE TABLE IF NOT EXISTS removing (id TEXT PRIMARY KEY);
"""
_LATE_COLUMNS = {"working_at": "REAL", "peak": "TEXT", "profile": "TEXT", "image": "TEXT"}
_LATE_INDEXES = """
CREATE INDEX IF NOT EXISTS runs_in_order ON runs (submitted_at, id);
CREATE INDEX IF NOT EXISTS runs_by_profile ON runs (profile, submitted_at);
"""
_NO_FAILURE = (OutcomeKind.SUCCEEDED, OutcomeKind.CANCELLED)


class Debt(StrEnum):
    """What we may owe the host for a run."""

    INTENDED = "intended"
    """We were about to open a lease; it may or may not be there."""
    LEASED = "leased"
    PAID = "paid"
    """The VM was seen absent, or never came to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One run as the ledger knows it."""

    run: RunId
    vm: VmName
    entry: HostEntry
    spec: RunSpec
    submitted_at: float
    debt: Debt
    outcome: Outcome | None
    ended_at: float | None
    pinned_at: float | None
    gone_at: float | None
    working_at: float | None
    """When the workload began."""
    peak: PeakUse | None
    """The most that its VM used while it worked; None: it did not tell."""


class Ledger:
    """Every method is synchronous and durable when it returns; call them from a thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        """Of this installation's state."""
        self._guard = threading.Lock()
        self._db = sqlite3.connect(folder / "ledger.sqlite", check_same_thread=False, timeout=30)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {_SCHEMA}")
        self._add_late_columns()
        self._db.executescript(_LATE_INDEXES)
        os.chmod(folder / "ledger.sqlite", 0o600)

    def close(self) -> None:
        """Close the file. Idempotent."""
        with self._guard:
            self._db.close()

    def intend(self, run: RunId, vm: VmName, entry: HostEntry, spec: RunSpec) -> None:
        """Write down a run before anything is done to its host."""
        values = (run, vm, entry.name, json.dumps(entry.to_json()), specs.dumps(spec), time.time())
        self._write(
            "INSERT INTO runs (id, vm, host, entry, spec, submitted_at, profile, image, debt)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'intended')",
            (*values, spec.name, spec.image),
        )

    def leased(self, run: RunId) -> None:
        """The host has the lease: from now on a deletion is owed."""
        self._write("UPDATE runs SET debt = 'leased' WHERE id = ? AND debt = 'intended'", (run,))

    def working(self, run: RunId) -> None:
        """The workload has begun; the first word counts."""
        self._write("UPDATE runs SET working_at = ? WHERE id = ? AND working_at IS NULL", (time.time(), run))

    def ended(self, run: RunId, outcome: Outcome) -> None:
        """How the work went; the first word counts."""
        text = json.dumps([outcome.kind, outcome.status, outcome.reason])
        self._write(
            "UPDATE runs SET outcome = ?, ended_at = ? WHERE id = ? AND outcome IS NULL",
            (text, time.time(), run),
        )

    def peaked(self, run: RunId, peak: PeakUse) -> None:
        """The most that its VM used while it worked; the last word counts."""
        self._write("UPDATE runs SET peak = ? WHERE id = ?", (json.dumps(asdict(peak)), run))

    def pinned(self, run: RunId, at: float | None) -> None:
        """Since when the VM is pinned; None: it is not."""
        self._write("UPDATE runs SET pinned_at = ? WHERE id = ?", (at, run))

    def gone(self, run: RunId) -> None:
        """The VM was seen absent: nothing is owed any more. Idempotent."""
        self._write(
            "UPDATE runs SET debt = 'paid', gone_at = ? WHERE id = ? AND debt != 'paid'", (time.time(), run)
        )

    def open_rows(self) -> tuple[LedgerRow, ...]:
        """Runs that are not paid for, oldest first."""
        return self._rows("WHERE debt != 'paid' ORDER BY submitted_at", ())

    def find(self, word: str) -> tuple[LedgerRow, ...]:
        """Runs whose id or VM is `word`, or begins with it; newest first. An exact match is the only one."""
        exact = self._rows("WHERE id = ? OR vm = ? ORDER BY submitted_at DESC", (word, word))
        pattern = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        clause = "WHERE id LIKE ? ESCAPE '\\' OR vm LIKE ? ESCAPE '\\' ORDER BY submitted_at DESC"
        return exact[:1] or self._rows(clause, (pattern, pattern))

    def row(self, run: RunId) -> LedgerRow:
        """The row of a run that was intended. Raises KeyError."""
        rows = self._rows("WHERE id = ?", (run,))
        if not rows:
            raise KeyError(run)
        return rows[0]

    def newest(self, count: int) -> tuple[LedgerRow, ...]:
        """The last `count` runs, newest first."""
        return self._rows("ORDER BY submitted_at DESC LIMIT ?", (count,))

    def past(self, wanted: Wanted = Wanted()) -> tuple[PastRun, ...]:  # noqa: B008 - frozen
        """The runs that are wanted, newest first; their specs are left unread."""
        clauses, values = _conditions(wanted)
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        limit = -1 if wanted.newest is None else wanted.newest
        with self._guard:
            found = self._db.execute(
                f"SELECT {_PAST} FROM runs {where} ORDER BY submitted_at DESC, id DESC LIMIT ?",
                (*values, limit),
            ).fetchall()
        return _pasts(found)

    def past_of(self, runs: Sequence[RunId]) -> tuple[PastRun, ...]:
        """Those of them that are there, newest first."""
        with self._guard:
            found = self._db.execute(
                f"SELECT {_PAST} FROM runs WHERE id IN (SELECT value FROM json_each(?))"
                " ORDER BY submitted_at DESC, id DESC",
                (json.dumps(runs),),
            ).fetchall()
        return _pasts(found)

    def remove(self, run: RunId) -> bool:
        """Take a run that is paid for out of the list; False: it is not paid for, or not there.

        Its folder goes next, and then `removed` says so; until then `removing` names it.
        """
        with self._guard, self._db:
            gone = self._db.execute("DELETE FROM runs WHERE id = ? AND debt = 'paid'", (run,)).rowcount
            if gone:
                self._db.execute("INSERT OR IGNORE INTO removing (id) VALUES (?)", (run,))
        return bool(gone)

    def removing(self) -> tuple[RunId, ...]:
        """Runs that were taken out and whose folders may still be there."""
        with self._guard:
            return tuple(RunId(row["id"]) for row in self._db.execute("SELECT id FROM removing"))

    def removed(self, run: RunId) -> None:
        """Nothing of it is left. Idempotent."""
        self._write("DELETE FROM removing WHERE id = ?", (run,))

    def run_folder(self, run: RunId) -> Path:
        """Where the run's logs are; made when asked for."""
        folder = self.run_path(run)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def run_path(self, run: RunId) -> Path:
        """The same, there or not."""
        return self.folder / "runs" / run

    def _add_late_columns(self) -> None:
        """For a file that an earlier version made."""
        with self._guard, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            known = {column["name"] for column in self._db.execute("PRAGMA table_info(runs)")}
            for name, kind in _LATE_COLUMNS.items():
                if name not in known:
                    self._db.execute(f"ALTER TABLE runs ADD COLUMN {name} {kind}")
            for row in self._db.execute("SELECT id, spec FROM runs WHERE profile IS NULL").fetchall():
                spec = json.loads(row["spec"])
                names = (spec.get("name", ""), spec["image"], row["id"])
                self._db.execute("UPDATE runs SET profile = ?, image = ? WHERE id = ?", names)

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        with self._guard, self._db:
            self._db.execute(statement, values)

    def _rows(self, clause: str, values: tuple[object, ...]) -> tuple[LedgerRow, ...]:
        with self._guard:
            found = self._db.execute(f"SELECT * FROM runs {clause}", values).fetchall()
        return tuple(_row(row) for row in found)


_PAST = (
    "id, vm, profile, image, host, submitted_at, working_at, ended_at, gone_at, pinned_at,"
    " outcome, debt, peak"
)
_SEARCHED = ("id", "vm", "profile", "image", "host", "outcome")


def _conditions(wanted: Wanted) -> tuple[list[str], list[object]]:
    clauses: list[str] = []
    values: list[object] = []
    for column, value in (("profile", wanted.profile), ("host", wanted.host)):
        if value:
            clauses.append(f"{column} = ?")
            values.append(value)
    if wanted.since is not None:
        clauses.append("submitted_at >= ?")
        values.append(wanted.since)
    if wanted.failed:
        clauses += ["outcome IS NOT NULL", *("outcome NOT LIKE ?" for _ in _NO_FAILURE)]
        values += [f'["{kind}"%' for kind in _NO_FAILURE]
    if wanted.word:
        clauses.append(f"({' OR '.join(f'instr(lower({column}), ?)' for column in _SEARCHED)})")
        values += [wanted.word.lower()] * len(_SEARCHED)
    return clauses, values


def _pasts(rows: Sequence[sqlite3.Row]) -> tuple[PastRun, ...]:
    """All peaks are parsed at once: that is where the time of a long list goes."""
    peaks = json.loads(f"[{','.join([row['peak'] or 'null' for row in rows])}]")
    return tuple(map(_past, rows, peaks))


def _past(row: sqlite3.Row, peak: dict[str, Any] | None) -> PastRun:
    run, vm, profile, image, host, submitted, working, ended, gone, pinned, outcome, debt, _ = row
    return PastRun(
        run=run,
        vm=vm,
        profile=profile,
        image=image,
        host=host,
        submitted_at=submitted,
        working_at=working,
        ended_at=ended,
        gone_at=gone,
        pinned_at=pinned,
        outcome=_outcome(outcome),
        is_owed=debt != Debt.PAID,
        peak=PeakUse(**peak) if peak else PeakUse(),
    )


@lru_cache(maxsize=1024)
def _outcome(text: str | None) -> Outcome | None:
    if not text:
        return None
    kind, status, reason = json.loads(text)
    return Outcome(OutcomeKind(kind), status, reason)


def _row(row: sqlite3.Row) -> LedgerRow:
    return LedgerRow(
        run=RunId(row["id"]),
        vm=VmName(row["vm"]),
        entry=HostEntry.from_json(json.loads(row["entry"])),
        spec=specs.loads(row["spec"]),
        submitted_at=row["submitted_at"],
        debt=Debt(row["debt"]),
        outcome=_outcome(row["outcome"]),
        ended_at=row["ended_at"],
        pinned_at=row["pinned_at"],
        gone_at=row["gone_at"],
        working_at=row["working_at"],
        peak=PeakUse(**json.loads(row["peak"])) if row["peak"] else None,
    )


class RunLock:
    """Held by the process that carries a run out, for as long as it lives."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._file: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether it is ours."""
        return self._file is not None

    def is_taken(self) -> bool:
        """Whether a process has it now: this one, or another. Takes nothing."""
        if self.is_held:
            return True
        try:
            return not self.take()
        finally:
            self.release()

    def take(self) -> bool:
        """Whether the run is ours now; False: another live process has it. Idempotent."""
        if self._file is not None:
            return True
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Let go. Idempotent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
