"""What was run on the hosts, as a table, as facts, and as a line for one's own shell. Nothing here draws."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence

from tui.app.present import Fact, Label, Tone
from tui.app.tables import Column, Table, TableRow
from tui.model.hosts import DEMO, LOCAL, HostEntry
from tui.model.spec import HostName
from tui.model.text import clean, clean_line
from tui.model.use import HostCommand

Entry = tuple[HostName, HostCommand]

SLOW_S = 5.0
"""What takes longer stands out."""
_TIME, _HOST, _TOOK, _EXIT = Column("TIME", 10), Column("HOST", 11), Column("TOOK", 9), Column("EXIT", 9)


def key_of(entry: Entry) -> str:
    """What tells a command from all others."""
    host, command = entry
    return f"{host} {command.at!r} {shlex.join(command.argv)}"


def took(seconds: float) -> Label:
    """How long it took: `38 ms`, `4.2 s`, `2 min 05 s`."""
    tone: Tone = "warn" if seconds > SLOW_S else "muted"
    if seconds < 1:
        return Label(f"{seconds * 1000:.0f} ms", tone)
    if seconds < 60:
        return Label(f"{seconds:.1f} s", tone)
    return Label(f"{seconds // 60:.0f}m {seconds % 60:02.0f}s", tone)


def ended(status: int | None) -> Label:
    """How it ended."""
    if status is None:
        return Label("? lost", "warn")
    return Label(f"✘ {status}", "bad") if status else Label("✔ 0", "good")


def commands_table(entries: Sequence[Entry], width: int) -> Table:
    """The newest first."""
    fixed = (_TIME, _HOST, _TOOK, _EXIT)
    columns = (*fixed, Column("COMMAND", max(width - sum(column.width for column in fixed), 16)))
    rows = []
    for entry in reversed(entries):
        host, command = entry
        cells = (
            Label(time.strftime("%H:%M:%S", time.localtime(command.at)), "muted"),
            Label(clean_line(host), "muted"),
            took(command.took_s),
            ended(command.status),
            Label(clean_line(shlex.join(command.argv)), "muted" if command.is_routine else "text"),
        )
        rows.append(TableRow(key_of(entry), tuple((cell,) for cell in cells)))
    return Table(columns, tuple(rows))


def command_facts(entry: Entry, host: HostEntry) -> tuple[Fact, ...]:
    """All about one command."""
    _, command = entry
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(command.at))
    lasted, end = took(command.took_s), ended(command.status)
    return (
        ("Began", Label(f"{at}, took {lasted.text}", lasted.tone if lasted.tone == "warn" else "text")),
        ("Exit", end if command.status is not None else Label("? the link was lost, or we left it", "warn")),
        *([("About", Label(clean_line(command.about)))] if command.about else []),
        ("Command", Label(clean(shlex.join(command.argv)))),
        ("By hand", Label(clean(shell_line(host, command)), "muted")),
    )


def shell_line(host: HostEntry, command: HostCommand) -> str:
    """The same command, to be typed here. ssh gives its words to a shell there: they are quoted twice."""
    line = shlex.join(command.argv)
    if host.name == LOCAL:
        return line
    if host.name == DEMO:
        return shlex.join(("dayfly", "demo", "--shell", line))
    port = ("-p", str(host.port)) if host.port else ()
    login = f"{host.user}@{host.address or host.name}" if host.user else host.address or host.name
    return shlex.join(("ssh", "-t", *port, login, line))
