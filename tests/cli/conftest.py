"""`dayfly` as its users run it, over each way to a host: the demo's own server, a real OpenSSH, and none."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.demo_host import DemoHost
from tests.fixtures.sshd import Sshd, StartSshd
from tui.engine.ledger import Ledger

LIMIT_S = 90.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A `dayfly` that has ended."""

    status: int
    stdout: bytes
    stderr: str


@dataclass(slots=True)
class Dayfly:
    """Runs the command against one host."""

    host: str
    demo: DemoHost
    env: dict[str, str]
    folder: Path
    sshd: Sshd | None = None
    started: list[Process] = field(default_factory=list)

    async def start(self, *words: str, stdin: int = subprocess.DEVNULL) -> Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tui", *words),
            stdin=stdin,
            stdout=PIPE,
            stderr=PIPE,
            env=self.env,
            cwd=self.folder,
        )
        self.started.append(process)
        return process

    async def __call__(self, *words: str, limit_s: float = LIMIT_S) -> Ended:
        process = await self.start(*words)
        return await self.end_of(process, limit_s=limit_s)

    async def end_of(self, process: Process, *, limit_s: float = LIMIT_S) -> Ended:
        async with asyncio.timeout(limit_s):
            stdout, stderr = await process.communicate()
        assert process.returncode is not None
        return Ended(process.returncode, stdout, stderr.decode())

    async def run(self, *words: str) -> Ended:
        """`dayfly run --host HOST --image ubuntu-lts-agent WORDS`."""
        return await self("run", "--host", self.host, "--image", "ubuntu-lts-agent", *words)

    async def start_run(self, *words: str) -> Process:
        return await self.start("run", "--host", self.host, "--image", "ubuntu-lts-agent", *words)

    async def ps(self, *words: str) -> list[dict[str, Any]]:
        ended = await self("ps", "--json", "--host", self.host, *words)
        assert ended.status == 0, ended.stderr
        rows: list[dict[str, Any]] = json.loads(ended.stdout)
        return rows

    def ledger(self) -> Ledger:
        return Ledger(Path(self.env["DAYFLY_STATE_DIR"]))

    def profile(self, name: str, text: str) -> str:
        """A profile in ./profiles of the place where dayfly runs."""
        folder = self.folder / "profiles"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.toml").write_text(text)
        return name


WAYS = ["demo", pytest.param("sshd", marks=pytest.mark.sshd), "local"]


@pytest.fixture(params=WAYS)
async def dayfly(request: pytest.FixtureRequest, demo: DemoHost, tmp_path: Path) -> AsyncIterator[Dayfly]:
    """The same over each way to a host."""
    place = tmp_path / "place"
    place.mkdir()
    env, sshd = dict(os.environ), None
    match request.param:
        case "demo":
            host = "demo"
        case "local":
            host, env = "local", env | demo.environment()
        case _:
            start: StartSshd = request.getfixturevalue("start_sshd")
            sshd = start(env=demo.own_environment())
            host, env = f"{sshd.user}@{sshd.address}:{sshd.port}", env | ssh_environment(sshd)
    dayfly = Dayfly(host, demo, env, place, sshd)
    yield dayfly
    for process in dayfly.started:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()


def only(way: str) -> pytest.MarkDecorator:
    """Only over this way."""
    return pytest.mark.parametrize("dayfly", [way], indirect=True)


def ssh_environment(sshd: Sshd) -> dict[str, str]:
    return {"DAYFLY_SSH_KEY": str(sshd.client_key), "DAYFLY_HOST_KEY": sshd.public_key()}
