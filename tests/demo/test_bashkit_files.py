"""What goes into a sandboxed guest and comes out of it, by the scripts of the product and by hand."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.demo.test_exec import sh
from tests.demo_host import DemoHost, private_demo
from tui.demo.guest import Guests
from tui.engine.collect import NOTHING_MATCHES, collect_argv
from tui.engine.packing import UNPACK

pytest.importorskip("bashkit")

BINARY = bytes(range(256)) * 5000
LONG = "a" * 90 + "/" + "b" * 90


@pytest.fixture
async def guest(tmp_path: Path) -> AsyncIterator[DemoHost]:
    async with private_demo(tmp_path / "host", speed=40, guests=Guests.BASHKIT) as host:
        assert host.multipass("launch", "ubuntu-lts-agent", "--name", "x").returncode == 0
        yield host


def archive(*members: tuple[str, bytes, int]) -> bytes:
    """Files with their modes, and a link."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data, mode in members:
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(data), mode, 1_600_000_000
            tar.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, members[0][0]
        tar.addfile(link)
    return packed.getvalue()


async def test_inputs_arrive_and_results_come_home(guest: DemoHost) -> None:
    at_home = archive(("text", b"text\n", 0o644), (f"{LONG}/tool", BINARY, 0o755), ("empty", b"", 0o600))
    elsewhere = archive(("srv/data/x y", b"\xff\x00", 0o640))
    sent = guest.multipass("transfer", "-", "x:/var/tmp/in.tar", stdin=at_home + elsewhere)
    assert sent.returncode == 0, sent.stderr
    words = ["/var/tmp/in.tar", str(len(at_home)), "sudo -n", "home", "700", "made/here"]
    unpacked = sh(guest, UNPACK, "dayfly-unpack", *words)
    assert (unpacked.returncode, unpacked.stderr) == (0, b"")
    assert sh(guest, "stat -c %a ~/made/here; [ -e /var/tmp/in.tar ] || echo gone").stdout == b"700\ngone\n"

    for path in ("*", "/srv/*", f"{LONG}/*", "text"):
        home = guest.multipass("exec", "-n", "x", "--", *collect_argv(path, 1 << 30))
        assert (home.returncode, home.stderr) == (0, b"")
        (guest.state_dir / path.replace("/", "")[:9]).write_bytes(home.stdout)
    with tarfile.open(guest.state_dir / "*") as tar:
        found = {member.name.removeprefix("./"): member for member in tar}
        assert {"text", f"{LONG}/tool", "empty", "made/here", "link"} <= set(found)
        tool = tar.extractfile(found[f"{LONG}/tool"])
        assert tool is not None
        assert tool.read() == BINARY
        assert (found[f"{LONG}/tool"].mode, found["empty"].mode) == (0o755, 0o600)
        assert (found["text"].mtime, found["link"].linkname) == (1_600_000_000, "text")
    with tarfile.open(guest.state_dir / "srv*") as tar:
        data = tar.extractfile("./data/x y")
        assert data is not None
        assert data.read() == b"\xff\x00"
    nothing = guest.multipass("exec", "-n", "x", "--", *collect_argv("nosuch*", 1000))
    assert (nothing.returncode, nothing.stdout) == (NOTHING_MATCHES, b"")


async def test_tools_are_whole_and_binary(guest: DemoHost) -> None:
    assert guest.multipass("transfer", "-", "x:data", stdin=BINARY).returncode == 0
    digest = hashlib.sha256(BINARY).hexdigest().encode()
    assert (
        sh(guest, "sha256sum data; cat data | sha256sum").stdout == digest + b"  data\n" + digest + b"  -\n"
    )
    assert sh(guest, "head -c 300 data").stdout == BINARY[:300]
    assert sh(guest, "tail -c +1000001 data").stdout == BINARY[1_000_000:]
    assert sh(guest, "cat data | tail -c 7").stdout == BINARY[-7:]
    assert sh(guest, 'echo "export A=\'it is\'" > /dev/shm/e; . /dev/shm/e; exec "$@"', "sh", "sh", "-c",
              'echo "$A"').stdout == b"it is\n"  # fmt: skip
    assert sh(guest, "printf '%s\\0' data | tar --null -T - -cf - | tar tf -").stdout == b"data\n"
    refused = sh(guest, "tar xf nosuch.tar")
    assert (refused.returncode, b"nosuch.tar: Cannot open" in refused.stderr) == (2, True)


async def test_no_archive_leads_out_of_the_guest(guest: DemoHost) -> None:
    secret = guest.state_dir / "secret"
    secret.write_text("secret")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, target in (("abs", str(guest.state_dir)), ("up", "../" * 12 + str(guest.state_dir)[1:])):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        for name in ("abs/evil", "up/evil", "../../../../../../evil", f"{guest.state_dir}/evil"):
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"evil"))
    assert sh(guest, "tar xf -", stdin=packed.getvalue()).returncode == 2
    for out in ("abs/secret", "up/secret"):
        assert b"secret" not in sh(guest, f"tar chf - {out}; cat {out}").stdout
        assert guest.multipass("transfer", f"x:{out}", "-").stdout == b""
    assert all("disk" in path.parts for path in guest.state_dir.rglob("evil"))
    assert sorted(path.name for path in guest.state_dir.iterdir()) == ["demo", "secret"]


async def test_a_gigabyte_takes_no_memory(guest: DemoHost) -> None:
    big = guest.state_dir / "big"
    with big.open("wb") as file:
        file.seek(1 << 30)
        file.write(os.urandom(1000))
    assert guest.multipass("transfer", str(big), "x:big").returncode == 0
    pids = {vm["name"]: vm["pid"] for vm in json.loads((guest.world / "world.json").read_text())["vms"]}
    peak = Path(f"/proc/{pids['x']}/status").read_text().split("VmHWM:")[1].split()
    assert int(peak[0]) < 300_000, peak
    assert sh(guest, "ls -l big").stdout.split()[4] == str((1 << 30) + 1000).encode()
