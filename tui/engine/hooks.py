"""A command or a webhook of the person's own that is told when a run has ended.

Whatever it does, the run goes its way. Told at most once: an end that an earlier process saw is not told
again.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Coroutine

from tui.engine import narrate
from tui.engine.hook_command import run_command
from tui.engine.store import Store
from tui.model.events import Event, Narrated, PhaseEntered, WorkEnded
from tui.model.settings import KEY_VARIABLES, Notify
from tui.model.spec import RunId, SecretSource
from tui.model.state import RunState, reduce
from tui.model.text import clean, clean_line

COMMAND_LIMIT_S = 30.0
WAIT_AT_END_S = 10.0
"""How long the end of this process is held up by what has not ended."""
_MAX_REASON = 500


class Hooks:
    """Listens to the store, for as long as that lives; its tasks are born in `group`."""

    def __init__(
        self, store: Store, notify: Notify, group: asyncio.TaskGroup, *, limit_s: float = COMMAND_LIMIT_S
    ) -> None:
        self._store = store
        self._notify = notify
        self._group = group
        self._limit_s = limit_s
        self._told: set[RunId] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        if notify.command or notify.webhook:
            store.listen(self._on_event)

    def pass_over(self, run: RunId) -> None:
        """Somebody was told of its end before."""
        self._told.add(run)

    async def finish(self, limit_s: float = WAIT_AT_END_S) -> None:
        """Wait for what is under way, then end it. Idempotent."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=limit_s)
            for task in late:
                task.cancel()

    def _on_event(self, event: Event) -> None:
        """Before the state changes."""
        if not isinstance(event, PhaseEntered | WorkEnded) or event.run in self._told:
            return
        run = reduce(self._store.state, event).runs.get(event.run)
        if run is None or run.outcome is None or not run.has_ended:
            return
        self._told.add(run.id)
        if self._notify.wants(run.outcome, lacks_results=run.lacks_results):
            self._tell(run)

    def _tell(self, run: RunState) -> None:
        body = notice(run, time.time())
        if self._notify.command:
            ending = run_command(self._notify.command, body, _environment(run), limit_s=self._limit_s)
            self._start(run, "notify command", ending)
        if self._notify.webhook:
            from tui.engine import webhook  # what speaks HTTP takes a while to load

            self._start(run, "webhook", webhook.post(self._notify.webhook, body))

    def _start(self, run: RunState, what: str, work: Coroutine[None, None, str]) -> None:
        telling = self._carry_out(run, what, work)
        try:
            task = self._group.create_task(telling, name=f"{what} {run.id}")
        except RuntimeError:  # the engine has broken down: what is left of it is for the runs
            telling.close()
            work.close()
            return
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, run: RunState, what: str, work: Awaitable[str]) -> None:
        if wrong := await work:
            text = f"The {what} {clean_line(wrong)}."
            self._store.apply(Narrated(run=run.id, at=time.time(), text=text))


def notice(run: RunState, now: float) -> bytes:
    """A run that has ended, as JSON: no command, variable or secret is in it. docs/config.md lists it."""
    assert run.outcome is not None  # it has ended
    stays = " Its VM stays: it is pinned." if run.is_pinned else ""
    name = run.spec.name or run.spec.image
    said = {
        "event": "RunEnded",
        "version": 1,
        "text": clean(f"{name} on {run.host}: {narrate.of_outcome(run.outcome)}{stays}")[:_MAX_REASON],
        "run": run.id,
        "vm": run.vm,
        "host": run.host,
        "profile": run.spec.name,
        "image": run.spec.image,
        "outcome": run.outcome.kind,
        "status": run.outcome.status,
        "reason": clean(run.outcome.reason)[:_MAX_REASON],
        "submitted_at": run.submitted_at,
        "ended_at": now,
        "pinned": run.is_pinned,
        "results": [
            {"path": result.path, "state": result.state, "files": result.files, "size": result.size}
            for result in run.results
        ],
    }
    return json.dumps(said).encode() + b"\n"


def _environment(run: RunState) -> dict[str, str]:
    """Ours, without the variables that hold secrets."""
    secrets = {ref.detail for ref in run.spec.secrets if ref.source is SecretSource.ENV}
    return {name: value for name, value in os.environ.items() if name not in {*KEY_VARIABLES, *secrets}}
