"""A link of the engine whose host and whose one VM are this machine: what enters the VM runs here.

Host, link and driver are the real ones; only the warden is a stand-in, as it has no lease to look at.
"""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

from tui.contracts import Channel, Completed, HostParts, OnBytes, Upkeep, Warden
from tui.contracts.warden import OnCommand
from tui.drivers.multipass import Multipass
from tui.engine.link import HostLink
from tui.engine.store import Store
from tui.model.events import HostAdded
from tui.model.hosts import LOCAL, HostEntry
from tui.model.lease import Argv
from tui.model.spec import RunSpec, VmName
from tui.transport.local import LocalHost

VM = VmName("df-run-k3v9q2ma")
SPEC = RunSpec(image="24.04", command="true", host=LOCAL)


class OpenDoor:
    """A `contracts.Warden` that lets everybody in; `refusal` is the exit status with which it does not."""

    def __init__(self, host: LocalHost) -> None:
        self._host = host
        self.refusal = 0
        self.address = "127.0.0.1"

    async def install(self) -> None:
        pass

    async def ask(self, argv: Argv, *, limit_s: float) -> Completed:  # noqa: ARG002
        if "version" in argv:
            return Completed(0, b'{"multipass": "1.16.2", "multipassd": "1.16.2"}', b"")
        ipv4 = [self.address] if self.address else []
        vm = {"name": VM, "state": "Running", "ipv4": ipv4, "release": "Ubuntu 24.04 LTS"}
        return Completed(0, json.dumps({"list": [vm]}).encode(), b"")

    async def enter(self, vm: VmName, argv: Argv, *, on_stdout: OnBytes, on_stderr: OnBytes) -> Channel:
        assert vm == VM
        command = f"echo no >&2; exit {self.refusal}" if self.refusal else f"exec {shlex.join(argv)}"
        return await self._host.open(command, on_stdout=on_stdout, on_stderr=on_stderr)

    def listen(self, on_command: OnCommand) -> None:
        pass

    async def hold(
        self, leases: Callable[[], Sequence[VmName]], on_news: Callable[..., None], *, beat_s: float
    ) -> None:
        del leases, on_news, beat_s
        await asyncio.Event().wait()


@asynccontextmanager
async def local_guest() -> AsyncIterator[tuple[HostLink, OpenDoor, Store, LocalHost]]:
    """A link that is up and has listed the VM."""
    entry, store = HostEntry(name=LOCAL), Store()
    store.apply(HostAdded(host=LOCAL, at=0.0, entry=entry))
    host = LocalHost(entry)
    door = OpenDoor(host)
    parts = HostParts(entry, host, Multipass(), cast("Warden", door), cast("Upkeep", None))
    link = HostLink(parts, store)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(link.serve()), group.create_task(link.watch())]
        try:
            await link.first_contact()
            await link.list_now()
            yield link, door, store, host
        finally:
            for task in tasks:
                task.cancel()
            await link.close()
