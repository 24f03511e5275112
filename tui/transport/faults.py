"""What asyncssh and the operating system raise, as our errors: one plain sentence and what to do."""

from __future__ import annotations

import errno
import re
import socket
from dataclasses import dataclass

from tui.model.errors import AuthRefused, HostError, HostUnreachable
from tui.model.spec import HostName
from tui.model.text import clean_line
from tui.transport.asyncssh_import import asyncssh

_ERRNO = re.compile(r"\[Errno (\d+)\]")
_UNREACHED = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom we talk to, for the error's sentence."""

    host: HostName
    at: str
    """`address:port`."""
    hop: str = ""
    """The jump host that this is, on the way to `host`."""

    def __str__(self) -> str:
        where = f"{self.hop} ({self.at})" if self.hop not in {"", self.at} else self.at
        return f"the jump host {where} of {self.host}" if self.hop else f"{self.host} ({self.at})"


@dataclass(frozen=True, slots=True)
class _Row:
    kind: type[HostError]
    says: str
    """After the peer's name; `{reason}` is what the error itself says."""
    hint: str


_NO_NAME = _Row(
    HostUnreachable, "has a name that cannot be found", "check the address, or its alias in ~/.ssh/config"
)
_REFUSED = _Row(HostUnreachable, "refuses connections", "is sshd running there, and is this the right port?")
_NO_ROUTE = _Row(
    HostUnreachable, "cannot be reached: no route", "check this machine's network, VPN and the address"
)
_SILENT = _Row(HostUnreachable, "does not answer", "check the address, the network and the firewall")
_LOST = _Row(
    HostUnreachable,
    "ended the connection before the login was done: {reason}",
    "if that goes on, look at sshd's log there (MaxStartups, fail2ban, a banned address)",
)
_NO_SSH = _Row(HostUnreachable, "does not speak SSH as we know it: {reason}", "is this the right port?")
_NO_ALGORITHM = _Row(
    HostError, "has no algorithm in common with us: {reason}", "`ssh -vv` shows what the server offers"
)
_NO_TUNNEL = _Row(
    HostUnreachable,
    "cannot be reached through its jump host: {reason}",
    "the jump host must be able to reach it (AllowTcpForwarding, the address as seen from there)",
)
_CONFIG = _Row(HostError, "cannot be tried: {reason}", "`ssh -G` shows how ssh itself reads its config")
_DENIED = _Row(AuthRefused, "refuses the login: {reason}", "")
_BAD_KEY = _Row(AuthRefused, "cannot be tried: a key file is unusable: {reason}", "")
_OTHER = _Row(HostUnreachable, "cannot be reached: {reason}", "")

_TOO_MANY = _Row(
    AuthRefused,
    "refuses the login: it was offered too many keys that it does not take",
    "name the right one: identity_file in the host's entry, or DAYFLY_SSH_KEY",
)

_ROWS: tuple[tuple[type[Exception], _Row], ...] = (
    (socket.gaierror, _NO_NAME),
    (ConnectionRefusedError, _REFUSED),
    (TimeoutError, _SILENT),
    (asyncssh.ConfigParseError, _CONFIG),
    (asyncssh.KeyImportError, _BAD_KEY),
    (asyncssh.KeyEncryptionError, _BAD_KEY),
    (asyncssh.PermissionDenied, _DENIED),
    (asyncssh.KeyExchangeFailed, _NO_ALGORITHM),
    (asyncssh.ProtocolError, _NO_SSH),
    (asyncssh.ProtocolNotSupported, _NO_SSH),
    (asyncssh.ChannelOpenError, _NO_TUNNEL),
    (asyncssh.DisconnectError, _LOST),
    (OSError, _OTHER),
    (ValueError, _CONFIG),
)
_BY_ERRNO = {
    errno.ECONNREFUSED: _REFUSED,
    errno.ETIMEDOUT: _SILENT,
    errno.ECONNRESET: _LOST,
    errno.EPIPE: _LOST,
    **dict.fromkeys(_UNREACHED, _NO_ROUTE),
}

CONNECT_ERRORS = (OSError, asyncssh.Error, ValueError)
"""All that `connect_error` knows."""


def connect_error(error: Exception, peer: Peer) -> HostError:
    """What `error`, raised while connecting, means."""
    row = _row(error)
    sentence = f"{peer} {row.says.format(reason=_reason(error))}"
    return row.kind(sentence, host=peer.host, hint=row.hint)


def _row(error: Exception) -> _Row:
    if isinstance(error, asyncssh.DisconnectError) and "Too many authentication failures" in error.reason:
        return _TOO_MANY
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror):
        # asyncio tells of several addresses in one text, without a number.
        found = _ERRNO.search(str(error))
        number = error.errno or (int(found[1]) if found else 0)
        if number in _BY_ERRNO:
            return _BY_ERRNO[number]
    return next(row for kind, row in _ROWS if isinstance(error, kind))


def _reason(error: Exception) -> str:
    text = error.reason if isinstance(error, asyncssh.Error) else str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    return clean_line(text.strip().split("\n", 1)[0]) or type(error).__name__
