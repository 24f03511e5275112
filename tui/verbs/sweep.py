"""`dayfly hosts install-sweep` and `uninstall-sweep`: a host that keeps the promise after a reboot, alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import click

from tui.model.errors import DayflyError, UsageError
from tui.model.hosts import DEMO
from tui.model.upkeep import ChangeKind, SweepReport, SweepWay
from tui.verbs.output import ask_on_terminal, print_lines, say

_dry_run = click.option("--dry-run", is_flag=True, help="Only say what would be put where.")
_WOULD = {
    ChangeKind.PUT: "put",
    ChangeKind.KEPT: "keep",
    ChangeKind.REMOVED: "remove",
    ChangeKind.RAN: "run",
}
_WITHOUT = "rebooted, it deletes what it owes only at the next contact of a dayfly"
_NOTES = {
    "no-linger": "this account's systemd does not run after a reboot; to have it so, on the host:"
    " sudo loginctl enable-linger $USER",
    "timer-refused": "systemd there takes no timer of this account; see, on the host: journalctl --user",
    "cron-stopped": "no cron runs there; start it, on the host: sudo systemctl enable --now cron (or crond)",
    "crontab-unreadable": "the crontab there cannot be read, and was left as it is; on the host: crontab -l",
    "crontab-refused": "crontab there takes nothing from this account; see /etc/cron.allow on the host",
    "agent-refused": "launchctl there takes no agent of this account",
    "at-login": "launchd runs it from the first login after a reboot on, not before",
    "unwritable": "a file could not be written there; on the host: df -h ~",
}
"""What could not be done, and the command that helps, by the script's word."""


@click.command("install-sweep")
@click.argument("host")
@_dry_run
def install_sweep(host: str, *, dry_run: bool) -> None:
    """Have HOST wake its guards after a reboot, though no dayfly ever comes back.

    Runs every 5 minutes by a systemd timer of the account, else by cron, else by launchd. Needs no root.
    """
    report = asyncio.run(_order(host, install=True, dry_run=dry_run))
    if report.way is SweepWay.NONE:
        raise DayflyError(
            f"{host} runs nothing by itself for this account: no systemd timer, cron or launchd.",
            hint=f"nothing is left there; as it is: {_WITHOUT}",
        )
    says = "would run" if dry_run else "runs"
    say(f"{report.way} {says} the sweep on {host}, every 5 minutes and after a reboot")


@click.command("uninstall-sweep")
@click.argument("host")
@_dry_run
def uninstall_sweep(host: str, *, dry_run: bool) -> None:
    """Remove all that install-sweep put on HOST."""
    report = asyncio.run(_order(host, install=False, dry_run=dry_run))
    if report.way is not SweepWay.NONE:
        raise DayflyError(f"{report.way} still runs the sweep on {host}.", hint="see above for why")
    if report.changes:
        says = "would have" if dry_run else "has"
        say(f"{host} {says} no sweep any more: {_WITHOUT}")
    else:
        say(f"{host} had no sweep")


async def _order(name: str, *, install: bool, dry_run: bool) -> SweepReport:
    """Have it done, and say what was; the warden is put there where it is missing."""
    from tui.wiring import open_parts

    if name == DEMO:
        raise UsageError("the demo host is no machine of its own: it needs no sweep")
    parts = open_parts(name, ask=ask_on_terminal)
    try:
        await parts.host.connect()
        await parts.warden.install()
        upkeep = parts.upkeep
        order = upkeep.install_sweep if install else upkeep.uninstall_sweep
        report = await order(dry_run=dry_run)
    finally:
        await parts.host.aclose()
    print_lines(_lines(report, dry_run))
    for note in report.notes:
        say(_NOTES.get(note, note))
    return report


def _lines(report: SweepReport, dry_run: bool) -> Iterator[str]:
    for change in report.changes:
        if dry_run:
            yield f"would {_WOULD[change.kind]} {change.what}"
            yield from (f"    {line}" for line in change.lines)
        else:
            yield f"{change.kind} {change.what}"
