"""`transfer` from stdin and to stdout: whole, binary, fast, ended with its client, and with its faults."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.demo.test_exec import sh
from tests.demo_host import DemoHost, private_demo
from tests.until import until
from tui.demo.guest import Guests
from tui.drivers.multipass import Multipass
from tui.model.spec import VmName

MIB = 1 << 20
DOWN = b"transfer failed: cannot connect to the multipass socket\n"


@pytest.fixture(params=list(Guests))
async def guest(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[DemoHost]:
    if request.param is Guests.BASHKIT:
        pytest.importorskip("bashkit")
    async with private_demo(tmp_path / "host", speed=40, guests=request.param) as host:
        assert host.multipass("launch", "ubuntu-lts-agent", "--name", "x").returncode == 0
        yield host


def put(demo: DemoHost, path: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    return demo.multipass(*Multipass().put_argv(VmName("x"), path)[1:], stdin=data)


async def test_any_bytes_arrive_and_come_back(guest: DemoHost) -> None:
    for size in (0, 1, 3 * MIB + 1):
        data = os.urandom(size)
        assert put(guest, "/var/tmp/f", data).returncode == 0
        assert guest.multipass("transfer", "x:/var/tmp/f", "-").stdout == data
    assert put(guest, "a 'b' $c\n-d", b"odd").returncode == 0
    assert guest.multipass("transfer", "x:a 'b' $c\n-d", "-").stdout == b"odd"
    assert put(guest, "/var/tmp", b"named").returncode == 0
    assert sh(guest, "cat /var/tmp/stream_output.dat").stdout == b"named"


async def test_300_mib_take_seconds(guest: DemoHost) -> None:
    block, digest = os.urandom(MIB), hashlib.sha256()
    source = guest.state_dir / "source"
    with source.open("wb") as file:
        for _ in range(300):
            file.write(block)
            digest.update(block)
    began = time.monotonic()
    with source.open("rb") as stdin:
        sent = guest.start("transfer", "-", "x:big", stdin=stdin.fileno())
    assert sent.communicate(timeout=60) == (b"", b"")
    assert sent.returncode == 0
    assert time.monotonic() - began < 30
    back = guest.start("transfer", "x:big", "-")
    assert back.stdout is not None
    came = hashlib.sha256()
    while data := back.stdout.read(MIB):
        came.update(data)
    back.communicate()
    assert came.digest() == digest.digest()


async def test_it_ends_with_its_client_and_the_next_one_replaces_what_came(guest: DemoHost) -> None:
    client = guest.start("transfer", "-", "x:f", stdin=subprocess.PIPE)
    assert client.stdin is not None
    client.stdin.write(bytes(MIB))
    client.stdin.flush()
    await until(lambda: sh(guest, "wc -c < f").stdout.strip() == str(MIB).encode(), "it came")
    client.send_signal(signal.SIGKILL)
    client.wait()
    with pytest.raises(BrokenPipeError):  # nobody in the guest reads on
        client.stdin.write(bytes(100 * MIB))
    with contextlib.suppress(BrokenPipeError):
        client.communicate()
    assert put(guest, "f", b"all").returncode == 0
    assert sh(guest, "cat f").stdout == b"all"


async def test_what_is_refused(guest: DemoHost) -> None:
    for path, told in (
        ("/nodir/f", "remote target does not exist"),
        ("/root/f", "cannot open remote file /root/f: SFTP server: Permission denied"),
    ):
        refused = put(guest, path, b"data")
        assert refused.returncode == 2
        assert refused.stderr.endswith(f"[error] [sftp] {told}\n".encode())
    assert guest.multipass("stop", "x").returncode == 0
    stopped = put(guest, "f", b"data")
    assert (stopped.returncode, stopped.stderr) == (2, b'transfer failed: instance "x" is not running\n')
    assert guest.vms()["x"] == "Stopped"


async def test_faults(guest: DemoHost) -> None:
    await guest.control("drop transfer:x")
    dropped = put(guest, "f", b"data")
    assert (dropped.returncode, dropped.stderr) == (2, DOWN)
    await guest.control("fail transfer 2")
    assert put(guest, "f", b"data").returncode == 2
    await guest.control("forget transfer")
    assert put(guest, "f", b"data").returncode == 0
    assert sh(guest, "cat f").returncode == 1
    await guest.control("slow transfer 0.5")
    began = time.monotonic()
    assert put(guest, "f", b"late").returncode == 0
    assert time.monotonic() - began >= 0.5

    await guest.control("hang transfer:x")
    client = guest.start("transfer", "-", "x:f", stdin=subprocess.PIPE)
    await until((guest.world / "held" / "transfer.x").exists, "it hangs")
    assert client.poll() is None
    await guest.control("release transfer:x")
    assert client.communicate(b"released", timeout=30) == (b"", b"")
    assert sh(guest, "cat f").stdout == b"released"
