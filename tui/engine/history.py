"""What this installation knows of its runs: the ledger, and the events and logs in the runs' folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tui.contracts import DiskRoom, DiskUse, PastRun, Pruned, RunDiff, RunRecord, Wanted
from tui.engine.compare import compare
from tui.engine.ledger import Ledger
from tui.engine.replay import Teller, events_of, replay
from tui.engine.retention import Shelves
from tui.model.right_size import Seen, right_size
from tui.model.settings import Retention
from tui.model.spec import RunId, RunSpec

_RUNS_OF_A_PROFILE = 20
"""The newest ones: what they used tells which size would do."""


class LedgerHistory:
    """A `contracts.History`. Every method blocks; any thread may call it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._shelves = Shelves(ledger)

    def runs(self, wanted: Wanted = Wanted()) -> Sequence[PastRun]:  # noqa: B008 - frozen
        """Those that are wanted, newest first."""
        return self._ledger.past(wanted)

    def disk_use(self, runs: Sequence[RunId]) -> Mapping[RunId, DiskUse]:
        """What each takes here."""
        return {past.run: self._shelves.disk_use(past) for past in self._ledger.past_of(runs)}

    def record(self, run: RunId) -> RunRecord:
        """All of one."""
        row, (past,) = self._ledger.row(run), self._ledger.past_of([run])
        state = replay(row, events_of(self._ledger.run_path(run)))
        return RunRecord(
            past=past,
            spec=row.spec,
            state=state,
            disk=self._shelves.measure(past),
            hints=self._hints(past, row.spec),
            bound_by=self._shelves.bound_by(past),
        )

    def sentences(self, run: RunId) -> Sequence[tuple[float, str]]:
        """What happened to it, and when."""
        teller = Teller(self._ledger.row(run))
        told = ((event.at, teller.tell(event)) for event in events_of(self._ledger.run_path(run)))
        return [(at, text) for at, text in told if text]

    def diff(self, before: RunId, after: RunId) -> RunDiff:
        """In what two runs differ."""
        folders = self._ledger.run_path(before), self._ledger.run_path(after)
        return compare(self.record(before), self.record(after), folders)

    def delete(self, runs: Sequence[RunId]) -> Pruned:
        """Remove records."""
        return self._shelves.delete(self._ledger.past_of(runs))

    def prune(self, limits: Retention, *, results: bool = False, dry_run: bool = False) -> Pruned:
        """Remove what is over the limits."""
        return self._shelves.prune(limits, results=results, dry_run=dry_run)

    def room(self) -> DiskRoom:
        """Whether the disk has room for more."""
        return self._shelves.room()

    def _hints(self, past: PastRun, spec: RunSpec) -> tuple[str, ...]:
        """Of this run and those of its profile; a run that did not end by itself tells nothing."""
        kin = (
            self._ledger.past(Wanted(profile=past.profile, newest=_RUNS_OF_A_PROFILE)) if past.profile else ()
        )
        told = {one.run: one for one in (past, *kin) if one.outcome and one.outcome.status is not None}
        return right_size(
            spec,
            [
                Seen(one.peak, self._ledger.row(one.run).spec.cpus, one.worked_s)
                for one in told.values()
                if one.worked_s is not None
            ],
        )
