"""The voice of one run: what happens to it goes into the store as events."""

from __future__ import annotations

import time

from tui.engine.store import Store
from tui.model.events import Narrated, PhaseEntered, ProgressMade, ResultsChanged, RunEvent, WorkEnded
from tui.model.phase import Outcome, Phase
from tui.model.results import Result, ResultState
from tui.model.spec import RunId
from tui.model.state import RunState
from tui.model.units import approximate_size


class Emitter:
    """Emits events of one run; each is in the state when the call returns."""

    def __init__(self, run: RunId, store: Store) -> None:
        self._run = run
        self._store = store

    @property
    def state(self) -> RunState:
        """The run as the store has it."""
        return self._store.state.runs[self._run]

    def emit(self, event: RunEvent) -> None:
        """Any event."""
        self._store.apply(event)

    def enter(self, phase: Phase) -> None:
        """The run moved on."""
        self.emit(PhaseEntered(run=self._run, at=time.time(), phase=phase))

    def progress(self, text: str) -> None:
        """What it is busy with; said again, or empty, it is no news."""
        if text and text != self.state.progress:
            self.emit(ProgressMade(run=self._run, at=time.time(), text=text))

    def tell(self, text: str) -> None:
        """One sentence for people."""
        self.emit(Narrated(run=self._run, at=time.time(), text=text))

    def end_work(self, outcome: Outcome) -> None:
        """How the work went; the first word counts."""
        self.emit(WorkEnded(run=self._run, at=time.time(), outcome=outcome))

    def show_results(self, results: tuple[Result, ...]) -> None:
        """How far they are, where that is news; while some are on their way, the progress says so too."""
        if results == self.state.results:
            return
        self.emit(ResultsChanged(run=self._run, at=time.time(), results=results))
        if any(result.state is ResultState.COLLECTING for result in results):
            size = approximate_size(sum(result.size for result in results))
            self.progress(f"bringing home results: {size}")
