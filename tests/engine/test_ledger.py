"""The ledger: what was written is there after a kill, and a lock tells who is alive."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tui.engine.ledger import Debt, Ledger, RunLock
from tui.model.hosts import HostEntry
from tui.model.phase import Outcome, OutcomeKind
from tui.model.spec import HostName, RunId, RunSpec, VmName
from tui.model.use import PeakUse

ENTRY = HostEntry(name=HostName("lab"), address="lab.example", identity="secret key", images=(("a", "b"),))
SPEC = RunSpec(image="lts", command=("ls", "-l"), host=HostName("lab"))


def intend(ledger: Ledger, run: str) -> None:
    ledger.intend(RunId(run), VmName(f"df-run-{run}"), ENTRY, SPEC)


def test_a_run_goes_from_intended_to_paid(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    intend(ledger, "aaaa")
    (row,) = ledger.open_rows()
    assert (row.vm, row.debt, row.spec) == ("df-run-aaaa", Debt.INTENDED, SPEC)
    ledger.leased(RunId("aaaa"))
    ledger.ended(RunId("aaaa"), Outcome(OutcomeKind.FAILED, 7))
    ledger.ended(RunId("aaaa"), Outcome(OutcomeKind.CANCELLED))  # the first word counts
    (row,) = ledger.open_rows()
    assert (row.debt, row.outcome) == (Debt.LEASED, Outcome(OutcomeKind.FAILED, 7))
    ledger.gone(RunId("aaaa"))
    ledger.gone(RunId("aaaa"))
    assert ledger.open_rows() == ()
    ledger.close()


def test_what_a_vm_used_at_most_is_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    intend(ledger, "aaaa")
    assert ledger.row(RunId("aaaa")).peak is None
    peak = PeakUse(cpu=0.5, memory=2**40, load=1.5)
    ledger.peaked(RunId("aaaa"), peak)
    assert ledger.row(RunId("aaaa")).peak == peak
    ledger.close()


def test_no_private_key_is_written(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    intend(ledger, "aaaa")
    ledger.close()
    assert all(b"secret key" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert (tmp_path / "ledger.sqlite").stat().st_mode & 0o777 == 0o600


def test_rows_are_found_by_run_vm_and_beginning(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for run in ("abcd", "abxy", "a%"):
        intend(ledger, run)
    assert [row.run for row in ledger.find("abcd")] == ["abcd"]
    assert [row.run for row in ledger.find("df-run-abxy")] == ["abxy"]
    assert {row.run for row in ledger.find("ab")} == {"abcd", "abxy"}
    assert [row.run for row in ledger.find("a%")] == ["a%"]
    assert ledger.find("nothing") == ()
    ledger.close()


def test_a_killed_process_leaves_its_row_and_drops_its_lock(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.engine.test_ledger import *\n"
        "ledger = Ledger(Path(sys.argv[1])); intend(ledger, 'dead')\n"
        "lock = RunLock(ledger.run_folder(RunId('dead'))); print(lock.take(), flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdin is not None
    assert child.stdout.readline() == b"True\n"
    ledger = Ledger(tmp_path)
    lock = RunLock(ledger.run_folder(RunId("dead")))
    assert not lock.take()
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    child.stdin.close()
    child.stdout.close()
    assert lock.take()
    lock.release()
    assert [row.run for row in ledger.open_rows()] == ["dead"]
    ledger.close()


def test_a_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    intend(ledger, "aaaa")
    ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db:
        db.execute("ALTER TABLE runs DROP COLUMN working_at")
    again = Ledger(tmp_path)
    assert again.row(RunId("aaaa")).working_at is None
    again.working(RunId("aaaa"))
    began = again.row(RunId("aaaa")).working_at
    assert began is not None
    again.working(RunId("aaaa"))  # the first word counts
    assert again.row(RunId("aaaa")).working_at == began
    with pytest.raises(KeyError):
        again.row(RunId("bbbb"))
    again.close()


def test_a_lock_that_was_let_go_may_be_taken_again(tmp_path: Path) -> None:
    ours, theirs = RunLock(tmp_path), RunLock(tmp_path)
    assert ours.take()
    assert ours.take()
    assert not theirs.take()
    ours.release()
    assert (ours.is_held, theirs.take()) == (False, True)
    assert not ours.take()
    theirs.release()
