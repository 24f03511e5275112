"""A host that is lost, or whose manager says nothing: the run is told so, and nothing else is held up."""

import asyncio
from pathlib import Path

import pytest

from tests.cli.conftest import Dayfly, only
from tests.cli.test_adoption import NUMBERED, let_go_on, log_of, rows
from tests.cli.test_ends import GRACE_S, leases, said
from tests.demo_host import FOREIGN, DemoHost, private_demo
from tests.until import until
from tui.demo.guest import Guests
from tui.engine.supervisor import Pace, Supervisor
from tui.model.hosts import DEMO, LOCAL, Health
from tui.model.phase import OutcomeKind, Phase
from tui.model.spec import RunId, RunSpec
from tui.wiring import open_fleet, open_ledger

SLEEPER = RunSpec(image="ubuntu-lts-agent", command="sleep 600", host=DEMO)


@only("demo")
async def test_a_lost_host_is_told_with_what_comes_of_it_and_so_is_its_return(dayfly: Dayfly) -> None:
    process = await dayfly.start_run("-c", NUMBERED)
    await said(process, "The command runs")
    await dayfly.demo.control("sshd 4")
    lost = await said(process, "demo unreachable")
    assert "the run goes on; demo ends it in" in lost
    assert lost.endswith("unless we return.\n")
    let_go_on(dayfly)
    await said(process, "demo is back after")
    ended = await dayfly.end_of(process)
    assert ended.status == 7, ended.stderr
    (run,) = (row.run for row in dayfly.ledger().newest(9))
    for stream, word in (("stdout", "out"), ("stderr", "err")):
        assert log_of(dayfly, run, stream) == rows(word)
    assert dayfly.demo.vms() == FOREIGN


@only("demo")
async def test_back_too_late_it_says_who_ended_it(dayfly: Dayfly) -> None:
    process = await dayfly.start_run("--grace", f"{GRACE_S}s", "-c", "seq 500; sleep 600")
    await said(process, "The command runs")
    await dayfly.demo.control("sshd 30")
    await until(lambda: leases(dayfly) == {"gone"}, "its host has ended it", timeout_s=60)
    ended = await dayfly.end_of(process)
    assert ended.status == 125
    assert "demo had not heard from us for 5s and ended the run" in ended.stderr
    assert ended.stdout == b"".join(b"%d\n" % number for number in range(1, 501))
    assert leases(dayfly) == set()


@only("demo")
async def test_a_status_that_came_while_we_were_away_is_not_lost(dayfly: Dayfly) -> None:
    process = await dayfly.start_run("--grace", "12s", "-c", "sleep 3; seq 500; exit 9")
    await said(process, "The command runs")
    await dayfly.demo.control("sshd 30")
    await until(lambda: leases(dayfly) == {"gone"}, "its host has ended it", timeout_s=60)
    ended = await dayfly.end_of(process)
    assert ended.status == 9, ended.stderr
    assert ended.stdout == b"".join(b"%d\n" % number for number in range(1, 501))


def phase_of(fleet: Supervisor, run: RunId) -> Phase:
    return fleet.state.runs[run].phase


async def test_a_silent_manager_is_named_and_holds_up_no_other_host(
    demo: DemoHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with private_demo(tmp_path / "second") as second:
        for name, value in second.own_environment().items():
            monkeypatch.setenv(name, value)
        with open_ledger() as ledger:
            async with open_fleet(ledger, [DEMO, LOCAL], pace=Pace(ask_s=2, poll_s=1)) as fleet:
                debtor = fleet.submit(SLEEPER)
                await until(lambda: phase_of(fleet, debtor) is Phase.WORKING, "it works")
                await demo.control("wedge 20")
                await until(lambda: fleet.state.hosts[DEMO].health is Health.MANAGER_SILENT, "it is named")
                assert "does not answer" in fleet.state.runs[debtor].told
                fleet.cancel(debtor)
                other = fleet.submit(RunSpec(image="ubuntu-lts-agent", command="true", host=LOCAL))
                await until(lambda: phase_of(fleet, other) is Phase.GONE, "the other host goes on")
                assert phase_of(fleet, debtor) is Phase.DELETING
                assert fleet.state.hosts[DEMO].health is Health.MANAGER_SILENT
                await until(lambda: phase_of(fleet, debtor) is Phase.GONE, "the debt is paid", timeout_s=90)
                await until(lambda: fleet.state.hosts[DEMO].health is Health.READY, "it answers")
                outcomes = [fleet.state.runs[run].outcome for run in (debtor, other)]
        assert [outcome and outcome.kind for outcome in outcomes] == [
            OutcomeKind.CANCELLED,
            OutcomeKind.SUCCEEDED,
        ]
        assert demo.vms() == second.vms() == FOREIGN


async def test_a_guest_that_keeps_no_job_is_named_once(own_folders: None, tmp_path: Path) -> None:  # noqa: ARG001
    pytest.importorskip("bashkit")
    told = []
    async with private_demo(tmp_path / "state", guests=Guests.BASHKIT):
        with open_ledger() as ledger:
            async with open_fleet(ledger, [DEMO]) as fleet:
                fleet.store.listen(lambda event: told.append(getattr(event, "text", "")))
                run = fleet.submit(RunSpec(image="24.04", command="sleep 8", host=DEMO))
                async with asyncio.timeout(90):
                    while not phase_of(fleet, run).is_over:
                        await fleet.changed()
    assert sum("cannot keep a job of its own" in text for text in told) == 1


async def test_back_again_it_beats_before_it_asks_a_silent_manager(demo: DemoHost) -> None:
    spec = RunSpec(image="ubuntu-lts-agent", command="sleep 600", host=DEMO, grace_s=8)
    with open_ledger() as ledger:
        async with open_fleet(ledger, [DEMO]) as fleet:
            run = fleet.submit(spec)
            await until(lambda: phase_of(fleet, run) is Phase.WORKING, "it works")
            await demo.control("wedge 20")
            await demo.control("hangup")
            await until(lambda: fleet.state.hosts[DEMO].lost_since is not None, "the link is down")
            await until(lambda: fleet.state.hosts[DEMO].lost_since is None, "the link is up")
            await asyncio.sleep(spec.grace_s * 1.5)  # it must outlive its grace
            assert phase_of(fleet, run) is Phase.WORKING
            await demo.until_daemon()
            assert fleet.state.runs[run].outcome is None
