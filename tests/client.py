"""`dayfly` as its users run it: a process of its own, in a folder and with an environment of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui.engine.ledger import Ledger

LIMIT_S = 90.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A `dayfly` that has ended."""

    status: int
    stdout: bytes
    stderr: str


@dataclass(slots=True, kw_only=True)
class Client:
    """Runs the command against one host."""

    host: str
    env: dict[str, str]
    folder: Path
    """Where it runs."""
    image: str = "ubuntu-lts-agent"
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

    @property
    def to_run(self) -> tuple[str, ...]:
        """`run`, and where, and from which image."""
        return ("run", "--host", self.host, "--image", self.image)

    async def run(self, *words: str, limit_s: float = LIMIT_S) -> Ended:
        """`dayfly run --host HOST --image IMAGE WORDS`."""
        return await self(*self.to_run, *words, limit_s=limit_s)

    async def start_run(self, *words: str) -> Process:
        return await self.start(*self.to_run, *words)

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

    async def end_all(self) -> None:
        """Kill what was started and still runs."""
        for process in self.started:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
                await process.wait()
        self.started.clear()
