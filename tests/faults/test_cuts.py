"""A bad day on the line: three long cuts and two killed execs cost a run nothing."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from tests.faults import workload
from tests.faults.cells import WORK_STATUS, Cell, Column, Kit, Row
from tests.faults.place import Way, open_place
from tests.faults.stage import Scene
from tests.faults.strikes import kill_execs
from tests.faults.trial import begin_scene

GRACE_S = 60
CUT_S = 8.0
"""Four heartbeats: long enough for both ends to notice."""
CUTS = 3
KILLS = 2
SLOW_S = 0.02
LINES = 15


def has_lines(scene: Scene, wanted: int) -> bool:
    return scene.client.lines() >= wanted


@pytest.mark.slow
@pytest.mark.parametrize("way", [Way.DEMO, pytest.param(Way.SSHD, marks=pytest.mark.sshd)])
async def test_cuts_and_killed_execs_cost_neither_a_byte_nor_the_status(way: Way, tmp_path: Path) -> None:
    cell = Cell(Row.WORKING, Column.CUT)
    async with (
        open_place(tmp_path / "host", way, Kit.SHARED) as place,
        begin_scene(cell, place, tmp_path / "cell", grace_s=GRACE_S) as scene,
    ):
        await scene.reach()
        for number in range(CUTS):
            scene.proxy.cut()
            if number < KILLS:
                kill_execs(scene)
            await asyncio.sleep(CUT_S)
            wanted = scene.client.lines() + LINES
            scene.proxy.mend()
            scene.proxy.delay_s = SLOW_S
            await scene.until(partial(has_lines, scene, wanted), "the log goes on")
        scene.finish()
        await scene.until(lambda: scene.client.status is not None, "the run ends")
        assert scene.client.status == WORK_STATUS, scene.client.stderr
        for stream in workload.STREAMS:
            assert workload.read(scene.client.log(stream), stream).whole
            assert workload.read(scene.client.printed(stream), stream).whole
        assert scene.vm not in place.vms()
        assert scene.is_closed()
