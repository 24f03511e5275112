"""Files into a VM that lives and out of it, from another terminal: what `dayfly cp` does.

Out: a tar is streamed from the VM into a file here, then unpacked as everything that a VM sends is. A link
that is cut begins it again. In: as the inputs of a run, by a spool of the lease, which goes on at the byte
where it was cut, and jobs of names that are used once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import TypeVar

from tui.engine import packing
from tui.engine.collect import NO_TAR, NOTHING_MATCHES, collect_argv, cut_at, split_pattern
from tui.engine.errands import Errands, why_cut
from tui.engine.inputs import survey
from tui.engine.link import HostLink
from tui.engine.logs import RunLogs
from tui.engine.names_inside import Names
from tui.engine.unpack import Unpacked, unpack
from tui.engine.visit import PATIENCE_S, Visit, visit
from tui.model.errors import ConnectionDropped, DayflyError, HostUnreachable, UsageError
from tui.model.lease import Argv, JobEnd
from tui.model.spec import Input, RunSpec, VmName
from tui.model.text import clean, clean_bytes
from tui.model.units import MIB

T = TypeVar("T")

Take = Callable[[Path], Unpacked]
"""Unpacks what came into a folder; blocks."""

Show = Callable[[str, int, int | None], None]
"""What goes on, how many bytes of it are done, and of how many, where that is known."""

_TRIES = 3
_STALLED_S = 90.0
"""Without a byte: then the connection into the VM counts as lost."""
_ASK_S = 30.0
_LEAST_S, _SLOWEST = 300.0, MIB
"""How long a step in the VM may take: so many seconds, and those of so many bytes a second."""
_TOLD = 4096


def goes_into(path: str, target: Path) -> bool:
    """Whether `cp -r` would put what `path` names in the VM into the folder `target`. Raises CopyFailed."""
    _, pattern = split_pattern(path)
    if target.is_dir() or any(sign in pattern for sign in "*?[") or pattern.rstrip("/") in (".", ".."):
        return True
    if not target.parent.is_dir():
        raise CopyFailed(f"{target.parent} is no folder here")
    return False


class CopyFailed(DayflyError):
    """Nothing was copied, or not all."""

    exit_code = 1


class Copies:
    """Copies between this machine and one VM. `scratch`: an empty folder here that others cannot read."""

    def __init__(self, link: HostLink, vm: VmName, spec: RunSpec, *, scratch: Path, show: Show) -> None:
        self._link, self._vm, self._spec, self._scratch, self._show = link, vm, spec, scratch, show

    # ---- out of the VM

    async def bring(
        self,
        path: str,
        target: Path,
        *,
        max_size: int,
        workdir: str = "",
        into: bool = False,
        names: Names | None = None,
    ) -> tuple[Unpacked, str]:
        """Copy what `path` names in the VM, at most so many bytes, to `target`, or `into` that folder.

        A relative path begins at `workdir`, or at the home there. What came of it, and what tar in the VM had
        to complain about. Raises CopyFailed where nothing is there, and what `Visit.wait` raises. Cancelled,
        it leaves whole files.
        """
        if into:
            return await self.receive(
                path, lambda take: take(target), max_size=max_size, workdir=workdir, names=names
            )
        put = partial(_replace, name=Path(split_pattern(path)[1]).name, target=target)
        return await self.receive(path, put, max_size=max_size, workdir=workdir, names=names)

    async def receive(
        self,
        path: str,
        put: Callable[[Take], T],
        *,
        max_size: int,
        workdir: str = "",
        names: Names | None = None,
    ) -> tuple[T, str]:
        """As `bring`; `put` is given what unpacks into a folder, and does so in a thread.

        Cancelled, it is not waited for: it ends by itself, with less than all.
        """
        tar = self._scratch / "out.tar"
        argv = collect_argv(path, max_size, sudo=self._spec.sudo, workdir=workdir)
        told = await self._receive(path, argv, tar, cut_at(max_size))
        stop = Event()
        take = partial(unpack, tar, max_size=max_size, mark="cp", names=names, stop=stop)
        try:
            return await asyncio.to_thread(put, take), told
        finally:
            stop.set()
            tar.unlink(missing_ok=True)

    async def _receive(self, path: str, argv: Argv, tar: Path, limit: int) -> str:
        """What it said while it sent all it could."""
        for attempt in range(_TRIES):
            try:
                status, told = await self._receive_once(path, argv, tar, limit)
                break
            except (ConnectionDropped, HostUnreachable):
                if attempt == _TRIES - 1:
                    raise
        if status == NOTHING_MATCHES:
            raise CopyFailed(f"{self._vm} has no {clean(path)}")
        if status == NO_TAR:
            raise CopyFailed(f"{self._vm} has no tar, which it takes to copy out of it")
        if status:
            raise CopyFailed(f"nothing could be copied out of {self._vm}: {told or f'status {status}'}")
        return told

    async def _receive_once(self, path: str, argv: Argv, tar: Path, limit: int) -> tuple[int, str]:
        """Into a new file; the exit status, and the last that was said on stderr."""
        with tar.open("wb") as file:
            sink = _Sink(file.write, lambda size: self._show(f"fetching {path}", size, None), limit)
            command = Visit(self._link, self._vm, on_stdout=sink.take, on_stderr=sink.hear)
            sink.on_fault = command.abort
            try:
                await command.begin(argv)
                command.write_eof()
                status = await self._until_end(command, sink)
            except ConnectionDropped:
                if sink.fault is not None:
                    raise CopyFailed(f"{tar}: {sink.fault.strerror}") from sink.fault
                raise
            finally:
                command.abort()
        return status, sink.told

    async def _until_end(self, command: Visit, sink: _Sink) -> int:
        while True:
            before = sink.size
            try:
                async with asyncio.timeout(_STALLED_S):
                    return await command.wait()
            except TimeoutError:
                if sink.size == before:
                    raise HostUnreachable(
                        f"{self._vm} sent nothing for {_STALLED_S:.0f} s", host=self._link.name
                    ) from None

    # ---- into the VM

    async def send(self, sources: Sequence[Path], to: str) -> None:
        """Copy these, absolute paths, to `to` in the VM, where `cp -r` would put them.

        Raises UsageError for what is not here or cannot be read, CopyFailed, and what `Visit.wait` and the
        warden raise. Cancelled, it leaves nothing on the host, and in the VM what was unpacked by then.
        """
        is_folder = to in ("", ".", "~") or to.endswith("/") or await self._is_folder(to)
        if len(sources) > 1 and not is_folder:
            raise CopyFailed(f"{clean(to)} is no folder in {self._vm}")
        place = f"{to or '.'}/" if is_folder and not to.endswith("/") else to
        package = await self._pack([Input(str(source), place) for source in sources])
        name = f"cp-{secrets.token_hex(4)}"
        logs = RunLogs(self._scratch)
        errands = Errands(
            self._vm, self._link, logs, say=self._say, follow=lambda job: self._follow(job, logs)
        )
        try:
            await self._carry(errands, package, name)
        finally:
            logs.close()
            with contextlib.suppress(DayflyError):
                await errands.drop(name)

    async def _carry(self, errands: Errands, package: packing.Package, name: str) -> None:
        there, limit_s = f"/var/tmp/dayfly-{name}.tar", _LEAST_S + package.size / _SLOWEST
        with _opened(package.path) as file:
            done = await errands.send(
                name,
                lambda _: self._link.driver.put_argv(self._vm, there),
                spool=name,
                fill=lambda: errands.put_file(
                    name,
                    package.size,
                    lambda at, length: os.pread(file, length, at),
                    lambda size: self._show("sending", size, package.size),
                ),
                limit_s=limit_s,
            )
        if done.failure:
            raise CopyFailed(f"nothing could be sent into {self._vm}: {done.failure}", hint=done.hint)
        self._show("unpacking", package.size, package.size)
        job = f"{name}-unpack"
        end = await errands.enter(job, package.unpack_argv(there, sudo=self._spec.sudo), limit_s=limit_s)
        if end.status != 0:
            said = errands.said(job) or f"status {end.status}"
            raise CopyFailed(
                f"not unpacked in {self._vm}: {why_cut(end, limit_s) if end.status is None else said}"
            )

    async def _pack(self, inputs: Sequence[Input]) -> packing.Package:
        stop = Event()
        try:
            found = await asyncio.to_thread(survey, inputs, self._spec.disk, whole=True)
            show = partial(self._show, "packing")
            work = partial(packing.pack, on_packed=lambda size: show(size, found.size), stop=stop)
            return await asyncio.to_thread(work, found, self._scratch)
        except UsageError as error:
            raise UsageError(error.message.removeprefix("inputs: ")) from error
        finally:
            stop.set()

    async def _is_folder(self, path: str) -> bool:
        inside = path.removeprefix("~/")
        async with asyncio.timeout(_ASK_S):
            return (await visit(self._link, self._vm, ("test", "-d", inside))).status == 0

    async def _say(self, sentence: Callable[[], Awaitable[T]]) -> T:
        return await self._link.say(sentence, patience_s=PATIENCE_S)

    async def _follow(self, job: str, logs: RunLogs) -> JobEnd:
        return await self._say(lambda: self._link.warden.follow(self._vm, job, logs.job(job)))


class _Sink:
    """Takes what the VM sends: into a file, and no more than was asked for."""

    def __init__(self, write: Callable[[bytes], object], show: Callable[[int], None], limit: int) -> None:
        self._write, self._show, self._left = write, show, limit
        self._stderr = bytearray()
        self.size = 0
        self.fault: OSError | None = None
        self.on_fault: Callable[[], None] = _ignore

    @property
    def told(self) -> str:
        """The last lines on its stderr, made harmless."""
        return "; ".join(clean_bytes(line) for line in bytes(self._stderr).splitlines()[-3:])

    def take(self, data: bytes) -> None:
        """Some of the tar."""
        if self.fault is not None:
            return
        try:
            self._write(data[: self._left])
        except OSError as error:
            self.fault = error
            self.on_fault()
            return
        self._left -= min(len(data), self._left)
        self.size += len(data)
        self._show(self.size)

    def hear(self, data: bytes) -> None:
        """Some of its stderr."""
        self._stderr += data
        del self._stderr[:-_TOLD]


def _replace(take: Take, name: str, target: Path) -> Unpacked:
    """Unpack the one thing of that name, and put it where `target` is to be."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".dayfly-cp-") as folder:
        unpacked = take(Path(folder))
        for suffix in ("", ".partial"):
            found, place = Path(folder, name + suffix), Path(f"{target}{suffix}")
            if not os.path.lexists(found):
                continue
            if found.is_dir() and not found.is_symlink() and os.path.lexists(place):
                raise CopyFailed(f"{place} is there, and is no folder")
            os.replace(found, place)
    return unpacked


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDONLY)
    try:
        yield file
    finally:
        os.close(file)


def _ignore() -> None:
    """Nobody is to be told."""
