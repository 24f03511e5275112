"""What VMs use: sampled for as long as they may be entered, and no VM is woken, held up or ended by it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise

from tests.demo_host import FOREIGN, DemoHost
from tests.until import until
from tui.engine.ledger import Ledger
from tui.engine.supervisor import Pace, Supervisor
from tui.model.events import Event, PhaseEntered, UsePeaked, VmSampled, VmsListed
from tui.model.hosts import DEMO
from tui.model.phase import OutcomeKind, Phase
from tui.model.spec import PinPolicy, RunId, RunSpec
from tui.model.state import RunState
from tui.model.use import PeakUse
from tui.wiring import open_fleet, open_ledger

SAMPLE_S = 0.7
WAITER = RunSpec(
    image="ubuntu-lts-agent", command="until test -e go; do /bin/sleep 0.2; done", host=DEMO, grace_s=60
)
PINNED = RunSpec(image="ubuntu-lts-agent", command=WAITER.command, host=DEMO, pin=PinPolicy.ALWAYS)
FLOOD = """\
cat >.local/bin/sleep <<'END'
#!/bin/sh
[ "$1" != 0.7 ] || while :; do echo "cpu 1 2 3 4 mem 9 1 load 0 disk 9 1"; done
exec /bin/sleep "$@"
END
chmod +x .local/bin/sleep
until test -e go; do /bin/sleep 0.2; done
"""
"""Whoever counts the seconds between two lines there floods us instead."""


@dataclass
class Site:
    demo: DemoHost
    fleet: Supervisor
    ledger: Ledger
    run: RunId
    events: list[Event]

    @property
    def state(self) -> RunState:
        return self.fleet.state.runs[self.run]

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        await until(condition, what)

    async def until_sampled_anew(self) -> None:
        begun = self.count(VmSampled)
        await self.until(lambda: self.count(VmSampled) > begun, "a new sample")

    def count(self, kind: type) -> int:
        return sum(isinstance(event, kind) for event in self.events)

    def let_go_on(self) -> None:
        (self.demo.guest_home(self.state.vm) / "go").touch()


@asynccontextmanager
async def at_work(demo: DemoHost, spec: RunSpec) -> AsyncIterator[Site]:
    with open_ledger() as ledger:
        pace = Pace(sample_s=SAMPLE_S, poll_s=1)
        async with open_fleet(ledger, [DEMO], pace=pace) as fleet:
            events = list[Event]()
            fleet.store.listen(events.append)
            site = Site(demo, fleet, ledger, fleet.submit(spec), events)
            await site.until(lambda: site.state.phase is Phase.WORKING, "it works")
            yield site
            fleet.cancel(site.run)
            await site.until(lambda: site.state.phase is Phase.GONE, "it is gone")
    assert demo.vms() == FOREIGN


async def test_a_vm_is_sampled_while_it_may_be_entered_and_never_woken(demo: DemoHost) -> None:
    async with at_work(demo, PINNED) as site:
        await site.until(lambda: len(site.state.samples) >= 3, "three samples")
        last = site.state.samples[-1]
        assert None not in (last.cpu, last.memory, last.memory_total, last.disk, last.load)
        await site.until(lambda: site.fleet.state.hosts[DEMO].load is not None, "the host is measured")
        assert site.fleet.state.hosts[DEMO].list_took_s
        site.let_go_on()
        await site.until(lambda: site.state.phase is Phase.KEPT, "it is kept")
        await site.until_sampled_anew()

        assert demo.multipass("stop", site.state.vm).returncode == 0
        await site.until(lambda: site.state.vm_state == "Stopped", "it is seen stopped")
        stopped_at, listed = site.count(VmSampled), site.count(VmsListed)
        await site.until(lambda: site.count(VmsListed) > listed + 3, "some lists later")
        assert demo.vms()[site.state.vm] == "Stopped"
        assert demo.clients("exec") == []
        assert site.count(VmSampled) == stopped_at

        assert demo.multipass("start", site.state.vm).returncode == 0
        await site.until_sampled_anew()
        row, peak = site.ledger.row(site.run), next(e for e in site.events if isinstance(e, UsePeaked)).peak
        assert row.peak == peak != PeakUse()
    lines = (site.ledger.folder / "runs" / site.run / "events.ndjson").read_text().splitlines()
    names = [json.loads(line)["event"] for line in lines]
    assert (names.count("UsePeaked"), names.count("VmSampled")) == (1, 0)
    assert demo.clients("exec") == []


async def test_without_a_pin_it_ends_with_the_work_and_a_lost_link_is_got_over(demo: DemoHost) -> None:
    async with at_work(demo, WAITER) as site:
        await site.until_sampled_anew()
        await demo.control("hangup")
        await site.until(lambda: site.fleet.state.hosts[DEMO].lost_since is not None, "the link is down")
        await site.until(lambda: site.fleet.state.hosts[DEMO].lost_since is None, "the link is up")
        await site.until_sampled_anew()
        samplers_at_deletion = list[set[str]]()

        def look(event: Event) -> None:
            if isinstance(event, PhaseEntered) and event.phase is Phase.DELETING:
                names = {task.get_name() for task in asyncio.all_tasks()}
                samplers_at_deletion.append({name for name in names if name.startswith("sample ")})

        site.fleet.store.listen(look)
        site.let_go_on()
        await site.until(lambda: site.state.phase is Phase.GONE, "it is gone")
        assert samplers_at_deletion == [set()]
        assert site.state.outcome is not None
        assert site.state.outcome.kind is OutcomeKind.SUCCEEDED


async def test_a_guest_that_floods_us_is_left_for_ever_longer_and_its_run_is_not(demo: DemoHost) -> None:
    spec = RunSpec(image="ubuntu-lts-agent", command=FLOOD, host=DEMO, grace_s=60)
    async with at_work(demo, spec) as site:
        await site.until(lambda: site.count(VmSampled) >= 4, "it was asked again, and again")
        moments = [event.at for event in site.events if isinstance(event, VmSampled)]
        gaps = [after - before for before, after in pairwise(moments)]
        assert min(gaps[1:]) > SAMPLE_S * 2, gaps  # not one of all the lines that came between
        site.let_go_on()
        await site.until(lambda: site.state.phase is Phase.GONE, "it is gone")
        assert site.state.outcome is not None
        assert site.state.outcome.kind is OutcomeKind.SUCCEEDED
