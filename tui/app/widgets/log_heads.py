"""What stands above each log of a run when all are shown below one another."""

from __future__ import annotations

from tui.app import present
from tui.app.present import Label
from tui.app.widgets.log_pane import ALL_JOBS
from tui.app.widgets.log_view import Head
from tui.contracts import LogReader
from tui.model.phase import Phase
from tui.model.state import RunState

_PHASES = {
    "launch": Phase.LAUNCHING,
    "boot": Phase.BOOTING,
    "work": Phase.WORKING,
    "collect": Phase.COLLECTING,
    "cleanup": Phase.DELETING,
}
_NAMES = {"work": "work", "collect": "collecting", "cleanup": "cleanup"}
_FOLDED_WHEN_OVER = ("launch", "boot", "send", "unpack")


def heads(run: RunState, reader: LogReader, now: float) -> list[Head]:
    """One for each phase that began, and for each log that says something."""
    steps = {step.name: step for step in present.phase_steps(run, now)}
    found = []
    for job in ALL_JOBS:
        phase = _PHASES.get(job)
        has_begun = any(phase is entered for entered, _ in run.entered)
        if not has_begun and not reader.size(job):
            continue
        step = steps.get(phase) if phase is not None else None
        mark, took = (step.mark[:1], step.mark[1:].strip()) if step else ("✔", "")
        label = Label(f"{mark} {_NAMES.get(job, job):<10} {took}".rstrip(), step.tone if step else "muted")
        is_over = phase is not run.phase and label.tone in ("good", "muted")
        found.append(Head(job, label, is_folded=job in _FOLDED_WHEN_OVER and is_over))
    return found
