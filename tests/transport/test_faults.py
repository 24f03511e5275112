"""Every row of the table of foreign errors."""

import errno
import socket

import pytest

from tui.model.errors import AuthRefused, HostError, HostUnreachable
from tui.model.spec import HostName
from tui.transport.asyncssh_import import asyncssh
from tui.transport.faults import _ROWS, CONNECT_ERRORS, Peer, connect_error

PEER = Peer(HostName("lab"), "10.0.0.9")

CASES: list[tuple[Exception, type[HostError], str]] = [
    (socket.gaierror(-2, "Name or service not known"), HostUnreachable, "has a name that cannot be found"),
    (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), HostUnreachable, "refuses connections"),
    (TimeoutError(), HostUnreachable, "does not answer"),
    (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), HostUnreachable, "does not answer"),
    (OSError(errno.EHOSTUNREACH, "No route to host"), HostUnreachable, "cannot be reached: no route"),
    (OSError(errno.ENETUNREACH, "Network is unreachable"), HostUnreachable, "cannot be reached: no route"),
    (
        OSError("Multiple exceptions: [Errno 111] Connect call failed, [Errno 111] Connect call failed"),
        HostUnreachable,
        "refuses connections",
    ),
    (
        OSError(errno.ECONNRESET, "Connection reset by peer"),
        HostUnreachable,
        "ended the connection before the login was done: Connection reset by peer",
    ),
    (OSError(errno.EMFILE, "Too many open files"), HostUnreachable, "cannot be reached: Too many open files"),
    (asyncssh.ConfigParseError("/c line 3: bad"), HostError, "cannot be tried: /c line 3: bad"),
    (
        asyncssh.KeyImportError("Invalid key"),
        AuthRefused,
        "cannot be tried: a key file is unusable: Invalid key",
    ),
    (asyncssh.KeyEncryptionError("Wrong"), AuthRefused, "cannot be tried: a key file is unusable: Wrong"),
    (asyncssh.PermissionDenied("no"), AuthRefused, "refuses the login: no"),
    (asyncssh.KeyExchangeFailed("none"), HostError, "has no algorithm in common with us: none"),
    (asyncssh.ProtocolError("odd"), HostUnreachable, "does not speak SSH as we know it: odd"),
    (asyncssh.ProtocolNotSupported("1.5"), HostUnreachable, "does not speak SSH as we know it: 1.5"),
    (
        asyncssh.ChannelOpenError(2, "Connection refused"),
        HostUnreachable,
        "cannot be reached through its jump host: Connection refused",
    ),
    (
        asyncssh.ConnectionLost("Connection lost"),
        HostUnreachable,
        "ended the connection before the login was done: Connection lost",
    ),
    (ValueError("odd option"), HostError, "cannot be tried: odd option"),
]


@pytest.mark.parametrize(("error", "kind", "says"), CASES, ids=lambda case: type(case).__name__)
def test_each_is_one_plain_sentence(error: Exception, kind: type[HostError], says: str) -> None:
    mapped = connect_error(error, PEER)
    assert type(mapped) is kind
    assert mapped.message == f"lab (10.0.0.9) {says}"
    assert mapped.host == "lab"
    assert mapped.retryable is (kind is HostUnreachable)
    assert isinstance(error, CONNECT_ERRORS)


def test_every_row_has_its_case() -> None:
    rows = {connect_error(error, PEER).hint for error, _, _ in CASES}
    assert rows == {row.hint for _, row in _ROWS} | {connect_error(OSError(113, ""), PEER).hint}


def test_a_jump_host_is_named() -> None:
    hop = Peer(HostName("lab"), "[10.0.0.1]:2222", "bastion")
    error = connect_error(ConnectionRefusedError(), hop)
    assert error.message == "the jump host bastion ([10.0.0.1]:2222) of lab refuses connections"
    assert str(Peer(HostName("lab"), "10.0.0.1", "10.0.0.1")) == "the jump host 10.0.0.1 of lab"


def test_what_a_server_says_is_cleaned() -> None:
    error = connect_error(asyncssh.ConnectionLost("bye\x1b]0;evil\x07\nand more"), PEER)
    assert error.message.endswith(": bye")
