"""Carries exported scripts out on a demo host, by the ssh of this machine."""

from __future__ import annotations

import asyncio
import os
import subprocess
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass, field
from pathlib import Path

from tests.demo_host import DemoHost
from tests.until import until
from tui.exports.shell import script
from tui.model.hosts import HostEntry
from tui.model.spec import HostName, RunSpec

LIMIT_S = 60.0


def spec(command: str | tuple[str, ...] = "true", **fields: object) -> RunSpec:
    given: dict[str, object] = {"image": "lts", "host": HostName("demo"), "name": "trial", **fields}
    return RunSpec(command=command, **given)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Ended:
    """A script that has ended."""

    status: int
    stdout: bytes
    stderr: str


@dataclass(slots=True)
class Place:
    """A demo host and what was started against it."""

    demo: DemoHost
    started: list[Process] = field(default_factory=list)

    def entry(self) -> HostEntry:
        address = self.demo.address
        return HostEntry(
            name=HostName("demo"),
            address=address.host,
            port=address.port,
            user=address.user,
            identity_file=str(self.demo.world.parent / "client.key"),
            host_key=address.host_key,
        )

    async def start(
        self,
        run: RunSpec,
        *,
        shell: str = "sh",
        env: dict[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> Process:
        file = Path(os.environ["HOME"], f"exported-{len(self.started)}.sh")
        file.write_text(script(run, self.entry()))
        process = await asyncio.create_subprocess_exec(
            *(*shell.split(), str(file)),
            stdin=stdin,
            stdout=PIPE,
            stderr=PIPE,
            env={**os.environ, **(env or {})},
            cwd=file.parent,
        )
        self.started.append(process)
        return process

    async def carry_out(self, run: RunSpec, *, shell: str = "sh", env: dict[str, str] | None = None) -> Ended:
        return await self.end_of(await self.start(run, shell=shell, env=env))

    async def end_of(self, process: Process) -> Ended:
        async with asyncio.timeout(LIMIT_S):
            stdout, stderr = await process.communicate()
        assert process.returncode is not None
        return Ended(process.returncode, stdout, stderr.decode())

    async def until_work(self, mark: str = "at-work") -> str:
        """Wait until the only VM of ours has this file in its home; the VM's name."""
        await until(
            lambda: [vm for vm in self.demo.ours() if (self.demo.guest_home(vm) / mark).exists()], mark
        )
        (vm,) = self.demo.ours()
        return vm
