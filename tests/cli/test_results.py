"""What the work left in its VM comes home: however it ended, whoever was there, and only what is wanted."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest

from tests.cli.conftest import Dayfly, only
from tests.cli.test_adoption import kill
from tests.cli.test_ends import leases, said
from tests.demo_host import FOREIGN
from tests.until import until
from tui.engine.manifest import Collected, read_manifest
from tui.model.results import ResultState

HOW = 'image = "ubuntu-lts-agent"\ngrace = "5s"\n'
WAYS = pytest.mark.parametrize(
    "dayfly", ["demo", pytest.param("sshd", marks=pytest.mark.sshd)], indirect=True
)


def profile(dayfly: Dayfly, command: str, *artifacts: str, more: str = "") -> str:
    """A profile with these artifacts, each as lines of its table."""
    tables = "".join(f"\n[[artifacts]]\n{lines}\n" for lines in artifacts)
    return dayfly.profile("job", f"{HOW}{more}command = {json.dumps(command)}\n{tables}")


def collected(dayfly: Dayfly) -> tuple[Collected, ...]:
    (folder,) = (Path(dayfly.env["DAYFLY_STATE_DIR"]) / "runs").iterdir()
    found = read_manifest(folder)
    assert found is not None
    assert not list(folder.glob("collect-*")), "the raw tars are gone"
    return found


def is_clean(dayfly: Dayfly) -> bool:
    return dayfly.demo.vms() == FOREIGN and leases(dayfly) == set()


MAKES = "mkdir -p out/.deep; echo one >out/a.txt; printf '\\0\\377' >'out/.deep/b c'; ln -s a.txt out/link; "


@WAYS
async def test_files_and_folders_come_home(dayfly: Dayfly) -> None:
    job = profile(
        dayfly,
        MAKES + "echo two >t-1.log; echo three >t-2.log",
        'path = "out"',
        'path = "t-*.log"\nto = "logs/{run}"',
    )
    ended = await dayfly("run", job, "--host", dayfly.host)
    assert ended.status == 0, ended.stderr
    folder, logs = collected(dayfly)
    assert (folder.result.state, folder.result.files) == (ResultState.COMPLETE, 2), folder.result
    out = Path(folder.result.folder) / "out"
    assert (out / "a.txt").read_text() == "one\n"
    assert (out / ".deep" / "b c").read_bytes() == b"\0\377"
    assert (out / "link").readlink() == Path("a.txt")
    assert {file.name for file in logs.files} == {"t-1.log", "t-2.log"}
    assert (Path(logs.result.folder) / "t-2.log").read_text() == "three\n"
    assert f"Results: {folder.result.folder}, {logs.result.folder}" in ended.stderr
    assert is_clean(dayfly)
