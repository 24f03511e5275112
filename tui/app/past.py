"""Runs of the past, in words and tables. Pure functions, as in `present`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise

from tui.app import present, results, tables
from tui.app.present import Fact, Label
from tui.app.tables import Column, Table, TableRow
from tui.contracts import Difference, DiskUse, PastRun, Pruned, RunDiff, RunRecord
from tui.model.phase import Phase
from tui.model.spec import RunId
from tui.model.state import RunState
from tui.model.text import clean_line
from tui.model.units import approximate_size

_STATE, _WHEN, _TOOK = Column("STATE", 16), Column("WHEN", 13), Column("TOOK", 8)
_HOST, _PEAK, _DISK, _IMAGE = Column("HOST", 10), Column("MEMORY", 8), Column("DISK", 8), Column("IMAGE", 14)
_NAME_MIN = 14
_DAY_S = 86400
MOST_NAMED = 8
"""In a dialog."""


def state_label(past: PastRun, live: RunState | None) -> Label:
    """How it went, or where it is; a mark where the VM stays all the same."""
    if live is not None and not live.phase.is_over:
        return present.run_label(live)
    went = present.outcome_label(past.outcome) if past.outcome else None
    if past.is_owed and past.pinned_at:
        return Label(f"{went.text} ◆", went.tone) if went else Label("◆ pinned", "pin")
    if past.is_owed:
        return Label("? not over", "warn")
    return went or Label("■ gone", "muted")


def when(at: float, now: float) -> str:
    """A moment of the past, on this machine's clock: `today 14:05`, `11-23 14:05`, `2025-11-23`."""
    there, here = time.localtime(at), time.localtime(now)
    if there[:3] == here[:3]:
        return time.strftime("today %H:%M", there)
    return time.strftime("%m-%d %H:%M" if there[0] == here[0] else "%Y-%m-%d", there)


def took(seconds: float | None) -> str:
    """How long; `–` where nobody knows."""
    return "–" if seconds is None else present.age(seconds)


def history_columns(width: int) -> tuple[Column, ...]:
    """Those that fit: first the image goes, then the memory, then the disk, then the host."""
    columns = [_STATE, _WHEN, _TOOK]
    left = width - sum(column.width for column in columns) - _NAME_MIN
    for column in (_HOST, _DISK, _PEAK, _IMAGE):
        if left < column.width:
            break
        columns.append(column)
        left -= column.width
    order = [_STATE, Column("NAME", _NAME_MIN + max(0, left)), _IMAGE, _HOST, _WHEN, _TOOK, _PEAK, _DISK]
    return tuple(column for column in order if column in columns or column.title == "NAME")


def history_table(
    runs: Sequence[PastRun],
    live: Mapping[RunId, RunState],
    disk: Mapping[RunId, DiskUse],
    now: float,
    columns: tuple[Column, ...],
) -> Table:
    """These runs, in this order."""
    rows = tuple(
        TableRow(
            past.run,
            tuple(
                (_cell(past, live.get(past.run), disk.get(past.run), column.title, now),)
                for column in columns
            ),
        )
        for past in runs
    )
    return Table(columns, rows)


def _cell(past: PastRun, live: RunState | None, disk: DiskUse | None, title: str, now: float) -> Label:
    match title:
        case "STATE":
            return state_label(past, live)
        case "NAME":
            return Label(clean_line(past.name))
        case "IMAGE":
            return Label(clean_line(past.image), "muted")
        case "HOST":
            return Label(clean_line(past.host), "muted")
        case "WHEN":
            return Label(when(past.submitted_at, now), "muted")
        case "TOOK":
            return Label(took(past.took_s), "muted")
        case "MEMORY":
            memory = past.peak.memory
            return Label("–" if memory is None else approximate_size(memory), "muted")
        case _:
            return Label("" if disk is None else approximate_size(disk.total), "muted")


# ---- all about one


def record_facts(record: RunRecord, live: RunState | None, now: float) -> tuple[Fact, ...]:
    """All about a run, for the pane beside the list."""
    past, state = record.past, record.state
    label = state_label(past, live)
    reason = clean_line(past.outcome.reason) if past.outcome else ""
    came = results.headline(state)
    pinned = " pinned" if label.text.endswith(" ◆") else ""
    return (
        ("State", Label(f"{label.text}{pinned}{'   ' + reason if reason else ''}", label.tone)),
        ("When", Label(f"{when(past.submitted_at, now)}, took {took(past.took_s)}")),
        ("Phases", Label(durations(state) or "–", "muted")),
        ("Peak", Label(state.peak.words, "muted")),
        *(("Size", Label(hint, "warn" if "safer" in hint else "text")) for hint in record.hints),
        *([("Results", came)] if came.text else []),
        ("Command", Label(tables.command_text(record.spec), "muted")),
        ("VM", Label(f"{clean_line(past.vm)} on {clean_line(past.host)}")),
        ("Image", Label(f"{clean_line(past.image)}   {present.resources(record.spec)}")),
        ("Disk", Label(disk_words(record.disk), "muted")),
        *([("Record", Label(f"stays: {record.bound_by}", "muted"))] if record.bound_by else []),
    )


def durations(run: RunState) -> str:
    """How long each phase took, the shortest left out: `launching 12s  working 3m 04s`."""
    spans = ((phase, after - at) for (phase, at), (_, after) in pairwise(run.entered))
    long = ((phase, seconds) for phase, seconds in spans if seconds >= 1 and phase is not Phase.GONE)
    return "  ".join(f"{phase} {present.age(seconds)}" for phase, seconds in long)


def disk_words(disk: DiskUse) -> str:
    """What it takes here."""
    own = f", and {approximate_size(disk.results)} of results" if disk.results else ""
    return f"{approximate_size(disk.logs)} of logs{own}"


# ---- what goes


def deletion_lines(
    runs: Sequence[PastRun], disk: Mapping[RunId, DiskUse], bound: Mapping[RunId, str], now: float
) -> tuple[str, ...]:
    """What a deletion hits: the records, their size, the results among it; and what stays."""
    going = [past for past in runs if not bound.get(past.run)]
    size = sum(disk[past.run].total for past in going if past.run in disk)
    kept = [disk[past.run].results for past in going if past.run in disk and disk[past.run].results]
    lines = [f"This deletes the records of {_count(len(going))}, {approximate_size(size)}: logs and events."]
    lines += [
        f"  {clean_line(past.name)}  {when(past.submitted_at, now)}  {past.run}"
        for past in going[:MOST_NAMED]
    ]
    if len(going) > MOST_NAMED:
        lines.append(f"  and {len(going) - MOST_NAMED} more")
    if kept:
        results_of = f"the results of {_count(len(kept))}, {approximate_size(sum(kept))},"
        lines.append(f"With them go {results_of} which are nowhere else.")
    staying = [(past, bound[past.run]) for past in runs if bound.get(past.run)]
    lines += [f"{clean_line(past.name)} {past.run} stays: {why}." for past, why in staying[:MOST_NAMED]]
    return tuple(lines)


def pruned_words(done: Pruned) -> str:
    """What was removed, and what was not."""
    kept = ""
    if done.kept:
        past, why = done.kept[0]
        more = f" and {len(done.kept) - 1} more" if len(done.kept) > 1 else ""
        kept = f"{clean_line(past.name)} {past.run}{more} stays: {why}"
    return "; ".join(part for part in (removed_words(done) if done.runs else "", kept) if part)


def removed_words(done: Pruned) -> str:
    """`Deleted the records of 3 runs, 1.2G`."""
    return f"Deleted the records of {_count(len(done.runs))}, {approximate_size(done.freed)}"


def _count(runs: int) -> str:
    return f"{runs} run{'' if runs == 1 else 's'}"


# ---- in what two differ


def diff_lines(found: RunDiff, width: int, now: float) -> tuple[Label, ...]:
    """All sections, each line with its tone; what is the same in both is said in one line."""
    lines = [
        Label(f"- {_side(found.before, now)}", "bad"),
        Label(f"+ {_side(found.after, now)}", "good"),
    ]
    for section in found.sections:
        note = f" ({section.note})" if section.note else ""
        alike = not section.rows and not section.lines
        lines += [Label(""), Label(f"{section.title}{': the same' if alike else ''}{note}", "busy")]
        pad = max((len(row.name) for row in section.rows), default=0) + 2
        for row in section.rows:
            lines += _row_lines(row, pad, width)
        lines += [Label(f"  {line}", _TONES.get(line[:1], "muted")) for line in section.lines]
    return tuple(lines)


_TONES: Mapping[str, present.Tone] = {"-": "bad", "+": "good", "@": "busy", " ": "text"}


def _row_lines(row: Difference, pad: int, width: int) -> list[Label]:
    line = f"  {row.name.ljust(pad)}{row.before} → {row.after}"
    if len(line) <= width:
        return [Label(line)]
    return [Label(f"  {row.name}"), Label(f"    - {row.before}", "bad"), Label(f"    + {row.after}", "good")]


def _side(past: PastRun, now: float) -> str:
    return f"{clean_line(past.name)} on {clean_line(past.host)}, {when(past.submitted_at, now)}  {past.run}"
