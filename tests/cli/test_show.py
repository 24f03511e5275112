"""`dayfly show`: what this machine knows of a run, without a word to its host."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tests.cli.conftest import Dayfly, only
from tui.engine.ledger import Ledger, LedgerRow
from tui.engine.logs import RunLogs
from tui.engine.manifest import Collected, write_manifest
from tui.engine.unpack import Refused, UnpackedFile
from tui.model.events import PhaseEntered, PinChanged, to_json
from tui.model.hosts import HostEntry
from tui.model.phase import Outcome, OutcomeKind, Phase, Pin
from tui.model.results import Result, ResultState
from tui.model.spec import (
    Artifact,
    CloudInit,
    HostName,
    Input,
    RunId,
    RunSpec,
    SecretRef,
    SecretSource,
    VmName,
)

SPEC = RunSpec(
    image="lts",
    command="make test\nmake results",
    host=HostName("lab"),
    name="nightly",
    description="Every night",
    workdir="/srv/work",
    sudo=True,
    timeout_s=600,
    inputs=(Input("/home/ana/src", "work/"),),
    artifacts=(Artifact(path="out/*.xml", required=True),),
    cloud_init=CloudInit("#cloud-config\n{}", stop_on_failure=True),
    env=(("MODE", "all of it"),),
    secrets=(SecretRef("TOKEN", SecretSource.CMD, "pass show token"),),
)
HOSTILE = "evil\x1b]52;c;ZXZpbA==\x07\x1b[2J\u202e name"


def show(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tui", "show", *words], capture_output=True, text=True, check=False, timeout=60
    )


def books(tmp_path: Path, spec: RunSpec = SPEC, run: str = "x7k2m9qa") -> tuple[Ledger, LedgerRow, Path]:
    """A ledger with one run in it, its row, and its folder."""
    ledger = Ledger(tmp_path / "state")
    ledger.intend(RunId(run), VmName(f"df-nightly-{run}"), HostEntry(name=HostName("lab")), spec)
    return ledger, ledger.row(RunId(run)), ledger.run_folder(RunId(run))


def tell(folder: Path, *events: dict[str, object]) -> None:
    with (folder / "events.ndjson").open("a") as file:
        for event in events:
            file.write(json.dumps(event) + "\n")


def test_all_that_was_asked_for_is_shown(tmp_path: Path) -> None:
    ledger, row, _ = books(tmp_path)
    ledger.close()
    shown = show("x7k2m9qa")
    assert shown.returncode == 0, shown.stderr
    for words in (
        *("x7k2m9qa, of the profile nightly", "df-nightly-x7k2m9qa on lab", "not known yet", "Every night"),
        *(
            "make test",
            "make results",
            "as root in /srv/work",
            "10m for the command",
            "/home/ana/src -> work/",
        ),
        *("MODE='all of it'", "TOKEN, from cmd:pass show token", "what fails in it ends the run"),
    ):
        assert words in shown.stdout
    facts = json.loads(show("x7k2m9qa", "--json").stdout)
    assert facts["spec"] == json.loads(json.dumps(row.spec.to_json()))
    assert (facts["outcome"], facts["is_owed"], facts["carried_by"]) == (None, True, "nobody")


async def test_phases_logs_and_outcome(tmp_path: Path) -> None:
    ledger, row, folder = books(tmp_path)
    phases = [
        to_json(PhaseEntered(run=row.run, at=row.submitted_at + after, phase=phase))
        for after, phase in ((0.5, Phase.LEASED), (62.0, Phase.WORKING), (63.0, Phase.KEPT))
    ]
    until = row.submitted_at + 3600
    tell(folder, *phases, to_json(PinChanged(run=row.run, at=row.submitted_at, pin=Pin.ON, until=until)))
    with (folder / "events.ndjson").open("a") as file:
        file.write('{"event": "PhaseEnt')  # a crash
    logs = RunLogs(folder)
    logs.job("launch").stdout(b"x" * 2048)
    logs.job("work").stderr(b"y" * 10)
    logs.job("collect-0").stdout(b"a tar")
    logs.close()
    ledger.ended(row.run, Outcome(OutcomeKind.FAILED, 3))
    ledger.pinned(row.run, row.submitted_at)
    ledger.close()
    shown = show("df-nightly-x7")
    assert "failed with status 3" in shown.stdout
    assert "into it: dayfly exec x7k2m9qa sh" in shown.stdout
    assert "+0.5s" in shown.stdout
    assert "+1m1s" in shown.stdout
    assert "stdout 2K: dayfly logs x7k2m9qa --job launch" in shown.stdout
    assert "stderr 10: dayfly logs x7k2m9qa\n" in shown.stdout
    assert "collect" not in shown.stdout
    facts = json.loads(show("x7k", "--json").stdout)
    assert [phase["phase"] for phase in facts["phases"]] == ["leased", "working", "kept"]
    assert facts["pinned_until"] == until
    assert facts["outcome"] == {"kind": "failed", "status": 3, "reason": ""}


def test_nothing_hostile_reaches_the_terminal(tmp_path: Path) -> None:
    ledger, row, folder = books(tmp_path, replace(SPEC, command=HOSTILE, env=(("A", HOSTILE),)))
    result = {
        "path": HOSTILE,
        "folder": HOSTILE,
        "required": False,
        "state": "partial",
        "size": 1,
        "files": 1,
    }
    tell(
        folder,
        {"event": "ResultsChanged", "run": row.run, "at": 1.0, "results": [{**result, "reason": HOSTILE}]},
    )
    ledger.ended(row.run, Outcome(OutcomeKind.LOST, None, HOSTILE))
    ledger.close()
    for words in ([], ["--json"]):
        shown = show(row.run, *words).stdout
        assert "evil" in shown
        assert not [sign for sign in shown if sign != "\n" and not sign.isprintable()]
    assert json.loads(show(row.run, "--json").stdout)["outcome"]["reason"] == HOSTILE


def test_every_file_of_the_results_is_told(tmp_path: Path) -> None:
    ledger, row, folder = books(tmp_path)
    ledger.close()
    whole = Result(path="out/*", folder="/srv/results", state=ResultState.COMPLETE, size=2048 * 25, files=25)
    missing = Result(
        path="no", folder="/srv/results", required=True, state=ResultState.MISSING, reason="nothing"
    )
    files = tuple(UnpackedFile(f"{number}-{HOSTILE}\udcff", 2048, "ab" * 32) for number in range(25))
    refused = (Refused("../etc/passwd", "its name leads out of the folder"),)
    write_manifest(folder, (Collected(result=whole, files=files, refused=refused), Collected(result=missing)))
    text = show(row.run).stdout
    assert "out/*  complete" in text
    assert "50K in 25 files in /srv/results" in text
    assert text.count("2K  ") == 20
    assert "and 5 files more: dayfly show x7k2m9qa --json" in text
    assert "../etc/passwd: its name leads out of the folder" in text
    assert "no  missing, required: nothing" in text
    assert not [sign for sign in text if sign != "\n" and not sign.isprintable()]
    first, second = json.loads(show(row.run, "--json").stdout)["results"]
    assert len(first["files"]) == 25
    assert first["files"][0] == {"name": f"0-{HOSTILE}\\xff", "size": 2048, "sha256": "ab" * 32}
    assert (second["state"], second["files"]) == ("missing", [])


def test_who_is_not_known_is_told_what_is_near(tmp_path: Path) -> None:
    ledger, _, _ = books(tmp_path)
    books(tmp_path, run="x7k2zzzz")[0].close()
    ledger.close()
    unknown = show("x7k3m9qa")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "did you mean x7k2m9qa" in unknown.stderr
    assert "dayfly ps shows" in show("nothing-like-it").stderr
    both = show("x7k2")
    assert both.returncode == 2
    assert "could be several runs" in both.stderr
    assert show("x7k2z").returncode == 0


def test_it_loads_nothing_that_takes_long(tmp_path: Path) -> None:
    books(tmp_path)[0].close()
    code = (
        "import sys; from tui.verbs.show import show; show(['x7k2m9qa'], standalone_mode=False);"
        "print([name for name in ('asyncssh', 'textual', 'pydantic', 'rich') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


@only("demo")
async def test_a_run_that_was_carried_out(dayfly: Dayfly) -> None:
    ended = await dayfly.run("-q", "-c", "echo out; exit 3")
    assert ended.status == 3
    (row,) = dayfly.ledger().newest(1)
    shown = await dayfly("show", row.run)
    text = shown.stdout.decode()
    assert "failed with status 3" in text
    assert f"{row.vm} on demo: gone" in text
    assert f"stdout 4: dayfly logs {row.run}" in text
