"""`exec` into shell guests: bytes, statuses, and what outlives a client."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.demo.test_races import said
from tests.demo_host import DemoHost, private_demo
from tests.until import until

MIB = 1 << 20


@pytest.fixture
async def guest(tmp_path: Path) -> AsyncIterator[DemoHost]:
    async with private_demo(tmp_path / "host", speed=40) as host:
        assert host.multipass("launch", "ubuntu-lts-agent", "--name", "x").returncode == 0
        yield host


def sh(demo: DemoHost, script: str, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return demo.multipass("exec", "-n", "x", "--", "sh", "-c", script, *words, stdin=stdin)


async def test_statuses(guest: DemoHost) -> None:
    for status in (0, 1, 2, 3, 5, 124, 125, 255):
        assert sh(guest, f"exit {status}").returncode == status
    assert sh(guest, "kill -9 $$").returncode == 255
    wrapped = sh(guest, '"$@"; echo $?', "sh", "bash", "-c", "kill -9 $$")
    assert wrapped.stdout == b"137\n"
    assert sh(guest, "sleep 1 & echo started").stdout == b"started\n"


async def test_output_is_byte_exact_and_input_is_cut_where_the_real_one_cuts_it(guest: DemoHost) -> None:
    data = os.urandom(5 * MIB)
    assert guest.multipass("transfer", "-", "x:data", stdin=data).returncode == 0
    out = sh(guest, "for i in 1 2 3 4 5 6 7 8; do cat data; cat data >&2; done")
    assert hashlib.sha256(out.stdout).digest() == hashlib.sha256(data * 8).digest()
    assert out.stderr == data * 8
    assert guest.multipass("transfer", "x:data", "-").stdout == data
    assert sh(guest, "cat", stdin=data).stdout == data
    assert sh(guest, "sleep 2; wc -c", stdin=data).stdout.strip() == str(2 * MIB).encode()


async def test_a_slow_reader_holds_the_guest_back(guest: DemoHost) -> None:
    writer = guest.start(
        "exec", "-n", "x", "--", "sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); echo $i > at; done"
    )
    await said(writer, b"0\n")

    def is_stuck() -> bool:
        before = sh(guest, "sleep .3; cat at; sleep .3; cat at").stdout.split()
        return len(before) == 2 and before[0] == before[1]

    try:
        await until(is_stuck, "the writer waits for its reader")
    finally:
        writer.kill()
        writer.communicate()


async def test_a_quiet_process_outlives_its_client_and_a_chatty_one_does_not(guest: DemoHost) -> None:
    quiet = guest.start("exec", "-n", "x", "--", "sh", "-c", "echo in; exec >/dev/null; sleep 4150 & wait")
    await said(quiet, b"in\n")
    chatty = guest.start("exec", "-n", "x", "--", "sh", "-c", "while :; do echo tick; sleep .1; : 4157; done")
    await said(chatty, b"tick\n")
    for client in (quiet, chatty):
        client.send_signal(signal.SIGKILL)
        client.communicate()
    await until(lambda: sh(guest, "pgrep -f '[4]157'").returncode == 1, "the chatty one is gone")
    assert sh(guest, "pgrep -f 'sleep [4]150'").returncode == 0
    assert guest.multipass("delete", "--purge", "x").returncode == 0
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and b"sleep\x004150" in _arguments(pid)]


def _arguments(pid: str) -> bytes:
    try:
        return Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return b""


async def test_two_guests_share_no_files(guest: DemoHost) -> None:
    assert guest.multipass("launch", "ubuntu-lts-agent", "--name", "y").returncode == 0
    place = 'd=${DAYFLY_GUEST_DIR:-/var/tmp/.dayfly}; mkdir -p "$d"; '
    assert sh(guest, place + 'echo mine > "$d/f"; echo mine > ~/g').returncode == 0
    other = guest.multipass("exec", "-n", "y", "--", "sh", "-c", place + 'ls "$d" ~')
    assert b"f\n" not in other.stdout
    assert b"g\n" not in other.stdout
    assert guest.multipass("restart", "x").returncode == 0
    assert sh(guest, place + 'cat "$d/f" ~/g').stdout == b"mine\nmine\n"


async def test_poweroff_inside_is_seen(guest: DemoHost) -> None:
    assert sh(guest, "sudo poweroff").returncode == 0
    await guest.until_vm("x", "Stopped")
    assert guest.multipass("start", "x").returncode == 0
    assert sh(guest, "sleep 4180 >/dev/null 2>&1 & sudo reboot").returncode == 0
    # The command finds no such process, and a VM that answers: 1 is its own status.
    await until(lambda: sh(guest, "pgrep -f 'sleep [4]180'").returncode == 1, "it came back, empty")
