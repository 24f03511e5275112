"""Who this installation is: what the leases on a host are signed with."""

from __future__ import annotations

import fcntl
import getpass
import os
import re
import secrets
import socket

from tui.files.folders import state_dir
from tui.model.errors import UsageError

_ID = re.compile(r"[0-9a-f]{12}")


def client_id() -> str:
    """The random id of this state folder, 12 hex digits; made once, whoever asks first.

    Raises UsageError where the folder is closed to us or the file holds something else.
    """
    path = state_dir() / "client-id"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with open(descriptor, "r+", encoding="ascii", errors="replace") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # whoever comes second reads what the first wrote
            found = file.read(100).strip()
            if not found:
                found = secrets.token_hex(6)
                file.write(f"{found}\n")
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}", hint="name another folder with DAYFLY_STATE_DIR"
        ) from error
    if not _ID.fullmatch(found):
        raise UsageError(
            f"{path}: found something else than 12 hex digits",
            hint="delete it; leases of the old id then count as another client's",
        )
    return found


def client_owner() -> str:
    """The same for people: `user@machine`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # an account without a name
        user = str(os.getuid())
    return f"{_plain(user)}@{_plain(socket.gethostname().split('.')[0])}"


def _plain(word: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", word)[:40] or "unknown"
