"""What the front ends see of the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tui.contracts.host import OnBytes, TerminalSize
from tui.model.files import Fetched, Folder
from tui.model.hosts import HostEntry
from tui.model.spec import HostName, RunId, RunSpec
from tui.model.state import FleetState


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Consecutive bytes of one stream of one job."""

    job: str
    """`launch`, `boot`, `send`, `unpack`, `work` or `cleanup` (the narration)."""
    stream: str
    """`stdout` or `stderr`."""
    at: float
    """When it arrived, epoch seconds."""
    data: bytes
    offset: int = 0
    """Of its first byte in the merged log."""


class LogReader(Protocol):
    """The log files of one run, as they grow. Reads only what is asked for.

    `skip` names a stream that is left out: its bytes are neither returned nor counted. Offsets stay those of
    the merged log.
    """

    def size(self, job: str, skip: str = "") -> int:
        """Bytes of both streams of `job`, in arrival order; with `skip`, where the last one kept ends."""

    def read(
        self, job: str, offset: int, length: int, skip: str = "", *, joined: bool = False
    ) -> Sequence[LogChunk]:
        """At most `length` bytes from `offset` of the merged log.

        `joined`: what came in several writes one after the other is one chunk, as old as its beginning.
        """

    def back(self, job: str, offset: int, length: int, skip: str = "") -> int:
        """Where the last `length` bytes before `offset` begin; 0 where there are not so many."""

    def arrived(self, job: str, at: float) -> int:
        """Offset of the first byte that arrived at `at` (epoch seconds) or later; the size if none did."""

    def path(self, job: str, stream: str) -> Path:
        """The raw file."""


class Terminal(Protocol):
    """A shell in a VM, on a terminal of its own."""

    def write(self, data: bytes) -> None:
        """Type. Never blocks; does nothing once it ended."""

    def resize(self, size: TerminalSize) -> None:
        """Tell it that the window changed."""

    def hold_back(self, hold: bool) -> None:
        """Let it wait with what it prints, or go on; a little may still come. Idempotent."""

    async def wait(self) -> int:
        """Its exit status. Raises ConnectionDropped, and LeaseClosing where the VM is being deleted."""

    def close(self) -> None:
        """Hang up. Idempotent."""


class Inside(Protocol):
    """The inside of one run's VM, while it runs. All raise DayflyError kinds with a hint.

    Cancelled, nothing is left behind in the VM; of a file on its way here, nothing is left here.
    """

    async def open_shell(self, size: TerminalSize, on_bytes: OnBytes) -> Terminal:
        """A login shell. It is ended before the VM is deleted."""

    async def list_folder(self, path: str) -> Folder:
        """What is in a folder. A relative path is under the guest user's home, as is `~/`."""

    async def read_file(self, path: str, limit: int) -> bytes:
        """The first `limit` bytes of a file."""

    async def fetch(self, path: str, target: Path, on_progress: Callable[[int], None]) -> Fetched:
        """Bring a file or folder home into the folder `target`, which is made where it is missing.

        `on_progress` hears how many bytes came so far. Nothing here is replaced: the name gets a number.
        """

    async def forward(self, port: int, local_port: int = 0) -> int:
        """Let 127.0.0.1:`local_port` of this machine lead to a port of the VM; the port here.

        0: the same number where it is free, else any. It lasts until `close_forward` or the VM's end, and
        stands in the run's state meanwhile. Raises PortRefused where nothing answers there, UsageError where
        the port here is taken.
        """

    def close_forward(self, port: int) -> None:
        """End it. Idempotent."""


class Fleet(Protocol):
    """What a front end may do. Calls return at once; the answer is a new state."""

    @property
    def state(self) -> FleetState:
        """As it is now."""

    async def changed(self) -> FleetState:
        """Wait for the next change; many changes at once are one."""

    def submit(self, spec: RunSpec) -> RunId:
        """Begin a run. Raises UsageError for an unknown host."""

    def cancel(self, run: RunId) -> None:
        """Stop the workload and delete the VM, pinned or not. Idempotent."""

    def pin(self, run: RunId, *, for_s: int | None = None) -> None:
        """Keep the VM, for so long or until unpinned; refused, visibly, once deletion has begun."""

    def unpin(self, run: RunId) -> None:
        """Let it go: at once where the work is over."""

    def add_host(self, entry: HostEntry) -> None:
        """Make a host known and connect to it."""

    def reconnect(self, host: HostName) -> None:
        """Try again now instead of at the end of the back-off."""

    def refresh_images(self, host: HostName) -> None:
        """Ask the host what it can launch; comes as `images` of its state."""

    def answer(self, question_id: str, reply: str | None) -> None:
        """Answer a question; None: no."""

    def log(self, run: RunId) -> LogReader:
        """The run's log files."""

    def shell_command(self, run: RunId) -> str:
        """How a person reaches the VM: `ssh -t HOST multipass shell VM`."""

    def inside(self, run: RunId) -> Inside:
        """The inside of its VM."""

    def fate(self, spec: RunSpec) -> str:
        """What happens to such a run if this client vanishes, in one sentence."""

    def adopt(self, run: RunId) -> None:
        """Take over an orphan: renew its lease, follow its log, see it to its end: RunAdopted. Idempotent."""

    def disown(self, run: RunId) -> None:
        """Leave an orphan to its host, which ends it by the grace it has: RunLeft. Idempotent."""

    def leave(self, *, finish: bool = False) -> None:
        """Go. What is not pinned is cancelled; with `finish`, what works is left to its host to finish.

        Each is let go once its workload runs: RunLeft. Orphans that nobody adopted are left as they are.
        Done when the state has no `unfinished` run. Idempotent; a later call without `finish` cancels all.
        """


ParseHost = Callable[[str], HostEntry]
"""From a host as it is typed, `user@server[:port]` or a known name. Raises UsageError."""
