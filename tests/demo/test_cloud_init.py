"""User data of a launch, carried out in both kinds of guests, and what is said of it afterwards."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.demo.test_exec import sh
from tests.demo_host import DemoHost, private_demo
from tui.demo.guest import Guests
from tui.demo.machine import can_unshare
from tui.engine.boot import boot_argv, verdict

GOOD = b"""#cloud-config
write_files:
- path: /home/ubuntu/made/here
  content: |
    some text
  permissions: '0600'
- {path: /tmp/binary, content: AP8=, encoding: b64}
packages: [git]
runcmd:
- echo "hello from runcmd"
- [sh, -c, 'echo "$0: it is" > /tmp/said', "a 'word'"]
"""
FAILING = b"#cloud-config\nruncmd:\n- echo before\n- echo oops >&2; exit 9\n"


@pytest.fixture(params=list(Guests))
async def host(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[DemoHost]:
    if request.param is Guests.BASHKIT:
        pytest.importorskip("bashkit")
    elif not can_unshare():
        pytest.skip("the guest would have no /tmp and no /var/log of its own")
    async with private_demo(tmp_path / "host", speed=40, guests=request.param) as demo:
        yield demo


def launch(demo: DemoHost, user_data: bytes, *options: str) -> tuple[int, bytes]:
    done = demo.multipass(
        "launch", "ubuntu-lts-agent", "--name", "x", "--cloud-init", "-", *options, stdin=user_data
    )
    return done.returncode, done.stderr


def status(demo: DemoHost, *words: str) -> tuple[int, str]:
    done = demo.multipass("exec", "-n", "x", "--", "cloud-init", "status", *words)
    assert done.stderr == b""
    return done.returncode, done.stdout.decode()


async def test_it_does_what_it_is_told(host: DemoHost) -> None:
    assert launch(host, GOOD) == (0, b"")
    looked = sh(host, "cat ~/made/here /tmp/said; stat -c %a ~/made/here; wc -c < /tmp/binary")
    assert looked.stdout == b"some text\na 'word': it is\n600\n2\n"
    log = sh(host, "cat /var/log/cloud-init-output.log").stdout.decode()
    assert log.index("running 'init-local'") < log.index("hello from runcmd") < log.index("finished at")
    assert "packages was not acted on" in log
    assert status(host, "--wait") == (0, "status: done\n")
    assert json.loads(status(host, "--format", "json")[1])["extended_status"] == "done"
    assert host.multipass("restart", "x").returncode == 0
    assert sh(host, "grep -c 'hello from runcmd' /var/log/cloud-init-output.log").stdout == b"1\n"


async def test_a_failing_command_fails_no_launch_and_is_named(host: DemoHost) -> None:
    assert launch(host, FAILING) == (0, b"")
    code, told = status(host, "--long")
    assert code == 1
    assert told.startswith("status: error\nextended_status: error - done\nboot_status_code: enabled-by-")
    assert "errors:\n\t- ('scripts_user', RuntimeError('Runparts: 1 failures (runcmd) in 1 at" in told
    assert "\nrecoverable_errors:\nWARNING:\n\t- Failed to run module scripts_user" in told
    code, told = status(host, "--format=json")
    assert (code, json.loads(told)["status"]) == (1, "error")
    boot = host.multipass("exec", "-n", "x", "--", *boot_argv())
    assert {b"before", b"oops"} <= set(boot.stdout.splitlines())  # two streams: their order is not told
    failures = verdict(boot.returncode, boot.stderr, boot.stdout).failures
    assert [failure.split(":")[0] for failure in failures if "Runparts" in failure] == ["scripts_user"]


async def test_what_is_no_mapping_is_only_warned_about(host: DemoHost) -> None:
    assert launch(host, b"just words\n") == (0, b"")
    code, told = status(host, "--long")
    assert (code, told.split("\n")[:2]) == (2, ["status: done", "extended_status: degraded done"])


async def test_a_guest_without_user_data_is_done(host: DemoHost) -> None:
    assert host.multipass("launch", "ubuntu-lts-agent", "--name", "x").returncode == 0
    assert status(host) == (0, "status: done\n")
    assert json.loads(status(host, "--format", "json")[1])["errors"] == []


async def test_a_launch_whose_time_runs_out_leaves_a_vm_that_runs(host: DemoHost) -> None:
    slow = b"#cloud-config\nruncmd: [sleep 60]\n"
    assert launch(host, slow, "--timeout", "4") == (5, b"Timed out waiting for instance launch.\n")
    assert host.vms()["x"] == "Running"
    assert status(host) == (0, "status: running\n")


@pytest.mark.parametrize(
    ("user_data", "told"),
    [
        (
            b"#cloud-config\nruncmd: [a\n",
            "yaml-cpp: error at line 3, column 1: end of sequence flow not found",
        ),
        (b"a: {b\n", "end of map flow not found"),
        (b"a: b: c\n", "yaml-cpp: error at line 1, column 5: "),
        (b"\xff", "bad file: -\nPlease ensure that Multipass can read it."),
    ],
)
async def test_what_is_no_yaml_is_refused_before_anything_is_done(
    host: DemoHost, user_data: bytes, told: str
) -> None:
    code, stderr = launch(host, user_data)
    assert (code, host.ours()) == (1, {})
    assert stderr.decode().startswith("Could not load cloud-init configuration: ")
    assert told in stderr.decode()


async def test_a_guest_on_the_real_shell_writes_nothing_of_the_machines(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    user_data = (
        f"#cloud-config\nwrite_files:\n- {{path: {outside}, content: x}}\n- {{path: /etc/df-x, content: x}}\n"
    )
    async with private_demo(tmp_path / "host", speed=40) as demo:
        assert launch(demo, user_data.encode()) == (0, b"")
        code, told = status(demo, "--long")
        assert code == 1
        assert "write_files" in told
    assert not outside.exists()
    assert not Path("/etc/df-x").exists()
