"""`dayfly history` and `dayfly events`, on books in a folder and on a run that goes on."""

import json
import os
import pty
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.conftest import Dayfly, only
from tests.cli.test_show import SPEC, books, tell
from tests.until import until
from tui.engine.ledger import Ledger
from tui.model.events import Narrated, PhaseEntered, WorkEnded, to_json
from tui.model.hosts import HostEntry
from tui.model.phase import Outcome, OutcomeKind, Phase
from tui.model.spec import HostName, RunId, VmName
from tui.model.units import GIB, MIB
from tui.model.use import PeakUse

FAILED = Outcome(OutcomeKind.FAILED, 3)
HOSTILE = "bad\x1b]52;c;ZXZpbA==\x07\u202e"


def dayfly(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tui", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def on_terminal(*words: str) -> str:
    """What `dayfly` writes to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "tui", *words], stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = b""
    try:
        while data := os.read(ours, 65536):
            written += data
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait(60) == 0, written
    return written.decode()


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A nightly run that failed and another that goes on; the folder of the first."""
    ledger, row, folder = books(tmp_path)
    ledger.working(row.run)
    ledger.ended(row.run, FAILED)
    ledger.gone(row.run)
    ledger.peaked(row.run, PeakUse(cpu=0.1, memory=100 * MIB))
    ledger._write(
        "UPDATE runs SET working_at = submitted_at, ended_at = submitted_at + 61 WHERE id = ?", (row.run,)
    )
    other = RunId("zzzz3333")
    spec = replace(SPEC, name="build", image="22.04", memory=8 * GIB)
    ledger.intend(other, VmName("df-build-zzzz3333"), HostEntry(name=HostName("lab")), spec)
    ledger.run_folder(other)
    ledger.close()
    at = time.time()
    tell(
        folder,
        *(
            to_json(PhaseEntered(run=row.run, at=at + i, phase=phase))
            for i, phase in enumerate((Phase.LEASED, Phase.GONE))
        ),
        to_json(Narrated(run=row.run, at=at, text=HOSTILE)),
        to_json(WorkEnded(run=row.run, at=at, outcome=FAILED)),
    )
    return folder


@pytest.mark.usefixtures("two")
def test_every_run_is_listed_newest_first_and_narrowed() -> None:
    listed = dayfly("history")
    assert listed.returncode == 0, listed.stderr
    head, newest, oldest = listed.stdout.splitlines()
    assert " ".join(head.split()) == "RUN WHEN PROFILE HOST IMAGE OUTCOME TOOK STATUS MEMORY DISK"
    assert newest.startswith("zzzz3333")
    assert "not over" in newest
    assert oldest.split()[-5:-1] == ["failed", "1m1s", "3", "100M"]
    for words in (("--failed",), ("--profile", "nightly"), ("night",), ("list", "--since", "1h", "--failed")):
        (run,) = json.loads(dayfly("history", *words, "--json").stdout)
        assert (run["run"], run["outcome"]["status"], run["peak"]["memory"]) == ("x7k2m9qa", 3, 100 * MIB)
    nothing = dayfly("history", "--host", "other")
    assert (nothing.stdout, nothing.stderr) == ("", "dayfly: no run is like that\n")
    assert json.loads(dayfly("history", "--host", "other", "--json").stdout) == []
    assert dayfly("history", "--since", "yesterday").returncode == 2


@pytest.mark.usefixtures("two")
def test_two_runs_are_compared() -> None:
    told = dayfly("history", "diff", "x7k2m9qa", "zzzz")
    assert told.returncode == 0, told.stderr
    for words in (
        "- x7k2m9qa  nightly on lab",
        "+ zzzz3333  build on lab",
        "lts -> 22.04",
        "1G -> 8G",
        "failed 3 -> not known",
    ):
        assert words in told.stdout
    diff = json.loads(dayfly("history", "diff", "x7k2m9qa", "zzzz", "--json").stdout)
    assert (diff["before"], diff["sections"][0]["rows"][0]) == (
        "x7k2m9qa",
        {"name": "image", "before": "lts", "after": "22.04"},
    )


def test_prune_says_what_goes_and_what_stays(two: Path) -> None:
    (two / "results").mkdir()
    (two / "results" / "out").write_bytes(b"x" * 2048)
    held = dayfly("history", "prune", "--older", "0")
    assert "kept  zzzz3333  build on lab" in held.stdout
    assert "x7k2m9qa" in held.stdout
    assert held.stderr == "dayfly: nothing was removed\n"
    ledger = Ledger(Path(os.environ["DAYFLY_STATE_DIR"]))
    ledger._write("UPDATE runs SET working_at = NULL WHERE id = ?", ("x7k2m9qa",))  # no results are awaited
    ledger.close()
    assert "2K of results are in its folder" in dayfly("history", "prune", "--older", "0").stdout
    dry = dayfly("history", "prune", "--older", "0", "--results", "--dry-run")
    assert dry.stdout.startswith("would remove  x7k2m9qa  nightly")
    assert two.exists()
    done = dayfly("history", "prune", "--older", "0", "--results")
    assert done.stdout.startswith("removed  x7k2m9qa  nightly")
    assert "1 run, " in done.stderr
    assert not two.exists()
    assert [run["run"] for run in json.loads(dayfly("history", "--json").stdout)] == ["zzzz3333"]
    assert dayfly("history", "prune", "--older", "90m").returncode == 2
    assert dayfly("history", "prune").stderr == "dayfly: nothing is over the limits\n"


def test_events_are_lines_to_a_pipe_and_harmless_sentences_on_a_terminal(two: Path) -> None:
    assert dayfly("events", "x7k2").stdout == (two / "events.ndjson").read_text()
    shown = on_terminal("events", "x7k2")
    assert "lab now owes the deletion of df-nightly-x7k2m9qa" in shown
    assert "The command failed with status 3." in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    raw = on_terminal("events", "x7k2", "--json")
    assert '{"event": "PhaseEntered"' in raw
    assert "\u202e" not in raw


@pytest.mark.usefixtures("two")
def test_show_tells_the_size_that_would_do() -> None:
    shown = dayfly("show", "x7k2")
    assert "cpu 10 %, memory 100M" in shown.stdout
    assert "peak memory 100M of 1G: 512M would do" in shown.stdout
    assert json.loads(dayfly("show", "x7k2", "--json").stdout)["hints"]


@only("demo")
async def test_events_follow_a_run_to_its_end_and_history_has_it(dayfly: Dayfly) -> None:
    run = await dayfly.start_run("--", "sh", "-c", "until test -e go; do sleep 0.2; done; exit 3")
    ledger = dayfly.ledger()
    await until(lambda: ledger.newest(1) and ledger.newest(1)[0].working_at, "its work")
    row = ledger.newest(1)[0]
    ledger.close()
    follow = await dayfly.start("events", row.run, "-f")
    assert follow.stdout is not None
    first = json.loads(await follow.stdout.readline())
    assert (first["event"], first["run"]) == ("RunSubmitted", row.run)
    dayfly.demo.multipass("exec", row.vm, "--", "touch", "go")
    assert (await dayfly.end_of(run)).status == 3
    last = json.loads((await dayfly.end_of(follow)).stdout.splitlines()[-1])
    assert (last["event"], last["phase"]) == ("PhaseEntered", "gone")
    (listed,) = json.loads((await dayfly("history", "--json")).stdout)
    assert (listed["run"], listed["outcome"]["status"]) == (row.run, 3)
    again = await dayfly("history", "prune", "--older", "0")
    assert again.stdout.startswith(b"removed")
    assert not (Path(dayfly.env["DAYFLY_STATE_DIR"]) / "runs" / row.run).exists()
