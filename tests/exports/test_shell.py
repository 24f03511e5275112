"""The exported shell script, carried out for real."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tarfile
import termios
from dataclasses import replace
from pathlib import Path

import pytest

from tests.exports.hostile import HOSTILE, directly
from tests.exports.ssh import Place, spec
from tests.fixtures.sshd import descendants
from tests.until import until
from tui.exports.shell import script
from tui.model.errors import UsageError
from tui.model.hosts import LOCAL, HostEntry
from tui.model.spec import Artifact, CloudInit, HostName, Input, PinPolicy, SecretRef, SecretSource

SECRET = 's3cr3t-it\'s "$(x)" \\ 🦟'
ENTRY = HostEntry(
    name=HostName("lab"), address="lab.example", user="ada", port=2222, identity_file="~/.ssh/k"
)
SHELLS = ["dash", "busybox sh", "bash", "mksh", "yash"]
WAITS = "touch ~/at-work; while [ ! -e ~/go ]; do sleep 0.05; done"


async def test_lists_the_root_and_leaves_nothing(place: Place) -> None:
    ended = await place.carry_out(spec("ls -l /"))
    assert ended.status == 0, ended.stderr
    assert b"etc" in ended.stdout
    assert "is gone" in ended.stderr


@pytest.mark.parametrize("shell", SHELLS)
async def test_a_failure_is_the_scripts_own_status_in_any_shell(place: Place, shell: str) -> None:
    if shutil.which(shell.split()[0]) is None:
        pytest.skip(f"{shell} is not installed here")
    ended = await place.carry_out(spec("echo said; echo cried >&2; exit 1"), shell=shell)
    assert (ended.status, ended.stdout) == (1, b"said\n"), ended.stderr
    assert "cried\n" in ended.stderr
    assert "is gone" in ended.stderr


async def test_debug_mode_keeps_the_vm_and_says_how_to_delete_it(place: Place) -> None:
    ended = await place.carry_out(spec("echo hello", pin=PinPolicy.ALWAYS))
    assert (ended.status, ended.stdout) == (0, b"hello\n"), ended.stderr
    (vm,) = place.demo.ours()
    assert place.demo.vms()[vm] == "Running"
    (by_hand,) = (line for line in ended.stderr.splitlines() if line.startswith("To delete it: ssh -t "))
    assert by_hand.endswith(f"multipass delete --purge {vm}")
    assert place.demo.multipass(*by_hand.rpartition("multipass ")[2].split()).returncode == 0


@pytest.mark.parametrize(("status", "is_kept"), [(3, True), (0, False)])
async def test_on_failure_keeps_only_what_failed(place: Place, status: int, is_kept: bool) -> None:
    ended = await place.carry_out(spec(f"exit {status}", pin=PinPolicy.ON_FAILURE))
    assert ended.status == status
    assert bool(place.demo.ours()) is is_kept
    for vm in place.demo.ours():
        place.demo.multipass("delete", "--purge", vm)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda n: n.name)
async def test_a_signal_during_the_work_deletes_the_vm(place: Place, number: signal.Signals) -> None:
    process = await place.start(spec(WAITS))
    await place.until_work()
    process.send_signal(number)
    ended = await place.end_of(process)
    assert ended.status == 128 + number, ended.stderr
    assert "is gone" in ended.stderr


@pytest.mark.speed(4)
async def test_a_signal_during_the_launch_deletes_what_comes_of_it(place: Place) -> None:
    process = await place.start(spec())
    await until(lambda: place.demo.clients("launch"), "a launch")
    await until(lambda: bool(place.demo.ours()), "the VM is in the list, and boots")
    process.send_signal(signal.SIGTERM)
    ended = await place.end_of(process)
    assert ended.status == 143, ended.stderr
    assert "is gone" in ended.stderr


async def test_a_vm_that_is_being_prepared_is_waited_for(place: Place) -> None:
    process = await place.start(spec())
    assert process.stderr is not None
    vm = (await process.stderr.readline()).decode().split()[1]
    await place.demo.control(f"slow prepare:{vm} 3")
    await until(lambda: (place.demo.world / "held" / f"prepare.{vm}").exists(), "it is being prepared")
    assert vm not in place.demo.vms()
    process.send_signal(signal.SIGTERM)
    ended = await place.end_of(process)
    assert ended.status == 143, ended.stderr
    assert f"{vm} is gone" in ended.stderr
    assert not (place.demo.world / "held" / f"prepare.{vm}").exists()


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_work_is_what_it_was(place: Place, name: str) -> None:
    here = await asyncio.to_thread(directly, HOSTILE[name])
    ended = await place.carry_out(spec(HOSTILE[name]))
    assert (ended.status, ended.stdout) == (here.returncode, here.stdout), ended.stderr


async def test_words_variables_and_folder_are_what_they_were(place: Place) -> None:
    words = ("a b", "'", '"', "$(id)", "\n", "*", "", "é\\", "-n", "x\n\n")
    print_all = 'printf "%s|" "$PWD" "$ODD" "$@"'
    run = spec(("sh", "-c", print_all, "sh", *words), env=(("ODD", "it's\n$(x)\n"),), workdir="/usr/lib")
    ended = await place.carry_out(run)
    assert ended.stdout.decode() == "".join(f"{word}|" for word in ("/usr/lib", "it's\n$(x)\n", *words))


async def test_work_that_takes_too_long_is_stopped(place: Place) -> None:
    ended = await place.carry_out(spec("sleep 60", timeout_s=1, sudo=True))
    assert ended.status == 124, ended.stderr


async def test_a_launch_that_fails_has_no_result(place: Place) -> None:
    ended = await place.carry_out(spec(image="no-such-image"))
    assert ended.status == 125
    assert "the launch failed" in ended.stderr
    assert "is gone" in ended.stderr


async def test_files_go_in_and_results_come_home(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "in 'put"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a b").write_bytes(bytes(range(256)) * 20_000)
    (folder / "tool").write_text("#!/bin/sh\necho tool\n")
    (folder / "tool").chmod(0o755)
    run = spec(
        "cp -R 'a place' 'out put' && ./bin/tool",
        inputs=(Input(str(folder), "a place"), Input(str(folder / "tool"), "bin/")),
        artifacts=(Artifact(path="out put/d*"), Artifact(path="none/*")),
    )
    ended = await place.carry_out(run)
    assert (ended.status, ended.stdout) == (0, b"tool\n"), ended.stderr
    (results,) = Path(os.environ["HOME"], "results").iterdir()
    with tarfile.open(results / "0.tar") as tar:
        assert tar.getnames() == ["deep", "deep/a b"]
        inside = tar.extractfile("deep/a b")
        assert inside is not None
        assert inside.read() == bytes(range(256)) * 20_000
    assert "1.tar is not whole, or there was nothing for it" in ended.stderr


async def test_a_result_that_is_needed_and_lacks_is_no_result(place: Place) -> None:
    ended = await place.carry_out(spec("true", artifacts=(Artifact(path="none", required=True),)))
    assert ended.status == 125, ended.stderr


async def test_an_input_that_lacks_launches_nothing(place: Place, tmp_path: Path) -> None:
    ended = await place.carry_out(spec("true", inputs=(Input(str(tmp_path / "none"), "x"),)))
    assert ended.status == 125
    assert "is missing" in ended.stderr
    assert "launching" not in ended.stderr


async def test_secrets_reach_the_work_and_nobody_else(place: Place, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{SECRET}-file\n\n")
    run = spec(
        f'printf "%s|" "$ONE" "$TWO" "$THREE"; {WAITS}',
        secrets=(
            SecretRef("ONE", SecretSource.ENV, "DEPLOY_TOKEN"),
            SecretRef("TWO", SecretSource.FILE, str(tmp_path / "key")),
            SecretRef("THREE", SecretSource.CMD, f"cat '{tmp_path / 'key'}' | tr e E"),
        ),
    )
    assert SECRET not in script(run, ENTRY)
    process = await place.start(run, env={"DEPLOY_TOKEN": SECRET})
    vm = await place.until_work()
    for pid in descendants(process.pid):
        assert SECRET.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    argv = [file for file in Path("/proc").glob("[0-9]*/cmdline") if _holds(file, SECRET.encode())]
    assert argv == []
    (place.demo.guest_home(vm) / "go").touch()
    ended = await place.end_of(process)
    filed = f"{SECRET}-file\n"
    assert ended.stdout.decode() == f"{SECRET}|{filed}|{filed.replace('e', 'E')}|"
    assert SECRET not in ended.stderr


def _holds(file: Path, value: bytes) -> bool:
    try:
        return value in file.read_bytes()
    except OSError:
        return False


async def test_a_secret_is_typed_unseen(place: Place) -> None:
    if shutil.which("setsid") is None:
        pytest.skip("there is no setsid to give a script a terminal with")
    secrets = (SecretRef("ONE", SecretSource.PROMPT, "Which one?"),)
    ours, its = os.openpty()
    run = spec('printf "%s" "$ONE"', secrets=secrets)
    process = await place.start(run, shell="setsid --ctty --wait sh", stdin=its)
    shown = b""
    while b"Which one?: " not in shown:
        shown += await asyncio.to_thread(os.read, ours, 1000)
    await until(lambda: not termios.tcgetattr(its)[3] & termios.ECHO, "nothing typed is shown")
    os.write(ours, f"{SECRET}\n".encode())
    ended = await place.end_of(process)
    assert (ended.status, ended.stdout.decode()) == (0, SECRET), ended.stderr
    assert termios.tcgetattr(its)[3] & termios.ECHO
    os.set_blocking(ours, False)
    assert SECRET.encode() not in shown + os.read(ours, 1000)
    os.close(ours)
    os.close(its)


async def test_a_secret_that_lacks_launches_nothing(place: Place) -> None:
    run = spec("true", secrets=(SecretRef("ONE", SecretSource.ENV, "DEPLOY_TOKEN"),))
    ended = await place.carry_out(run)
    assert ended.status != 0
    assert "DEPLOY_TOKEN" in ended.stderr
    assert "launching" not in ended.stderr


async def test_cloud_init_goes_in(place: Place) -> None:
    text = "#cloud-config\nruncmd:\n  - [sh, -c, 'echo \"it''s\"']\n"
    ended = await place.carry_out(spec("echo done", cloud_init=CloudInit(text)))
    assert (ended.status, ended.stdout) == (0, b"done\n"), ended.stderr


FULL = spec(
    HOSTILE["lines"],
    description="does\nthis \x1b[31m; rm -rf /",
    inputs=(Input("/etc/hosts", "x/"), Input("/tmp/*.c", "y/")),
    artifacts=(
        Artifact(path="/var/log/*.log", to="/srv/it's/{run}/x"),
        Artifact(path="a[0-9]?", required=True),
    ),
    secrets=(
        SecretRef("A", SecretSource.ENV, "TOK"),
        SecretRef("B", SecretSource.PROMPT, "What's it?"),
        SecretRef("C", SecretSource.FILE, "/it's"),
        SecretRef("D", SecretSource.CMD, "pass 'x'"),
    ),
    timeout_s=4,
    cloud_init=CloudInit("#cloud-config\n{}", stop_on_failure=True),
    sudo=True,
    env=(("Q", "it's"),),
    workdir="/w w",
    pin=PinPolicy.ON_FAILURE,
    pin_for_s=60,
)


@pytest.mark.parametrize(
    "entry",
    [ENTRY, replace(ENTRY, host_key="ssh-ed25519 AAAA"), HostEntry(name=LOCAL)],
    ids=["known", "pinned", "local"],
)
@pytest.mark.parametrize("run", [spec(), FULL], ids=["plain", "full"])
def test_shellcheck_has_nothing_to_say(run: object, entry: HostEntry, tmp_path: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed here")
    file = tmp_path / "exported.sh"
    file.write_text(script(run, entry))  # type: ignore[arg-type]
    checked = subprocess.run(["shellcheck", "-x", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_its_head_says_what_it_leaves_out_and_stays_a_comment() -> None:
    text = script(FULL, ENTRY)
    head = text.split("\nset -u\n")[0]
    assert all(line.startswith("#") for line in head.splitlines() if line)
    assert "/tmp/*.c: it has wildcards, and is left out" in head
    assert "no expiry" in head
    assert "\x1b" not in head


@pytest.mark.parametrize(
    "fields",
    [{"image": "--help"}, {"command": "a\0b"}, {"command": ("\ud800",)}, {"env": (("A;id", "x"),)}],
    ids=["option", "nul", "surrogate", "variable"],
)
def test_what_no_script_can_hold_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        script(spec(**fields), ENTRY)  # type: ignore[arg-type]


def test_another_manager_is_refused() -> None:
    with pytest.raises(UsageError, match="lxd"):
        script(spec(), replace(ENTRY, driver="lxd"))


def test_a_golden_image_is_named_as_the_host_does() -> None:
    images = (("g", "file:///srv/g.img"),)
    assert "image=file:///srv/g.img\n" in script(spec(image="g"), replace(ENTRY, images=images))
