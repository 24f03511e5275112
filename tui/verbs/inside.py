"""`dayfly exec`: a command in a VM that lives, from another terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import click

from tui import config
from tui.engine.environment import text_of
from tui.engine.ledger import LedgerRow
from tui.engine.masking import Mask, patterns_of
from tui.engine.secrets import SecretSources, TrustedCommands
from tui.engine.visit import Visit
from tui.model.errors import ConnectionDropped, DayflyError, UsageError
from tui.model.units import MIB
from tui.verbs.output import OutputLost, OutputWriter, ask_on_terminal, say
from tui.verbs.vms import at_desk
from tui.verbs.which import find_row

STDIN_LIMIT = MIB
"""Bytes: Multipass passes two of these on, and drops in silence what is more."""

_TOO_MUCH = f"stdin has more than the {STDIN_LIMIT // MIB} MiB that a command in a VM can be given"
_AS_A_FILE = "send it as a file: dayfly cp FILE RUN:PATH"
_READ_AT_ONCE = 32 * 1024
_MUCH, _LITTLE = 4 * MIB, MIB
"""Bytes that wait for our reader: the command waits too, and goes on."""
_FAREWELL_S = 5.0
_NOBODY_READS = 141
_STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("-w", "--workdir", help="Where in the VM it starts. [default: the home of the VM's user]")
@click.argument("word", metavar="VM|RUN")
@click.argument("command", metavar="[--] [COMMAND...]", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def execute(ctx: click.Context, word: str, command: tuple[str, ...], workdir: str | None) -> None:
    """Run a command in the VM of a run: one that is at work, or pinned.

    Without a command, the workload of the run once more, in its workdir, with its variables and secrets. Both
    streams and the exit status are the command's; 125 is ours. All words after the VM are the command's,
    with -- before them or without. There is no shell between: write sh -c '...' for pipes and wildcards.

    Stdin is passed on, up to 1 MiB; files go in with dayfly cp. Ctrl-C ends the command in the VM, but not
    the run. The VM goes in its time all the same: dayfly pin keeps it.

    \b
    Examples:
      dayfly exec df-hello-x7k2m9qa                    the workload again
      dayfly exec x7k2m9 -- journalctl -n 50           a few letters will do
      dayfly exec x7k2m9 -- sh -c 'du -sh /var/*'
      dayfly exec x7k2m9 psql -f - <query.sql
    """  # noqa: D301
    words = command[1:] if command[:1] == ("--",) else command
    ctx.exit(asyncio.run(_execute(word, words, workdir)))


async def _execute(word: str, words: tuple[str, ...], workdir: str | None) -> int:
    if words:
        _check_stdin()
    async with at_desk() as (ledger, _, desk):
        row = find_row(ledger, word)
        outlet = Outlet(lambda is_full: visit.hold_back(is_full))
        visit = Visit(
            await desk.reach(row),
            row.vm,
            on_stdout=partial(outlet.put, "stdout"),
            on_stderr=partial(outlet.put, "stderr"),
        )
        return await _Terminal(row, visit, outlet).carry_out(words, workdir)


def _check_stdin() -> None:
    """A file that is too long is refused before anything is done."""
    if sys.stdin is None:
        return
    found = os.fstat(sys.stdin.fileno())
    if stat.S_ISREG(found.st_mode):
        left = found.st_size - os.lseek(sys.stdin.fileno(), 0, os.SEEK_CUR)
        if left > STDIN_LIMIT:
            raise UsageError(_TOO_MUCH, hint=_AS_A_FILE)


class Outlet:
    """The command's bytes on their way to our own streams, written in a thread: a reader may be slow.

    `on_full` hears when much waits (True) and when little does again; then more may be put.
    """

    def __init__(self, on_full: Callable[[bool], None]) -> None:
        self._on_full = on_full
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._size = 0
        self._is_full = False
        self._news = asyncio.Event()
        self._writer = OutputWriter()
        self._deaf = {name for name in ("stdout", "stderr") if getattr(sys, name) is None}
        self._masks = {name: Mask(()) for name in ("stdout", "stderr")}
        self._is_closed = False

    def mask(self, secrets: Iterable[bytes]) -> None:
        """From now on stars stand for these."""
        patterns = patterns_of(secrets)
        self._masks = {name: Mask(patterns) for name in self._masks}

    def put(self, stream: str, data: bytes) -> None:
        """Queue some bytes."""
        shown = self._masks[stream].feed(data)
        self._waiting.append((stream, shown))
        self._count(len(shown))
        self._news.set()

    def _count(self, change: int) -> None:
        self._size += change
        is_full = self._size > (_LITTLE if self._is_full else _MUCH)
        if is_full is not self._is_full:
            self._is_full = is_full
            self._on_full(is_full)

    def close(self) -> None:
        """No more will come."""
        for stream, mask in self._masks.items():
            self._waiting.append((stream, mask.end()))
        self._is_closed = True
        self._news.set()

    async def drain(self) -> bool:
        """Write until closed and empty; False: nobody reads stdout any more. Raises OutputLost."""
        while True:
            while self._waiting:
                stream, data = self._waiting.popleft()
                if stream not in self._deaf and not await asyncio.to_thread(self._writer.write, stream, data):
                    if stream == "stdout":
                        return False
                    self._deaf.add(stream)
                self._count(-len(data))
            if self._is_closed:
                return True
            self._news.clear()
            await self._news.wait()


class _Terminal:
    """One command from its start to its end, as this process's own."""

    def __init__(self, row: LedgerRow, visit: Visit, outlet: Outlet) -> None:
        self._row = row
        self._visit = visit
        self._outlet = outlet
        self._told = asyncio.Event()
        self._status: int | None = None
        self._fault: DayflyError | None = None

    async def carry_out(self, words: tuple[str, ...], workdir: str | None) -> int:
        """Its exit status, or why there is none of its own."""
        spec = self._row.spec
        env = None if words else await self._variables()
        try:
            place = spec.workdir if workdir is None else workdir
            await self._visit.begin(words or spec.argv, workdir=place, env=env)
            with self._signals_caught():
                status = await self._follow(stdin=bool(words))
        finally:
            self._visit.abort()
        if self._fault is not None:
            raise self._fault
        return status if self._status is None else self._status

    async def _variables(self) -> bytes:
        """A text that sets what the workload finds in its environment; its secrets are masked from now on."""
        spec = self._row.spec
        sources = SecretSources(spec, ask=ask_on_terminal, trusted=TrustedCommands(config.state_dir()))
        values = await sources.resolve()
        if spec.mask:
            self._outlet.mask(value.reveal() for value in values.values())
        return text_of(spec.env, values).reveal()

    async def _follow(self, *, stdin: bool) -> int:
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(self._feed(stdin=stdin)),
                group.create_task(self._heed()),
            ]
            printing = group.create_task(self._print())
            try:
                return await self._wait()
            finally:
                for task in beside:
                    task.cancel()
                self._outlet.close()
                await printing

    async def _wait(self) -> int:
        try:
            return await self._visit.wait()
        except ConnectionDropped as error:
            if self._told.is_set():
                return 125
            is_ended = await self._visit.stop()
            fate = "it was ended" if is_ended else "it may go on there"
            raise ConnectionDropped(
                f"the connection to {self._row.entry.name} was lost while the command ran; {fate}",
                host=error.host,
            ) from error

    # ---- its streams

    async def _feed(self, *, stdin: bool) -> None:
        passed = 0
        while stdin and (data := await _read_stdin()):
            passed += len(data)
            if passed > STDIN_LIMIT:
                return self._end(fault=DayflyError(_TOO_MUCH, hint=_AS_A_FILE))
            with contextlib.suppress(ConnectionDropped):  # said once, by who waits for its end
                await self._visit.write(data)
        self._visit.write_eof()

    async def _print(self) -> None:
        try:
            if not await self._outlet.drain():
                self._end(status=_NOBODY_READS)
        except OutputLost as error:
            self._end(fault=error)

    # ---- its end before its time

    def _end(self, *, status: int | None = None, fault: DayflyError | None = None) -> None:
        if not self._told.is_set():
            self._status, self._fault = status, fault
            self._told.set()

    async def _heed(self) -> None:
        await self._told.wait()
        if await self._visit.stop():
            await asyncio.sleep(_FAREWELL_S)  # its last words; its end cancels this
        else:
            say(f"the command may go on in {self._row.vm}: its processes cannot be told apart there")
        self._visit.abort()

    @contextmanager
    def _signals_caught(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in _STOPPED_BY:
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            yield
        finally:
            for number in _STOPPED_BY:
                loop.remove_signal_handler(number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._told.is_set():
            self._visit.abort()
        self._end(status=128 + number)


async def _read_stdin() -> bytes:
    """Some bytes, or none at its end; what cannot be waited for, such as a file, does not block."""
    if sys.stdin is None:
        return b""
    file = sys.stdin.fileno()
    loop = asyncio.get_running_loop()
    is_ready = asyncio.Event()
    try:
        loop.add_reader(file, is_ready.set)
    except PermissionError:
        return await asyncio.to_thread(os.read, file, _READ_AT_ONCE)
    try:
        await is_ready.wait()
    finally:
        loop.remove_reader(file)
    return os.read(file, _READ_AT_ONCE)
