"""`dayfly attach`: take over a run whose client died or left; its log, its status, its clean-up."""

from __future__ import annotations

import asyncio
import contextlib

import click

from tui.engine.ledger import Debt, Ledger, LedgerRow
from tui.engine.logs import RunLogReader
from tui.engine.manifest import read_manifest
from tui.model.lease import WORK_JOB
from tui.verbs.logs import print_from
from tui.verbs.output import OutputWriter, ask_on_terminal, say
from tui.verbs.which import find_row

_NO_RESULT = 125


@click.command()
@click.argument("word", metavar="RUN")
@click.option("--from-here", is_flag=True, help="Without what this machine has of the log already.")
@click.option("--json", "as_json", is_flag=True, help="NDJSON events on stdout (docs/events.md).")
@click.option("-q", "--quiet", is_flag=True, help="No narration.")
@click.pass_context
def attach(ctx: click.Context, word: str, *, from_here: bool, as_json: bool, quiet: bool) -> None:
    """Take over a run whose client died or left: print its log, and end as `dayfly run` would have.

    What ended without us is fetched from its host first. Ctrl-C cancels the run.
    """
    from tui.wiring import open_ledger

    with open_ledger() as ledger:
        row = find_row(ledger, word)
        if row.debt is Debt.PAID:
            if as_json:
                _print_events(ledger, row)
            elif not from_here:
                print_from(RunLogReader(ledger.run_folder(row.run)), OutputWriter(), WORK_JOB, 0)
            if not (quiet or as_json):
                say(f"{row.vm} ended before: {row.outcome or 'nothing is known of its work'}")
            ctx.exit(_past_status(ledger, row))
        ctx.exit(asyncio.run(_carry_on(ledger, row, from_here=from_here, as_json=as_json, quiet=quiet)))


async def _carry_on(ledger: Ledger, row: LedgerRow, *, from_here: bool, as_json: bool, quiet: bool) -> int:
    from tui.verbs.headless import Headless
    from tui.wiring import open_fleet

    async with open_fleet(ledger, ask=ask_on_terminal) as fleet:
        return await Headless(fleet, as_json=as_json, quiet=quiet).carry_on(row, from_here=from_here)


def _past_status(ledger: Ledger, row: LedgerRow) -> int:
    """What `dayfly run` would have ended with."""
    if row.outcome is None:
        return _NO_RESULT
    lacks = any(one.result.lacks for one in read_manifest(ledger.run_folder(row.run)) or ())
    return row.outcome.exit_code or (_NO_RESULT if lacks else 0)


def _print_events(ledger: Ledger, row: LedgerRow) -> None:
    """What was recorded of a run that is over."""
    path = ledger.run_folder(row.run) / "events.ndjson"
    with contextlib.suppress(FileNotFoundError):
        OutputWriter().write("stdout", path.read_bytes())
