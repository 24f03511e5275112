"""`grace = finish`: the work goes on although nobody is there, and waits with its log until somebody is."""

import asyncio
import signal

from tests.cli.conftest import Dayfly, only
from tests.cli.test_adoption import NUMBERED as WAITING
from tests.cli.test_adoption import begin, let_go_on, log_of, next_start, rows
from tests.cli.test_ends import GRACE_S, leases, said
from tests.demo_host import FOREIGN
from tests.until import until
from tui.model.hosts import DEMO
from tui.model.phase import Phase
from tui.model.spec import RunSpec
from tui.wiring import open_fleet, open_ledger

pytestmark = only("demo")

FINISH = ("--grace", "finish", "--timeout", "10m")


def has_ended(dayfly: Dayfly) -> bool:
    """Whether the host has recorded the end of the work."""
    folder = dayfly.demo.home / ".local" / "state" / "dayfly" / "leases"
    return any(folder.glob("*/jobs/work/end.exit.7.*"))


async def fetched_late(dayfly: Dayfly, run: str) -> None:
    """It ends without us; whoever attaches gets the status and each byte."""
    await until(lambda: has_ended(dayfly), "the work has ended", timeout_s=60)
    ended = await dayfly("attach", run)
    assert (ended.status, ended.stdout) == (7, rows("out")), ended.stderr
    assert log_of(dayfly, run, "stderr") == rows("err")
    assert dayfly.demo.vms() == FOREIGN
    assert leases(dayfly) == set()


async def test_killed_its_client_costs_the_work_nothing(dayfly: Dayfly) -> None:
    run = await begin(dayfly, WAITING, *FINISH)
    (row,) = await dayfly.ps()
    assert row["trouble"] == "it goes on by itself; demo lets it finish, 15m at most"
    spared = await dayfly("reap", "--host", dayfly.host)
    assert (spared.status, spared.stderr.splitlines()[-1]) == (0, "dayfly: nothing is owed")
    assert f"dayfly cancel {run}" in spared.stderr
    let_go_on(dayfly)
    await fetched_late(dayfly, run)


async def test_a_closed_terminal_lets_it_finish(dayfly: Dayfly) -> None:
    process = await dayfly.start_run(*FINISH, "-c", WAITING)
    await said(process, "The command runs")
    process.send_signal(signal.SIGHUP)
    ended = await dayfly.end_of(process)
    assert ended.status == 129
    run = ended.stderr.rpartition("dayfly attach ")[2].split()[0]
    let_go_on(dayfly)
    await fetched_late(dayfly, run)


async def test_ctrl_c_is_an_order_all_the_same(dayfly: Dayfly) -> None:
    process = await dayfly.start_run(*FINISH, "-c", WAITING)
    await said(process, "The command runs")
    process.send_signal(signal.SIGINT)
    assert (await dayfly.end_of(process)).status == 130
    assert dayfly.demo.vms() == FOREIGN


async def test_left_to_finish_when_the_front_end_goes(dayfly: Dayfly) -> None:
    """The quit dialog's answer, given before the workload runs: it is let go once that does."""
    spec = RunSpec(image="ubuntu-lts-agent", command=WAITING, host=DEMO, grace_s=GRACE_S)
    with open_ledger() as ledger:
        async with open_fleet(ledger, [DEMO]) as fleet:
            run = fleet.submit(spec)
            await until(lambda: fleet.state.runs[run].phase is Phase.LAUNCHING, "it is launched")
            fleet.leave(finish=True)
            assert [state.id for state in fleet.state.unfinished] == [run]
            await until(lambda: fleet.state.runs[run].left, "it is let go")
            assert fleet.state.runs[run].phase is Phase.WORKING
            assert fleet.state.unfinished == ()
            assert fleet.state.runs[run].ends_at is not None
    await asyncio.sleep(GRACE_S * 2)  # it must outlive its grace
    assert leases(dayfly) == {"live"}
    let_go_on(dayfly)
    await until(lambda: leases(dayfly) == {"gone"}, "its host has deleted the VM", timeout_s=60)
    await fetched_late(dayfly, run)


async def test_whoever_changes_his_mind_cancels_it(dayfly: Dayfly) -> None:
    spec = RunSpec(image="ubuntu-lts-agent", command=WAITING, host=DEMO)
    with open_ledger() as ledger:
        async with open_fleet(ledger, [DEMO]) as fleet:
            run = fleet.submit(spec)
            await until(lambda: fleet.state.runs[run].phase is Phase.WORKING, "it works")
            fleet.leave(finish=True)
            await until(lambda: fleet.state.runs[run].left, "it is let go")
            fleet.leave()
            await until(lambda: fleet.state.runs[run].phase is Phase.GONE, "it is gone")
    assert dayfly.demo.vms() == FOREIGN
    assert leases(dayfly) == set()


async def test_the_next_start_shows_how_it_went(dayfly: Dayfly) -> None:
    run = await begin(dayfly, WAITING, *FINISH)
    let_go_on(dayfly)
    await until(lambda: has_ended(dayfly), "the work has ended", timeout_s=60)
    async with next_start(dayfly, run) as fleet:
        await until(lambda: all(state.phase is Phase.GONE for state in fleet.state.runs.values()), "gone")
        (state,) = fleet.state.runs.values()
        assert state.outcome is not None
        assert state.outcome.status == 7
    assert log_of(dayfly, run, "stdout") == rows("out")


async def test_a_pin_that_expires_is_kept_and_then_let_go(dayfly: Dayfly) -> None:
    ended = await dayfly.run("--pin", "always", "--for", "1m", "--", "true")
    assert ended.status == 0, ended.stderr
    (row,) = await dayfly.ps()
    assert row["pinned"]
    assert 0 < row["pinned_until"] - row["pinned_since"] < 90
    assert (await dayfly("pin", row["vm"], "--for", "1s")).status == 0
    await until(lambda: leases(dayfly) == {"gone"}, "its pin is over", timeout_s=60)
    assert dayfly.demo.vms() == FOREIGN
    assert await dayfly.ps() == []
