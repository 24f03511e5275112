"""What the work left in its VM comes home: however it ended, whoever was there, and only what is wanted."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
from functools import partial
from pathlib import Path

import pytest

from tests.cli.conftest import Dayfly, only
from tests.cli.test_adoption import kill
from tests.cli.test_ends import leases
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


def grown(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size > size


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


@only("demo")
@pytest.mark.parametrize(
    ("command", "status", "words"),
    [("exit 3", 3, ()), ("sleep 100", 124, ("--timeout", "2s"))],
    ids=["failure", "timeout"],
)
async def test_however_it_ended(dayfly: Dayfly, command: str, status: int, words: tuple[str, ...]) -> None:
    job = profile(dayfly, f"echo kept >it; {command}", 'path = "it"')
    ended = await dayfly("run", job, "--host", dayfly.host, *words)
    assert ended.status == status, ended.stderr
    (it,) = collected(dayfly)
    assert (Path(it.result.folder) / "it").read_text() == "kept\n"
    assert is_clean(dayfly)


@only("demo")
async def test_a_cancelled_run_brings_its_results_home_before_it_is_forgotten(dayfly: Dayfly) -> None:
    job = profile(dayfly, "echo kept >it; echo made; sleep 100", 'path = "it"')
    process = await dayfly.start("run", job, "--host", dayfly.host)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"made\n"
    process.send_signal(signal.SIGINT)
    ended = await dayfly.end_of(process)
    assert ended.status == 130, ended.stderr
    (it,) = collected(dayfly)
    assert (Path(it.result.folder) / "it").read_text() == "kept\n"
    assert is_clean(dayfly)


@only("demo")
async def test_the_host_keeps_them_for_a_client_that_died(dayfly: Dayfly) -> None:
    job = profile(dayfly, "echo kept >it; echo made; sleep 100", 'path = "it"')
    process = await dayfly.start("run", job, "--host", dayfly.host)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"made\n"
    await kill(process)
    await until(lambda: dayfly.demo.vms() == FOREIGN)
    (run,) = (Path(dayfly.env["DAYFLY_STATE_DIR"]) / "runs").iterdir()
    assert not (run / "results").exists()
    attached = await dayfly("attach", run.name)
    assert attached.status == 125, attached.stderr
    (it,) = collected(dayfly)
    assert (Path(it.result.folder) / "it").read_text() == "kept\n"
    assert is_clean(dayfly)


@only("demo")
async def test_another_terminal_that_closes_the_books_brings_them_home_too(dayfly: Dayfly) -> None:
    job = profile(dayfly, "echo kept >it; echo made; sleep 100", 'path = "it"')
    process = await dayfly.start("run", job, "--host", dayfly.host)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"made\n"
    await kill(process)
    async with asyncio.timeout(60):
        while await dayfly.ps():
            pass
    (it,) = collected(dayfly)
    assert (Path(it.result.folder) / "it").read_text() == "kept\n"
    assert is_clean(dayfly)


@only("demo")
async def test_without_what_is_required_the_run_has_no_result(dayfly: Dayfly) -> None:
    job = profile(dayfly, "true", 'path = "never/*"\nrequired = true', 'path = "nor"')
    ended = await dayfly("run", job, "--host", dayfly.host, "-q")
    assert ended.status == 125
    assert "Result never/*: nothing: nothing in the VM matches" in ended.stderr
    assert "nor" not in ended.stderr
    assert [one.result.state for one in collected(dayfly)] == [ResultState.MISSING] * 2
    assert is_clean(dayfly)
    (row,) = dayfly.ledger().newest(1)
    assert (await dayfly("attach", row.run)).status == 125  # later, too


@only("demo")
async def test_what_is_in_the_way_here_costs_no_result(dayfly: Dayfly) -> None:
    (dayfly.folder / "home").mkdir()
    (dayfly.folder / "home" / "f").write_text("keep me")
    job = profile(dayfly, "mkdir f; echo A >f/z", f'path = "f"\nto = "{dayfly.folder}/home"')
    ended = await dayfly("run", job, "--host", dayfly.host, "-q")
    assert (dayfly.folder / "home" / "f").read_text() == "keep me"
    (one,) = collected(dayfly)
    assert one.result.state is ResultState.PARTIAL, ended.stderr
    tar = Path(one.result.reason.rpartition("all that came is in ")[2])
    assert b"A\n" in tar.read_bytes()


@only("demo")
async def test_a_lack_is_a_failure_to_a_pin_on_failure(dayfly: Dayfly) -> None:
    job = profile(dayfly, "true", 'path = "never"\nrequired = true', more='pin = "on-failure"\n')
    ended = await dayfly("run", job, "--host", dayfly.host)
    assert ended.status == 125
    (vm,) = dayfly.demo.ours()
    assert "stays: it is pinned" in ended.stderr
    assert (await dayfly("rm", vm)).status == 0
    assert is_clean(dayfly)


@only("demo")
async def test_a_pinned_vm_stays_and_its_results_are_home(dayfly: Dayfly) -> None:
    job = profile(dayfly, "echo kept >it", 'path = "it"', more='pin = "always"\n')
    ended = await dayfly("run", job, "--host", dayfly.host)
    assert ended.status == 0, ended.stderr
    (it,) = collected(dayfly)
    assert (Path(it.result.folder) / "it").read_text() == "kept\n"
    (vm,) = dayfly.demo.ours()
    assert (await dayfly("rm", vm)).status == 0
    assert is_clean(dayfly)


@only("demo")
async def test_what_is_over_its_limit_is_a_part(dayfly: Dayfly) -> None:
    command = "mkdir out; echo first >out/a; head -c 60000000 /dev/zero >out/b"
    job = profile(dayfly, command, 'path = "out/*"\nmax_size = "1M"')
    ended = await dayfly("run", job, "--host", dayfly.host)
    assert ended.status == 0, ended.stderr
    assert "only a part" in ended.stderr
    (out,) = collected(dayfly)
    assert (out.result.state, out.result.reason) == (ResultState.PARTIAL, "more than 1M")
    assert {file.name: file.size for file in out.files} == {"a": 6, "b.partial": 2**20 - 6}
    assert is_clean(dayfly)


@only("demo")
@pytest.mark.parametrize(
    ("count", "size"),
    [(400, 100_000), pytest.param(5000, 200_000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
)
async def test_all_of_it_through_cuts_and_a_client_that_is_killed(
    dayfly: Dayfly, count: int, size: int
) -> None:
    """Cut twice, killed, taken up: each file is here, byte for byte."""
    command = (
        f"mkdir -p out/a out/b; head -c {size} /dev/urandom >seed; i=0; "
        f"while [ $i -lt {count} ]; do i=$((i+1)); cp seed out/a/f$i; echo $i >>out/a/f$i; done; "
        "cat out/a/* | sha256sum"
    )
    job = profile(dayfly, command, 'path = "out"', more='memory = "1G"\n')
    process = await dayfly.start("run", job, "--host", dayfly.host)
    assert process.stdout is not None
    digest = (await process.stdout.readline()).split()[0].decode()
    (run,) = (Path(dayfly.env["DAYFLY_STATE_DIR"]) / "runs").iterdir()
    tar = run / "collect-0.stdout"
    for part in (10, 5):
        await until(partial(grown, tar, count * size // part))
        await dayfly.demo.control("sshd 1")
    await until(partial(grown, tar, count * size // 3))
    await kill(process)
    assert read_manifest(run) is None
    attached = await dayfly("attach", run.name, limit_s=500)
    assert attached.status == 0, attached.stderr
    (out,) = collected(dayfly)
    assert (out.result.state, out.result.files) == (ResultState.COMPLETE, count), out.result
    folder = Path(out.result.folder) / "out" / "a"
    whole = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        whole.update(path.read_bytes())
    assert whole.hexdigest() == digest
    assert is_clean(dayfly)


@only("demo")
@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_two_gibibytes_of_zeros_against_a_limit(dayfly: Dayfly) -> None:
    job = profile(dayfly, "truncate -s 2G zeros", 'path = "zeros"\nmax_size = "100M"')
    ended = await dayfly("run", job, "--host", dayfly.host, limit_s=380)
    assert ended.status == 0, ended.stderr
    (zeros,) = collected(dayfly)
    assert (zeros.result.state, zeros.result.reason) == (ResultState.PARTIAL, "more than 100M")
    assert [file.size for file in zeros.files] == [100 * 2**20]
    assert is_clean(dayfly)
