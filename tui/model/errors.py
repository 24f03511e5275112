"""Every error that dayfly raises on purpose.

    DayflyError
    ├── UsageError                  the user's input; nothing was done
    │   └── ProfileError            every fault of a profile or flags at once
    ├── HostError                   we could not talk to the host
    │   ├── HostUnreachable         refused, no route, no answer (try again)
    │   ├── ConnectionDropped       it was there a moment ago (try again)
    │   ├── HostKeyUnknown          never seen this key: accept it first
    │   ├── HostKeyChanged          not the key we know: refuse
    │   ├── AuthRefused             no key or password was taken
    │   └── PortRefused             nothing takes connections at a port behind it
    ├── ManagerError                the VM manager on the host said no
    │   ├── ManagerMissing          no such command there, or too old
    │   ├── ManagerSilent           it did not answer in time (try again)
    │   └── ManagerRefused          it answered with an error
    ├── WardenError                 the guard on the host said no
    │   ├── Unguarded               no lease can be kept there: the run is refused
    │   ├── NameTaken               a VM of that name was there before us: foreign
    │   ├── LeaseClosing            too late: the lease has ended
    │   ├── NoSuchLease             the host knows no such lease
    │   ├── EntryRefused            the host lets nobody into the VM
    │   └── NotOurs                 another client's lease
    └── LogUnwritable               this machine's disk refuses the log (try again)

Each carries one sentence of what happened and, where there is one, a hint: what to do next.
"""

from __future__ import annotations


class DayflyError(Exception):
    """Anything that dayfly itself has to say; `str()` is one plain sentence."""

    exit_code = 125
    retryable = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(DayflyError):
    """The command line, a profile or the config is wrong; nothing was done."""

    exit_code = 2


class ProfileError(UsageError):
    """All faults of one profile, each a full line: file:line: key: found, allowed."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class HostError(DayflyError):
    """We could not talk to the host."""

    def __init__(self, message: str, *, host: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.host = host


class HostUnreachable(HostError):
    """Nobody answers there now."""

    retryable = True


class ConnectionDropped(HostError):
    """The connection ended under us; what ran there goes on."""

    retryable = True


class HostKeyUnknown(HostError):
    """The host shows a key that is in no known_hosts file."""

    def __init__(
        self, message: str, *, host: str = "", hint: str = "", key_line: str = "", fingerprint: str = ""
    ) -> None:
        super().__init__(message, host=host, hint=hint)
        self.key_line = key_line
        self.fingerprint = fingerprint


class HostKeyChanged(HostError):
    """The host shows another key than the one we know. Never accepted from here."""


class AuthRefused(HostError):
    """The host takes none of our keys or passwords."""


class PortRefused(HostError):
    """A port that the host should reach takes no connection, or the host passes none on."""


class ManagerError(DayflyError):
    """The VM manager on the host did not do what it was asked."""


class ManagerMissing(ManagerError):
    """The manager's command is not there, or is older than we can use."""


class ManagerSilent(ManagerError):
    """The manager did not answer within its time."""

    retryable = True


class ManagerRefused(ManagerError):
    """The manager answered with an error; `detail` is its own text."""

    def __init__(self, message: str, *, detail: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.detail = detail


class WardenError(DayflyError):
    """The warden, our guard on the host, refused or failed."""


class Unguarded(WardenError):
    """No lease can be kept on this host, so no VM is made there."""


class NameTaken(WardenError):
    """A VM of that name existed before our launch. It is foreign and stays untouched."""


class LeaseClosing(WardenError):
    """The lease has ended; the VM is being deleted."""


class LeasePinned(WardenError):
    """The VM is pinned: only its owner's word deletes it."""


class NoSuchLease(WardenError):
    """The host knows no lease of that name."""


class EntryRefused(WardenError):
    """The host lets nobody into the VM; `status` says why, as the exit status of `Warden.enter` does."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class NotOurs(WardenError):
    """The lease belongs to another client."""


class LogUnwritable(DayflyError):
    """The disk of this machine refuses the log; the bytes wait where they came from."""

    retryable = True
