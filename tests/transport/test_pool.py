"""One connection for all, more where the server's limits ask for it; against a real sshd."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.fixtures.sshd import Sshd, StartSshd
from tests.transport.person import Output, Person
from tests.until import until
from tui.contracts import Channel
from tui.model.errors import ConnectionDropped, HostKeyUnknown, HostUnreachable
from tui.transport import pool
from tui.transport.ssh import SshHost

pytestmark = pytest.mark.sshd


@pytest.fixture
async def host(sshd: Sshd) -> AsyncIterator[SshHost]:
    made = SshHost(sshd.entry(), Person())
    yield made
    await made.aclose()


async def answers(host: SshHost, count: int) -> None:
    runs = [host.run(f"echo {number}", timeout_s=60) for number in range(count)]
    assert [done.stdout for done in await asyncio.gather(*runs)] == [b"%d\n" % n for n in range(count)]


async def hold(host: SshHost) -> tuple[Channel, Output]:
    """A long channel that is there, and stays."""
    output = Output()
    channel = await host.open("echo there; cat", **output.callbacks, long=True)
    await until(lambda: output.stdout)
    return channel, output


async def test_many_short_commands_share_one_connection(
    sshd: Sshd, host: SshHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "PATIENCE_S", 10)
    await answers(host, 30)
    await answers(host, 5)
    assert sshd.logins() == 1


async def test_short_commands_that_take_long_get_another_connection(sshd: Sshd, host: SshHost) -> None:
    async with asyncio.TaskGroup() as group:
        slow = [group.create_task(host.run("sleep 2", timeout_s=30)) for _ in range(5)]
        await until(lambda: len(sshd.sessions()) >= 6)
        assert (await host.run("echo quick", timeout_s=1.5)).stdout == b"quick\n"
        assert not any(task.done() for task in slow)
    assert sshd.logins() == 2


async def test_long_channels_are_spread_at_most_eight_a_connection(sshd: Sshd, host: SshHost) -> None:
    held = [await hold(host) for _ in range(17)]
    assert sshd.logins() == 3
    for number, (channel, _) in enumerate(held):
        channel.write(b"%d\n" % number)
        channel.write_eof()
    assert [await channel.wait() for channel, _ in held] == [0] * 17
    assert [output.stdout for _, output in held] == [b"there\n%d\n" % number for number in range(17)]


async def test_max_sessions_one(start_sshd: StartSshd) -> None:
    sshd = start_sshd(max_sessions=1)
    host = SshHost(sshd.entry(), Person())
    try:
        held = await asyncio.gather(*[hold(host) for _ in range(6)])
        await answers(host, 20)
        assert sshd.logins() >= 7
        for channel, _ in held:
            channel.write_eof()
        assert [await channel.wait() for channel, _ in held] == [0] * 6
        await answers(host, 5)
    finally:
        await host.aclose()


async def test_a_server_that_grants_no_session_is_said_to(
    start_sshd: StartSshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MAX_REFUSALS", 3)
    host = SshHost(start_sshd(max_sessions=0).entry(), Person())
    with pytest.raises(HostUnreachable, match="takes the login but grants no session") as raised:
        await host.run("true", timeout_s=30)
    assert "MaxSessions" in raised.value.hint
    await host.aclose()


async def test_all_who_wait_for_the_first_connection_share_its_outcome(sshd: Sshd) -> None:
    person = Person()
    host = SshHost(sshd.entry(host_key=""), person)
    runs = [host.run("true", timeout_s=20) for _ in range(10)]
    outcomes = await asyncio.gather(*runs, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {HostKeyUnknown}
    assert len(person.asked) == 1
    with pytest.raises(HostKeyUnknown):
        await host.connect()
    assert len(person.asked) == 2


async def test_whoever_connects_may_give_up_without_harming_the_others(sshd: Sshd) -> None:
    """The first question is never answered; its asker is cancelled; the next one asks anew."""
    asked = asyncio.Event()
    person = Person("yes")

    async def never_then(question: object) -> str | None:
        if not asked.is_set():
            asked.set()
            await asyncio.Event().wait()
        return await person(question)  # type: ignore[arg-type]

    host = SshHost(sshd.entry(host_key=""), never_then)
    first = asyncio.ensure_future(host.connect())
    await asked.wait()
    second = asyncio.ensure_future(host.run("echo in", timeout_s=20))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).stdout == b"in\n"
    assert first.cancelled()
    await host.aclose()


async def test_a_lost_connection_is_forgotten_and_the_next_open_connects_anew(
    sshd: Sshd, host: SshHost
) -> None:
    channel, _ = await hold(host)
    host.drop()
    with pytest.raises(ConnectionDropped):
        await channel.wait()
    await answers(host, 3)
    assert sshd.logins() == 2


async def test_an_opening_that_was_cancelled_costs_no_session(sshd: Sshd, host: SshHost) -> None:
    await host.connect()
    for _ in range(12):
        opening = asyncio.ensure_future(host.open("cat", **Output().callbacks, long=True))
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
    await answers(host, 10)
    await until(lambda: len(sshd.sessions()) <= 2)


async def test_an_idle_connection_that_is_not_the_only_one_is_closed(
    sshd: Sshd, host: SshHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "IDLE_S", 0.05)
    held = [await hold(host) for _ in range(9)]
    assert sshd.logins() == 2
    for channel, _ in held:
        channel.write_eof()
        await channel.wait()
    await until(lambda: sshd.log().count("Close session") == 9 and len(sshd.sessions()) == 1)
    await answers(host, 1)
    assert sshd.logins() == 2


async def test_closing_is_for_good(host: SshHost) -> None:
    await host.connect()
    await host.aclose()
    with pytest.raises(ConnectionDropped, match="lab is closed"):
        await host.run("true", timeout_s=5)
