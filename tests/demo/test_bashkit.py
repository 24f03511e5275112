"""The sandboxed guests that people get. These rows are also what a new bashkit has to pass."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.demo.test_exec import sh
from tests.demo.test_races import said
from tests.demo_host import DemoHost, private_demo
from tui.demo.guest import Guests

pytest.importorskip("bashkit")


@pytest.fixture
async def guest(tmp_path: Path) -> AsyncIterator[DemoHost]:
    async with private_demo(tmp_path / "host", speed=40, guests=Guests.BASHKIT) as host:
        assert host.multipass("launch", "ubuntu-lts-agent", "--name", "x", "--cpus", "3").returncode == 0
        yield host


async def test_it_looks_like_an_ubuntu(guest: DemoHost) -> None:
    listing = guest.multipass("exec", "-n", "x", "--", "ls", "-l", "/").stdout.decode()
    assert re.search(r"^drwxr-xr-x +\d+ root +root +4096 \w{3} [ \d]\d \d\d:\d\d etc$", listing, re.M)
    assert re.search(r"^drwxrwxrwt .* tmp$", listing, re.M)
    assert sh(guest, "whoami; pwd; hostname; nproc").stdout == b"ubuntu\n/home/ubuntu\nx\n3\n"


async def test_statuses(guest: DemoHost) -> None:
    for status in (0, 1, 2, 3, 5, 124, 125, 255):
        assert sh(guest, f"exit {status}").returncode == status
    assert guest.multipass("exec", "-n", "x", "--", "bash", "-c", "kill -9 $$").returncode == 255
    wrapped = sh(guest, '"$@"; s=$?; echo "status $s"; exit 7', "sh", "bash", "-c", "kill -9 $$")
    assert (wrapped.returncode, wrapped.stdout) == (7, b"status 137\n")


async def test_output_is_live_files_are_shared_and_input_arrives(guest: DemoHost) -> None:
    live = guest.start("exec", "-n", "x", "--", "bash", "-c", "echo one; sleep 30; echo two")
    await said(live, b"one\n")
    live.kill()
    live.communicate()
    assert sh(guest, "echo kept > f").returncode == 0
    assert guest.multipass("restart", "x").returncode == 0
    assert sh(guest, "cat f").stdout == b"kept\n"
    assert sh(guest, "cat; echo end", stdin=b"some\ninput\n").stdout == b"some\ninput\nend\n"
    assert guest.multipass("transfer", "-", "x:/tmp/t", stdin=b"\x00\xff").returncode == 0
    assert guest.multipass("transfer", "x:/tmp/t", "-").stdout == b"\x00\xff"


async def test_two_hundred_thousand_lines(guest: DemoHost) -> None:
    out = sh(guest, "seq 1 200000").stdout
    assert out == b"".join(b"%d\n" % number for number in range(1, 200_001))


async def test_no_way_to_the_machine(guest: DemoHost) -> None:
    secret = guest.world.parent / "secret"
    secret.write_text("secret")
    up = "../" * 12
    for command in (f"cat {secret}", f"cat {up}{secret}", f"tail {up}{secret}", f"ls {secret}"):
        assert b"secret\n" not in sh(guest, command).stdout + b"\n"
    assert sh(guest, f"ln -s {up}{secret} l; cat l; tail l").stdout == b""
    assert guest.multipass("transfer", "x:l", "-").stdout == b""
    assert sh(guest, "command -v curl && curl -s http://127.0.0.1:1/").returncode != 0
