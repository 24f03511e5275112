"""`dayfly events`: what happened to a run, while it goes on and afterwards."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from tui.engine.ledger import LedgerRow, RunLock
from tui.engine.replay import Teller, lines_from
from tui.model.event_reader import read_event
from tui.verbs.output import OutputWriter
from tui.verbs.which import find_row

_LOOK_S = 0.1


@click.command()
@click.argument("word", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="NDJSON on a terminal too; anywhere else it always is.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run's process has ended.")
def events(word: str, *, as_json: bool, follow: bool) -> None:
    """Print what happened to a run: sentences on a terminal, else one JSON object a line.

    RUN is a run's id or its VM's name, or as much of it as no other has.

    \b
    Examples:
      dayfly events k3v9q2ma
      dayfly events k3v9q2ma -f | jq -r 'select(.event == "PhaseEntered") | .phase'
    """  # noqa: D301
    from tui.wiring import open_ledger

    with open_ledger() as ledger:
        row = find_row(ledger, word)
        folder = ledger.run_path(row.run)
    is_raw = as_json or sys.stdout is None or not sys.stdout.isatty()
    printer = _Printer(row, folder, is_raw=is_raw)
    while True:
        is_live = follow and folder.is_dir() and RunLock(folder).is_taken()
        if not printer.print_more() or not is_live:
            return
        time.sleep(_LOOK_S)


class _Printer:
    """Prints the lines of one events file, each once."""

    def __init__(self, row: LedgerRow, folder: Path, *, is_raw: bool) -> None:
        self._folder = folder
        self._writer = OutputWriter()
        self._teller = None if is_raw else Teller(row)
        self._offset = 0

    def print_more(self) -> bool:
        """Print what is new; False: nobody reads any more."""
        while True:
            lines, self._offset = lines_from(self._folder, self._offset)
            if not lines:
                return True
            if not self._writer.write("stdout", b"".join(map(self._shown, lines))):
                return False

    def _shown(self, line: bytes) -> bytes:
        if self._teller is None:
            return line
        event = read_event(line)
        text = self._teller.tell(event) if event is not None else ""
        if event is None or not text:
            return b""
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.at))
        return f"{when}  {text}\n".encode()
