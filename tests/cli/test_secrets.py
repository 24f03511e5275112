"""A secret reaches the workload and nothing else: not the books, not a log, not a process list."""

import hashlib
import json
import os
import stat
import threading
from pathlib import Path

import pytest

from tests.cli.conftest import Dayfly, only
from tests.cli.test_ends import said
from tests.demo_host import FOREIGN
from tests.until import until

SECRET = "zkqSecret" + "7" * 30
MOMENT = "touch /tmp/works; while [ ! -e /tmp/go ]; do sleep 0.1; done"
"""Stops until there is a file /tmp/go in the guest."""
HOSTILE = {
    "QUOTES": 'it\'s "$(echo no)" `no` \\ ${HOME} *',
    "LINES": "one\n two\n\n",
    "BYTES": os.fsdecode(b"\xff\xfe\x01 ") + "ünï→",
    "EMPTY": "",
    "LONG": "x" * 100_000,
}


def profile(dayfly: Dayfly, command: str, secrets: dict[str, str], more: str = "") -> str:
    lines = "".join(f"{name} = {json.dumps(where)}\n" for name, where in secrets.items())
    text = f'image = "lts"\nhost = "{dayfly.host}"\ncommand = {json.dumps(command)}\n{more}\n'
    return dayfly.profile("knows", f"{text}[secrets]\n{lines}")


def secret_file(tmp_path: Path, text: str = SECRET) -> str:
    (tmp_path / "secret").write_text(f"{text}\n")
    return f"file:{tmp_path}/secret"


class Searcher(threading.Thread):
    """Looks at argv and environment of every process of this machine, over and over."""

    def __init__(self, needle: bytes) -> None:
        super().__init__(daemon=True)
        self._needle = needle
        self._over = threading.Event()
        self.found: set[str] = set()
        self.rounds = 0

    def run(self) -> None:
        while not self._over.is_set():
            for process in Path("/proc").iterdir():
                if process.name.isdigit():
                    self._look_at(int(process.name))
            self.rounds += 1

    def _look_at(self, pid: int) -> None:
        if is_in_guest(pid):  # asked first: of one that has ended meanwhile there is nothing to read
            return
        facts = [read(Path(f"/proc/{pid}/{fact}")) for fact in ("cmdline", "environ")]
        if any(self._needle in fact for fact in facts):
            self.found.add(facts[0].replace(b"\0", b" ").decode(errors="replace"))

    def end(self) -> None:
        self._over.set()
        self.join()


def is_in_guest(pid: int) -> bool:
    """Whether it is a process of a VM: one of its ancestors is the demo's guest."""
    while pid > 1:
        if b"tui.demo.guest" in read(Path(f"/proc/{pid}/cmdline")):
            return True
        fields = read(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split()
        pid = int(fields[1]) if fields else 0
    return False


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def files_with(needle: bytes, *folders: Path) -> list[str]:
    found = []
    for folder in folders:
        for root, _, names in os.walk(folder):
            paths = (Path(root, name) for name in names)
            found += [
                str(path) for path in paths if stat.S_ISREG(path.lstat().st_mode) and needle in read(path)
            ]
    return found


def places(dayfly: Dayfly) -> tuple[Path, ...]:
    """The disks of client, host and guests."""
    return Path(dayfly.env["DAYFLY_STATE_DIR"]), dayfly.demo.world, Path("/dev/shm"), dayfly.folder


async def test_a_secret_is_found_nowhere(dayfly: Dayfly, tmp_path: Path) -> None:
    needle = SECRET.encode()
    prints = 'echo "a $TOKEN b"; printf %s "$TOKEN" | sha256sum; printf "${TOKEN%777}"; sleep 0.5; echo 777'
    name = profile(dayfly, f"{MOMENT}; {prints}", {"TOKEN": secret_file(tmp_path)})
    searcher = Searcher(needle)
    searcher.start()
    process = await dayfly.start("run", "--json", name)
    (vm,) = await vms(dayfly)
    await until((dayfly.demo.world / "instances" / vm / "tmp" / "works").exists, "it works")
    assert files_with(needle, *places(dayfly)) == []
    assert dayfly.demo.multipass("exec", vm, "--", "touch", "/tmp/go").returncode == 0
    ended = await dayfly.end_of(process)
    searcher.end()
    assert ended.status == 0, ended.stderr
    assert searcher.rounds > 3
    assert searcher.found == set()
    assert files_with(needle, *places(dayfly)) == []
    assert needle not in ended.stdout + ended.stderr.encode()
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    printed = "".join(event["text"] for event in events if event["event"] == "Output")
    stars = "*" * len(SECRET)
    assert printed == f"a {stars} b\n{hashlib.sha256(needle).hexdigest()}  -\n{stars}\n"
    assert dayfly.demo.vms() == FOREIGN


async def vms(dayfly: Dayfly) -> list[str]:
    await until(lambda: "Running" in dayfly.demo.ours().values(), "a VM runs")
    return list(dayfly.demo.ours())


@only("demo")
@pytest.mark.parametrize("sudo", [False, True])
async def test_values_arrive_byte_for_byte(dayfly: Dayfly, sudo: bool) -> None:
    dayfly.env |= HOSTILE
    command = "; ".join(f'printf %s "${name}" | sha256sum' for name in HOSTILE)
    env = '[env]\nPLAIN = "it\'s\\n$x"\n'
    name = profile(
        dayfly,
        f'{command}; printf %s "$PLAIN"; ls -a /dev/shm /var/tmp >&2; env | grep -a dayfly_var >&2; true',
        {name: f"env:{name}" for name in HOSTILE},
        f"sudo = {str(sudo).lower()}\nmask = false\n{env}",
    )
    ended = await dayfly("run", "-q", name)
    assert ended.status == 0, ended.stderr
    *sums, plain = ended.stdout.decode().split("  -\n")
    assert sums == [hashlib.sha256(os.fsencode(value)).hexdigest() for value in HOSTILE.values()]
    assert plain == "it's\n$x"
    assert ".dayfly-" not in ended.stderr
    assert "dayfly_variables" not in ended.stderr


@only("demo")
async def test_a_command_is_run_once_somebody_has_allowed_it(dayfly: Dayfly, tmp_path: Path) -> None:
    name = profile(dayfly, 'echo "is $TOKEN"', {"TOKEN": f"cmd:echo ran >>{tmp_path}/runs; echo {SECRET}"})
    refused = await dayfly("run", name)
    assert refused.status == 125
    assert "nobody has allowed its command" in refused.stderr
    assert "--allow-cmd" in refused.stderr
    assert not (tmp_path / "runs").exists()
    assert not (dayfly.demo.home / ".local/state/dayfly/leases").exists()
    for words in (["--allow-cmd"], []):
        ended = await dayfly("run", "-q", *words, name)
        assert (ended.status, ended.stdout.decode()) == (0, f"is {'*' * len(SECRET)}\n"), ended.stderr
    changed = await dayfly("run", "--cpus", "2", name)
    assert "nobody has allowed its command" in changed.stderr
    assert (tmp_path / "runs").read_text() == "ran\nran\n"


@only("demo")
async def test_what_is_missing_is_named_before_anything_is_done(dayfly: Dayfly, tmp_path: Path) -> None:
    for where, words in (
        (f"file:{tmp_path}/none", "is not a file"),
        ("env:DF_NONE", "there is no variable DF_NONE"),
    ):
        ended = await dayfly("run", profile(dayfly, "true", {"TOKEN": where}))
        assert (ended.status, words in ended.stderr) == (2, True), ended.stderr
    ended = await dayfly("run", profile(dayfly, "true", {"TOKEN": "prompt:Token?"}))
    assert (ended.status, "nobody has typed it" in ended.stderr) == (125, True), ended.stderr
    assert dayfly.ledger().open_rows() == ()


@only("demo")
async def test_masking_can_be_turned_off(dayfly: Dayfly, tmp_path: Path) -> None:
    name = profile(dayfly, 'echo "$TOKEN"', {"TOKEN": secret_file(tmp_path)})
    ended = await dayfly("run", "-q", "--no-mask", name)
    assert (ended.status, ended.stdout.decode()) == (0, f"{SECRET}\n")


@only("demo")
async def test_a_run_that_is_taken_over_has_its_stars(dayfly: Dayfly, tmp_path: Path) -> None:
    command = f'echo "a $TOKEN zkqSe"; {MOMENT}; echo "b $TOKEN"; printf zkqSe'
    process = await dayfly.start("run", profile(dayfly, command, {"TOKEN": secret_file(tmp_path)}))
    await said(process, "The command runs")
    (vm,) = dayfly.demo.ours()
    process.kill()
    await process.wait()
    assert dayfly.demo.multipass("exec", vm, "--", "touch", "/tmp/go").returncode == 0
    ended = await dayfly("attach", vm)
    stars = "*" * len(SECRET)
    assert ended.stdout.decode() == f"a {stars} zkqSe\nb {stars}\nzkqSe", ended.stderr
    assert files_with(SECRET.encode(), *places(dayfly)) == []
