"""What we know of a host, before and while we talk to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tui.model.spec import HostName, Kind

DEMO = HostName("demo")
LOCAL = HostName("local")
RUNNING = "Running"
"""The state of a VM that takes commands, whatever its manager calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEntry:
    """One host as the config, a flag or the environment names it."""

    name: HostName
    address: str = ""
    """A name, an address or an alias of ~/.ssh/config; `local` and `demo` need none."""
    user: str = ""
    port: int | None = None
    identity_file: str = ""
    identity: str = field(default="", repr=False)
    """A private key's content; held in memory only."""
    host_key: str = ""
    """The expected fingerprint (SHA256:...) or key line; empty: known_hosts decides."""
    driver: str = "multipass"
    manager: str = ""
    """Path of the manager's command on the host; empty: looked for."""
    state_dir: str = ""
    """Where the warden keeps leases on the host; empty: ~/.local/state/dayfly."""
    kind: Kind = Kind.VM
    """What a run gets that does not say."""
    max_launching: int = 2
    max_running: int | None = None
    images: tuple[tuple[str, str], ...] = ()
    """Golden images: our name, the manager's name."""

    def image(self, name: str) -> str:
        """What the manager calls the image."""
        return dict(self.images).get(name, name)

    def to_json(self) -> dict[str, Any]:
        """Plain data without the private key."""
        return {
            "name": self.name,
            "address": self.address,
            "user": self.user,
            "port": self.port,
            "identity_file": self.identity_file,
            "host_key": self.host_key,
            "driver": self.driver,
            "manager": self.manager,
            "state_dir": self.state_dir,
            "kind": self.kind.value,
            "max_launching": self.max_launching,
            "max_running": self.max_running,
            "images": [list(pair) for pair in self.images],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> HostEntry:
        """Read what `to_json` wrote."""
        images = tuple((str(ours), str(theirs)) for ours, theirs in data.get("images", []))
        kind = Kind(data.get("kind", Kind.VM))
        return cls(**{**data, "images": images, "kind": kind})


class Health(StrEnum):
    """How our link to a host is."""

    UNKNOWN = "unknown"
    CONNECTING = "connecting"
    READY = "ready"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    """It will not do without a person: a key, a passphrase, a missing manager."""
    MANAGER_SILENT = "manager silent"


@dataclass(frozen=True, slots=True)
class VmInfo:
    """One VM as the manager lists it."""

    name: str
    state: str
    """RUNNING, `Stopped`, or another word that its driver knows."""
    ipv4: tuple[str, ...] = ()
    release: str = ""


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """One image that a host can launch."""

    name: str
    """What is given to the manager."""
    aliases: tuple[str, ...] = ()
    description: str = ""


class QuestionKind(StrEnum):
    """What only a person can answer."""

    HOST_KEY = "host key"
    PASSPHRASE = "passphrase"
    PASSWORD = "password"
    SECRET = "secret"
    """Of the workload, typed by hand."""
    CONFIRM = "confirm"
    """Whether a command may run here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing that only a person can answer. The reply to HOST_KEY and CONFIRM is `yes` or nothing."""

    id: str
    host: HostName
    kind: QuestionKind
    text: str
    hidden: bool = True
    """The reply is a secret."""
