"""A host over SSH. Importing this imports asyncssh: for wiring to do when a host is first needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from tui.contracts import Ask, Channel, Completed, OnBytes, TerminalSize
from tui.model.hosts import HostEntry, Question
from tui.model.spec import HostName
from tui.transport.collect import run_command
from tui.transport.dial import Dialler
from tui.transport.identity import Keyring
from tui.transport.link import SshLink
from tui.transport.pool import Pool
from tui.transport.route import config_files

Locate = Callable[[], Awaitable[HostEntry]]
"""Tells where a host is now: for one whose address, port and keys change while we run."""


class SshHost:
    """`contracts.Host` over SSH, all runs on as few connections as will do."""

    def __init__(
        self, entry: HostEntry, ask: Ask, *, locate: Locate | None = None, keyring: Keyring | None = None
    ) -> None:
        """Connects to nothing yet.

        `locate`: awaited before each connection; what it gives is complete, so that the person's ssh
        config has no say. `keyring`: shared by all hosts, so that each passphrase is asked once.
        """
        self._entry = entry
        self._locate = locate
        self._dialler = Dialler(ask, keyring or Keyring())
        self._pool: Pool[SshLink] = Pool(entry.name, self._dial)

    @property
    def name(self) -> HostName:
        """Which host it is."""
        return self._entry.name

    @property
    def spare_channels(self) -> int:
        """How many more long ones may be opened before somebody has to wait for one."""
        return self._pool.spare

    async def connect(self) -> None:
        """Have a connection. Tries once; whoever wants more tries again.

        Raises HostUnreachable, AuthRefused, HostKeyUnknown, HostKeyChanged, HostError.
        """
        await self._pool.connect()

    async def open(
        self,
        command: str,
        *,
        on_stdout: OnBytes,
        on_stderr: OnBytes,
        long: bool = False,
        terminal: TerminalSize | None = None,
    ) -> Channel:
        """Start `command`, waiting for a free session if need be.

        Raises what `connect` raises, and ConnectionDropped. Cancelled, it leaves no channel open here;
        the command may have started there.
        """

        async def start(link: SshLink, on_end: Callable[[], None]) -> Channel:
            return await link.start(command, on_stdout, on_stderr, on_end, terminal)

        return await self._pool.open(start, long=long)

    async def run(self, command: str, stdin: bytes = b"", *, timeout_s: float) -> Completed:
        """Run `command` to its end; HostUnreachable after `timeout_s`, its channel aborted."""
        return await run_command(self, command, stdin, timeout_s=timeout_s)

    async def open_tcp(self, address: str, port: int, *, on_data: OnBytes) -> Channel:
        """Connect to a port that the host can reach; it takes no session of the server's.

        Raises what `connect` raises, ConnectionDropped, and PortRefused with the reason.
        """

        async def start(link: SshLink, on_end: Callable[[], None]) -> Channel:
            return await link.connect_tcp(address, port, on_data, on_end)

        return await self._pool.open_beside(start)

    def drop(self) -> None:
        """Abort every connection at once. The next `open` connects anew."""
        self._pool.drop()

    async def aclose(self) -> None:
        """Close every connection, within two seconds."""
        await self._pool.aclose()

    async def _dial(self, on_lost: Callable[[], None]) -> SshLink:
        if self._locate is None:
            return await self._dialler.dial(self._entry, config_files(), on_lost)
        return await self._dialler.dial(await self._locate(), (), on_lost)


async def accept_key(entry: HostEntry, fingerprint: str) -> None:
    """Add the host's key to known_hosts, if it has that fingerprint. Logs in only to jump hosts.

    Raises HostKeyChanged if it has another, or known_hosts has; HostUnreachable, HostError.
    """
    dialler = Dialler(_nobody, Keyring())
    await dialler.accept_key(replace(entry, host_key=fingerprint), config_files())


async def _nobody(question: Question) -> str | None:
    del question
    return None
