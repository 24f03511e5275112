"""What a person set once and for all, hosts aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from tui.model.phase import Outcome, OutcomeKind
from tui.model.units import GIB

KEY_VARIABLES = ("DAYFLY_SSH_KEY", "MULTIPASS_SSH_PRIVATE_KEY")
"""May hold a private key: no other program gets them from us."""


class TellOf(StrEnum):
    """Which ends of runs are worth a notification."""

    ALL = "all"
    FAILURES = "failures"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """How the dashboard looks and listens."""

    theme: str = ""
    """Name of a theme; empty: ours, dark."""
    ascii: bool | None = None
    """Whether glyphs are plain ASCII; None: where the terminal shows nothing else."""
    animations: bool = True
    refresh_s: float = 1.0
    """How often ages and graphs move on."""
    keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Other keys for commands: `pin-run` to `ctrl+k`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """What happens when a run ends, beside what is on the screen."""

    of: TellOf = TellOf.ALL
    bell: bool = True
    terminal: bool = False
    """The terminal's own notification (OSC 9)."""
    command: tuple[str, ...] = ()
    """Run on this machine with the run as JSON on its stdin."""
    webhook: str = ""
    """A URL that is posted the same JSON, or `env:NAME` for the variable that holds it."""

    def wants(self, outcome: Outcome, *, lacks_results: bool = False) -> bool:
        """Whether such an end is to be told. What a person cancelled is no failure."""
        is_fine = outcome.kind in (OutcomeKind.SUCCEEDED, OutcomeKind.CANCELLED) and not lacks_results
        return self.of is TellOf.ALL or (self.of is TellOf.FAILURES and not is_fine)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long what ended runs left here is kept: what is over either limit may go, oldest first."""

    days: int = 90
    size: int = 10 * GIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything of config.toml but hosts."""

    looks: Looks = Looks()
    notify: Notify = Notify()
    retention: Retention = Retention()
    defaults: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Form fields that a new run begins with: `image`, `cpus`, `memory`, `disk`, `pin`, `grace`..."""
