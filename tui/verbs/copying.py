"""`dayfly cp`: files into a VM that lives, and out of it."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import click

from tui.engine.copies import Copies, CopyFailed, goes_into
from tui.engine.ledger import Ledger, LedgerRow
from tui.engine.unpack import Unpacked, new_names
from tui.model.errors import UsageError
from tui.model.text import clean_line
from tui.model.units import approximate_size, parse_size
from tui.verbs.output import say
from tui.verbs.vms import at_desk
from tui.verbs.which import find_row

_SHOW_EVERY_S = 0.2
_MOST_TOLD = 5


@click.command("cp")
@click.argument("words", metavar="SOURCE... TARGET", nargs=-1, required=True)
@click.option(
    "--max-size", help="Most bytes that are taken out of the VM, such as 10G. [default: its disk's size]"
)
def copy(words: tuple[str, ...], max_size: str | None) -> None:
    """Copy files and folders into the VM of a run, or out of it, as cp -r would.

    One side is RUN:PATH, where RUN is a run's id or its VM, and PATH begins at the home of the VM's user
    unless it begins with /. The VM must live: its run is at work, or it is pinned. What is copied goes as
    root where the run's profile has sudo, else as the VM's user. RUN: alone, out of the VM, is all that the
    artifacts of the profile name. PATH may have wildcards when it is copied out; quote them.

    Links and file modes are kept. Nothing that a VM sends is written outside the target. What could not be
    copied whole is told, kept as NAME.partial, and the exit status is then 1. Where the connection breaks,
    what goes in is sent on from the byte where it stopped; what comes out is begun again.

    \b
    Examples:
      dayfly cp k3v9q2ma:/var/log/syslog .
      dayfly cp k3v9q2ma:'out/*.xml' reports
      dayfly cp k3v9q2ma: results              all artifacts of its profile
      dayfly cp data.csv src k3v9q2ma:work     into the folder work, if there is one
      dayfly cp ./a:b k3v9q2ma:                a name with a colon: write ./ before it
    """  # noqa: D301
    if len(words) < 2:
        raise UsageError("cp takes a source and a target", hint="such as: dayfly cp RUN:PATH .")
    *sources, target = words
    inward, outward = _remote(target), [_remote(source) for source in sources]
    limit = _bytes(max_size)
    if inward and not any(outward):
        asyncio.run(_send(inward, [Path(source).absolute() for source in sources]))
    elif len(outward) == 1 and outward[0] and not inward:
        asyncio.run(_bring(outward[0], target, limit))
    else:
        raise UsageError(
            "either all sources or the target are on this machine, and the other is one RUN:PATH"
        )


def _remote(word: str) -> tuple[str, str] | None:
    """Run and path; None: it is on this machine."""
    run, colon, path = word.partition(":")
    return (run, path) if colon and run and "/" not in run else None


def _bytes(text: str | None) -> int | None:
    try:
        return parse_size(text) if text else None
    except ValueError as error:
        raise UsageError(f"--max-size: {error}") from error


async def _send(remote: tuple[str, str], sources: list[Path]) -> None:
    async with at_desk() as (ledger, _, desk):
        row, progress = find_row(ledger, remote[0]), _Progress()
        with _scratch(ledger, row) as folder, progress:
            copies = Copies(await desk.reach(row), row.vm, row.spec, scratch=Path(folder), show=progress)
            await copies.send(sources, remote[1])


async def _bring(remote: tuple[str, str], target: str, limit: int | None) -> None:
    word, path = remote
    async with at_desk() as (ledger, _, desk):
        row, progress = find_row(ledger, word), _Progress()
        if not path and not row.spec.artifacts:
            raise UsageError(
                f"the profile of {row.vm} names no artifacts", hint=f"name a path: {row.run}:PATH"
            )
        with _scratch(ledger, row) as folder, progress:
            copies = Copies(await desk.reach(row), row.vm, row.spec, scratch=Path(folder), show=progress)
            if path:
                into = goes_into(path, Path(target))
                came = await copies.bring(path, Path(target), max_size=limit or row.spec.disk, into=into)
                faults = _faults(path, *came)
            else:
                faults = await _bring_artifacts(copies, row, Path(target), limit)
    for fault in faults[:_MOST_TOLD]:
        say(fault)
    if faults:
        left = f" ({len(faults) - _MOST_TOLD} more)" if len(faults) > _MOST_TOLD else ""
        raise CopyFailed(f"not all of it could be copied{left}")


async def _bring_artifacts(copies: Copies, row: LedgerRow, target: Path, limit: int | None) -> list[str]:
    """One after the other into the same folder; one that fails holds up no other."""
    faults, names = [], new_names("cp")
    for artifact in row.spec.artifacts:
        most = artifact.max_size if limit is None else limit
        try:
            came = await copies.bring(
                artifact.path, target, max_size=most, workdir=row.spec.workdir, into=True, names=names
            )
            faults += _faults(artifact.path, *came)
        except CopyFailed as error:
            faults.append(error.message)
    return faults


def _faults(path: str, unpacked: Unpacked, told: str) -> list[str]:
    faults = [f"{path}: {unpacked.cut}"] if unpacked.cut else []
    faults += [f"{entry.name}: {entry.reason}" for entry in (*unpacked.refused, *unpacked.renamed)]
    return [*faults, f"{path}: {told}"] if told else faults


def _scratch(ledger: Ledger, row: LedgerRow) -> tempfile.TemporaryDirectory[str]:
    """Beside the run's logs, where there is room for what is large, and nobody else looks."""
    return tempfile.TemporaryDirectory(dir=ledger.run_folder(row.run), prefix="cp-")


class _Progress:
    """One line on a terminal that is written over, a few times a second; elsewhere nothing."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr is not None and sys.stderr.isatty()
        self._next = time.monotonic() + _SHOW_EVERY_S
        self._has_shown = False

    def __call__(self, what: str, done: int, of: int | None) -> None:
        if not self._is_shown or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _SHOW_EVERY_S
        self._has_shown = True
        share = f" {100 * done // of} % of {approximate_size(of)}" if of else f" {approximate_size(done)}"
        click.echo(f"\r\x1b[Kdayfly: {clean_line(what)}:{share}", nl=False, err=True)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._has_shown:
            click.echo("\r\x1b[K", nl=False, err=True)
