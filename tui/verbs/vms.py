"""`ps`, `pin`, `unpin`, `cancel`, `rm`, `reap`: what another terminal does with runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import click

from tui import config
from tui.engine.desk import Carrier, Desk, Sight
from tui.engine.janitor import DELAYS
from tui.engine.ledger import Ledger, LedgerRow
from tui.engine.supervisor import Supervisor
from tui.engine.takeover import phase_of
from tui.model.errors import DayflyError, UsageError
from tui.model.hosts import HostEntry, VmInfo
from tui.model.names import is_vm_name
from tui.model.phase import Phase
from tui.model.spec import HostName, RunId, VmName
from tui.model.units import format_duration, parse_duration
from tui.verbs.others import Found, find_lease, leases_on, remove_lease
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
    "client",
    "outcome",
    "submitted_at",
    "carried_by",
    "trouble",
)
_YOU, _FOREIGN = "you", "foreign"


@asynccontextmanager
async def at_desk(names: Sequence[str] = ()) -> AsyncIterator[tuple[Ledger, Supervisor, Desk]]:
    """The books, the engine and the desk, with the hosts of `names` as typed besides those of the config."""
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
        if row["phase"] == "unknown" and row["trouble"]:
            say(f"{row['vm']}: {row['trouble']}")
    if as_json:
        print_json(rows)
    elif not rows:
        say("no VM there at all" if everybody else "no VM of ours exists or is owed")
    else:
        columns = ("run", "vm", "host", "phase", "pinned", "age", "outcome")
        print_table([_cells(row) for row in rows], (*columns, "owner") if everybody else columns)


async def _survey(host: str | None, everybody: bool) -> list[dict[str, Any]]:
    async with at_desk([host] if host else []) as (ledger, fleet, desk):
        rows = [row for row in ledger.open_rows() if host in (None, row.entry.name)]
        if not rows and not everybody:
            await _check(fleet, host)
            return []
        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(desk.look(row)) for row in rows]
        sights = [look.result() for look in looks]
        for sight in sights:
            if sight.phase is Phase.GONE:
                say(f"{sight.row.vm} has ended: {sight.outcome}; its log: dayfly logs {sight.row.run}")
        ours = [_as_json(sight) for sight in sights if sight.phase is not Phase.GONE]
        if not everybody:
            return ours
        entries = {row.entry.name: row.entry for row in rows} | fleet.entries(host)
        return ours + await _others(fleet, desk, list(entries.values()), {row.vm for row in rows})


async def _check(fleet: Supervisor, host: str | None) -> None:
    """Nothing is known of a host that was named: see at least that there is one."""
    if host is not None:
        await fleet.link(HostName(host)).first_contact()


async def _others(
    fleet: Supervisor, desk: Desk, entries: list[HostEntry], ours: set[VmName]
) -> list[dict[str, Any]]:
    """Leases that are in no book of ours, and VMs that nobody has a lease of."""
    leases = [found for found in await leases_on(desk, entries) if found.report.vm not in ours]
    known = {(found.entry.name, str(found.report.vm)) for found in leases}
    async with asyncio.TaskGroup() as group:
        lists = {entry.name: group.create_task(_list_vms(fleet, entry.name)) for entry in entries}
    rows = [_lease_row(found, config.client_id()) for found in leases]
    for name, listed in lists.items():
        for vm in listed.result():
            if vm.name not in ours and (name, vm.name) not in known:
                foreign = {"vm": vm.name, "host": name, "phase": vm.state, "owner": _FOREIGN}
                rows.append({**dict.fromkeys(_COLUMNS), "pinned": False, **foreign})
    return rows


async def _list_vms(fleet: Supervisor, host: HostName) -> tuple[VmInfo, ...]:
    try:
        await fleet.link(host).first_contact()
        return await fleet.link(host).list_now()
    except DayflyError as error:
        say(f"{host}: {error.message}")
        return ()


def _lease_row(found: Found, our_client: str) -> dict[str, Any]:
    report = found.report
    left_s = report.pin_left_s
    return {
        **dict.fromkeys(_COLUMNS),
        "vm": report.vm,
        "host": found.entry.name,
        "phase": phase_of(report).value,
        "pinned": report.pinned,
        "pinned_until": time.time() + left_s if report.pinned and left_s is not None else None,
        "owner": _YOU if report.client == our_client else report.owner,
        "client": report.client or None,
        "trouble": DELAYS.get(report.note, report.note) or None,
    }


def _as_json(sight: Sight) -> dict[str, Any]:
    row = sight.row
    return {
        "vm": row.vm,
        "run": row.run,
        "host": row.entry.name,
        "phase": sight.phase.value if sight.phase else "unknown",
        "pinned": sight.pinned,
        "pinned_since": row.pinned_at if sight.pinned else None,
        "pinned_until": sight.pinned_until,
        "owner": _YOU,
        "client": config.client_id(),
        "outcome": str(sight.outcome) if sight.outcome else None,
        "submitted_at": row.submitted_at,
        "carried_by": sight.carrier.value,
        "trouble": sight.trouble or None,
    }


def _cells(row: dict[str, Any]) -> dict[str, str]:
    began = row.get("submitted_at")
    words = {key: str(value) if value is not None else "" for key, value in row.items()}
    since, until = row.get("pinned_since"), row.get("pinned_until")
    age = f" {format_duration(time.time() - since)}" if since else ""
    left = f", {format_duration(max(0, until - time.time()))} left" if until else ""
    words["pinned"] = f"pinned{age}{left}" if row["pinned"] else ""
    words["age"] = format_duration(time.time() - began) if began else ""
    if row.get("trouble") and not row["outcome"]:
        words["outcome"] = row["trouble"]
    return words


# ---- acting


@click.command()
@click.argument("word", metavar="VM|RUN")
@click.option("--for", "for_", metavar="2h", help="Until then only. [default: until you unpin it]")
def pin(word: str, for_: str | None) -> None:
    """Keep a VM until you unpin or remove it, or for so long."""
    for_s = _duration(for_)

    async def act(desk: Desk, row: LedgerRow) -> None:
        await desk.pin(row, for_s)
        kept = f" for {format_duration(for_s)}" if for_s else ""
        say(f"{row.vm} is pinned on {row.entry.name}{kept}; delete it with: dayfly rm {row.vm}")

    _exit_with(asyncio.run(_act([word], act)))


def _duration(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--for: {error}") from error
    if seconds < 1:
        raise UsageError("--for: a pin holds for a second at least", hint="to end it: dayfly unpin")
    return seconds


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
@_host_option
def cancel(words: tuple[str, ...], host: str | None) -> None:
    """Stop a run and delete its VM, pinned or not."""
    _exit_with(asyncio.run(_remove_all(words, host, force=False)))


@click.command()
@click.argument("words", metavar="VM|RUN...", nargs=-1, required=True)
@_host_option
@click.option("--force", is_flag=True, help="Another client's too, by the exact name of its VM.")
def remove(words: tuple[str, ...], host: str | None, *, force: bool) -> None:
    """Delete VMs, pinned or not, and wait until they are seen absent."""
    _exit_with(asyncio.run(_remove_all(words, host, force=force)))


async def _remove_all(words: Sequence[str], host: str | None, *, force: bool) -> bool:
    async with at_desk([host] if host else []) as (ledger, fleet, desk):
        rows: dict[RunId, LedgerRow] = {}
        others: dict[VmName, Found] = {}
        for word in words:
            try:
                row = find_row(ledger, word)
                rows[row.run] = row
            except UsageError:
                entries = {row.entry.name: row.entry for row in ledger.open_rows()} | fleet.entries(host)
                found = await find_lease(desk, entries.values(), word) if is_vm_name(word) else None
                if found is None:
                    raise
                others[found.report.vm] = found
        works = [_remove_other(desk, found, force=force) for found in others.values()]
        return await _each([*(_remove(desk, row) for row in rows.values()), *works])


async def _remove_other(desk: Desk, found: Found, *, force: bool) -> None:
    vm, client = found.report.vm, config.client_id()
    await remove_lease(desk, found, _Waits(vm), our_client=client, force=force)
    say(f"{vm} is gone from {found.entry.name}")


async def _remove(desk: Desk, row: LedgerRow) -> None:
    await desk.remove(row, _Waits(row.vm))
    say(f"{row.vm} is gone from {row.entry.name}")


class _Waits:
    """Says what a deletion waits for, whenever that changes."""

    def __init__(self, vm: VmName) -> None:
        self._vm = vm
        self._said = ""

    def __call__(self, note: str) -> None:
        if note and note != self._said:
            self._said = note
            say(f"{self._vm}: {DELAYS.get(note, note)}")


@click.command()
@_host_option
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
def reap(host: str | None, *, dry_run: bool) -> None:
    """Pay debts: delete the VMs whose client died. Pinned VMs stay."""
    _exit_with(asyncio.run(_reap(host, dry_run)))


async def _reap(host: str | None, dry_run: bool) -> bool:
    async with at_desk([host] if host else []) as (ledger, fleet, desk):
        rows = [row for row in ledger.open_rows() if host in (None, row.entry.name)]
        if not rows:
            await _check(fleet, host)
        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(desk.look(row)) for row in rows]
        sights = [look.result() for look in looks]
        left = [
            s for s in sights if s.carrier is Carrier.NOBODY and not s.pinned and s.phase is not Phase.GONE
        ]
        due = [sight for sight in left if not sight.may_finish]
        for sight in left:
            if sight.may_finish:
                say(f"{sight.row.vm}: {sight.trouble}; to end it: dayfly cancel {sight.row.run}")
        if dry_run or not due:
            for sight in due:
                say(f"would delete {sight.row.vm} on {sight.row.entry.name}")
            if not due:
                say("nothing is owed")
            return True
        return await _each([_remove(desk, sight.row) for sight in due])


async def _act(words: Sequence[str], act: Callable[[Desk, LedgerRow], Coroutine[Any, Any, None]]) -> bool:
    async with at_desk() as (ledger, _, desk):
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
