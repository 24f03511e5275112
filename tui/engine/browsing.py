"""Files of a VM that lives, as one looks at them: a folder's entries, the beginning of a file, a copy here.

All of it goes through `visit`, so through the host's own look whether the VM is ours and runs. What a guest
answers is bounded, and read as data: names are whatever bytes they are.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shlex
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import NoReturn

from tui.engine.copies import Copies, CopyFailed, Take
from tui.engine.link import HostLink
from tui.engine.unpack import Unpacked
from tui.engine.visit import Visit
from tui.model.errors import DayflyError, HostUnreachable, UsageError
from tui.model.files import Fetched, FileEntry, FileKind, Folder
from tui.model.lease import Argv
from tui.model.spec import RunSpec, VmName
from tui.model.text import clean_bytes, clean_line
from tui.model.units import MIB

_LIST_LIMIT = MIB
"""Bytes of a list: some ten thousand entries."""
_MOST_FORKED = 1000
"""Entries, where each takes the guest some processes."""
_ANSWER_S = 30.0
_MOST_SAID = 4096
_MOST_LEFT_OUT = 100
_KINDS = {"-": FileKind.FILE, "d": FileKind.FOLDER, "l": FileKind.LINK}
_MOST_DIGITS = 15
_DENIED = 47
_REFUSALS = {
    44: "{vm} has no {path}",
    45: "{path} is a folder",
    46: "{path} is no folder",
    48: "{path} is neither a file nor a folder: there is nothing to be read",
}
_AS_ROOT = 'exec sudo -n env "HOME=${HOME:-/}" sh -c "$@"'


class Unreadable(DayflyError):
    """What is in the VM cannot be shown or fetched."""

    exit_code = 1


class Browser:
    """The files of one VM. `scratch`: a folder here with room, that others cannot read."""

    def __init__(self, link: HostLink, vm: VmName, spec: RunSpec, *, scratch: Path) -> None:
        self._link, self._vm, self._spec, self._scratch = link, vm, spec, scratch

    async def list_folder(self, path: str) -> Folder:
        """See `contracts.Inside`. Raises Unreadable, and what `Visit.wait` raises."""
        words = (_there(path), str(_LIST_LIMIT), str(_MOST_FORKED))
        answer = await self._ask("list", path, words, limit=2 * _LIST_LIMIT)
        place, _, rest = answer.partition(b"\n\0")
        count, _, records = rest.partition(b"\0")
        if not place.startswith(b"/") or not count.strip().isdigit():
            raise Unreadable(f"{self._vm} answers nonsense about {clean_line(path)}")
        entries = tuple(sorted(map(_entry, records.split(b"\0")[:-1]), key=lambda entry: entry.name))
        more = max(0, int(count[:20]) - len(entries))
        return Folder(path=os.fsdecode(place), entries=entries, more=more)

    async def read_file(self, path: str, limit: int) -> bytes:
        """See `contracts.Inside`. Raises as `list_folder`."""
        return await self._ask("read", path, (_there(path), str(limit)), limit=limit)

    async def fetch(self, path: str, target: Path, on_progress: Callable[[int], None]) -> Fetched:
        """See `contracts.Inside`. Raises Unreadable, CopyFailed, and what `Visit.wait` raises.

        Cancelled, or where the VM did not send it to its end, nothing of it is left here.
        """
        parent, _, name = path.rstrip("/").rpartition("/")
        if name in ("", ".", "..", "~"):
            raise UsageError(f"{clean_line(path)} has no name of its own to be fetched by")
        folder = parent or "/" if path.startswith("/") else (await self.list_folder(parent)).path
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="cp-") as scratch:
            show = partial(_show, on_progress)
            copies = Copies(self._link, self._vm, self._spec, scratch=Path(scratch), show=show)
            put = partial(_put, name=name, target=target)
            try:
                came, told = await copies.receive(
                    _literal(name), put, max_size=self._spec.disk, workdir=folder
                )
            except OSError as error:
                raise CopyFailed(
                    f"{clean_line(path)} cannot be kept in {target}: {error.strerror}"
                ) from error
        unpacked, found = came
        if found is None:
            self._explain_nothing(path, unpacked, told)
        return Fetched(path=found, size=unpacked.size, left_out=_left_out(unpacked, told))

    def _explain_nothing(self, path: str, unpacked: Unpacked, told: str) -> NoReturn:
        if "ermission denied" in told:
            self._refuse(_DENIED, path, b"")
        why = unpacked.cut or "; ".join(entry.reason for entry in unpacked.refused[:1]) or told
        raise Unreadable(f"{clean_line(path)} cannot be fetched: {clean_line(why or 'nothing came')}")

    # ---- asking the guest

    async def _ask(self, script: str, path: str, words: Argv, *, limit: int) -> bytes:
        """What the script answers, at most so many bytes of it."""
        stdout, stderr = _Bounded(limit), _Bounded(_MOST_SAID)
        command = Visit(self._link, self._vm, on_stdout=stdout, on_stderr=stderr)
        inner = ((files("tui.engine") / f"{script}.sh").read_text("utf-8"), f"dayfly-{script}", *words)
        outer = ("sh", "-c", _AS_ROOT, "dayfly") if self._spec.sudo else ("sh", "-c")
        try:
            async with asyncio.timeout(_ANSWER_S):
                await command.begin((*outer, *inner))
                command.write_eof()
                status = await command.wait()
        except TimeoutError:
            await command.stop()
            message = f"{self._vm} says nothing about {clean_line(path)} in {_ANSWER_S:.0f} s"
            raise HostUnreachable(message, host=self._link.name) from None
        finally:
            command.abort()
        if status:
            self._refuse(status, path, bytes(stderr.data))
        return bytes(stdout.data)

    def _refuse(self, status: int, path: str, said: bytes) -> NoReturn:
        shown = clean_line(path) or "~"
        if status == _DENIED:
            by_root = self._spec.sudo
            hint = "" if by_root else f"as root: dayfly exec {self._vm} sudo ls -l {shlex.quote(shown)}"
            who = "root" if by_root else "the VM's user"
            raise Unreadable(f"{shown}: {who} may not read it", hint=hint)
        if status in _REFUSALS:
            raise Unreadable(_REFUSALS[status].format(path=shown, vm=self._vm))
        raise Unreadable(f"{shown} cannot be read: {clean_bytes(said[-200:]) or f'status {status}'}")


class _Bounded:
    """Keeps the beginning of what comes."""

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self._limit = limit

    def __call__(self, data: bytes) -> None:
        self.data += data[: self._limit - len(self.data)]


def _there(path: str) -> str:
    """The path as the guest's sh is given it: from the root, or from its user's home. Raises UsageError."""
    if "\0" in path:
        raise UsageError("a path has no NUL in it")
    if path.startswith("/"):
        return path
    return "./" + ("" if path == "~" else path.removeprefix("~/"))


def _entry(record: bytes) -> FileEntry:
    """One record of list.sh; what makes no sense in it is left empty."""
    name, size, time, mode, kind, target = (*record.split(b"/", 5), *[b""] * 5)[:6]
    return FileEntry(
        name=os.fsdecode(name),
        kind=_KINDS.get(chr(mode[0]) if mode else "", FileKind.OTHER),
        size=int(size) if size.isdigit() and len(size) < _MOST_DIGITS else 0,
        modified_at=_seconds(time),
        mode=clean_bytes(mode[1:11]),
        target=os.fsdecode(target),
        is_folder=kind == b"d",
    )


def _seconds(text: bytes) -> float | None:
    whole = text.partition(b".")[0]
    return float(whole) if whole.isdigit() and len(whole) < _MOST_DIGITS else None


def _literal(name: str) -> str:
    """A pattern that matches this name alone."""
    if not any(sign in name for sign in "*?["):
        return name
    return "".join(f"[{sign}]" if sign in "*?[" else "[\\\\]" if sign == "\\" else sign for sign in name)


def _show(on_progress: Callable[[int], None], _what: str, size: int, _of: int | None) -> None:
    on_progress(size)


def _put(take: Take, name: str, target: Path) -> tuple[Unpacked, Path | None]:
    """Unpack beside its place, then move it there under a name that is free. None: it did not come whole."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".dayfly-fetch-") as folder:
        unpacked = take(Path(folder))
        came = Path(folder, name)
        if unpacked.cut or not os.path.lexists(came):
            return unpacked, None
        return unpacked, _move(came, target)


def _move(came: Path, target: Path) -> Path:
    """Where it is now; nothing that is there is replaced. Raises OSError."""
    for number in itertools.count(1):
        place = target / (came.name if number == 1 else f"{came.stem} ({number}){came.suffix}")
        if os.path.lexists(place):
            continue
        try:
            _move_to(came, place)
        except FileExistsError:
            continue
        return place
    raise AssertionError("numbers do not end")


def _move_to(came: Path, place: Path) -> None:
    """Raises FileExistsError where somebody was quicker; a folder is never moved onto one with content."""
    if came.is_dir() and not came.is_symlink():
        came.rename(place)
        return
    try:
        os.link(came, place, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # a disk without hard links
        came.rename(place)


def _left_out(unpacked: Unpacked, told: str) -> tuple[str, ...]:
    entries = (*unpacked.refused, *unpacked.renamed)[:_MOST_LEFT_OUT]
    lines = [clean_line(f"{entry.name.removeprefix('./')}: {entry.reason}") for entry in entries]
    return (*lines, told) if told else tuple(lines)
