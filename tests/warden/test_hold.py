from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.until import until
from tests.warden.world import World
from tui.contracts import OnBytes, TerminalSize
from tui.model.errors import ConnectionDropped, HostUnreachable, WardenError
from tui.model.hosts import HostEntry
from tui.model.lease import LeasePhase, LeaseReport
from tui.model.spec import HostName, VmName
from tui.transport.local import LocalChannel, LocalHost
from tui.transport.local_terminal import TerminalChannel
from tui.warden.client import HostWarden


class OtherHost(LocalHost):
    """A host where some other program answers the holder."""

    def __init__(self, program: str) -> None:
        super().__init__(HostEntry(name=HostName("other")))
        self.program = program
        self.dropped = False

    async def open(
        self,
        command: str,
        *,
        on_stdout: OnBytes,
        on_stderr: OnBytes,
        long: bool = False,
        terminal: TerminalSize | None = None,
    ) -> LocalChannel | TerminalChannel:
        other = self.program if long else command
        return await super().open(
            other, on_stdout=on_stdout, on_stderr=on_stderr, long=long, terminal=terminal
        )

    def drop(self) -> None:
        self.dropped = True
        super().drop()


async def held(program: str, limit_s: float = 20) -> OtherHost:
    """Hold a lease on such a host until that raises."""
    host = OtherHost(program)
    warden = HostWarden(host, client="c")
    try:
        await asyncio.wait_for(warden.hold(lambda: [VmName("df-a")], lambda _: None, beat_s=0.5), limit_s)
    finally:
        await host.aclose()
    return host


async def test_unanswered_beats_are_a_dead_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.warden.holder._MIN_PATIENCE_S", 1.0)
    start = time.monotonic()
    with pytest.raises(HostUnreachable):
        await held("echo dayfly hold; exec cat >/dev/null")
    assert 1 < time.monotonic() - start < 5


async def test_the_connection_is_dropped_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.warden.holder._MIN_PATIENCE_S", 0.5)
    host = OtherHost("exec cat >/dev/null")
    with pytest.raises(HostUnreachable):
        await HostWarden(host, client="c").hold(lambda: [], lambda _: None, beat_s=0.1)
    assert host.dropped
    await host.aclose()


@pytest.mark.parametrize(
    "program",
    [
        "echo dayfly hold; yes | tr -d '\\n'",
        "echo dayfly hold; yes",
        "echo dayfly hold; echo lease; echo done x; exec cat >/dev/null",
        "echo dayfly hold; echo ok 99999999999999999999; exec cat >/dev/null",
    ],
)
async def test_a_babbling_host_is_refused(program: str) -> None:
    with pytest.raises(WardenError):
        await held(program)


async def test_a_channel_that_ends_is_a_dropped_connection() -> None:
    with pytest.raises(ConnectionDropped):
        await held("echo dayfly hold; exit 0")


async def test_hold_puts_a_missing_script_in_place(world: World) -> None:
    news: list[LeaseReport] = []
    holding = asyncio.ensure_future(world.warden.hold(lambda: [world.vm], news.append, beat_s=5))
    await until(lambda: bool(news))
    assert news[0].phase is LeasePhase.NONE
    holding.cancel()


async def test_leases_may_come_and_go(world: World) -> None:
    leases: list[VmName] = []
    news: list[LeaseReport] = []
    holding = asyncio.ensure_future(world.warden.hold(lambda: leases, news.append, beat_s=0.3))
    await world.open()
    leases.append(world.vm)
    await until(lambda: [report.phase for report in news] == [LeasePhase.LIVE])
    leases.clear()
    beats = sorted(world.lease.glob("beat.*"))
    await until(lambda: holding.done() or True)
    await asyncio.sleep(1)  # three beats' time: the lease is no longer among them
    assert len(list(world.lease.glob("beat.*"))) == len(beats) == 1
    assert int(next(world.lease.glob("beat.*")).suffix[1:]) <= int(beats[0].suffix[1:]) + 1
    holding.cancel()


async def test_an_answer_that_never_comes_has_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.warden.client.CALL_LIMIT_S", 0.5)
    host = OtherHost("")
    warden = HostWarden(host, client="c")
    monkeypatch.setattr(warden, "_command", "sleep 30")
    with pytest.raises(HostUnreachable):
        await asyncio.wait_for(warden.sweep(), 10)
    await host.aclose()


async def test_a_home_without_room_for_the_script_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    host = LocalHost(HostEntry(name=HostName("here")))
    warden = HostWarden(host, client="c", state_dir=str(tmp_path / "file" / "state"))
    with pytest.raises(WardenError):
        await warden.sweep()
    await host.aclose()
