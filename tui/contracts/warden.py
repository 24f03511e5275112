"""Leases, heartbeats and jobs on one host, and what keeps the host fit for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tui.contracts.driver import Driver
from tui.contracts.host import Ask, Channel, Completed, Host, OnBytes, TerminalSize
from tui.model.hosts import HostEntry
from tui.model.lease import Argv, JobEnd, JobPlace, LeaseReport, LeaseSpec
from tui.model.spec import VmName
from tui.model.upkeep import HostFacts, SweepReport
from tui.model.use import HostCommand, HostLoad

OnCommand = Callable[[HostCommand], None]


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

    async def open_terminal(
        self, vm: VmName, argv: Argv, size: TerminalSize, *, on_bytes: OnBytes
    ) -> Channel:
        """Run a command of the host with a terminal, after the host has looked as for `enter`.

        For `Driver.shell_argv`. `on_bytes` hears nothing of ours; the exit status is the command's. Raises
        what `Host.open` raises, and EntryRefused with the status that `enter` would end with.
        """

    def listen(self, on_command: OnCommand) -> None:
        """From now on tell every command that is run on the host, once it ended."""

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

    async def measure(self) -> HostLoad:
        """How busy the machine is; cheap enough for every ten seconds."""

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
