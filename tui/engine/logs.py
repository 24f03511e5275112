"""The logs of one run on this client's disk.

A raw file per job and stream, `work.stdout`, and an index per job, `work.index`: one fixed-size entry per
write, in order of arrival. Panes, the headless log and `dayfly logs` all read these files.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tui.contracts import LogChunk
from tui.engine.masking import Mask, patterns_of
from tui.model.errors import LogUnwritable
from tui.model.lease import is_collect_job

STREAMS = ("stdout", "stderr", "narration")
_ENTRY = struct.Struct("<QQIId")  # merged offset, offset in its stream, length, stream, arrival (epoch s)
_FLUSH_AT = 64 * 1024
_FLUSH_AFTER_S = 0.1
_WAIT_AT_MOST = 4 * 1024 * 1024


OnStreamBytes = Callable[[str, bytes], None]


class JobLog:
    """Appends to one job's files; a `contracts.LogSink`.

    Bytes are in the files at most 100 ms after they came, or at once when 64 KiB are waiting. While the disk
    refuses them at most 4 MiB wait in memory; what comes on top is dropped, and fetched again by whoever
    follows the job: `sizes` says from where. Stars stand in the files for the patterns that are `secret`;
    what may be the beginning of one waits in memory, and counts as not here.
    """

    def __init__(self, folder: Path, job: str, secret: Sequence[bytes] = ()) -> None:
        self._files = [os.open(folder / f"{job}.{stream}", _APPEND, 0o600) for stream in STREAMS]
        self._index = os.open(folder / f"{job}.index", _APPEND, 0o600)
        self._sizes = [os.fstat(file).st_size for file in self._files]
        self._merged = self._mend_index()
        self._waiting: list[tuple[int, bytearray]] = []
        self._waiting_size = 0
        self._is_dropping = False
        self._timer: asyncio.TimerHandle | None = None
        self._masks = (Mask(secret), Mask(secret))
        self._ends: tuple[int, int] | None = None
        self.on_bytes: OnStreamBytes | None = None

    def sizes(self) -> tuple[int, int]:
        """Bytes of stdout and stderr that are in the files: what comes goes on there.

        Raises LogUnwritable.
        """
        self.flush()
        self._is_dropping = False
        for mask in self._masks:
            mask.forget()
        return self._sizes[0], self._sizes[1]

    def stdout(self, data: bytes) -> None:
        """Append to stdout."""
        self._show(0, data)

    def stderr(self, data: bytes) -> None:
        """Append to stderr."""
        self._show(1, data)

    def end(self, stdout_size: int, stderr_size: int) -> None:
        """The streams end at these offsets: what is held back there is no beginning of a secret."""
        self._ends = stdout_size, stderr_size
        for stream in range(2):
            self._let_go(stream)

    def narrate(self, line: str) -> None:
        """Append one line of our own."""
        self._take(2, f"{line}\n".encode())

    def flush(self) -> None:
        """Write what is waiting. Raises LogUnwritable where the disk is full; nothing is lost by that."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            stream, data = self._waiting[0]
            try:
                written = os.write(self._files[stream], data)
            except OSError as error:
                raise LogUnwritable(f"the log cannot be written here: {error.strerror}") from error
            self._enter(stream, written)
            self._waiting_size -= written
            if written == len(data):
                self._waiting.pop(0)
            else:
                del data[:written]

    async def sync(self) -> None:
        """Have everything on the disk itself. Raises LogUnwritable."""
        self.flush()
        for file in (*self._files, self._index):
            await asyncio.to_thread(os.fsync, file)

    def close(self) -> None:
        """Flush and close. Idempotent."""
        if self._index < 0:
            return
        try:
            self.flush()
        finally:
            for file in (*self._files, self._index):
                os.close(file)
            self._index = -1

    def _show(self, stream: int, data: bytes) -> None:
        self._take(stream, self._masks[stream].feed(data))
        self._let_go(stream)

    def _let_go(self, stream: int) -> None:
        """Append what is held back of a stream that is here to its end."""
        mask = self._masks[stream]
        if self._ends is None or not mask.held or self._is_dropping:
            return
        waiting = sum(len(data) for of, data in self._waiting if of == stream)
        if self._sizes[stream] + waiting + mask.held == self._ends[stream]:
            self._take(stream, mask.end())

    def _take(self, stream: int, data: bytes) -> None:
        if not data:
            return
        if self._is_dropping or self._waiting_size > _WAIT_AT_MOST:
            self._is_dropping = True
            return
        if self._waiting and self._waiting[-1][0] == stream:
            self._waiting[-1][1].extend(data)
        else:
            self._waiting.append((stream, bytearray(data)))
        self._waiting_size += len(data)
        if self.on_bytes is not None:
            self.on_bytes(STREAMS[stream], data)
        if self._waiting_size >= _FLUSH_AT:
            self._flush_quietly()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_AFTER_S, self._flush_quietly)

    def _flush_quietly(self) -> None:
        # `sizes` and `sync` tell of a full disk those who can wait for room.
        with contextlib.suppress(LogUnwritable):
            self.flush()

    def _enter(self, stream: int, length: int) -> None:
        entry = _ENTRY.pack(self._merged, self._sizes[stream], length, stream, time.time())
        os.write(self._index, entry)
        self._sizes[stream] += length
        self._merged += length

    def _mend_index(self) -> int:
        """Enter the bytes that a crash or a full disk left without an entry; return the merged size."""
        size = os.fstat(self._index).st_size
        if size % _ENTRY.size:
            os.ftruncate(self._index, size - size % _ENTRY.size)
        entered = [0] * len(STREAMS)
        for at in range(0, size - size % _ENTRY.size, _ENTRY.size):
            _, offset, length, stream, _ = _ENTRY.unpack(os.pread(self._index, _ENTRY.size, at))
            entered[stream] = offset + length
        self._merged = sum(entered)
        found, self._sizes = self._sizes, entered
        for stream, length in enumerate(found):
            if length > entered[stream]:
                self._enter(stream, length - entered[stream])
        return self._merged


_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class RunLogs:
    """The logs of one run as they are written: one open `JobLog` a job."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._jobs: dict[str, JobLog] = {}
        self._secret: tuple[bytes, ...] = ()

    def mask(self, values: Iterable[bytes]) -> None:
        """Have stars for these in the logs of all jobs that are opened from now on; not in results."""
        self._secret = patterns_of(values)

    def job(self, job: str, on_bytes: OnStreamBytes | None = None) -> JobLog:
        """The log of `job`, opened once; `on_bytes` sees what is appended from now on."""
        if job not in self._jobs:
            self._jobs[job] = JobLog(self._folder, job, () if is_collect_job(job) else self._secret)
        if on_bytes is not None:
            self._jobs[job].on_bytes = on_bytes
        return self._jobs[job]

    def tail(self, job: str, stream: str, length: int) -> bytes:
        """The last bytes of a stream."""
        path = self._folder / f"{job}.{stream}"
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - length))
            return file.read(length)

    def close(self) -> None:
        """Flush and close all. Idempotent."""
        for log in self._jobs.values():
            with contextlib.suppress(LogUnwritable):
                log.close()
        self._jobs.clear()


class RunLogReader:
    """Reads the logs of one run while they grow; a `contracts.LogReader`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, job: str, stream: str) -> Path:
        """The raw file, there or not."""
        return self._folder / f"{job}.{stream}"

    def size(self, job: str, skip: str = "") -> int:
        """Bytes of all streams of `job` that can be read now; with `skip`, where the last one kept ends."""
        with self._index(job) as index:
            for merged, _, length, stream, _ in index.backwards(len(index)):
                if STREAMS[stream] != skip:
                    return merged + length
        return 0

    def read(
        self, job: str, offset: int, length: int, skip: str = "", *, joined: bool = False
    ) -> Sequence[LogChunk]:
        """At most `length` bytes from `offset` of the merged log, in order of arrival."""
        with self._index(job) as index:
            pieces = list(index.pieces(offset, length, STREAMS.index(skip) if skip else -1))
        if joined:
            pieces = _joined(pieces)
        with contextlib.ExitStack() as opened:
            files = {
                stream: opened.enter_context(_opened(f"{self._folder}/{job}.{STREAMS[stream]}"))
                for stream in {piece.stream for piece in pieces}
            }
            return [
                LogChunk(
                    job,
                    STREAMS[piece.stream],
                    piece.at,
                    os.pread(files[piece.stream], piece.length, piece.start),
                    piece.offset,
                )
                for piece in pieces
            ]

    def back(self, job: str, offset: int, length: int, skip: str = "") -> int:
        """Where the last `length` bytes before `offset` begin; 0 where there are not so many."""
        if not skip:
            return max(0, offset - length)
        with self._index(job) as index:
            for merged, _, size, stream, _ in index.backwards(index.position(offset) + 1):
                here = min(size, offset - merged)
                if here <= 0 or STREAMS[stream] == skip:
                    continue
                if here >= length:
                    return merged + here - length
                length -= here
        return 0

    def arrived(self, job: str, at: float) -> int:
        """Offset of the first byte that arrived at `at` (epoch seconds) or later; the size if none did."""
        with self._index(job) as index:
            for merged, _, _, _, _ in index.forwards(index.first_since(at)):
                return merged
        return self.size(job)

    @contextlib.contextmanager
    def _index(self, job: str) -> Iterator[_Index]:
        with contextlib.ExitStack() as opened:
            file = -1
            with contextlib.suppress(FileNotFoundError):
                file = opened.enter_context(_opened(f"{self._folder}/{job}.index"))
            yield _Index(file)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    """A file's number: a search opens some hundred times, and buffers are of no use to it."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


_Entry = tuple[int, int, int, int, float]
_BATCH = 1024
"""Entries that are read at once."""
_FEW = 64


class _Piece(NamedTuple):
    """Bytes of one stream that are to be read."""

    offset: int
    stream: int
    start: int
    length: int
    at: float


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """Neighbours of one stream as one piece: what is searched is copied once."""
    found: list[_Piece] = []
    for piece in pieces:
        last = found[-1] if found else None
        # Of one stream, what is side by side in the merged log is so in the file.
        if last and last.stream == piece.stream and last.offset + last.length == piece.offset:
            found[-1] = last._replace(length=last.length + piece.length)
        else:
            found.append(piece)
    return found


class _Index(Sequence[_Entry]):
    """The entries of an index file, as many as there are when it is opened."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._count = os.fstat(file).st_size // _ENTRY.size if file >= 0 else 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, position: int) -> _Entry:  # type: ignore[override]
        (entry,) = self._some(position, position + 1)
        return entry

    def position(self, offset: int) -> int:
        """Of the entry that holds this byte of the merged log, or of the last."""
        low, high = 0, self._count
        while high - low > _FEW:
            middle = (low + high) // 2
            low, high = (middle, high) if self[middle][0] <= offset else (low, middle)
        few = list(self._some(low, high)) if high else []  # one read is quicker than the last few looks
        return low + max(0, bisect_right(few, offset, key=lambda entry: entry[0]) - 1)

    def pieces(self, offset: int, length: int, skip: int) -> Iterator[_Piece]:
        """Where the `length` bytes from `offset` on lie, but for the stream `skip`."""
        for merged, start, size, stream, at in self.forwards(self.position(offset)):
            if length <= 0:
                return
            past = max(0, offset - merged)
            wanted = min(size - past, length)
            if wanted > 0 and stream != skip:
                yield _Piece(merged + past, stream, start + past, wanted, at)
                length -= wanted

    def first_since(self, at: float) -> int:
        """Position of the first entry that arrived at `at` or later."""
        return bisect_left(self, at, key=lambda entry: entry[4])

    def forwards(self, position: int) -> Iterator[_Entry]:
        """The entries from `position` on; the first few are read alone, as often no more are needed."""
        batch = 16
        while position < self._count:
            end = min(self._count, position + batch)
            yield from self._some(position, end)
            position, batch = end, _BATCH

    def backwards(self, end: int) -> Iterator[_Entry]:
        """The entries before position `end`, the last one first."""
        end, batch = min(end, self._count), 16
        while end > 0:
            start = max(0, end - batch)
            yield from reversed(list(self._some(start, end)))
            end, batch = start, _BATCH

    def _some(self, start: int, end: int) -> Iterator[_Entry]:
        data = os.pread(self._file, (end - start) * _ENTRY.size, start * _ENTRY.size)
        entries: Iterator[_Entry] = _ENTRY.iter_unpack(data)
        return entries
