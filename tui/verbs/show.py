"""`dayfly show`: all that this machine knows of a run; no host is asked."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tui.engine.history import LedgerHistory
from tui.engine.ledger import Debt, LedgerRow, RunLock
from tui.engine.logs import STREAMS
from tui.engine.manifest import read_manifest
from tui.model.lease import WORK_JOB
from tui.model.spec import RunSpec
from tui.model.text import clean_line
from tui.model.units import approximate_size, format_duration
from tui.model.use import PeakUse
from tui.verbs.logs import JOBS
from tui.verbs.output import print_lines
from tui.verbs.which import find_row

_MOST_FILES = 20
"""Of one result; all of them are in --json."""
_WIDTH = 14


@click.command()
@click.argument("word", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="One object on stdout, with every file of the results.")
def show(word: str, *, as_json: bool) -> None:
    """Show all that is known here of a run: how it went, where its results and its logs are.

    RUN is a run's id or its VM's name, or as much of it as no other has. Nothing is asked of the host: what
    it has now is told by dayfly ps. Secrets are named by where they come from; their values are kept nowhere.

    \b
    Examples:
      dayfly show k3v9q2ma
      dayfly show df-hello-k3v
      dayfly show k3v9q2ma --json | jq -r '.results[].folder'
    """  # noqa: D301
    from tui.wiring import open_ledger

    with open_ledger() as ledger:
        row = find_row(ledger, word)
        folder = ledger.run_folder(row.run)
        hints = LedgerHistory(ledger).record(row.run).hints
    facts = {**_facts(row, folder), "hints": list(hints)}
    if as_json:
        click.echo(json.dumps(facts, indent=2))  # in ASCII: a file's name may be no text at all
    else:
        print_lines(_lines(facts, row.spec))


# ---- what is known


def _facts(row: LedgerRow, folder: Path) -> dict[str, Any]:
    events = list(_events(folder))
    return {
        "run": row.run,
        "vm": row.vm,
        "host": row.entry.name,
        "folder": str(folder),
        "submitted_at": row.submitted_at,
        "spec": row.spec.to_json(),
        "phases": [
            {"phase": event["phase"], "at": event["at"]}
            for event in events
            if event["event"] == "PhaseEntered"
        ],
        "ended_at": row.ended_at,
        "outcome": _outcome(row),
        "peak": asdict(row.peak) if row.peak else None,
        "pinned_since": row.pinned_at,
        "pinned_until": _last(events, "PinChanged").get("until") if row.pinned_at else None,
        "gone_at": row.gone_at,
        "is_owed": row.debt is not Debt.PAID,
        "carried_by": "process" if RunLock(folder).is_taken() else "nobody",
        "logs": _logs(folder),
        "results": _results(events, folder),
    }


def _outcome(row: LedgerRow) -> dict[str, Any] | None:
    if row.outcome is None:
        return None
    return {"kind": row.outcome.kind, "status": row.outcome.status, "reason": row.outcome.reason}


def _events(folder: Path) -> Iterator[dict[str, Any]]:
    """What was recorded; a line that a crash has cut is left out."""
    try:
        lines = (folder / "events.ndjson").read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue


def _last(events: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next((event for event in reversed(events) if event["event"] == kind), {})


def _logs(folder: Path) -> list[dict[str, Any]]:
    """The logs in the order in which they began."""
    found = sorted(folder.glob("*.index"), key=lambda path: path.stat().st_mtime)
    jobs = [path.stem for path in found if path.stem in JOBS]
    return [{"job": job, **{stream: _size(folder / f"{job}.{stream}") for stream in STREAMS}} for job in jobs]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _results(events: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """What is home; until all of it is, what was told of it last."""
    collected = read_manifest(folder)
    if collected is None:
        told = _last(events, "ResultsChanged").get("results", ())
        return [{**result, "file_count": result["files"], "files": []} for result in told]
    return [
        {
            **asdict(one.result),
            "file_count": one.result.files,
            "files": [{**asdict(file), "name": _name(file.name)} for file in one.files],
            "refused": [{"name": _name(entry.name), "reason": entry.reason} for entry in one.refused],
            "renamed": [{"name": _name(entry.name), "reason": entry.reason} for entry in one.renamed],
        }
        for one in collected
    ]


def _name(name: str) -> str:
    """Bytes that are no UTF-8 are written as Python does."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


# ---- the same for people


def _lines(facts: Mapping[str, Any], spec: RunSpec) -> Iterator[str]:
    yield from _head(facts, spec)
    yield from _section("asked for", _of_spec(spec))
    yield from _section("phases", _of_phases(facts))
    yield from _section("used", _of_use(facts))
    yield from _section("logs", _of_logs(facts))
    yield from _section("results", _of_results(facts))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    lines = list(lines)
    if lines:
        yield ""
        yield title
        yield from (f"  {line}" for line in lines)


def _pair(name: str, value: str) -> str:
    return f"{name.ljust(_WIDTH)}{clean_line(value)}"


def _head(facts: Mapping[str, Any], spec: RunSpec) -> Iterator[str]:
    yield _pair("run", facts["run"] + (f", of the profile {spec.name}" if spec.name else ""))
    yield _pair("VM", f"{facts['vm']} on {facts['host']}: {_of_vm(facts)}")
    yield _pair("outcome", _of_outcome(facts))
    if spec.description:
        yield _pair("description", spec.description)
    yield _pair("folder", facts["folder"])


def _of_vm(facts: Mapping[str, Any]) -> str:
    if facts["gone_at"]:
        return f"gone, {_when(facts['gone_at'])}"
    if facts["pinned_since"]:
        until = f" until {_when(facts['pinned_until'])}" if facts["pinned_until"] else ""
        return f"pinned since {_when(facts['pinned_since'])}{until}; into it: dayfly exec {facts['run']} sh"
    if facts["carried_by"] == "process":
        return "a process of this machine has the run in hand"
    return f"owed a deletion, and nobody here has it in hand: dayfly attach {facts['run']}"


def _of_outcome(facts: Mapping[str, Any]) -> str:
    outcome = facts["outcome"]
    if outcome is None:
        return "not known yet"
    status = f" with status {outcome['status']}" if outcome["status"] else ""
    reason = f": {outcome['reason']}" if outcome["reason"] else ""
    return f"{outcome['kind']}{status}{reason}, {_when(facts['ended_at'])}"


def _of_spec(spec: RunSpec) -> Iterator[str]:
    yield _pair("image", spec.image)
    yield _pair(
        "size", f"{spec.cpus} CPU, {approximate_size(spec.memory)} memory, {approximate_size(spec.disk)} disk"
    )
    command = spec.command if isinstance(spec.command, str) else shlex.join(spec.command)
    for number, line in enumerate(command.splitlines() or [""]):
        yield _pair("" if number else "command", line)
    if spec.workdir or spec.sudo:
        yield _pair(
            "",
            " ".join(
                [*(["as root"] if spec.sudo else []), *([f"in {spec.workdir}"] if spec.workdir else [])]
            ),
        )
    yield _pair("time", _of_time(spec))
    yield _pair("pin", str(spec.pin) + (f", for {format_duration(spec.pin_for_s)}" if spec.pin_for_s else ""))
    if spec.cloud_init is not None:
        fate = "ends the run" if spec.cloud_init.stop_on_failure else "is told"
        yield _pair("cloud-init", f"{len(spec.cloud_init.text.encode())} bytes; what fails in it {fate}")
    for source in spec.inputs:
        yield _pair("input", f"{source.source} -> {source.to}")
    for name, value in spec.env:
        yield _pair("env", f"{name}={shlex.quote(value)}")
    for secret in spec.secrets:
        yield _pair("secret", f"{secret.name}, from {secret.source}:{secret.detail}")


def _of_time(spec: RunSpec) -> str:
    limit = f"{format_duration(spec.timeout_s)} for the command" if spec.timeout_s else "no limit"
    grace = f"{format_duration(spec.grace_s)} of silence"
    return f"{limit}; {grace}{', or until it has finished' if spec.finish else ''}"


def _of_phases(facts: Mapping[str, Any]) -> Iterator[str]:
    before = facts["submitted_at"]
    yield _pair("submitted", _when(before))
    for entry in facts["phases"]:
        yield _pair(entry["phase"], f"{_when(entry['at'])}  +{_span(entry['at'] - before)}")
        before = entry["at"]


def _of_use(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts["peak"]:
        yield _pair("at most", PeakUse(**facts["peak"]).words)
    for hint in facts["hints"]:
        yield _pair("right size", hint)


def _of_logs(facts: Mapping[str, Any]) -> Iterator[str]:
    for log in facts["logs"]:
        sizes = [f"{stream} {approximate_size(log[stream])}" for stream in STREAMS if log[stream]]
        if sizes:
            option = "" if log["job"] == WORK_JOB else f" --job {log['job']}"
            yield _pair(log["job"], f"{', '.join(sizes)}: dayfly logs {facts['run']}{option}")


def _of_results(facts: Mapping[str, Any]) -> Iterator[str]:
    for result in facts["results"]:
        size = f"{approximate_size(result['size'])} in {_count(result['file_count'])}"
        need = ", required" if result["required"] else ""
        because = f": {result['reason']}" if result["reason"] else ""
        yield clean_line(f"{result['path']}  {result['state']}{need}{because}")
        if result["file_count"]:
            yield clean_line(f"  {size} in {result['folder']}")
        for file in result["files"][:_MOST_FILES]:
            yield clean_line(f"  {approximate_size(file['size']).rjust(8)}  {file['name']}")
        for entry in (*result.get("refused", ())[:_MOST_FILES], *result.get("renamed", ())[:_MOST_FILES]):
            yield clean_line(f"  {entry['name']}: {entry['reason']}")
        left = result["file_count"] - _MOST_FILES
        if result["files"] and left > 0:
            yield f"  and {_count(left)} more: dayfly show {facts['run']} --json"


def _count(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _span(seconds: float) -> str:
    return format_duration(seconds) if seconds >= 10 else f"{max(0.0, seconds):.1f}s"
