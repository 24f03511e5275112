"""Every seam between the layers, as a Protocol. Siblings meet here and in wiring.py, nowhere else.

Calls go down, facts come up: the app and the command line call `Fleet`; the engine calls `Warden`,
`Driver` and `HostOpener`; the warden calls `Host`, which knows bytes and no VM.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tui.model.hosts import HostEntry, ImageInfo, Question, VmInfo
from tui.model.lease import Argv, JobEnd, JobPlace, LeaseReport, LeaseSpec, Recipe
from tui.model.spec import HostName, RunId, RunSpec, VmName
from tui.model.state import FleetState
from tui.model.upkeep import HostFacts, SweepReport

Ask = Callable[[Question], Awaitable[str | None]]
"""Ask a person; None: nobody answered, or said no."""

OnBytes = Callable[[bytes], None]


# ---- transport: bytes to a host


@dataclass(frozen=True, slots=True)
class Completed:
    """A finished command."""

    status: int
    """Exit status; 128+n if a signal ended it."""
    stdout: bytes
    stderr: bytes


class Channel(Protocol):
    """One running command on a host."""

    def write(self, data: bytes) -> None:
        """Queue bytes for its stdin. Never blocks; does nothing on a dead link."""

    async def drain(self) -> None:
        """Wait until little is queued, so that more may be written. Raises ConnectionDropped."""

    def pause_reading(self) -> None:
        """Let it wait with what it writes; a little may still come. Idempotent."""

    def resume_reading(self) -> None:
        """Take what it writes again. Idempotent."""

    def write_eof(self) -> None:
        """End its stdin."""

    async def wait(self) -> int:
        """Its exit status, 128+n if a signal ended it. Raises ConnectionDropped."""

    def abort(self) -> None:
        """Drop the channel at once, without waiting for anybody. Idempotent."""


class Host(Protocol):
    """A machine that runs commands for us, over SSH or by subprocess.

    `command` is one fixed command line, plain enough for any login shell (sh, fish, csh).
    """

    @property
    def name(self) -> HostName:
        """Which host it is."""

    async def connect(self) -> None:
        """Have a connection, making one where there is none.

        Raises HostUnreachable, AuthRefused, HostKeyUnknown, HostKeyChanged.
        """

    async def open(
        self, command: str, *, on_stdout: OnBytes, on_stderr: OnBytes, long: bool = False
    ) -> Channel:
        """Start `command`; the callbacks get every byte, in order. `long`: it will run for minutes.

        Raises what `connect` raises, and ConnectionDropped.
        """

    async def run(self, command: str, stdin: bytes = b"", *, timeout_s: float) -> Completed:
        """Run `command` to its end. Raises what `open` raises, and HostUnreachable after `timeout_s`."""

    def drop(self) -> None:
        """Abort every connection at once: the link is dead. The next `open` connects anew."""

    async def aclose(self) -> None:
        """Close every connection; bounded to a few seconds."""


# ---- driver: what we know of one VM manager


@dataclass(frozen=True, slots=True)
class Version:
    """What the manager's command and its daemon say they are."""

    client: str
    daemon: str = ""


class Driver(Protocol):
    """Argv out, parsed output in; no I/O. `manager` is the command's name or path on the host."""

    @property
    def name(self) -> str:
        """`multipass`, `lxd`, ..."""

    @property
    def max_launching(self) -> int:
        """How many launches the manager takes at once."""

    def version_argv(self) -> Argv:
        """Prints the version."""

    def parse_version(self, stdout: bytes) -> Version:
        """Raises ManagerMissing where it is too old to use, ManagerRefused where it makes no sense."""

    def list_argv(self) -> Argv:
        """Lists all VMs with their states, and the addresses of those that run."""

    def parse_list(self, stdout: bytes) -> tuple[VmInfo, ...]:
        """Raises ManagerRefused where it makes no sense."""

    def images_argv(self) -> Argv:
        """Lists what can be launched."""

    def parse_images(self, stdout: bytes) -> tuple[ImageInfo, ...]:
        """Raises ManagerRefused where it makes no sense."""

    def launch_argv(self, vm: VmName, spec: RunSpec, image: str, version: Version) -> Argv:
        """Makes the VM; ends when it takes commands. Where the spec has cloud-init, that is its stdin."""

    def put_argv(self, vm: VmName, path: str) -> Argv:
        """Writes its stdin, however long, to a file in the VM, replacing it."""

    def recipe(self, vm: VmName) -> Recipe:
        """How the warden looks for, enters and deletes it."""

    def launch_progress(self, tail: bytes) -> str:
        """What the launch is busy with, from the last bytes of its stdout: `Retrieving image: 61%`.

        Empty where these bytes do not tell: then it is still busy with what was told before.
        """

    def explain(self, stderr: bytes, status: int) -> tuple[str, str]:
        """What a failed command means, and what to do about it: (sentence, hint)."""

    def shell_command(self, vm: VmName) -> str:
        """What a person types on the host to get into the VM."""

    def delete_command(self, vm: VmName) -> str:
        """What a person types on the host to delete the VM by hand."""


# ---- warden: leases, heartbeats, jobs on one host


class LogSink(Protocol):
    """Where a followed job's bytes go."""

    def sizes(self) -> tuple[int, int]:
        """How many bytes of stdout and stderr are safe here already: where to resume."""

    def stdout(self, data: bytes) -> None:
        """Append to stdout."""

    def stderr(self, data: bytes) -> None:
        """Append to stderr."""

    def end(self, stdout_size: int, stderr_size: int) -> None:
        """The streams end at these offsets: what is held back as it might go on need not be."""


class Warden(Protocol):
    """The guard on one host. Every call is idempotent: after a lost link it is simply said again.

    All raise HostError kinds when the link fails, and WardenError kinds when the host refuses.
    """

    async def install(self) -> None:
        """Have this version of the script on the host. Raises Unguarded where it cannot work there."""

    async def ask(self, argv: Argv, *, limit_s: float) -> Completed:
        """Run one command of the manager, bounded on the host too. Raises ManagerSilent."""

    async def open(self, lease: LeaseSpec) -> None:
        """Write the lease; its supervisor runs. Raises NotOurs, Unguarded. Nothing half-written is left."""

    async def start(
        self, vm: VmName, job: str, argv: Argv, place: JobPlace, *, workdir: str = "", spool: str = ""
    ) -> None:
        """Start a durable job. `spool`: what was put under that name is its stdin; only on the host.

        Raises LeaseClosing; for the launch job NameTaken and ManagerSilent.
        """

    async def put(
        self,
        vm: VmName,
        spool: str,
        size: int,
        read: Callable[[int, int], bytes],
        on_sent: Callable[[int], None],
    ) -> None:
        """Have `size` bytes in a spool of the lease, from where it stands: `read(offset, length)` gives them.

        `read` is called in a thread. `on_sent` hears how many bytes are there, now and then. Cancelled, or
        with the link lost, it leaves there what came so far. Raises LeaseClosing, and Unguarded
        where the disk is full.
        """

    async def drop(self, vm: VmName, spool: str) -> None:
        """Remove a spool from the host's disk. Idempotent."""

    async def follow(self, vm: VmName, job: str, sink: LogSink) -> JobEnd:
        """Bring every byte of the job to `sink`, from where that is; return when it ended and all is here."""

    async def kill(self, vm: VmName, job: str, *, reason: str = "asked") -> None:
        """TERM to its group, KILL after 5 s. `reason` becomes the detail of its end. Never for a launch."""

    async def pin(self, vm: VmName, *, for_s: int | None = None) -> None:
        """Disarm every reaper, for so long or until unpinned; said again, the last word counts.

        Raises LeaseClosing: too late.
        """

    async def unpin(self, vm: VmName) -> None:
        """Arm them again."""

    async def set_grace(self, vm: VmName, grace_s: int, *, finish_s: int = 0) -> None:
        """From now on wait so long for a heartbeat. See LeaseSpec. Raises LeaseClosing."""

    async def enter(self, vm: VmName, argv: Argv, *, on_stdout: OnBytes, on_stderr: OnBytes) -> Channel:
        """Run a command in the VM, bound to this channel: the one way in for everything but jobs.

        The host looks first: the VM must be ours, live or pinned, and running. The channel's exit status is
        the command's as the manager's exec gave it; stdin is passed on. Raises what `Host.open` raises;
        a refusal of the host is the exit status 65 (no lease), 68 (another client's), 69 (the lease is
        closing) or 70 (the VM does not run), with the reason on stderr.
        """

    async def reap(self, vm: VmName, *, force: bool = False) -> None:
        """End the lease: stop the jobs, delete the VM, pinned or not. Returns at once.

        Another client's lease too with `force`; without it, NotOurs.
        """

    async def release(self, vm: VmName) -> None:
        """End the lease as `reap` does, unless it is pinned: then LeasePinned. Returns at once."""

    async def settle(self, vm: VmName) -> LeaseReport:
        """Close the lease if its VM is seen absent twice and no launch is under way. Deletes nothing."""

    async def status(self, vm: VmName) -> LeaseReport:
        """All about one lease; phase NONE where there is none."""

    async def sweep(self) -> tuple[LeaseReport, ...]:
        """All leases of this account, whoever's; wakes every one whose supervisor died."""

    async def acknowledge(self, vm: VmName) -> None:
        """Forget a lease that is GONE."""

    async def hold(
        self, leases: Callable[[], Sequence[VmName]], on_news: Callable[[LeaseReport], None], *, beat_s: float
    ) -> None:
        """Renew these leases every `beat_s`, telling their news, until the link dies.

        The first beat goes out before anything else. Raises HostUnreachable when beats stay unanswered.
        """


class Upkeep(Protocol):
    """What keeps a host fit to guard VMs. The warden must have been installed there before.

    All raise HostError kinds when the link fails, WardenError where the host's answer makes no sense.
    """

    async def facts(self) -> HostFacts:
        """Look, and try; leaves nothing behind."""

    async def leave(self) -> str:
        """Start a process as the warden starts its own, which ends by itself after a minute; its mark.

        Empty where no process can be told apart from others.
        """

    async def lives(self, mark: str) -> bool:
        """Whether that process is still there."""

    async def dismiss(self, mark: str) -> None:
        """End it before its time. Idempotent."""

    async def install_sweep(self, *, dry_run: bool) -> SweepReport:
        """Have the host wake the guards of its leases by itself, after a reboot too. Idempotent."""

    async def uninstall_sweep(self, *, dry_run: bool) -> SweepReport:
        """Remove all that `install_sweep` put there. Idempotent."""


# ---- what wiring gives the engine


@dataclass(frozen=True, slots=True)
class HostParts:
    """Everything the engine needs of one host."""

    entry: HostEntry
    host: Host
    driver: Driver
    warden: Warden
    upkeep: Upkeep


HostOpener = Callable[[HostEntry, Ask], HostParts]
"""Makes the parts of a host; connects to nothing yet. Raises UsageError for an unknown driver."""


# ---- what the front ends see of the engine


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Consecutive bytes of one stream of one job."""

    job: str
    """`launch`, `boot`, `send`, `unpack`, `work` or `cleanup` (the narration)."""
    stream: str
    """`stdout` or `stderr`."""
    at: float
    data: bytes


class LogReader(Protocol):
    """The log files of one run, as they grow. Reads only what is asked for."""

    def size(self, job: str) -> int:
        """Bytes of both streams of `job`, in arrival order."""

    def read(self, job: str, offset: int, length: int) -> Sequence[LogChunk]:
        """At most `length` bytes from `offset` of the merged log."""

    def path(self, job: str, stream: str) -> Path:
        """The raw file."""


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


class ProfileShelf(Protocol):
    """Profiles, and the fields of a form.

    A form has the keys of a profile file, each as typed text: `image`, `command`, `host`, `cpus`,
    `memory`, `disk`, `workdir`, `sudo` (`true` or `false`), `timeout`, `boot_timeout`, `grace`, `pin`,
    `pin_for`, `name`, `description`; an empty or missing one means its default.
    """

    def names(self) -> Sequence[str]:
        """Every profile that can be loaded, sorted."""

    def load(self, name: str) -> RunSpec:
        """Read one. Raises ProfileError with every fault."""

    def save(self, spec: RunSpec, name: str) -> Path:
        """Write it to the user's folder, replacing one of that name. Raises UsageError."""

    def validate_field(self, key: str, text: str) -> str | None:
        """What is wrong with one field, in a sentence; None: nothing."""

    def resolve_form(self, fields: Mapping[str, str], base: RunSpec | None = None) -> RunSpec:
        """The run spec that the form describes. Raises ProfileError with every fault.

        What no form has (inputs, artifacts, cloud-init, variables, secrets) is that of `base`.
        """


ParseHost = Callable[[str], HostEntry]
"""From a host as it is typed, `user@server[:port]` or a known name. Raises UsageError."""
