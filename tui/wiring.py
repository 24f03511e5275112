"""The only file that names concrete classes: from what the person wrote to a running engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tui import config, profiles
from tui.contracts import Ask, Host, HostParts
from tui.drivers import registry
from tui.engine.desk import Desk
from tui.engine.ledger import Ledger
from tui.engine.run import Identity
from tui.engine.supervisor import Pace, Supervisor, supervise
from tui.model.hosts import DEMO, LOCAL, HostEntry
from tui.model.spec import HostName, RunSpec
from tui.warden.client import HostWarden


def open_ledger() -> Ledger:
    """The ledger of this installation."""
    return Ledger(config.state_dir())


@asynccontextmanager
async def open_fleet(
    ledger: Ledger, names: Sequence[str] = (), *, ask: Ask | None = None, pace: Pace | None = None
) -> AsyncIterator[Supervisor]:
    """Run an engine that knows the config's hosts and those of `names`, as typed. Raises UsageError."""
    settings = config.load()
    hosts = dict(settings.hosts)
    for name in names:
        hosts[HostName(name)] = config.host_entry(name, settings)
    identity = Identity(client=config.client_id(), owner=config.client_owner())
    async with supervise(ledger, open_host, hosts, identity, ask=ask, pace=pace or Pace()) as fleet:
        yield fleet


def open_desk(ledger: Ledger, fleet: Supervisor) -> Desk:
    """What another terminal does, over the links of `fleet`."""
    return Desk(ledger, fleet.know)


def open_host(entry: HostEntry, ask: Ask) -> HostParts:
    """Make the parts of a host; connects to nothing yet. Raises UsageError for an unknown driver."""
    host = _host(entry, ask)
    driver = registry.load(entry.driver, entry.manager)
    warden = HostWarden(host, client=config.client_id(), state_dir=entry.state_dir)
    return HostParts(entry, host, driver, warden)


def _host(entry: HostEntry, ask: Ask) -> Host:
    if entry.name == LOCAL:
        from tui.transport.local import LocalHost

        return LocalHost(entry)
    from tui.transport.ssh import SshHost

    return SshHost(entry, ask, locate=_locate_demo if entry.name == DEMO else None)


async def _locate_demo() -> HostEntry:
    """The demo host as it is now; started where it is not running."""
    from tui.demo import process

    address = await process.ensure()
    return HostEntry(
        name=DEMO,
        address=address.host,
        port=address.port,
        user=address.user,
        identity=address.key,
        host_key=address.host_key,
    )


class Shelf:
    """A `contracts.ProfileShelf` over the profile files."""

    def __init__(self, default_host: str | None) -> None:
        self._default_host = default_host

    def names(self) -> Sequence[str]:
        """Every profile that can be loaded, sorted."""
        return sorted(found.name for found in profiles.names())

    def load(self, name: str) -> RunSpec:
        """Read one."""
        return profiles.load(name, overrides={}, default_host=self._default_host or DEMO)

    def save(self, spec: RunSpec, name: str) -> Path:
        """Write it to the user's folder."""
        return profiles.save(replace(spec, name=name), name, replace=True)

    def validate_field(self, key: str, text: str) -> str | None:
        """What is wrong with one field."""
        return profiles.validate_field(key, text)

    def resolve_form(self, fields: Mapping[str, str]) -> RunSpec:
        """The run spec that the form describes."""
        return profiles.resolve_form(fields, default_host=self._default_host)
