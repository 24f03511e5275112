"""A run as its events file tells it: the state that they lead to, and what happened, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from tui.engine import narrate
from tui.engine.ledger import Debt, LedgerRow
from tui.model.event_reader import read_event
from tui.model.events import (
    PhaseEntered,
    PortClosed,
    PortForwarded,
    RunEvent,
    RunRecovered,
    RunSubmitted,
    UsePeaked,
    VmObserved,
)
from tui.model.phase import Phase, may_move
from tui.model.state import FleetState, RunState, reduce
from tui.model.text import clean_line

EVENTS_FILE = "events.ndjson"
_READ_AT_ONCE = 256 * 1024


def lines_from(folder: Path, offset: int) -> tuple[list[bytes], int]:
    """The next whole lines of the events file, their ends included, and where to go on; there or not."""
    try:
        with (folder / EVENTS_FILE).open("rb") as file:
            file.seek(offset)
            data = file.read(_READ_AT_ONCE)
            while data and b"\n" not in data and (more := file.read(_READ_AT_ONCE)):
                data += more
    except FileNotFoundError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    return whole.splitlines(keepends=True), offset + len(whole)


def events_of(folder: Path) -> Iterator[RunEvent]:
    """All that can be read of them."""
    lines, offset = lines_from(folder, 0)
    while lines:
        yield from filter(None, map(read_event, lines))
        lines, offset = lines_from(folder, offset)


def replay(row: LedgerRow, events: Iterable[RunEvent]) -> RunState:
    """The run's state; where the events say less than the ledger, the ledger is believed."""
    state = FleetState().with_run(_begun(row))
    for event in events:
        state = reduce(state, event)
    run = state.runs[row.run]
    if row.debt is Debt.PAID and may_move(run.phase, Phase.GONE):
        at = row.gone_at or row.ended_at or row.submitted_at
        gone = PhaseEntered(run=row.run, at=at, phase=Phase.GONE)
        run = reduce(state, gone).runs[row.run]
    return replace(run, outcome=row.outcome or run.outcome, peak=row.peak or run.peak)


def _begun(row: LedgerRow) -> RunState:
    return RunState(
        id=row.run,
        vm=row.vm,
        spec=row.spec,
        submitted_at=row.submitted_at,
        entered=((Phase.QUEUED, row.submitted_at),),
    )


class Teller:
    """Tells events in sentences, one after the other; remembers what it needs of those before."""

    def __init__(self, row: LedgerRow) -> None:
        self._run = row.run
        self._state = FleetState().with_run(_begun(row))

    def tell(self, event: RunEvent) -> str:
        """What to say of it, in one safe line; empty: nothing."""
        run = self._state.runs[self._run]
        self._state = reduce(self._state, event)
        return clean_line(narrate.sentence(event, run) or _of_fact(event, run))


def _of_fact(event: RunEvent, run: RunState) -> str:
    """What the run's logs don't say, as it is no news to who looks on."""
    match event:
        case RunSubmitted(vm=vm, spec=spec):
            return f"Submitted: {vm} on {spec.host}, from {spec.image}."
        case RunRecovered():
            return "Taken from the ledger by another process."
        case PhaseEntered(phase=phase):
            return f"{phase.capitalize()}."
        case VmObserved(state=state, ipv4=ipv4) if state:
            return f"The VM is {' '.join((state, *ipv4))}."
        case VmObserved():
            return "The VM is in no list." if run.vm_state else ""
        case UsePeaked(peak=peak):
            return f"Peak use: {peak.words}."
        case PortForwarded(port=port, local_port=local_port):
            return f"Port {port} of the VM is at 127.0.0.1:{local_port} here."
        case PortClosed(port=port):
            return f"Port {port} of the VM is not forwarded any more."
        case _:
            return ""
