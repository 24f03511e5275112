"""A host that is lost, silent, or back again is told in the narration of every run that it concerns."""

from __future__ import annotations

import time

from tui.engine import narrate
from tui.engine.store import Store
from tui.model.events import Event, LinkChanged, Narrated
from tui.model.hosts import Health
from tui.model.phase import Phase
from tui.model.state import HostState, RunState


class Outages:
    """Listens to the store, for as long as that lives."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.listen(self._on_event)

    def _on_event(self, event: Event) -> None:
        """Before the state changes: what it holds is how the host was."""
        if not isinstance(event, LinkChanged) or event.host not in self._store.state.hosts:
            return
        before = self._store.state.hosts[event.host]
        for run in self._store.state.runs.values():
            if run.host == event.host and _is_concerned(run):
                text = _of_change(before, event, run)
                if text:
                    self._store.apply(Narrated(run=run.id, at=time.time(), text=text))


def _is_concerned(run: RunState) -> bool:
    return run.is_ours_to_end and run.phase is not Phase.QUEUED and run.phase is not Phase.GONE


def _of_change(before: HostState, event: LinkChanged, run: RunState) -> str:
    if event.heard_at is not None:
        return narrate.host_lost(event, run) if before.lost_since is None else ""
    if before.lost_since is not None:
        return narrate.host_back(event.host, event.at - before.lost_since)
    was_silent = before.health is Health.MANAGER_SILENT
    if event.health is Health.MANAGER_SILENT:
        return "" if was_silent else narrate.manager_silent(event.host)
    if was_silent and event.health is Health.READY:
        return narrate.manager_back(event.host, event.at - before.since)
    return ""
