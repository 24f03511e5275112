"""known_hosts files as OpenSSH reads and writes them; asyncssh parses, we keep file and line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tui.transport.asyncssh_import import asyncssh

SSH_PORT = 22


def known_name(host: str, port: int) -> str:
    """How known_hosts writes a host."""
    return host if port == SSH_PORT else f"[{host}]:{port}"


def key_line(name: str, key: asyncssh.SSHKey) -> str:
    """The line of known_hosts for `key`."""
    kind, data = key.export_public_key().decode().split()[:2]
    return f"{name} {kind} {data}"


def key_type(key: asyncssh.SSHKey) -> str:
    """What people call it: `ED25519`, `RSA`."""
    return key.get_algorithm().removeprefix("ssh-").split("-")[0].upper()


@dataclass(frozen=True, slots=True)
class Entry:
    """One usable line of a known_hosts file."""

    file: Path
    line: int
    hosts: asyncssh.SSHKnownHosts

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Known:
    """What the files say about one host."""

    keys: tuple[tuple[asyncssh.SSHKey, Entry], ...] = ()
    authorities: tuple[asyncssh.SSHKey, ...] = ()
    revoked: tuple[asyncssh.SSHKey, ...] = ()


def read(files: Iterable[Path]) -> tuple[Entry, ...]:
    """Every line that makes sense, of those files that exist. Blocks: for a thread."""
    return tuple(entry for file in files for entry in _read_one(file))


def _read_one(file: Path) -> Iterable[Entry]:
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for number, line in enumerate(lines, 1):
        try:
            yield Entry(file, number, asyncssh.import_known_hosts(line))
        except ValueError:
            continue  # ssh skips it, too


def look_up(entries: Iterable[Entry], name: str) -> Known:
    """What is known under exactly this name, hashed or plain."""
    keys: list[tuple[asyncssh.SSHKey, Entry]] = []
    authorities: list[asyncssh.SSHKey] = []
    revoked: list[asyncssh.SSHKey] = []
    for entry in entries:
        its_keys, its_authorities, its_revoked, *_ = entry.hosts.match(name, "", None)
        keys += [(key, entry) for key in its_keys]
        authorities += its_authorities
        revoked += its_revoked
    return Known(tuple(keys), tuple(authorities), tuple(revoked))


def append(file: Path, line: str) -> None:
    """Add one line, with the rights that ssh gives the file. Blocks: for a thread."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with open(descriptor, "r+b", buffering=0) as handle:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        handle.write(b"\n" * torn + line.encode() + b"\n")
