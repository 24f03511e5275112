"""What a lost connection costs a run: nothing."""

import os
import signal
from contextlib import suppress

import pytest

from tests.cli.conftest import Dayfly, only
from tests.cli.test_ends import said
from tests.fixtures.sshd import descendants
from tests.until import until

pytestmark = [only("sshd"), pytest.mark.sshd]


def connections(dayfly: Dayfly) -> list[int]:
    """sshd's processes for our connections; what runs in them lives on without them."""
    assert dayfly.sshd is not None
    found = []
    for pid in descendants(dayfly.sshd.pid):
        with suppress(FileNotFoundError), open(f"/proc/{pid}/cmdline", "rb") as file:  # or it has just ended
            if file.read().startswith(b"sshd: "):
                found.append(pid)
    return found


async def test_a_cut_connection_costs_neither_a_byte_nor_the_status(dayfly: Dayfly) -> None:
    process = await dayfly.start_run(
        "-c", "i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo $i; sleep 0.1; done; exit 7"
    )
    await said(process, "The command runs")
    for _ in range(2):
        before = set(connections(dayfly))
        assert before
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        await until(lambda before=before: bool(set(connections(dayfly)) - before), "it is connected again")
    ended = await dayfly.end_of(process)
    assert ended.status == 7, ended.stderr
    assert ended.stdout.split() == [b"%d" % number for number in range(1, 61)]
    assert "lost" in ended.stderr
    assert dayfly.demo.ours() == {}
