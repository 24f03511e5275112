"""Many runs on a private demo host, ended at random: by themselves, by cancel, by quitting, by kill -9.

    python -m benchmarks.storm --runs 1000 --seed 1

Afterwards no VM may be left that is not pinned, every VM whose pin was confirmed must be there, and the
foreign VMs must be as they were. Prints its figures as JSON; exits 1 if any of that is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tui.demo import process
from tui.demo.process import DemoAddress, Guests
from tui.engine.ledger import LedgerRow
from tui.engine.supervisor import Pace, Supervisor
from tui.model.events import Event, PinChanged, WorkEnded
from tui.model.hosts import DEMO
from tui.model.phase import OutcomeKind, Pin
from tui.model.spec import PinPolicy, RunId, RunSpec
from tui.wiring import open_desk, open_fleet, open_ledger

GRACE_S = 5
RUNS_A_CLIENT = 8
CLIENTS_AT_ONCE = 3
SETTLE_S = 120.0
WORKLOADS = (
    ("true", 0),
    ("exit 3", 3),
    ("echo out; echo err >&2; sleep 0.5", 0),
    ("sleep 2; exit 255", 255),
    ("sleep 30", 0),
    ("kill -9 $$", 137),
)


@dataclass
class Tally:
    """What was done, and what came of it."""

    runs: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    pinned: set[str] = field(default_factory=set)
    wrong_statuses: list[str] = field(default_factory=list)


# ---- one client: a process with a few runs, told by its seed what becomes of them


async def client(seed: int, count: int) -> None:
    """Carry out `count` runs; one line of JSON on stdout for each fact that the parent checks."""
    dice = random.Random(seed)
    with open_ledger() as ledger:
        expected: dict[RunId, int] = {}
        async with open_fleet(ledger, [DEMO], pace=Pace(beat_s=0.5, poll_s=1.0, leave_s=60)) as fleet:
            fleet.store.listen(lambda event: _report(event, expected))
            async with asyncio.TaskGroup() as group:
                for _ in range(count):
                    command, status = dice.choice(WORKLOADS)
                    policy = dice.choice([PinPolicy.NEVER] * 8 + [PinPolicy.ON_FAILURE, PinPolicy.ALWAYS])
                    spec = RunSpec(
                        image="lts",
                        command=command,
                        host=DEMO,
                        grace_s=GRACE_S,
                        pin=policy,
                        timeout_s=dice.choice([None, None, 3]),
                    )
                    run = fleet.submit(spec)
                    expected[run] = status
                    _say(fact="submitted", vm=fleet.state.runs[run].vm)
                    group.create_task(_disturb(fleet, run, dice.random(), dice.uniform(0, 8)))
            if dice.random() < 0.5:  # the other half quits with runs still going
                async with asyncio.timeout(90):
                    while fleet.state.unfinished:
                        await fleet.changed()


async def _disturb(fleet: Supervisor, run: RunId, luck: float, after_s: float) -> None:
    await asyncio.sleep(after_s)
    vm = fleet.state.runs[run].vm
    if luck < 0.35:
        _say(fact="cancelled", vm=vm)
        fleet.cancel(run)
    elif luck < 0.45:
        fleet.pin(run)
    elif luck < 0.55:
        fleet.pin(run)
        await asyncio.sleep(1)
        _say(fact="unpinned", vm=vm)
        fleet.unpin(run)


def _report(event: Event, expected: dict[RunId, int]) -> None:
    match event:
        case PinChanged(run=run, pin=Pin.ON):
            _say(fact="pinned", run=run)
        case WorkEnded(run=run, outcome=outcome):
            _say(fact="ended", run=run, kind=outcome.kind.value, reason=outcome.reason)
            if outcome.status is not None and outcome.status != expected[run]:
                _say(fact="wrong", run=run, status=outcome.status, expected=expected[run])


def _say(**fact: object) -> None:
    print(json.dumps(fact), flush=True)


# ---- the storm: clients come and go


async def storm(runs: int, seed: int, speed: float) -> int:
    """Run the whole thing; the exit status."""
    began = time.monotonic()
    demo = await process.ensure(speed=speed, guests=Guests.SHELL)
    foreign = await _vms(demo)
    tally, dice = Tally(), random.Random(seed)
    lane = asyncio.Semaphore(CLIENTS_AT_ONCE)
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(0, runs, RUNS_A_CLIENT):
                count = min(RUNS_A_CLIENT, runs - number)
                group.create_task(_one_client(lane, dice.randrange(2**32), count, tally))
        left, settled_s = await _settle(demo, foreign)
        after = await _vms(demo)
        result = {
            "runs": tally.runs,
            "seed": seed,
            "seconds": round(time.monotonic() - began),
            "endings of clients": dict(tally.endings),
            "outcomes": dict(tally.outcomes),
            "VMs left": sorted(left),
            "pinned and kept": len(tally.pinned),
            "pinned VMs lost": sorted(tally.pinned - set(after)),
            "foreign VMs touched": sorted(name for name in foreign if after.get(name) != foreign[name]),
            "wrong statuses": tally.wrong_statuses,
            "seconds until all was clean": round(settled_s, 1),
        }
        print(json.dumps(result, indent=2))
        await _remove_pinned()
        rest = set(await _vms(demo)) - set(foreign)
        print(f"after `dayfly rm` of the pinned ones: {len(rest)} left")
        wrong = ("VMs left", "pinned VMs lost", "foreign VMs touched", "wrong statuses")
        return 1 if rest or any(result[key] for key in wrong) else 0
    finally:
        await process.stop()


async def _one_client(lane: asyncio.Semaphore, seed: int, count: int, tally: Tally) -> None:
    dice = random.Random(seed)
    async with lane:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.storm", "--client", str(seed), "--runs", str(count)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert child.stdout is not None
        ending = dice.choice(["by itself", "SIGKILL", "SIGKILL"])
        tally.endings[ending] += 1
        facts: list[dict[str, str]] = []
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(_read(child.stdout, facts))
            if ending == "SIGKILL":
                await asyncio.wait([reading], timeout=dice.uniform(1, 14))
                if child.returncode is None:
                    child.send_signal(signal.SIGKILL)
        await child.wait()
        _count(facts, count, tally)


async def _read(stream: asyncio.StreamReader, facts: list[dict[str, str]]) -> None:
    while line := await stream.readline():
        facts.append(json.loads(line))


def _count(facts: list[dict[str, str]], count: int, tally: Tally) -> None:
    tally.runs += count
    given_up = {fact["vm"] for fact in facts if fact["fact"] in ("cancelled", "unpinned")}
    for fact in facts:
        match fact["fact"]:
            case "ended":
                tally.outcomes[fact["kind"]] += 1
                if fact["kind"] == OutcomeKind.LOST:
                    tally.outcomes[f"lost: {fact['reason']}"] += 1
            case "pinned":
                vm = f"df-run-{fact['run']}"
                tally.pinned |= {vm} - given_up
            case "wrong":
                tally.wrong_statuses.append(json.dumps(fact))


async def _settle(demo: DemoAddress, foreign: dict[str, str]) -> tuple[set[str], float]:
    """Wait until only foreign and pinned VMs are there; what else was there at the deadline."""
    began = time.monotonic()
    left: set[str] = set()
    while time.monotonic() - began < SETTLE_S:
        there = set(await _vms(demo)) - set(foreign)
        left = there - _pinned_leases(demo)
        if not left:
            break
        await asyncio.sleep(0.5)
    return left, time.monotonic() - began


def _pinned_leases(demo: DemoAddress) -> set[str]:
    leases = demo.world / "home" / ".local" / "state" / "dayfly" / "leases"
    return {path.parent.name for path in leases.glob("*/pin.on") if not (path.parent / "reap.asked").exists()}


async def _vms(demo: DemoAddress) -> dict[str, str]:
    listing = await asyncio.create_subprocess_exec(
        demo.world / "bin" / "multipass", "list", "--format", "json", stdout=asyncio.subprocess.PIPE
    )
    stdout, _ = await listing.communicate()
    return {vm["name"]: json.dumps(vm, sort_keys=True) for vm in json.loads(stdout)["list"]}


async def _remove_pinned() -> None:
    with open_ledger() as ledger:
        async with open_fleet(ledger, [DEMO]) as fleet:
            desk, lane = open_desk(ledger, fleet), asyncio.Semaphore(8)

            async def remove(row: LedgerRow) -> None:
                async with lane:
                    await desk.remove(row, lambda _: None)

            async with asyncio.TaskGroup() as group:
                for row in ledger.open_rows():
                    group.create_task(remove(row))


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=20)
    parser.add_argument("--client", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client is not None:
        asyncio.run(client(options.client, options.runs))
        return
    with tempfile.TemporaryDirectory(prefix="dayfly-storm-", ignore_cleanup_errors=True) as folder:
        for name in ("STATE", "CONFIG"):
            os.environ[f"DAYFLY_{name}_DIR"] = str(Path(folder) / name.lower())
        sys.exit(asyncio.run(storm(options.runs, options.seed, options.speed)))


if __name__ == "__main__":
    main()
