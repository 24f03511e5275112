"""Files on their way into a VM, byte for byte."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Dayfly, only
from tests.cli.test_ends import said
from tests.demo_host import FOREIGN
from tests.until import until
from tui.model.units import MIB

HOSTILE = ["-rf", "a\nb", "q'\"`$(x)", "ünï→", os.fsdecode(b"\xff\xfe"), " ", "back\\slash", "n" * 200]


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def profile(dayfly: Dayfly, command: str, *inputs: tuple[Path | str, str], more: str = "") -> str:
    lines = [f"[[inputs]]\nfrom = {quoted(str(source))}\nto = {quoted(to)}\n" for source, to in inputs]
    text = f'image = "lts"\ncommand = {quoted(command)}\nhost = "{dayfly.host}"\n{more}\n{"".join(lines)}'
    return dayfly.profile("takes", text)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


SUMS = (
    'find . -type f -exec sh -c \'for f; do printf %s "$f" | sha256sum; sha256sum <"$f"; stat -c %a "$f"; '
    "done' sh {} + | tr -d ' -' | paste - - -"
)
"""In a folder of the guest: a line for each file, whatever its name."""


def sums(folder: Path) -> set[str]:
    """What SUMS prints of the same files."""
    return {
        f"{digest(b'./' + os.fsencode(path.relative_to(folder)))}\t{digest(path.read_bytes())}"
        f"\t{path.stat().st_mode & 0o777:o}"
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_files_arrive_byte_for_byte(dayfly: Dayfly) -> None:
    source = dayfly.folder / "source"
    source.mkdir()
    for number, name in enumerate(HOSTILE):
        (source / name).write_bytes(os.urandom(1000 * number) + os.fsencode(name))
        (source / name).chmod(0o755 if number % 2 else 0o640)
    (source / "binary").write_bytes(os.urandom(3 * MIB))
    (source / "empty").touch()
    ended = await dayfly("run", "-q", profile(dayfly, f"cd data && {SUMS}", (source, "data")))
    assert ended.status == 0, ended.stderr
    assert set(ended.stdout.decode().splitlines()) == sums(source)
    assert dayfly.demo.vms() == FOREIGN


@pytest.mark.slow
@pytest.mark.parametrize("dayfly", ["demo", pytest.param("sshd", marks=pytest.mark.sshd)], indirect=True)
async def test_a_large_file_arrives_byte_for_byte(dayfly: Dayfly) -> None:
    large = dayfly.folder / "large"
    block = os.urandom(10 * MIB)
    with large.open("wb") as file:
        for number in range(30):
            file.write(bytes([number]) + block[1:])
    ended = await dayfly("run", profile(dayfly, "sha256sum <large", (large, "large")), limit_s=300)
    assert ended.status == 0, ended.stderr
    assert ended.stdout.decode().split()[0] == digest(large.read_bytes())
    assert "sending inputs: " in ended.stderr
    assert dayfly.demo.vms() == FOREIGN


@only("demo")
async def test_nothing_of_them_stays_behind(dayfly: Dayfly) -> None:
    (dayfly.folder / "file").write_text("x")
    name = profile(dayfly, "ls -A /var/tmp", (dayfly.folder / "file", "file"))
    ended = await dayfly("run", "--pin", "always", name)
    assert ended.status == 0, ended.stderr
    assert b".tar" not in ended.stdout
    (vm,) = dayfly.demo.ours()
    leases = dayfly.demo.home / ".local/state/dayfly/leases"
    assert list((leases / vm / "spools").iterdir()) == []
    assert list(Path(dayfly.env["DAYFLY_STATE_DIR"]).glob("runs/*/inputs*")) == []
    assert (await dayfly("rm", vm)).status == 0


@only("demo")
async def test_what_cannot_be_sent_is_refused_before_anything_is_done(dayfly: Dayfly) -> None:
    ended = await dayfly("run", profile(dayfly, "true", (dayfly.folder / "none", "x")))
    assert ended.status == 2
    assert "is not there" in ended.stderr
    ledger = dayfly.ledger()
    assert ledger.open_rows() == ()
    ledger.close()
    assert not (dayfly.demo.home / ".local/state/dayfly/leases").exists()


@only("demo")
async def test_a_place_that_cannot_be_written_is_named(dayfly: Dayfly) -> None:
    (dayfly.folder / "file").write_text("x")
    ended = await dayfly("run", profile(dayfly, "true", (dayfly.folder / "file", "/proc/none/file")))
    assert ended.status == 125
    assert "inputs could not be unpacked in the VM: mkdir:" in ended.stderr
    assert dayfly.demo.vms() == FOREIGN


@only("demo")
async def test_sending_that_fails_is_tried_again(dayfly: Dayfly) -> None:
    (dayfly.folder / "file").write_bytes(b"x" * MIB)
    await dayfly.demo.control("drop transfer 2")
    ended = await dayfly("run", "-q", profile(dayfly, "wc -c <file", (dayfly.folder / "file", "file")))
    assert (ended.status, ended.stdout.strip()) == (0, b"%d" % MIB), ended.stderr


@only("demo")
async def test_a_run_whose_client_dies_while_it_sends_is_gone_on_with(dayfly: Dayfly) -> None:
    """Even where the files are not there any more."""
    source = dayfly.folder / "file"
    source.write_bytes(os.urandom(3 * MIB))
    wanted = digest(source.read_bytes())
    await dayfly.demo.control("hang transfer")
    process = await dayfly.start("run", profile(dayfly, "sha256sum <file", (source, "file")))
    await said(process, "sending inputs")
    (vm,) = dayfly.demo.ours()
    await until(lambda: dayfly.demo.clients("transfer"), "the transfer hangs")
    process.kill()
    await process.wait()
    source.unlink()
    await dayfly.demo.control("release transfer")
    ended = await dayfly("attach", vm)
    assert (ended.status, ended.stdout.split()) == (0, [wanted.encode(), b"-"]), ended.stderr
    assert dayfly.demo.vms() == FOREIGN
