"""What ended runs leave on this disk: how much it is, and how it goes.

A record goes in three steps, each of which a crash may be the last: the ledger's row, with a note of what is
still to be removed; the run's folder; the note. So a run is either in the list, whole, or it is not, and what
a crash left of its folder is removed by whoever looks next.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from tui.contracts import DiskRoom, DiskUse, PastRun, Pruned
from tui.engine.ledger import Ledger, RunLock
from tui.engine.manifest import read_manifest
from tui.model.settings import Retention
from tui.model.spec import RunId
from tui.model.units import GIB, MIB, approximate_size

_DAY_S = 86400
_HOST_KEEPS_S = 7 * _DAY_S
"""How long a host keeps results that nobody fetched."""
_ENOUGH_FREE = 4 * GIB
_LITTLE_FREE = GIB
_RESULTS = "results"


class Shelves:
    """The folders of a ledger's runs. All methods block."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._sizes: dict[RunId, DiskUse] = {}

    # ---- how much it is

    def disk_use(self, past: PastRun) -> DiskUse:
        """What a run takes; of one that is over it is counted once, as a list may be long."""
        return self._sizes.get(past.run) or self.measure(past)

    def measure(self, past: PastRun) -> DiskUse:
        """What it takes now."""
        use = _disk_use(self._ledger.run_path(past.run))
        if not past.is_owed:
            self._sizes[past.run] = use
        return use

    def room(self) -> DiskRoom:
        """How much is free where the runs are, and whether that is little."""
        disk = os.statvfs(self._ledger.folder)
        free = disk.f_bavail * disk.f_frsize
        if free >= _ENOUGH_FREE:
            return DiskRoom(free=free, kept=0)
        kept = sum(self.disk_use(past).total for past in self._ledger.past())
        return DiskRoom(free=free, kept=kept, warning=_warning(free, kept))

    # ---- why it stays

    def bound_by(self, past: PastRun) -> str:
        """Why its record may not go; empty: it may."""
        if past.pinned_at is not None and past.is_owed:
            return "its VM is pinned"
        folder = self._ledger.run_path(past.run)
        if _is_carried(folder):
            return "it is under way"
        if past.is_owed:
            return "the deletion of its VM is owed: dayfly reap"
        if self._lacks_results(past, folder):
            return "its results have not come home"
        return ""

    def _bound_by_results(self, past: PastRun) -> str:
        size = self.measure(past).results
        return f"{approximate_size(size)} of results are in its folder: --results" if size else ""

    def _lacks_results(self, past: PastRun, folder: Path) -> bool:
        if past.working_at is None or time.time() - _over_at(past) > _HOST_KEEPS_S:
            return False
        with contextlib.suppress(KeyError):  # another process has deleted it
            return bool(self._ledger.row(past.run).spec.artifacts) and read_manifest(folder) is None
        return False

    # ---- how it goes

    def delete(self, runs: Iterable[PastRun]) -> Pruned:
        """Remove records, but those that something binds."""
        self.sweep()
        removed, kept, freed = [], [], 0
        for past in runs:
            use = self.measure(past)
            if why := self.bound_by(past) or self._remove(past.run):
                kept.append((past, why))
            else:
                removed.append(past)
                freed += use.total
        return Pruned(runs=tuple(removed), freed=freed, kept=tuple(kept))

    def prune(self, limits: Retention, *, results: bool, dry_run: bool) -> Pruned:
        """Remove what is too old, and the oldest of the rest until it is not too much."""
        runs = self._ledger.past()[::-1]
        total = sum(self.disk_use(past).total for past in runs)
        oldest = time.time() - limits.days * _DAY_S
        over, kept, freed = [], [], 0
        for past in runs:
            if _over_at(past) >= oldest and total - freed <= limits.size:
                continue
            if why := self.bound_by(past) or ("" if results else self._bound_by_results(past)):
                kept.append((past, why))
            else:
                over.append(past)
                freed += self.disk_use(past).total
        if dry_run:
            return Pruned(runs=tuple(over), freed=freed, kept=tuple(kept))
        done = self.delete(over)
        return Pruned(runs=done.runs, freed=done.freed, kept=(*kept, *done.kept))

    def sweep(self) -> None:
        """Complete what a crash has cut short. Idempotent."""
        for run in self._ledger.removing():
            self._remove_folder(run)

    def _remove(self, run: RunId) -> str:
        """Remove one, unless a process has it; why not."""
        folder = self._ledger.run_path(run)
        lock = RunLock(folder)
        with contextlib.suppress(FileNotFoundError):  # no folder, nobody in it
            if not lock.take():
                return "it is under way"
        try:
            if self._ledger.remove(run):
                self._remove_folder(run)
        finally:
            lock.release()
        return ""

    def _remove_folder(self, run: RunId) -> None:
        """What this account may not remove stays noted, for the next time."""
        folder = self._ledger.run_path(run)
        self._sizes.pop(run, None)
        with contextlib.suppress(PermissionError):
            try:
                _remove_tree(folder)
            except PermissionError:
                _open_folders(folder)
                _remove_tree(folder)
            self._ledger.removed(run)


def _is_carried(folder: Path) -> bool:
    try:
        return RunLock(folder).is_taken()
    except FileNotFoundError:  # the whole folder is gone
        return False


def _over_at(past: PastRun) -> float:
    """When the last thing happened that is in the books."""
    return past.gone_at or past.ended_at or past.submitted_at


def _remove_tree(folder: Path) -> None:
    """Also where another process removes the same."""
    while folder.is_dir():
        try:
            shutil.rmtree(folder)
        except OSError as error:  # it took a file away, or looked whether the lock is free
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY):
                raise


def _open_folders(folder: Path) -> None:
    """Results may have brought folders that their owner may not write to."""
    for place, _, _ in os.walk(folder):
        os.chmod(place, 0o700)


def _disk_use(folder: Path) -> DiskUse:
    logs = results = 0
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return DiskUse()
    for entry in entries:
        is_raw = entry.name.startswith("result-") and entry.name.endswith(".tar")
        if entry.name == _RESULTS or is_raw:
            results += _size(entry)
        else:
            logs += _size(entry)
    return DiskUse(logs=logs, results=results)


def _size(entry: os.DirEntry[str]) -> int:
    """Of a file, or of all in a folder; links are not followed."""
    try:
        if entry.is_dir(follow_symlinks=False):
            return sum(map(_size, os.scandir(entry.path)))
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0


def _warning(free: int, kept: int) -> str:
    if free >= _LITTLE_FREE and free >= kept:
        return ""
    words = f"the disk is nearly full: {approximate_size(free)} free, {approximate_size(kept)} kept of runs"
    half = max(1, kept // 2 // MIB)
    return f"{words}: dayfly history prune --size {half}M" if kept > MIB else words
