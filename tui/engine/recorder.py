"""Writes down what happens to each run, beside its logs: the events, and the same as sentences."""

from __future__ import annotations

import json
from pathlib import Path

from tui.engine import narrate
from tui.engine.ledger import RunLock
from tui.engine.logs import RunLogs
from tui.engine.store import Store
from tui.model.events import PASSING, Event, PhaseEntered, RunSubmitted, to_json
from tui.model.phase import Phase
from tui.model.spec import RunId


class Recorder:
    """Listens to the store for the runs it was told of."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs: dict[RunId, tuple[Path, RunLogs, RunLock]] = {}
        store.listen(self._on_event)

    def follow(self, run: RunId, folder: Path, logs: RunLogs, lock: RunLock) -> None:
        """Record this run from now on, into `folder` and its logs, whenever its lock is ours."""
        self._runs[run] = (folder, logs, lock)

    def _on_event(self, event: Event) -> None:
        run = getattr(event, "run", None)
        if run not in self._runs or isinstance(event, PASSING):
            return
        folder, logs, lock = self._runs[run]
        if not lock.is_held:
            return
        with (folder / "events.ndjson").open("a", encoding="utf-8") as file:
            file.write(json.dumps(to_json(event), ensure_ascii=False) + "\n")
        state = self._store.state.runs.get(run)
        if state is not None and not isinstance(event, RunSubmitted):
            text = narrate.sentence(event, state)
            if text:
                logs.job(narrate.log_of(state)).narrate(text)
        if isinstance(event, PhaseEntered) and event.phase is Phase.GONE:
            del self._runs[run]  # its books are closed: its record may be deleted
            lock.release()
