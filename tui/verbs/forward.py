"""`dayfly forward`: a port of this machine that leads to one of a VM."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tui.engine.forwarding import HERE, Forward
from tui.engine.ledger import LedgerRow
from tui.engine.racing import first_of
from tui.engine.visit import closing
from tui.model.errors import UsageError
from tui.model.lease import LeasePhase, LeaseReport
from tui.verbs.output import print_json, print_lines, say
from tui.verbs.vms import at_desk
from tui.verbs.which import find_row

_STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command("forward")
@click.argument("word", metavar="VM|RUN")
@click.argument("ports", metavar="PORT[:LOCAL]")
@click.option("--json", "as_json", is_flag=True, help="An object on stdout once it is there.")
def forward(word: str, ports: str, *, as_json: bool) -> None:
    """Let a port of this machine lead to PORT in the VM of a run: one that is at work, or pinned.

    The port here is LOCAL, at 127.0.0.1 alone; without LOCAL the same number where that is free, else any.
    Its URL is printed once it is there. It lasts until Ctrl-C, and then the exit status is 0, or until the VM
    is deleted. Where the connection to the host breaks, what was open ends, and new connections go over
    the next one.

    The server in the VM must listen at the VM's own address or at 0.0.0.0, not at 127.0.0.1 alone, and before
    this is started.

    \b
    Examples:
      dayfly forward k3v9q2ma 8080           http://127.0.0.1:8080
      dayfly forward k3v9q2ma 80:8080        a port here that needs no root
      dayfly forward k3v9q2ma 5432:0         any port here
    """  # noqa: D301
    port, local_port = _ports(ports)
    asyncio.run(_forward(word, port, local_port, as_json=as_json))


def _ports(text: str) -> tuple[int, int]:
    there, colon, here = text.partition(":")
    if len(text) > 11 or not all(
        part.isascii() and part.isdigit() for part in (there, here if colon else "0")
    ):
        raise UsageError(f"{text!r} is no PORT or PORT:LOCAL", hint="such as 8080, or 80:8080")
    return int(there), int(here or 0)


async def _forward(word: str, port: int, local_port: int, *, as_json: bool) -> None:
    async with at_desk() as (ledger, _, desk):
        row = find_row(ledger, word)
        leads = Forward(link := await desk.reach(row), row.vm, port, tell=say)
        await link.list_now()  # its address
        try:
            here = await leads.listen(local_port)
            _show(row, port, here, as_json=as_json)
            link.look_at(row.vm)
            with _told_to_stop() as told:
                await first_of(leads.serve(), told.wait(), link.report_where(row.vm, _is_over))
            if not told.is_set():
                raise closing(link, row.vm)
        finally:
            leads.close()


def _show(row: LedgerRow, port: int, here: int, *, as_json: bool) -> None:
    url = f"http://{HERE}:{here}"
    if as_json:
        place = {"vm": row.vm, "run": row.run, "host": row.entry.name}
        print_json({**place, "port": port, "local_port": here, "url": url})
    else:
        print_lines([url])
    say(f"{HERE}:{here} leads to port {port} of {row.vm}; ctrl-c ends it")


def _is_over(report: LeaseReport) -> bool:
    return report.phase.is_ending or report.phase is LeasePhase.NONE


@contextmanager
def _told_to_stop() -> Iterator[asyncio.Event]:
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in _STOPPED_BY:
        loop.add_signal_handler(number, told.set)
    try:
        yield told
    finally:
        for number in _STOPPED_BY:
            loop.remove_signal_handler(number)
