"""In what two runs differ: what was asked for, how it went, how long it took, what came home, the log."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise, takewhile
from pathlib import Path

from tui.contracts import Difference, DiffSection, RunDiff, RunRecord
from tui.engine.logs import RunLogReader
from tui.engine.manifest import read_manifest
from tui.model.lease import WORK_JOB
from tui.model.phase import Phase
from tui.model.spec import RunSpec
from tui.model.state import RunState
from tui.model.text import clean_bytes, clean_line
from tui.model.units import approximate_size, format_duration

LOG_BYTES = 2 * 1024 * 1024
LOG_LINES = 5000
"""Of each log: what is compared."""
_FILES_SHOWN = 200
_CONTEXT = 3
_NONE = "–"
_SIZES = ("memory", "disk")
_TEXTS = ("command", "cloud_init.text")

_TIMES = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d(?= \d\d:)"
    r"|\b\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?\b"
    r"|\[ *\d+\.\d{3,}\]"
    r"|\b\d+(?:\.\d+)? ?(?:ms|s|sec|seconds|minutes)\b"
)


def compare(before: RunRecord, after: RunRecord, folders: tuple[Path, Path]) -> RunDiff:
    """All sections, those too in which the runs are alike. Blocks; bounded in time and memory."""
    return RunDiff(
        before=before.past,
        after=after.past,
        sections=(
            *_of_specs(before.spec, after.spec),
            _of_outcomes(before, after),
            _of_phases(before.state, after.state),
            _of_results(*(_files(folder) for folder in folders)),
            _of_logs(*folders),
        ),
    )


# ---- what was asked for


def _of_specs(before: RunSpec, after: RunSpec) -> Iterator[DiffSection]:
    left, right = dict(_facts(before)), dict(_facts(after))
    texts = [
        key for key in _TEXTS if left.get(key) != right.get(key) and _is_long(left.get(key), right.get(key))
    ]
    yield DiffSection(title="asked for", rows=tuple(_differences(left, right, leave_out=texts)))
    for key in texts:
        lines = _unified(str(left.get(key, "")).splitlines(), str(right.get(key, "")).splitlines())
        yield DiffSection(title=key, lines=tuple(map(clean_line, lines)))


def _facts(spec: RunSpec) -> Iterator[tuple[str, object]]:
    """By key, as a profile names them; a command as it would be typed."""
    command = spec.command if isinstance(spec.command, str) else shlex.join(spec.command)
    yield from _flat("", {**spec.to_json(), "command": command})


def _flat(name: str, value: object) -> Iterator[tuple[str, object]]:
    """`env` by the names of variables, other lists by number, objects by dots."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from _flat(f"{name}.{key}".removeprefix("."), inner)
        case list() | tuple() if name == "env":
            for key, inner in value:
                yield from _flat(f"env.{key}", inner)
        case list() | tuple():
            for number, inner in enumerate(value, 1):
                yield from _flat(f"{name}[{number}]", inner)
        case _:
            yield name, value


def _is_long(*values: object) -> bool:
    return any(isinstance(value, str) and "\n" in value.strip() for value in values)


def _differences(
    left: Mapping[str, object], right: Mapping[str, object], *, leave_out: Iterable[str] = ()
) -> Iterator[Difference]:
    for key in dict.fromkeys((*left, *right)):
        if left.get(key) != right.get(key) and key not in leave_out:
            yield Difference(clean_line(key), _shown(key, left.get(key)), _shown(key, right.get(key)))


def _shown(key: str, value: object) -> str:
    match value:
        case None | "":
            return _NONE
        case bool():
            return "yes" if value else "no"
        case int() if key in _SIZES or key.endswith("max_size"):
            return approximate_size(value)
        case int() if key.endswith("_s"):
            return format_duration(value)
        case _:
            return clean_line(str(value))


# ---- how it went


def _of_outcomes(before: RunRecord, after: RunRecord) -> DiffSection:
    left, right = (_outcome_facts(record) for record in (before, after))
    return DiffSection(title="outcome", rows=tuple(_differences(left, right)))


def _outcome_facts(record: RunRecord) -> dict[str, object]:
    outcome = record.state.outcome
    return {
        "outcome": str(outcome) if outcome else "not known",
        "peak use": record.state.peak.words,
        "host": str(record.past.host),
    }


def _of_phases(before: RunState, after: RunState) -> DiffSection:
    """Durations, of all phases that either went through."""
    left, right = durations(before), durations(after)
    rows = tuple(
        Difference(str(phase), _span(left.get(phase)), _span(right.get(phase)))
        for phase in Phase
        if (phase in left or phase in right) and _span(left.get(phase)) != _span(right.get(phase))
    )
    return DiffSection(title="durations", rows=rows)


def durations(run: RunState) -> dict[Phase, float]:
    """How long each phase took, in seconds; of the one it is in, nothing."""
    return {phase: after - at for (phase, at), (_, after) in pairwise(run.entered)}


def _span(seconds: float | None) -> str:
    if seconds is None:
        return _NONE
    return format_duration(seconds) if seconds >= 10 else f"{max(0.0, seconds):.1f}s"


# ---- what came of it


def _files(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file that came home, with size and sha256."""
    collected = read_manifest(folder) or ()
    return {
        f"{one.result.path}: {file.name}": (file.size, file.sha256) for one in collected for file in one.files
    }


def _of_results(left: dict[str, tuple[int, str]], right: dict[str, tuple[int, str]]) -> DiffSection:
    differ = [name for name in sorted({*left, *right}) if left.get(name) != right.get(name)]
    rows = tuple(
        Difference(clean_line(name), _file(left.get(name)), _file(right.get(name)))
        for name in differ[:_FILES_SHOWN]
    )
    more = len(differ) - len(rows)
    alike = f"{len({*left, *right}) - len(differ)} files are the same" if left or right else "none came home"
    return DiffSection(title="results", rows=rows, note=f"{alike}{f'; {more} more differ' if more else ''}")


def _file(file: tuple[int, str] | None) -> str:
    return f"{approximate_size(file[0])}  {file[1][:12]}" if file else _NONE


# ---- what it said


def _of_logs(before: Path, after: Path) -> DiffSection:
    (left, cut_left), (right, cut_right) = _log(before), _log(after)
    note = f"only the first {LOG_LINES} lines were compared" if cut_left or cut_right else ""
    return DiffSection(title="log", lines=tuple(_unified(left, right)), note=note)


def _log(folder: Path) -> tuple[list[str], bool]:
    """The first lines of the work's log, safe to be painted; whether there are more."""
    reader = RunLogReader(folder)
    data = b"".join(chunk.data for chunk in reader.read(WORK_JOB, 0, LOG_BYTES))
    lines = data.split(b"\n", LOG_LINES)
    is_cut = len(lines) > LOG_LINES or reader.size(WORK_JOB) > LOG_BYTES
    whole = lines[:LOG_LINES] if is_cut or lines[-1] else lines[:-1]
    return [clean_bytes(line) for line in whole], is_cut


def _unified(left: list[str], right: list[str]) -> Iterator[str]:
    """The lines that differ by more than a time, with some around them; the lines as they are."""
    keys = [[_TIMES.sub("…", line) for line in lines] for lines in (left, right)]
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*keys, strict=False)))
    skip = max(0, same - _CONTEXT)
    matcher = difflib.SequenceMatcher(None, keys[0][skip:], keys[1][skip:])
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        yield f"@@ line {group[0][1] + skip + 1} | line {group[0][3] + skip + 1} @@"
        for tag, start, end, other_start, other_end in group:
            if tag == "equal":
                yield from (f"  {line}" for line in right[skip + other_start : skip + other_end])
                continue
            yield from (f"- {line}" for line in left[skip + start : skip + end])
            yield from (f"+ {line}" for line in right[skip + other_start : skip + other_end])
