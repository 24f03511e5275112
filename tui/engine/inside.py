"""The inside of one run's VM: shells, its files, its ports. A `contracts.Inside`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tui.contracts import OnBytes, TerminalSize
from tui.engine.browsing import Browser
from tui.engine.forwarding import Forwards, Start
from tui.engine.link import HostLink
from tui.engine.shells import Shell, Shells
from tui.engine.store import Store
from tui.model.files import Fetched, Folder
from tui.model.spec import RunId, RunSpec, VmName


class VmInside:
    """What can be done in one VM. `folder`: the run's own, with room for what comes out of the VM."""

    def __init__(
        self,
        run: RunId,
        vm: VmName,
        spec: RunSpec,
        link: HostLink,
        *,
        folder: Path,
        store: Store,
        start: Start,
    ) -> None:
        self._browser = Browser(link, vm, spec, scratch=folder)
        self._forwards = Forwards(run, vm, link, store=store, start=start)
        self._shells = Shells(run, vm, link, store)

    async def open_shell(self, size: TerminalSize, on_bytes: OnBytes) -> Shell:
        """See `contracts.Inside`."""
        return await self._shells.open(size, on_bytes)

    def end_shells(self) -> None:
        """The front end is gone: hang up. Idempotent."""
        self._shells.end()

    async def list_folder(self, path: str) -> Folder:
        """See `contracts.Inside`."""
        return await self._browser.list_folder(path)

    async def read_file(self, path: str, limit: int) -> bytes:
        """See `contracts.Inside`."""
        return await self._browser.read_file(path, limit)

    async def fetch(self, path: str, target: Path, on_progress: Callable[[int], None]) -> Fetched:
        """See `contracts.Inside`."""
        return await self._browser.fetch(path, target, on_progress)

    async def forward(self, port: int, local_port: int = 0) -> int:
        """See `contracts.Inside`."""
        return await self._forwards.open(port, local_port)

    def close_forward(self, port: int) -> None:
        """See `contracts.Inside`."""
        self._forwards.close(port)
