"""The only file that names concrete classes: from what the person wrote to a running engine."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING

from tui import config, profiles
from tui.contracts import Ask, Host, HostParts, ProfilePage
from tui.drivers import registry
from tui.engine.desk import Desk
from tui.engine.doctor import Doctor
from tui.engine.ledger import Ledger
from tui.engine.supervisor import Pace, Supervisor, supervise
from tui.model.hosts import DEMO, LOCAL, HostEntry
from tui.model.lease import Identity
from tui.model.spec import HostName, RunSpec
from tui.profiles import shelf
from tui.warden.client import HostWarden
from tui.warden.upkeep import HostUpkeep

if TYPE_CHECKING:
    from tui.transport.identity import Keyring  # asyncssh is loaded only when a host needs it


def open_ledger() -> AbstractContextManager[Ledger]:
    """The ledger of this installation, closed at the end of the block."""
    return closing(Ledger(config.state_dir()))


@asynccontextmanager
async def open_fleet(
    ledger: Ledger, names: Sequence[str] = (), *, ask: Ask | None = None, pace: Pace | None = None
) -> AsyncIterator[Supervisor]:
    """Run an engine that knows the config's hosts and those of `names`, as typed. Raises UsageError."""
    loaded = config.load()
    hosts = config.known_hosts(loaded)
    for name in names:
        hosts[HostName(name)] = config.host_entry(name, loaded)
    identity = Identity(client=config.client_id(), owner=config.client_owner())
    async with supervise(
        ledger,
        _Opener(identity.client),
        hosts,
        identity,
        ask=ask,
        pace=pace or Pace(),
        notify=loaded.settings.notify,
    ) as fleet:
        yield fleet


def open_doctor(ledger: Ledger, name: str, *, ask: Ask) -> Doctor:
    """Looks at a host as typed, over connections of its own. Raises UsageError."""
    entry = config.host_entry(name, config.load())
    opener = _Opener(config.client_id())
    return Doctor(lambda: opener(entry, ask), ledger, config.client_id())


def open_parts(name: str, *, ask: Ask) -> HostParts:
    """The parts of a host as typed, without an engine; the caller closes the host. Raises UsageError."""
    return _Opener(config.client_id())(config.host_entry(name, config.load()), ask)


def open_desk(ledger: Ledger, fleet: Supervisor) -> Desk:
    """What another terminal does, over the links of `fleet`."""
    return Desk(ledger, fleet.know)


def load_transport() -> None:
    """Import what takes long, so that it is there when the first host is opened; for a thread."""
    importlib.import_module("tui.transport.ssh")


class _Opener:
    """A `contracts.HostOpener`; a passphrase is asked once for all the hosts that it opens."""

    def __init__(self, client: str) -> None:
        self._client = client
        self._keyring: Keyring | None = None

    def __call__(self, entry: HostEntry, ask: Ask) -> HostParts:
        driver = registry.load(entry.driver, entry.manager)
        host = self._host(entry, ask)
        warden = HostWarden(host, client=self._client, state_dir=entry.state_dir)
        return HostParts(entry, host, driver, warden, HostUpkeep(host, state_dir=entry.state_dir))

    def _host(self, entry: HostEntry, ask: Ask) -> Host:
        if entry.name == LOCAL:
            from tui.transport.local import LocalHost

            return LocalHost(entry)
        from tui.transport.identity import Keyring
        from tui.transport.ssh import SshHost

        self._keyring = self._keyring or Keyring()
        locate = _locate_demo if entry.name == DEMO else None
        return SshHost(entry, ask, locate=locate, keyring=self._keyring)


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

    def pages(self) -> Sequence[ProfilePage]:
        """Every profile, faulty ones too."""
        return shelf.pages(default_host=self._default_host or DEMO)

    def page(self, name: str) -> ProfilePage:
        """One of them."""
        return shelf.page(name, default_host=self._default_host or DEMO)

    def save(self, spec: RunSpec, name: str, *, like: Path | None = None) -> Path:
        """Write it to the user's folder."""
        return shelf.save(spec, name, like=like, default_host=self._default_host or DEMO)

    def duplicate(self, name: str, new: str) -> Path:
        """Copy one to the user's folder."""
        return shelf.duplicate(name, new, default_host=self._default_host or DEMO)

    def delete(self, name: str) -> None:
        """Delete one of the user's folder."""
        shelf.delete(name)

    def validate_field(self, key: str, text: str) -> str | None:
        """What is wrong with one field."""
        return profiles.validate_field(key, text)

    def resolve_form(self, fields: Mapping[str, str], base: RunSpec | None = None) -> RunSpec:
        """The run spec that the form describes."""
        return profiles.resolve_form(fields, default_host=self._default_host, base=base)
