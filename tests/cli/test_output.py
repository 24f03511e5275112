"""What a workload prints: live, whole, byte for byte, and harmless on a terminal."""

import asyncio
import os
import pty
import re
import sys

from tests.cli.conftest import Dayfly, only

pytestmark = only("demo")

LINES = "seq 1 200000; seq 200001 250000 >&2"
BINARY = "i=0; while [ $i -lt 200 ]; do printf '\\000\\001\\377\\r\\n\\033[31m\\200'; i=$((i+1)); done"


async def test_200_000_lines_and_binary_bytes_arrive_whole(dayfly: Dayfly) -> None:
    ended = await dayfly.run("-q", "-c", f"{BINARY}; {LINES}")
    assert ended.status == 0, ended.stderr[-500:]
    binary = b"\0\1\xff\r\n\x1b[31m\x80" * 200
    out = binary + b"".join(b"%d\n" % number for number in range(1, 200_001))
    err = "".join(f"{number}\n" for number in range(200_001, 250_001))
    assert ended.stdout == out
    assert ended.stderr == err
    (run,) = (dayfly.demo.state_dir / "runs").iterdir()
    assert (run / "work.stdout").read_bytes() == out
    assert (run / "work.stderr").read_text() == err
    logs = await dayfly("logs", run.name)
    assert logs.stdout == out


async def test_both_streams_arrive_while_the_workload_runs(dayfly: Dayfly) -> None:
    process = await dayfly.start_run("-q", "-c", "echo out; echo err >&2; sleep 100")
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.timeout(30):
        assert await process.stdout.readline() == b"out\n"
        assert await process.stderr.readline() == b"err\n"
    process.terminate()
    assert (await dayfly.end_of(process)).status == 143


async def test_a_terminal_gets_no_escape_sequence_of_the_guest(dayfly: Dayfly) -> None:
    command = r"printf '\033]52;c;ZXZpbA==\007\033[31mred\033[0m\033]0;title\007 \233 2J end\n'"
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tui", "run", "-q", "--host", "demo", "--image", "lts", "-c", command),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=dayfly.env,
        cwd=dayfly.folder,
    )
    os.close(theirs)
    async with asyncio.timeout(60):
        await process.wait()
    shown = os.read(ours, 65536)
    os.close(ours)
    assert re.search(rb"red \S+ 2J end", shown)
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x9b]", shown)
