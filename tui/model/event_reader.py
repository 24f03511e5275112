"""Reads events back from the lines of a run's events file, as far as they tell of the run itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from tui.model.events import (
    CleanupDelayed,
    Narrated,
    PhaseEntered,
    PinChanged,
    PortClosed,
    PortForwarded,
    ProgressMade,
    ResultsChanged,
    RunAdopted,
    RunEvent,
    RunLeft,
    RunOrphaned,
    RunRecovered,
    RunSubmitted,
    UsePeaked,
    VmObserved,
    WorkEnded,
)
from tui.model.phase import Outcome, OutcomeKind, Phase, Pin
from tui.model.results import Result, ResultState
from tui.model.spec import RunSpec
from tui.model.use import PeakUse

_KINDS: dict[str, type[RunEvent]] = {
    kind.__name__: kind
    for kind in (
        RunSubmitted,
        RunRecovered,
        RunOrphaned,
        RunAdopted,
        RunLeft,
        PhaseEntered,
        Narrated,
        ProgressMade,
        PinChanged,
        VmObserved,
        WorkEnded,
        ResultsChanged,
        CleanupDelayed,
        UsePeaked,
        PortForwarded,
        PortClosed,
    )
}
_READERS: dict[str, Callable[[Any], Any]] = {
    "spec": RunSpec.from_json,
    "phase": Phase,
    "pin": Pin,
    "ipv4": tuple,
    "outcome": lambda data: Outcome(OutcomeKind(data["kind"]), data["status"], data["reason"]),
    "results": lambda found: tuple(Result(**{**one, "state": ResultState(one["state"])}) for one in found),
    "peak": lambda data: PeakUse(**data),
}


def read_event(line: bytes) -> RunEvent | None:
    """The event that a line tells; None: it is cut, or of a version that has other events."""
    try:
        return _event(json.loads(line))
    except (ValueError, KeyError, TypeError):
        return None


def _event(data: Mapping[str, Any]) -> RunEvent | None:
    kind = _KINDS.get(data["event"])
    if kind is None:
        return None
    known = [field.name for field in fields(kind) if field.name in data]
    return kind(**{name: _READERS.get(name, _same)(data[name]) for name in known})


def _same(value: Any) -> Any:  # noqa: ANN401 - plain data
    return value
