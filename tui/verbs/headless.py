"""One run followed to its end on a terminal or in a pipeline."""

from __future__ import annotations

import asyncio
import codecs
import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tui.contracts import LogChunk
from tui.engine import narrate
from tui.engine.ledger import LedgerRow
from tui.engine.supervisor import Supervisor
from tui.model.errors import UsageError
from tui.model.events import PASSING, Event, ProgressMade, to_json
from tui.model.lease import WORK_JOB
from tui.model.phase import Phase
from tui.model.spec import RunId, RunSpec
from tui.model.state import RunState
from tui.verbs.output import OutputLost, OutputWriter

_READ_AT_ONCE = 256 * 1024
_LOOK_S = 0.05
_CLEANUP_PATIENCE_S = 600.0
_STOPPED_BY = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
_DEBT_STATUS = 123
_NO_RESULT = 125


class Headless:
    """Carries one run out, or on, prints what comes of it, and knows the exit status."""

    def __init__(self, fleet: Supervisor, *, as_json: bool, quiet: bool) -> None:
        self._fleet = fleet
        self._as_json = as_json
        self._quiet = quiet or as_json
        self._run: RunId | None = None
        self._lines: list[tuple[str, bytes]] = []
        self._printed = 0
        self._deaf: set[str] = set()
        self._writer = OutputWriter()
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {"stdout": decoder("backslashreplace"), "stderr": decoder("backslashreplace")}
        self._signals: list[signal.Signals] = []
        self._given_up = False
        self._lost_output = False
        self._last_said = ""

    async def carry_out(self, spec: RunSpec) -> int:
        """Run `spec` until its VM is gone or kept; the exit status of `dayfly run`."""
        self._fleet.store.listen(self._on_event)
        with self._signals_caught():
            self._run = self._fleet.submit(spec)
            self._say(self._fleet.fate(spec))
            await self._follow()
        return self._end()

    async def carry_on(self, row: LedgerRow, *, from_here: bool) -> int:
        """Take over a run whose process is no more, and do as if it had been ours all along.

        Raises UsageError where a live process has it, and why its host cannot be reached.
        """
        await self._fleet.know(row.entry).first_contact(needs_manager=False)
        self._fleet.store.listen(self._on_event)
        if not self._fleet.recover(row):
            raise UsageError(
                f"a live process has {row.vm} in hand", hint=f"watch it with: dayfly logs -f {row.run}"
            )
        with self._signals_caught():
            self._run = row.run
            if from_here:
                self._printed = self._fleet.log(row.run).size(WORK_JOB)
            self._fleet.adopt(row.run)
            await self._follow()
        return self._end()

    async def _follow(self) -> None:
        """Print until nothing more happens here, or somebody gives up."""
        deleting_since: float | None = None
        while not (self._given_up or self._is_over()):
            await self._print_what_is_new()
            if self._state.is_collecting:
                deleting_since = None
            elif self._state.phase is Phase.DELETING:
                deleting_since = deleting_since or time.monotonic()
                self._given_up |= time.monotonic() - deleting_since > _CLEANUP_PATIENCE_S
            await asyncio.sleep(_LOOK_S)
        await self._print_the_rest()
        if not self._given_up:
            await self._fleet.hooks.finish()
        self._conclude()
        await self._print_the_rest()

    def _is_over(self) -> bool:
        state = self._state
        return state.phase.is_over or state.left or (bool(self._signals) and state.is_unheard_of)

    def _end(self) -> int:
        if self._given_up or self._state.left:
            self._fleet.abandon()
        return self._status()

    @property
    def _state(self) -> RunState:
        assert self._run is not None  # carry_out has submitted it
        return self._fleet.state.runs[self._run]

    def _status(self) -> int:
        state = self._state
        is_owed = not (state.phase.is_over or state.left)
        if state.outcome is not None and state.outcome.status is not None:
            status = state.outcome.status
            if status == 0 and (self._lost_output or state.lacks_results):
                return _NO_RESULT
            return _DEBT_STATUS if status == 0 and is_owed else status
        if self._signals:
            return _STOPPED_BY[self._signals[0]]
        return state.outcome.exit_code if state.outcome else _NO_RESULT

    def _conclude(self) -> None:
        state = self._state
        outcome = state.outcome
        if self._quiet and not self._as_json and outcome is not None and outcome.status is None:
            self._lines.append(("stderr", f"dayfly: {narrate.of_outcome(outcome)}\n".encode()))
        if self._quiet and not self._as_json:
            lacking = (result for result in state.results if result.lacks)
            self._lines += (
                ("stderr", f"dayfly: {narrate.of_result(result)}\n".encode()) for result in lacking
            )
        if state.left:
            return
        self._say(narrate.where_results_are(state))
        if not state.phase.is_over:
            reason = state.delay or "cleanup is not finished"
            self._say(f"{state.vm} is still owed a deletion on {state.host}: {reason}.")
            self._say("The host goes on with it. See what is owed: dayfly ps; try again: dayfly reap.")
        elif state.is_pinned:
            assert self._run is not None
            self._say(f"Get in: {self._fleet.shell_command(self._run)}")
            self._say(f"Delete it: dayfly rm {state.vm}")

    # ---- what is printed

    def _on_event(self, event: Event) -> None:
        if isinstance(event, PASSING):
            return
        if self._as_json:
            self._lines.append(("stdout", json.dumps(to_json(event), ensure_ascii=False).encode() + b"\n"))
            return
        if isinstance(event, ProgressMade):
            self._say(event.text)
            return
        run_id = getattr(event, "run", None)
        run = self._fleet.state.runs.get(run_id) if run_id else None
        if run is not None:
            self._say(narrate.sentence(event, run))

    def _say(self, text: str) -> None:
        """One line on stderr; a percentage that moves is not said again."""
        without_numbers = re.sub(r"\d+", "", text)
        if text and not self._quiet and without_numbers != self._last_said:
            self._last_said = without_numbers
            self._lines.append(("stderr", f"dayfly: {text}\n".encode()))

    async def _print_what_is_new(self) -> bool:
        """Print the narration, then the next piece of the log; whether there was any."""
        lines, self._lines = self._lines, []
        for stream, line in lines:
            await self._write(stream, line)
        reader = self._fleet.log(self._state.id)
        chunks = reader.read(WORK_JOB, self._printed, _READ_AT_ONCE)
        for chunk in chunks:
            self._printed += len(chunk.data)
            if chunk.stream != "narration":
                await self._write_chunk(chunk)
        return bool(lines or chunks)

    async def _print_the_rest(self) -> None:
        while await self._print_what_is_new():
            pass

    async def _write_chunk(self, chunk: LogChunk) -> None:
        if not self._as_json:
            await self._write(chunk.stream, chunk.data)
            return
        text = self._decoders[chunk.stream].decode(chunk.data)
        event = {
            "event": "Output",
            "run": self._state.id,
            "at": chunk.at,
            "stream": chunk.stream,
            "text": text,
        }
        await self._write("stdout", json.dumps(event, ensure_ascii=False).encode() + b"\n")

    async def _write(self, stream: str, data: bytes) -> None:
        """In a thread: a slow reader must not hold up the heartbeats. One that is gone is left alone."""
        if stream in self._deaf:
            return
        try:
            is_heard = await asyncio.to_thread(self._writer.write, stream, data)
        except OutputLost as error:
            is_heard, self._lost_output = False, True
            self._lines.append(("stderr", f"dayfly: {error.message}; see dayfly logs {self._run}\n".encode()))
        if not is_heard:
            self._deaf.add(stream)

    # ---- being told to stop

    @contextmanager
    def _signals_caught(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in _STOPPED_BY:
            loop.add_signal_handler(number, self._handler(number))
        try:
            yield
        finally:
            for number in _STOPPED_BY:
                loop.remove_signal_handler(number)

    def _handler(self, number: signal.Signals) -> Callable[[], None]:
        def handle() -> None:
            self._signals.append(number)
            state = self._state
            if len(self._signals) == 1:
                self._leave(state, hung_up=number is signal.SIGHUP)
            elif len(self._signals) == 2:
                self._say(
                    f"Still cleaning: {state.delay or state.progress or state.phase}. Once more: leave it."
                )
            else:
                self._given_up = True

        return handle

    def _leave(self, state: RunState, *, hung_up: bool) -> None:
        """A terminal that is closed is somebody who goes; all else is an order to stop."""
        may_finish = hung_up and state.spec.finish
        fate = "stays, pinned" if state.is_pinned else "may finish" if may_finish else "is cleaned up"
        self._say(f"Stopping: {state.vm} {fate}.")
        if hung_up:
            self._fleet.hang_up()
        else:
            self._fleet.leave()
