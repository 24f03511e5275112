"""What VMs and hosts use, on the screens: numbers that are true, graphs that stay, and no made-up zeros."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.app.conftest import Stage, on_stage
from tests.app.fleet_script import NOW, SPEC, ScriptedFleet
from tui.app import host_pages, monitor, tables
from tui.app.screens.hosts import HostsScreen
from tui.app.widgets.gauges import Gauges
from tui.model.events import (
    HostAdded,
    HostMeasured,
    PinChanged,
    UsePeaked,
    VmSampled,
    VmsListed,
    WorkEnded,
)
from tui.model.hosts import DEMO, HostEntry, VmInfo
from tui.model.phase import Outcome, OutcomeKind, Phase, Pin
from tui.model.spec import HostName, RunId, VmName
from tui.model.units import GIB, MIB
from tui.model.use import HostLoad, PeakUse, VmUse

USE = VmUse(
    at=NOW,
    cpu=0.73,
    memory=1100 * MIB,
    memory_total=4 * GIB,
    disk=2 * GIB,
    disk_total=10 * GIB,
    load=2.31,
)
LOAD = HostLoad(
    at=NOW,
    cpus=16,
    load=3.25,
    memory_total=64 * GIB,
    memory_free=40 * GIB,
    disk_total=500 * GIB,
    disk_free=200 * GIB,
)


def sample(fleet: ScriptedFleet, run: RunId, *uses: VmUse) -> None:
    for use in uses or (USE,):
        fleet.emit(VmSampled(run=run, at=use.at, use=use))


# ---- pure


@given(st.lists(st.none() | st.floats(-1, 2), max_size=80), st.integers(0, 60))
def test_a_graph_is_always_as_wide_as_it_is_to_be(shares: list[float | None], width: int) -> None:
    graph = monitor.spark(shares, width)
    assert len(graph) == width
    assert set(graph) <= {*monitor.BLOCKS, " "}


def test_a_graph_moves_to_the_left_and_leaves_the_unknown_blank() -> None:
    assert monitor.spark([0.0, None, 0.5, 1.0], 6) == "  ▁ ▅█"
    assert monitor.spark([1.0, 0.0, 0.99], 2) == "▁█"


@given(st.integers(0, 2**52))
def test_a_size_has_five_cells_at_most(size: int) -> None:
    assert len(monitor.short_size(size)) <= 5


def test_without_figures_there_is_no_zero(fleet: ScriptedFleet) -> None:
    run = fleet.begin(SPEC, Phase.WORKING)
    assert monitor.use_label(fleet.state.runs[run], NOW).text == "no figures yet"
    sample(fleet, run, VmUse(at=NOW))
    state = fleet.state.runs[run]
    assert monitor.use_label(state, NOW).text == "no figures: this VM does not tell what it uses"
    said = [cell.text for cell in (*monitor.cpu_cell(state, NOW), *monitor.memory_cell(state, NOW))]
    assert said == ["–", "–"]
    gauges = monitor.gauges(state, NOW)
    assert [gauge.number.text for gauge in gauges] == ["–", "–", "–", "– on 2 cpu"]
    assert [gauge.peak for gauge in gauges] == ["–"] * 4


def test_old_figures_say_nothing_of_now(fleet: ScriptedFleet) -> None:
    run = fleet.begin(SPEC, Phase.WORKING)
    sample(fleet, run)
    state, later = fleet.state.runs[run], NOW + 45
    assert monitor.cpu_cell(state, NOW)[0].text == "73%"
    assert monitor.cpu_cell(state, later)[0].text == ""
    assert monitor.use_label(state, later).text == "no figures for 45s"


def test_in_the_end_the_most_is_told(fleet: ScriptedFleet) -> None:
    run = fleet.begin(SPEC, Phase.WORKING)
    sample(fleet, run)
    peak = PeakUse(cpu=0.98, memory=1500 * MIB, load=3.05)
    fleet.emit(WorkEnded(run=run, at=NOW, outcome=Outcome(OutcomeKind.SUCCEEDED, 0)))
    fleet.emit(UsePeaked(run=run, at=NOW, peak=peak))
    fleet.enter(run, Phase.GONE)
    told = monitor.use_label(fleet.state.runs[run], NOW).text
    assert told == "at most CPU 98%, memory 1.5G, load 3.05"


@pytest.mark.parametrize(
    ("width", "hosts", "titles"),
    [
        (75, 1, "STATE NAME TIME CPU MEM WHAT"),
        (75, 2, "STATE NAME HOST TIME WHAT"),
        (120, 2, "STATE NAME HOST TIME CPU MEM SIZE WHAT"),
        (195, 2, "STATE NAME VM HOST TIME CPU MEM SIZE WHAT"),
    ],
)
def test_the_columns_that_fit(fleet: ScriptedFleet, width: int, hosts: int, titles: str) -> None:
    for number in range(hosts):
        sample(fleet, fleet.begin(replace(SPEC, host=HostName(f"lab-{number}")), Phase.WORKING))
    table = tables.runs_table(fleet.state, NOW, width)
    assert " ".join(column.title for column in table.columns) == titles
    assert sum(column.width for column in table.columns) == width
    shown = {column.title: row for column, row in zip(table.columns, table.rows[0].cells, strict=True)}
    if "CPU" in shown:
        wide = next(column.width for column in table.columns if column.title == "CPU")
        assert cell_len("  ".join(label.text for label in shown["CPU"])) < wide
        assert shown["CPU"][-1].text == "73%"
        assert shown["MEM"][0].text == "1.1G"


# ---- on the run's screen


async def test_a_runs_graphs_come_and_go_and_stay_where_they_are(stage: Stage) -> None:
    run = stage.fleet.begin(SPEC, Phase.WORKING)
    sample(stage.fleet, run)
    await stage.sees("73%")
    await stage.press("enter")
    await stage.sees("mem 1.1G of 4G", "load 2.31")
    await stage.press("i")
    await stage.sees("1.1G of 4G     peak 1.1G", "2.31 on 2 cpu")
    before = stage.app.screen.query_one(Gauges).region
    sample(stage.fleet, run, replace(USE, cpu=1.0, memory=3 * GIB))
    await stage.sees("100%", "peak 3G")
    assert stage.app.screen.query_one(Gauges).region == before
    await stage.press("i")
    await stage.sees_no("peak 3G")


# ---- the hosts


def furnish(fleet: ScriptedFleet) -> RunId:
    """A busy host with VMs of ours and of others."""
    kept = fleet.begin(replace(SPEC, name="kept"), Phase.KEPT)
    fleet.emit(PinChanged(run=kept, at=NOW, pin=Pin.ON))
    owed = fleet.begin(replace(SPEC, name="owed"), Phase.WORKING, Phase.DELETING)
    vms = tuple(
        VmInfo(VmName(name), "Running", (), "")
        for name in (fleet.state.runs[kept].vm, fleet.state.runs[owed].vm, "alice", "b\x1b[31mob")
    )
    fleet.emit(
        VmsListed(host=DEMO, at=NOW, vms=vms, took_s=0.42),
        HostMeasured(host=DEMO, at=NOW, load=LOAD),
        HostAdded(host=HostName("lab"), at=NOW, entry=HostEntry(name=HostName("lab"), address="lab.example")),
    )
    return owed


@pytest.mark.parametrize("width", [77, 117, 197])
def test_hosts_say_what_is_free_and_what_is_not_known(fleet: ScriptedFleet, width: int) -> None:
    furnish(fleet)
    table = host_pages.hosts_table(fleet.state, NOW, width)
    assert sum(column.width for column in table.columns) <= width
    titles = [column.title for column in table.columns]
    demo, lab = (dict(zip(titles, (cell[0].text for cell in row.cells), strict=True)) for row in table.rows)
    assert (demo["ANSWERS"], demo["CPU FREE"], demo["MEM FREE"]) == ("0.4s", "12.8/16", "40G/64G")
    assert (demo["DISK FREE"], demo["VMS"]) == ("200G/500G", "2 of 4 ours")
    assert {lab[title] for title in ("ANSWERS", "CPU FREE", "MEM FREE", "DISK FREE", "VMS")} == {"–"}
    for column, cell in zip(table.columns, table.rows[0].cells, strict=True):
        assert cell_len(cell[0].text) < column.width, column.title


async def test_the_hosts_place_tells_all_about_the_one_under_the_cursor(stage: Stage) -> None:
    furnish(stage.fleet)
    await stage.press("2")
    assert isinstance(stage.app.screen, HostsScreen)
    await stage.sees("2 Hosts", "12.8/16", "lists its VMs in 0.4 s", "memory 40G free of 64G")
    await stage.sees("2: alice, b", "df-owed-r0000002", "24.04")
    assert "\x1b" not in stage.text
    await stage.press("down")
    await stage.sees("it has not said yet", "lab.example")
    await stage.press("ctrl+r")
    assert ("reconnect", HostName("lab")) in stage.fleet.calls
    await stage.press("c")
    await stage.sees("Copied: dayfly doctor lab")
    await stage.press("a")
    await stage.sees("Add a host")


async def test_no_hosts_says_what_to_do() -> None:
    async with on_stage(ScriptedFleet()) as stage:
        await stage.press("2")
        await stage.sees("No hosts yet. Press a to add one")
        await stage.press("o", "c", "ctrl+r")
        assert [call for call in stage.fleet.calls if call[0] != "fate"] == []
