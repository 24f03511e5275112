"""A command of the person's own on this machine: bounded in time and output, ended with all that it began."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence

from tui.model.text import decode_clean
from tui.model.units import format_duration

_KEPT = 2048
"""Bytes of its output, the last ones."""
_LAST_WORDS_S = 0.5
"""For what is in the pipe when it has ended; what it left running may hold that open."""
_SHOWN = 200


async def run_command(
    argv: Sequence[str], stdin: bytes, environment: Mapping[str, str], *, limit_s: float
) -> str:
    """Run it in a process group of its own; what went wrong, in a few words that follow its name.

    Empty: nothing did. At the limit, or cancelled, it and its group are killed.
    """
    ours, theirs = os.pipe()
    output = await _Output.of(ours)
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=PIPE, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in a word
        output.close()
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return f"cannot be run: {argv[0]}: {reason}"
    finally:
        os.close(theirs)
    try:
        async with asyncio.timeout(limit_s):
            said = await _converse(process, stdin, output)
    except TimeoutError:
        return f"did not end in {format_duration(limit_s)} and was killed"
    finally:
        output.close()
        await _make_sure(process)
    if not process.returncode:
        return ""
    how = (
        f"failed with status {process.returncode}"
        if process.returncode > 0
        else f"was killed by signal {-process.returncode}"
    )
    return f"{how}: {said}" if said else how


class _Output:
    """The end of a pipe; closed by us, whoever else still holds the other end."""

    def __init__(self, reader: asyncio.StreamReader, transport: asyncio.ReadTransport) -> None:
        self._reader = reader
        self._transport = transport
        self._kept = bytearray()
        self.close = transport.close

    @classmethod
    async def of(cls, descriptor: int) -> _Output:
        """Read from a descriptor, which is closed with it."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
        )
        return cls(reader, transport)

    async def read(self) -> None:
        """To its end, keeping the last of it."""
        while data := await self._reader.read(65536):
            self._kept += data
            del self._kept[:-_KEPT]

    @property
    def last_line(self) -> str:
        """The last that was said."""
        lines = [line.strip() for line in decode_clean(bytes(self._kept)).splitlines() if line.strip()]
        return lines[-1][-_SHOWN:] if lines else ""


async def _converse(process: Process, stdin: bytes, output: _Output) -> str:
    """The last line that it said; it has ended then."""
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(output.read())
        await process.wait()
        await asyncio.wait([reading], timeout=_LAST_WORDS_S)
        reading.cancel()
    return output.last_line


async def _make_sure(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
