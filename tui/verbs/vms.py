"""`ps`, `pin`, `unpin`, `cancel`, `rm`, `reap`: what another terminal does with runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import click

from tui.engine.desk import Carrier, Desk, Sight
from tui.engine.ledger import Ledger, LedgerRow
from tui.engine.supervisor import Supervisor
from tui.engine.takeover import phase_of
from tui.model.errors import DayflyError
from tui.model.hosts import HostEntry
from tui.model.phase import Phase
from tui.model.spec import HostName
from tui.model.units import format_duration
from tui.verbs.output import ask_on_terminal, print_json, print_table, say
from tui.verbs.which import find_row

_host_option = click.option("--host", help="Only what is on this host.")
_json_option = click.option("--json", "as_json", is_flag=True, help="A list of objects on stdout.")
_FAILED = 125
_COLUMNS = (
    "vm",
    "run",
    "host",
    "phase",
    "pinned",
    "pinned_since",
    "pinned_until",
    "owner",
    "outcome",
    "submitted_at",
    "carried_by",
    "trouble",
)


@asynccontextmanager
async def _desk(names: Sequence[str] = ()) -> AsyncIterator[tuple[Ledger, Supervisor, Desk]]:
    from tui.wiring import open_desk, open_fleet, open_ledger

    with open_ledger() as ledger:
        async with open_fleet(ledger, names, ask=ask_on_terminal) as fleet:
            yield ledger, fleet, open_desk(ledger, fleet)


# ---- looking


@click.command()
@_host_option
@click.option("--all", "everybody", is_flag=True, help="Everybody's VMs there, ours or not.")
@_json_option
def ps(host: str | None, *, everybody: bool, as_json: bool) -> None:
    """Show the VMs of this client that exist or are owed a deletion."""
    rows = asyncio.run(_survey(host, everybody))
    for row in rows:
        if row["phase"] == "unknown":
            say(f"{row['vm']}: {row['trouble']}")
    if as_json:
        print_json(rows)
    elif not rows:
        say("no VM there at all" if everybody else "no VM of ours exists or is owed")
    else:
        columns = ("run", "vm", "host", "phase", "pinned", "age", "outcome")
        print_table([_cells(row) for row in rows], (*columns, "owner") if everybody else columns)


async def _survey(host: str | None, everybody: bool) -> list[dict[str, Any]]:
    async with _desk([host] if host else []) as (ledger, fleet, desk):
        rows = [row for row in ledger.open_rows() if host in (None, row.entry.name)]
        if not rows and not everybody:
            await _check(fleet, host)
            return []
        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(desk.look(row)) for row in rows]
        sights = [look.result() for look in looks]
        ours = [_as_json(sight) for sight in sights if sight.phase is not Phase.GONE]
        if not everybody:
            return ours
        entries = {row.entry.name: row.entry for row in rows} | fleet.entries(host)
        return ours + await _others(fleet, list(entries.values()), {row["vm"] for row in ours})


async def _check(fleet: Supervisor, host: str | None) -> None:
    """Nothing is known of a host that was named: see at least that there is one."""
    if host is not None:
        await fleet.link(HostName(host)).first_contact()


async def _others(fleet: Supervisor, entries: list[HostEntry], ours: set[str]) -> list[dict[str, Any]]:
    """Leases of other clients, and VMs that nobody here has a lease of."""
    found = []
    for entry in entries:
        leases = {report.vm: report for report in await fleet.sweep(entry.name)}
        for vm in await fleet.link(entry.name).list_now():
            if vm.name in ours:
                continue
            report = next((report for name, report in leases.items() if name == vm.name), None)
            row: dict[str, Any] = dict.fromkeys(_COLUMNS)
            row |= {"vm": vm.name, "host": entry.name}
            row["phase"] = phase_of(report).value if report else vm.state
            row["pinned"] = report.pinned if report else False
            row["owner"] = report.owner if report else "foreign"
            found.append(row)
    return found


def _as_json(sight: Sight) -> dict[str, Any]:
    row = sight.row
    return {
        "vm": row.vm,
        "run": row.run,
        "host": row.entry.name,
        "phase": sight.phase.value if sight.phase else "unknown",
        "pinned": sight.pinned,
        "pinned_since": row.pinned_at if sight.pinned else None,
        "pinned_until": None,
        "owner": "this client",
        "outcome": str(sight.outcome) if sight.outcome else None,
        "submitted_at": row.submitted_at,
        "carried_by": sight.carrier.value,
        "trouble": sight.trouble or None,
    }


def _cells(row: dict[str, Any]) -> dict[str, str]:
    began = row.get("submitted_at")
    words = {key: str(value) if value is not None else "" for key, value in row.items()}
    since = row.get("pinned_since")
    age = f" {format_duration(time.time() - since)}" if since else ""
    words["pinned"] = f"pinned{age}" if row["pinned"] else ""
    words["age"] = format_duration(time.time() - began) if began else ""
    if row.get("trouble") and not row["outcome"]:
        words["outcome"] = row["trouble"]
    return words


# ---- acting


@click.command()
@click.argument("word", metavar="VM|RUN")
def pin(word: str) -> None:
    """Keep a VM until you unpin or remove it."""

    async def act(desk: Desk, row: LedgerRow) -> None:
        await desk.pin(row)
        say(f"{row.vm} is pinned on {row.entry.name}; delete it with: dayfly rm {row.vm}")

    _exit_with(asyncio.run(_act([word], act)))


@click.command()
@click.argument("word", metavar="VM|RUN")
def unpin(word: str) -> None:
    """Let a pinned VM go."""

    async def act(desk: Desk, row: LedgerRow) -> None:
        is_ending = await desk.unpin(row)
        say(f"{row.vm} is unpinned; " + ("it is being deleted" if is_ending else "it goes when its run ends"))

    _exit_with(asyncio.run(_act([word], act)))


@click.command()
@click.argument("words", metavar="RUN", nargs=-1, required=True)
def cancel(words: tuple[str, ...]) -> None:
    """Stop a run and delete its VM, pinned or not."""
    _exit_with(asyncio.run(_act(words, _remove)))


@click.command()
@click.argument("words", metavar="VM|RUN...", nargs=-1, required=True)
def remove(words: tuple[str, ...]) -> None:
    """Delete VMs, pinned or not, and wait until they are seen absent."""
    _exit_with(asyncio.run(_act(words, _remove)))


async def _remove(desk: Desk, row: LedgerRow) -> None:
    said = ""

    def on_wait(note: str) -> None:
        nonlocal said
        if note and note != said:
            said = note
            say(f"{row.vm}: {note}")

    await desk.remove(row, on_wait)
    say(f"{row.vm} is gone from {row.entry.name}")


@click.command()
@_host_option
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
def reap(host: str | None, *, dry_run: bool) -> None:
    """Pay debts: delete the VMs whose client died. Pinned VMs stay."""
    _exit_with(asyncio.run(_reap(host, dry_run)))


async def _reap(host: str | None, dry_run: bool) -> bool:
    async with _desk([host] if host else []) as (ledger, fleet, desk):
        rows = [row for row in ledger.open_rows() if host in (None, row.entry.name)]
        if not rows:
            await _check(fleet, host)
        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(desk.look(row)) for row in rows]
        sights = [look.result() for look in looks]
        due = [
            s for s in sights if s.carrier is Carrier.NOBODY and not s.pinned and s.phase is not Phase.GONE
        ]
        if dry_run or not due:
            for sight in due:
                say(f"would delete {sight.row.vm} on {sight.row.entry.name}")
            if not due:
                say("nothing is owed")
            return True
        return await _each([_remove(desk, sight.row) for sight in due])


async def _act(words: Sequence[str], act: Callable[[Desk, LedgerRow], Coroutine[Any, Any, None]]) -> bool:
    async with _desk() as (ledger, _, desk):
        rows = {row.run: row for row in (find_row(ledger, word) for word in words)}
        return await _each([act(desk, row) for row in rows.values()])


def _exit_with(went_well: bool) -> None:
    if not went_well:
        raise click.exceptions.Exit(_FAILED)


async def _each(works: Sequence[Coroutine[Any, Any, None]]) -> bool:
    """Do all of them; one that fails holds up no other. Whether none did."""
    has_failed = False

    async def guarded(work: Coroutine[Any, Any, None]) -> None:
        nonlocal has_failed
        try:
            await work
        except DayflyError as error:
            has_failed = True
            say(error.message)
            if error.hint:
                say(error.hint)

    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(guarded(work))
    return not has_failed
