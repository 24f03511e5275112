"""`dayfly history`: every run of this installation, in what two differ, what may go. No host is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import click

from tui.contracts import DiskUse, PastRun, Pruned, RunDiff, Wanted
from tui.engine.history import LedgerHistory
from tui.model.errors import UsageError
from tui.model.settings import Retention
from tui.model.units import approximate_size, format_duration, parse_duration, parse_size
from tui.verbs.output import print_json, print_lines, print_table, say
from tui.verbs.which import find_row

_COLUMNS = ("run", "when", "profile", "host", "image", "outcome", "took", "status", "memory", "disk")
_DAY_S = 86400


class _Duration(click.ParamType[int]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Size(click.ParamType[int]):
    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401
        try:
            return parse_size(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _ListsByDefault(click.Group):
    """What is no verb of its own is a word to look for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` before what is none of its verbs."""
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "-h")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ListsByDefault)
def history() -> None:
    """Every run of this installation, those of earlier days too; no host is asked.

    \b
    Examples:
      dayfly history                     all of them, the newest first
      dayfly history --failed --since 7d
      dayfly history ubuntu              what has that word in its name, image, host or outcome
      dayfly history diff k3v9q2ma x7k2m9qa
      dayfly history prune --older 30d --dry-run
    """  # noqa: D301


@history.command("list")
@click.argument("word", default="")
@click.option("--json", "as_json", is_flag=True, help="A list of objects on stdout.")
@click.option("--failed", is_flag=True, help="Those that failed, timed out, were lost or never launched.")
@click.option("--profile", default="", metavar="NAME", help="Those of this profile.")
@click.option("--host", default="", metavar="NAME", help="Those on this host.")
@click.option("--since", type=_Duration(), metavar="7d", help="Those submitted no longer ago.")
@click.option("-n", "--newest", type=click.IntRange(1), metavar="N", help="At most so many.")
def list_runs(
    word: str, *, as_json: bool, failed: bool, profile: str, host: str, since: int | None, newest: int | None
) -> None:
    """List runs, the newest first (what `dayfly history` does without a verb)."""
    from tui.wiring import open_ledger

    after = None if since is None else time.time() - since
    wanted = Wanted(word=word, profile=profile, host=host, since=after, failed=failed, newest=newest)
    with open_ledger() as ledger:
        books = LedgerHistory(ledger)
        found = books.runs(wanted)
        sizes = books.disk_use([past.run for past in found])
        warning = books.room().warning
    if as_json:
        print_json([_facts(past, sizes.get(past.run, DiskUse())) for past in found])
    elif found:
        print_table((_row(past, sizes.get(past.run, DiskUse())) for past in found), _COLUMNS)
    else:
        say("no runs yet" if wanted == Wanted() else "no run is like that")
    if warning:
        say(warning)


def _facts(past: PastRun, disk: DiskUse) -> dict[str, Any]:
    outcome = past.outcome
    return {
        "run": past.run,
        "vm": past.vm,
        "profile": past.profile,
        "host": past.host,
        "image": past.image,
        "submitted_at": past.submitted_at,
        "working_at": past.working_at,
        "ended_at": past.ended_at,
        "gone_at": past.gone_at,
        "pinned_since": past.pinned_at,
        "outcome": outcome and {"kind": outcome.kind, "status": outcome.status, "reason": outcome.reason},
        "is_owed": past.is_owed,
        "peak": asdict(past.peak),
        "disk": {"logs": disk.logs, "results": disk.results},
    }


def _row(past: PastRun, disk: DiskUse) -> Mapping[str, str]:
    outcome = past.outcome
    status = "" if outcome is None or outcome.status is None else str(outcome.status)
    return {
        "run": past.run,
        "when": time.strftime("%Y-%m-%d %H:%M", time.localtime(past.submitted_at)),
        "profile": past.profile,
        "host": past.host,
        "image": past.image,
        "outcome": str(outcome.kind) if outcome else "pinned" if past.pinned_at else "not over",
        "took": "" if past.took_s is None else format_duration(past.took_s),
        "status": status,
        "memory": "" if past.peak.memory is None else approximate_size(past.peak.memory),
        "disk": approximate_size(disk.total),
    }


# ---- diff


@history.command()
@click.argument("before", metavar="RUN")
@click.argument("after", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="One object on stdout.")
def diff(before: str, after: str, *, as_json: bool) -> None:
    """Show in what two runs differ: spec, outcome, durations, peak use, results, log."""
    from tui.wiring import open_ledger

    with open_ledger() as ledger:
        rows = find_row(ledger, before), find_row(ledger, after)
        found = LedgerHistory(ledger).diff(rows[0].run, rows[1].run)
    if as_json:
        sections = [asdict(section) for section in found.sections]
        print_json({"before": found.before.run, "after": found.after.run, "sections": sections})
    else:
        print_lines(_lines(found))


def _lines(found: RunDiff) -> Iterator[str]:
    yield f"- {_named(found.before)}"
    yield f"+ {_named(found.after)}"
    for section in found.sections:
        yield ""
        note = f" ({section.note})" if section.note else ""
        if not section.rows and not section.lines:
            yield f"{section.title}: the same{note}"
            continue
        yield f"{section.title}{note}"
        width = max((len(row.name) for row in section.rows), default=0)
        for row in section.rows:
            yield f"  {row.name.ljust(width)}  {row.before} -> {row.after}"
        yield from (f"  {line}" for line in section.lines)


def _named(past: PastRun) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(past.submitted_at))
    return f"{past.run}  {past.name} on {past.host}, {when}"


# ---- prune


@history.command()
@click.option("--older", type=_Duration(), metavar="30d", help="Whole days. [default: as config.toml says]")
@click.option("--size", type=_Size(), metavar="5G", help="What may stay. [default: as config.toml says]")
@click.option("--results", is_flag=True, help="Also runs with results in their own folder here.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def prune(*, older: int | None, size: int | None, results: bool, dry_run: bool) -> None:
    """Remove what ended runs left here: what is too old, and the oldest of what is too much.

    Removed are a run's record, its logs and events, and with --results the results in its own folder.
    Never touched are runs under way, pinned or owed, runs whose results have not come home, and results that
    a profile puts into a folder of its own choice.
    """
    from tui import config
    from tui.wiring import open_ledger

    limits = _limits(config.load().settings.retention, older, size)
    with open_ledger() as ledger:
        done = LedgerHistory(ledger).prune(limits, results=results, dry_run=dry_run)
    print_lines(_of_pruned(done, dry_run=dry_run))
    say(_sum(done, dry_run=dry_run))


def _limits(told: Retention, older: int | None, size: int | None) -> Retention:
    """What is given alone is the only limit. Raises UsageError."""
    if older is not None and older % _DAY_S:
        raise UsageError(f"--older takes whole days, not {format_duration(older)}", hint="write 1d, 30d, 0")
    if older is None and size is None:
        return told
    no_days, no_size = 10**6, 2**63
    return Retention(
        days=no_days if older is None else older // _DAY_S, size=no_size if size is None else size
    )


def _of_pruned(done: Pruned, *, dry_run: bool) -> Iterator[str]:
    for past in done.runs:
        yield f"{'would remove' if dry_run else 'removed'}  {_named(past)}"
    for past, why in done.kept:
        yield f"kept  {_named(past)}: {why}"


def _sum(done: Pruned, *, dry_run: bool) -> str:
    count = f"{len(done.runs)} run{'' if len(done.runs) == 1 else 's'}, {approximate_size(done.freed)}"
    if not done.runs:
        return "nothing is over the limits" if not done.kept else "nothing was removed"
    return f"{count} would be removed" if dry_run else f"{count} removed"
