"""`dayfly doctor`: what is wrong with a host, and the command that mends it; and the promise, tried."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click

from tui.engine.doctor import Finding, Verdict, has_failed
from tui.engine.drill import GRACE_S, PROMISE_S, Drill, DrillResult, pick_image
from tui.model.errors import DayflyError, UsageError
from tui.model.spec import HostName
from tui.verbs.output import ask_on_terminal, print_json, print_lines, say

_STOPPED_BY = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
_SLEEP_S = 600
"""How long the drill's workload lasts, if nobody ends it."""


@click.command()
@click.argument("host", required=False)
@click.option(
    "--drill", is_flag=True, help="Launch a tiny VM, kill its client, and time the host's clean-up."
)
@click.option("--image", help="What the drill launches. [default: the first lasting release]")
@click.option("--json", "as_json", is_flag=True, help="A list of objects on stdout.")
@click.pass_context
def doctor(ctx: click.Context, host: str | None, *, drill: bool, image: str | None, as_json: bool) -> None:
    """See whether a run can be guarded on a HOST, and what mends it where it cannot.

    Exit status: 0 nothing is wrong, 1 a failure was found.
    """
    from tui import config

    name = host or config.default_host(config.load())
    if name is None:
        raise UsageError("which host?", hint="name one: dayfly doctor demo")
    ctx.exit(asyncio.run(_doctor(name, drill, image, as_json)))


async def _doctor(name: str, drill: bool, image: str | None, as_json: bool) -> int:
    from tui.wiring import open_doctor, open_ledger

    with open_ledger() as ledger:
        say(f"examining {name}")
        findings: tuple[Finding, ...] = await open_doctor(ledger, name, ask=ask_on_terminal).examine()
    if not as_json:
        print_lines(line for finding in findings for line in _lines(finding))
    rows = [asdict(finding) for finding in findings]
    status = 1 if has_failed(findings) else 0
    if drill and status:
        say("no drill: mend the failures first")
    elif drill:
        status, row = await _drill(name, image)
        rows.append(row)
        if not as_json:
            print_lines(_lines(Finding(**{key: row[key] for key in ("check", "verdict", "text", "mend")})))
    if as_json:
        print_json(rows)
    return status


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.verdict.value:<5} {finding.check:<10} {finding.text}"
    if finding.mend:
        yield f"{'':<16} {finding.mend}"


# ---- the drill


async def _drill(name: str, image: str | None) -> tuple[int, dict[str, Any]]:
    """The exit status, and a finding with its figures."""
    from tui.wiring import open_desk, open_fleet, open_ledger

    with open_ledger() as ledger:
        async with open_fleet(ledger, [name], ask=ask_on_terminal) as fleet:
            link = fleet.link(HostName(name))
            await link.first_contact()
            if image is None:
                await link.list_images()
                image = pick_image(fleet.state.hosts[link.name].images)
            say(f"drill on {name} with {image}: its client will be killed, nothing else is touched")
            drill = Drill(link, ledger, open_desk(ledger, fleet), _client(name, image), say)
            with _signals_caught(drill.stop) as caught:
                try:
                    return _judged(await drill.carry_out())
                except DayflyError as error:
                    status = _STOPPED_BY[caught[0]] if caught else 1
                    return status, _row(Verdict.FAIL, error.message, error.hint)


def _client(host: str, image: str) -> tuple[str, ...]:
    """A client in a process of its own, with a VM as small as will do."""
    return (
        *(sys.executable, "-m", "tui", "run", "--json", "--host", host, "--image", image),
        *("--cpus", "1", "--memory", "512M", "--grace", f"{GRACE_S}s", "--timeout", f"{_SLEEP_S}s"),
        *("--", "sleep", str(_SLEEP_S)),
    )


def _judged(result: DrillResult) -> tuple[int, dict[str, Any]]:
    text = (
        f"Its client killed, the VM was seen absent after {result.absent_s:.1f} s"
        f" and the lease closed after {result.closed_s:.1f} s; promised are {PROMISE_S} s."
    )
    figures = {key: round(value, 1) for key, value in asdict(result).items() if key != "vm"}
    verdict = Verdict.OK if result.keeps_promise else Verdict.FAIL
    mend = "" if result.keeps_promise else "see how busy the host is: its VM manager is slow to delete"
    return int(not result.keeps_promise), _row(verdict, text, mend) | {"vm": result.vm, **figures}


def _row(verdict: Verdict, text: str, mend: str) -> dict[str, Any]:
    return asdict(Finding(check="drill", verdict=verdict, text=text, mend=mend))


@contextmanager
def _signals_caught(stop: Callable[[], None]) -> Iterator[Sequence[signal.Signals]]:
    """Being told to stop calls `stop`; yields by which signals it was."""
    loop = asyncio.get_running_loop()
    caught: list[signal.Signals] = []

    def handle(number: signal.Signals) -> None:
        caught.append(number)
        stop()

    for number in _STOPPED_BY:
        loop.add_signal_handler(number, handle, number)
    try:
        yield caught
    finally:
        for number in _STOPPED_BY:
            loop.remove_signal_handler(number)
