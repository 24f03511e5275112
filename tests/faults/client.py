"""One installation of dayfly at its end of the link: `dayfly run --json`, and what else is typed there."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import workload
from tests.faults.place import Place

Event = dict[str, Any]
_PERSONAL = ("DAYFLY_", "MULTIPASS_", "SSH_AUTH_SOCK", "XDG_")
CALL_LIMIT_S = 90.0


_CONFIG = """\
[hosts.{name}]
address = "127.0.0.1"
port = {port}
user = "{user}"
identity_file = "{key}"
host_key = "{host_key}"
state_dir = "{state_dir}"
"""
HOST = "lab"


@dataclass(slots=True)
class Client:
    """Its run goes through `port`, where it can be held; what else is typed there takes the straight way."""

    folder: Path
    place: Place
    port: int
    process: Process | None = None
    events: list[Event] = field(default_factory=list)
    stderr: str = ""

    def __post_init__(self) -> None:
        (self.folder / "home").mkdir(parents=True)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def _environment(self, port: int) -> dict[str, str]:
        """Of a process that finds the host at this port."""
        config = self.folder / f"config-{port}"
        if not config.exists():
            config.mkdir()
            place = self.place
            text = _CONFIG.format(
                name=HOST,
                port=port,
                user=place.user,
                key=place.key,
                host_key=place.host_key,
                state_dir=place.state_dir,
            )
            (config / "config.toml").write_text(text)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_PERSONAL)}
        return kept | {
            "HOME": str(self.folder / "home"),
            "DAYFLY_STATE_DIR": str(self.state),
            "DAYFLY_CONFIG_DIR": str(config),
        }

    async def _start(self, port: int, *words: str) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tui", *words),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            env=self._environment(port),
            limit=1 << 24,
        )

    async def call(self, *words: str) -> tuple[int, str]:
        """Another process of this installation; its exit status and what it said. Raises TimeoutError."""
        process = await self._start(self.place.port, *words)
        try:
            async with asyncio.timeout(CALL_LIMIT_S):
                stdout, stderr = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, (stdout + stderr).decode(errors="replace")

    # ---- the run

    async def begin(self, group: asyncio.TaskGroup, *, grace_s: int, image: str) -> None:
        """Start the run of the cell; what it says is taken in from now on."""
        words = ["run", "--json", "--host", HOST, "--image", image, "--grace", f"{grace_s}s"]
        self.process = await self._start(self.port, *words, "-c", workload.SCRIPT)
        group.create_task(self._listen(self.process))

    async def _listen(self, process: Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        while line := await process.stdout.readline():
            with suppress(ValueError):
                self.events.append(json.loads(line))
        self.stderr = (await process.stderr.read()).decode(errors="replace")
        await process.wait()

    @property
    def status(self) -> int | None:
        """How the run's process ended; None: it has not, or not all that it said was read."""
        return self.process.returncode if self.process else None

    def signal(self, number: signal.Signals) -> None:
        """To the run's process, if it still lives."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)

    def find(self, name: str, **fields: object) -> Event | None:
        """The first event of that name with these fields."""
        for event in self.events:
            if event["event"] == name and all(event.get(key) == value for key, value in fields.items()):
                return event
        return None

    # ---- the log

    @property
    def run(self) -> str:
        submitted = self.find("RunSubmitted")
        return str(submitted["run"]) if submitted else ""

    def log(self, stream: str) -> bytes:
        """What the client has on its disk of the workload's stream."""
        try:
            return (self.state / "runs" / self.run / f"work.{stream}").read_bytes()
        except FileNotFoundError:
            return b""

    def printed(self, stream: str) -> bytes:
        """What it printed of it."""
        pieces = [
            each["text"] for each in self.events if each["event"] == "Output" and each["stream"] == stream
        ]
        return "".join(pieces).encode()

    def lines(self) -> int:
        return self.log("stdout").count(b"\n")
