"""One command from start to end, its output collected: what `Host.run` means on any host."""

from __future__ import annotations

import asyncio

from tui.contracts import Channel, Completed, Host
from tui.model.errors import ConnectionDropped, HostError, HostUnreachable
from tui.model.units import MIB, format_duration

OUTPUT_LIMIT = 64 * MIB
"""Bytes of both streams together; whoever prints more is not answering a question."""


class _Collector:
    """Both streams in memory, up to the limit."""

    def __init__(self) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.channel: Channel | None = None

    @property
    def overflowed(self) -> bool:
        return len(self.stdout) + len(self.stderr) > OUTPUT_LIMIT

    def on_stdout(self, data: bytes) -> None:
        self._append(self.stdout, data)

    def on_stderr(self, data: bytes) -> None:
        self._append(self.stderr, data)

    def _append(self, stream: bytearray, data: bytes) -> None:
        stream += data
        if self.overflowed and self.channel is not None:
            self.channel.abort()


async def run_command(host: Host, command: str, stdin: bytes, *, timeout_s: float) -> Completed:
    """Run `command` on `host`, at most `timeout_s`; then, or when cancelled, its channel is aborted.

    Raises what `Host.open` raises, HostUnreachable after `timeout_s`, HostError past OUTPUT_LIMIT.
    """
    collector = _Collector()
    try:
        async with asyncio.timeout(timeout_s) as limit:
            status = await _carry_out(host, command, stdin, collector)
    except TimeoutError as error:
        if not limit.expired():
            raise
        seconds = format_duration(timeout_s) if timeout_s >= 1 else f"{timeout_s:g}s"
        raise HostUnreachable(f"{host.name} did not answer within {seconds}", host=host.name) from error
    return Completed(status, bytes(collector.stdout), bytes(collector.stderr))


async def _carry_out(host: Host, command: str, stdin: bytes, collector: _Collector) -> int:
    channel = await host.open(command, on_stdout=collector.on_stdout, on_stderr=collector.on_stderr)
    collector.channel = channel
    try:
        channel.write(stdin)
        channel.write_eof()
        return await channel.wait()
    except ConnectionDropped as error:
        if not collector.overflowed:
            raise
        limit = f"{OUTPUT_LIMIT // MIB} MiB"
        raise HostError(f"a command on {host.name} printed more than {limit}", host=host.name) from error
    finally:
        channel.abort()
