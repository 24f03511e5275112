"""`dayfly export`, as it is typed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import yaml

from tests.exports.ssh import Place


def dayfly(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tui", "export", *words], capture_output=True, text=True, check=False
    )


async def test_a_script_of_the_demo_host_runs_as_it_is(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "hello.sh"
    written = await asyncio.to_thread(dayfly, "shell", "hello", "--host", "demo", "-o", str(file))
    assert written.returncode == 0, written.stderr
    assert place.demo.address.key not in file.read_text()
    ended = await asyncio.to_thread(subprocess.run, [file], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Hello from df-hello-" in ended.stdout


def test_a_script_goes_to_stdout_and_names_its_host() -> None:
    shown = dayfly("shell", "hello", "--host", "ada@lab.example:2222")
    assert shown.stdout.startswith("#!/bin/sh\n")
    assert "\nhost=lab.example\n" in shown.stdout
    assert " -p 2222 -l ada " in shown.stdout


def test_the_flow_gets_its_name_below_a_folder(tmp_path: Path) -> None:
    written = dayfly("kestra", "hello", "--target", "1", "-d", str(tmp_path))
    assert written.returncode == 0, written.stderr
    flow = yaml.safe_load((tmp_path / "kestra-flows" / "multipass-vm-lifecycle.yaml").read_text())
    assert "runIf" in flow["finally"][0]


def test_neither_profile_nor_flow_is_wrong_usage() -> None:
    assert dayfly("kestra").returncode == 2
    assert dayfly("kestra", "hello", "--flow").returncode == 2
    assert dayfly("kestra", "--flow", "-o", "/x", "-d", "/y").returncode == 2


def test_a_file_that_cannot_be_written_is_said() -> None:
    ended = dayfly("kestra", "--flow", "-o", "/proc/none/x")
    assert ended.returncode == 2
    assert "/proc/none" in ended.stderr
