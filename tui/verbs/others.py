"""Leases on a host that this client has no books of: whose they are, and ending them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tui.engine.desk import Desk
from tui.model.errors import DayflyError, NotOurs
from tui.model.hosts import HostEntry
from tui.model.lease import LeaseReport
from tui.verbs.output import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One lease and where it is."""

    entry: HostEntry
    report: LeaseReport


async def leases_on(desk: Desk, entries: Iterable[HostEntry]) -> list[Found]:
    """Every lease on these hosts; one that does not answer is said so and holds up no other."""

    async def ask(entry: HostEntry) -> list[Found]:
        try:
            return [Found(entry=entry, report=report) for report in await desk.leases_of(entry)]
        except DayflyError as error:
            say(f"{entry.name}: {error.message}")
            return []

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(ask(entry)) for entry in entries]
    return [found for task in asked for found in task.result()]


async def find_lease(desk: Desk, entries: Iterable[HostEntry], vm: str) -> Found | None:
    """The lease of a VM by its exact name."""
    return next((found for found in await leases_on(desk, entries) if found.report.vm == vm), None)


async def remove_lease(
    desk: Desk, found: Found, on_wait: Callable[[str], None], *, our_client: str, force: bool
) -> None:
    """Delete the VM and wait until it is seen absent. Raises NotOurs, saying whose it is, without `force`."""
    report = found.report
    if report.client != our_client and not force:
        raise NotOurs(
            f"{report.vm} on {found.entry.name} belongs to {report.owner}",
            hint=f"to end it all the same: dayfly rm --force --host {found.entry.name} {report.vm}",
        )
    await desk.remove_lease(found.entry, report.vm, on_wait, force=force)
