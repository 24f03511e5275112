"""How busy a host is: on Linux and on a Mac, in any shell, and nothing where it does not tell."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.warden.test_shells import SHELLS
from tests.warden.world import World
from tui.model.errors import WardenError
from tui.warden import script
from tui.warden.upkeep import HostUpkeep

SCRIPT = Path(script.__file__).with_name("measure.sh")
MAC = {
    "sysctl": "echo 8; echo 17179869184; echo '{ 1.92 1.71 1.60 }'",
    "vm_stat": """cat <<END
Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               100000.
Pages active:                             300000.
Pages inactive:                           200000.
Pages speculative:                         10000.
END""",
    "df": """cat <<END
Filesystem   1024-blocks      Used Available Capacity  Mounted on
/dev/disk1s1   488245288 200000000 288245288    41%    /
END""",
}


def measured(shell: str, **environment: str) -> dict[str, list[str]]:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    words = [program, *(["sh"] if shell == "busybox" else []), str(SCRIPT)]
    done = subprocess.run(
        words, capture_output=True, check=True, timeout=20, env={**os.environ, **environment}
    )
    lines = done.stdout.decode().splitlines()
    assert (lines[0], lines[-1], done.stderr) == ("dayfly ok", "dayfly end", b"")
    return {word: values for word, *values in (line.split() for line in lines[1:-1])}


@pytest.mark.parametrize("shell", SHELLS.values())
def test_linux_tells_in_every_shell(shell: str) -> None:
    told = measured(shell)
    total, free = map(int, told["memory"])
    assert int(told["cpus"][0]) == os.cpu_count()
    assert 0 < free < total
    assert float(told["load"][0]) >= 0


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_a_mac_tells_in_the_shells_that_it_has(shell: str, tmp_path: Path) -> None:
    for name, text in MAC.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    told = measured(shell, DAYFLY_PROC="/nowhere", PATH=f"{tmp_path}:{os.environ['PATH']}")
    free = 310_000 * 16
    assert told == {
        "cpus": ["8"],
        "load": ["1.92"],
        "memory": [str(16 * 1024 * 1024), str(free)],
        "disk": ["488245288", "288245288"],
    }


def test_it_forks_for_next_to_nothing() -> None:
    if shutil.which("strace") is None:
        pytest.skip("there is no strace here")
    words = ["strace", "-f", "-qq", "-e", "trace=execve", "sh", str(SCRIPT)]
    traced = subprocess.run(words, capture_output=True, check=True, timeout=20)
    assert traced.stderr.count(b"= 0\n") == 2, traced.stderr  # itself and df


async def test_what_a_host_says_comes_as_numbers(tmp_path: Path) -> None:
    world = World(tmp_path)
    upkeep = HostUpkeep(world.host, state_dir=str(tmp_path / "state"))
    with pytest.raises(WardenError):
        await upkeep.measure()
    await world.warden.install()
    load = await upkeep.measure()
    assert load.cpus
    assert load.load is not None
    assert load.memory_total is not None
    assert load.memory_free is not None
    assert 0 < load.memory_free < load.memory_total
    assert load.disk_total == shutil.disk_usage(Path.home()).total // 1024 * 1024
    await world.aclose()


@pytest.mark.parametrize(
    "answer",
    ["memory 5 9\ndisk x y\nload 1.2.3\ncpus 0", "memory\ncpus 1 2\nload\ndisk 1", "\n\nfoo bar", ""],
)
async def test_what_makes_no_sense_is_none(answer: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.warden.install()
    (tmp_path / "state" / script.version() / "measure.sh").write_text(
        f"cat <<END\ndayfly ok\n{answer}\ndayfly end\nEND\n"
    )
    load = await HostUpkeep(world.host, state_dir=str(tmp_path / "state")).measure()
    assert (load.cpus, load.load, load.disk_total, load.disk_free) == (None, None, None, None)
    assert load.memory_free is None or load.memory_total is None or load.memory_free <= load.memory_total
    await world.aclose()
