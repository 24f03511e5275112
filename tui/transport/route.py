"""Where a host is: its entry, with what the ssh config makes of it. asyncssh reads the config."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tui.model.errors import HostError
from tui.model.hosts import HostEntry
from tui.transport.asyncssh_import import asyncssh
from tui.transport.faults import CONNECT_ERRORS, Peer, connect_error
from tui.transport.known_hosts import known_name

_CONFIG_FILES = ("~/.ssh/config", "/etc/ssh/ssh_config")
_USER_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
_GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
_HOP = re.compile(r"(?:ssh://)?(?:(?P<user>.+)@)?(?P<host>\[[^]]+\]|[^:]+)(?::(?P<port>\d+))?")


@dataclass(frozen=True, slots=True)
class Route:
    """A host and the way there."""

    entry: HostEntry
    peer: Peer
    options: asyncssh.SSHClientConnectionOptions
    config: tuple[str, ...]
    """The config files it was read from."""

    @property
    def known_as(self) -> str:
        """What known_hosts calls it."""
        return self.options.host_key_alias or self.options.host

    def words(self, option: str) -> list[str] | None:
        """An option of the ssh config that is a list; None if it isn't set."""
        return cast("list[str] | None", self.options.config.get(option))

    def is_set(self, option: str) -> bool:
        """Whether the ssh config has this option, and not as `no`."""
        return bool(self.options.config.get(option))

    def user_known_hosts(self) -> list[Path]:
        """The user's own known_hosts files; accepted keys go to the first."""
        return _paths(self.words("UserKnownHostsFile"), _USER_KNOWN_HOSTS)

    def known_hosts(self) -> list[Path]:
        """All known_hosts files, the user's first."""
        return [*self.user_known_hosts(), *_paths(self.words("GlobalKnownHostsFile"), _GLOBAL_KNOWN_HOSTS)]

    def jump_hosts(self) -> list[HostEntry]:
        """ProxyJump, in the order they are gone through. Raises HostError for what makes no sense."""
        written = self.options.tunnel if isinstance(self.options.tunnel, str) else ""
        return [self._jump_host(hop.strip()) for hop in written.split(",") if hop.strip()]

    def _jump_host(self, written: str) -> HostEntry:
        match = _HOP.fullmatch(written)
        if match is None:
            raise HostError(f"the jump host {written!r} of {self.peer} makes no sense", host=self.peer.host)
        return HostEntry(
            name=self.entry.name,
            address=match["host"].strip("[]"),
            user=match["user"] or "",
            port=int(match["port"]) if match["port"] else None,
        )


def _paths(configured: list[str] | None, usual: tuple[str, ...]) -> list[Path]:
    return [Path(file).expanduser() for file in (usual if configured is None else configured)]


def config_files() -> tuple[str, ...]:
    """The ssh configs that are there, the user's first."""
    files = (Path(file).expanduser() for file in _CONFIG_FILES)
    return tuple(str(file) for file in files if os.access(file, os.R_OK))


async def resolve(entry: HostEntry, config: tuple[str, ...], *, hop: bool = False) -> Route:
    """Look `entry` up in the ssh configs. Raises HostError, with file and line for a mistake there."""
    unresolved = Peer(entry.name, entry.address, entry.address if hop else "")
    try:
        options = await asyncssh.SSHClientConnectionOptions.construct(
            host=entry.address,
            port=entry.port or (),
            username=entry.user or (),
            config=list(config),
            client_keys=None,
        )
    except CONNECT_ERRORS as error:
        raise connect_error(error, unresolved) from error
    at = known_name(options.host, options.port)
    return Route(entry, Peer(entry.name, at, entry.address if hop else ""), options, config)
