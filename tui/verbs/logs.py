"""`dayfly logs`: what a run wrote, from this machine's own files."""

from __future__ import annotations

import time

import click

from tui.contracts import LogReader
from tui.engine.ledger import RunLock
from tui.engine.logs import RunLogReader
from tui.engine.narrate import CLEANUP_LOG
from tui.model.lease import BOOT_JOB, LAUNCH_JOB, SEND_JOB, UNPACK_JOB, WORK_JOB
from tui.verbs.output import OutputWriter
from tui.verbs.which import find_row

JOBS = (WORK_JOB, LAUNCH_JOB, BOOT_JOB, SEND_JOB, UNPACK_JOB, CLEANUP_LOG)
"""What there may be a log of."""

_READ_AT_ONCE = 256 * 1024
_LOOK_S = 0.1


@click.command()
@click.argument("word", metavar="RUN")
@click.option("--job", type=click.Choice(JOBS), default=WORK_JOB, show_default=True)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run's process has ended.")
def logs(word: str, *, job: str, follow: bool) -> None:
    """Print the log of a run: stdout on stdout, stderr and our own words on stderr."""
    from tui.wiring import open_ledger

    with open_ledger() as ledger:
        row = find_row(ledger, word)
        folder = ledger.run_folder(row.run)
    reader, writer, offset = RunLogReader(folder), OutputWriter(), 0
    while True:
        is_live = follow and RunLock(folder).is_taken()
        offset = print_from(reader, writer, job, offset)
        if not is_live or offset < 0:
            return
        time.sleep(_LOOK_S)


def print_from(reader: LogReader, writer: OutputWriter, job: str, offset: int) -> int:
    """Print all there is of a job from `offset`; where to go on, or -1: nobody reads any more."""
    while chunks := reader.read(job, offset, _READ_AT_ONCE):
        for chunk in chunks:
            offset += len(chunk.data)
            if not writer.write("stdout" if chunk.stream == "stdout" else "stderr", chunk.data):
                return -1
    return offset
