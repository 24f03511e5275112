"""config.toml: what it may hold, read with every fault at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tui.files.folders import config_path
from tui.files.toml import ONE_WORD, ONE_WORD_HELP, TomlFile, read, shown, unknown_key
from tui.model.errors import ProfileError
from tui.model.hosts import DEMO, LOCAL, HostEntry
from tui.model.spec import HostName

FILE_NAME = "config.toml"


@dataclass(frozen=True, slots=True)
class Config:
    """What the person has written down once and for all."""

    default_host: HostName | None = None
    hosts: Mapping[HostName, HostEntry] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Rule:
    """What one key may hold."""

    accepts: Callable[[object], bool]
    allowed: str


def _text(pattern: str) -> Callable[[object], bool]:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and len(value) <= 1000 and bool(compiled.fullmatch(value))


def _number(least: int, most: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


_PATH = r"[^\x00-\x1f\x7f-\x9f-][^\x00-\x1f\x7f-\x9f]*"
FINGERPRINT_OR_KEY = (
    r"SHA256:[A-Za-z0-9+/]{43}=?|(?:ssh|ecdsa|sk)-[A-Za-z0-9@.-]+ [A-Za-z0-9+/]+=*(?: [^\x00-\x1f]*)?"
)

NAME = Rule(
    _text(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"),
    "name a host with letters, digits, dots and dashes, such as build-1",
)
WORD = Rule(_text(ONE_WORD.pattern), ONE_WORD_HELP)
HOST_RULES: Mapping[str, Rule] = {
    "address": Rule(
        _text(ONE_WORD.pattern),
        'write a name, an address or an alias of ~/.ssh/config, such as "build1.example.org"',
    ),
    "user": Rule(_text(ONE_WORD.pattern), 'write an account on the host, such as "ubuntu"'),
    "port": Rule(_number(1, 65535), "write a whole number from 1 to 65535, without quotes"),
    "identity_file": Rule(_text(_PATH), 'write the path of a private key, such as "~/.ssh/id_ed25519"'),
    "host_key": Rule(
        _text(FINGERPRINT_OR_KEY), 'write a fingerprint ("SHA256:...") or a key line ("ssh-ed25519 AAAA...")'
    ),
    "driver": Rule(_text(r"[a-z][a-z0-9-]{0,40}"), 'write the name of a driver, such as "multipass"'),
    "manager": Rule(_text(_PATH), 'write the command or its path on the host, such as "/snap/bin/multipass"'),
    "state_dir": Rule(_text(_PATH), 'write a folder on the host, such as "/var/tmp/dayfly"'),
    "max_launching": Rule(_number(1, 64), "write a whole number from 1 to 64, without quotes"),
    "max_running": Rule(_number(1, 10_000), "write a whole number from 1 to 10000, without quotes"),
}
_HOST_KEYS = (*HOST_RULES, "images")
_REACHING = frozenset({"address", "user", "port", "identity_file", "host_key"})
_SECRETS = frozenset(
    {"password", "passphrase", "identity", "private_key", "privatekey", "ssh_key", "key", "secret", "token"}
)
_NO_SECRETS = (
    "no secrets belong in this file; use identity_file, an SSH agent, or DAYFLY_SSH_KEY in the environment"
)


def config_file() -> Path:
    """Where config.toml is; it need not exist."""
    return config_path() / FILE_NAME


def load() -> Config:
    """The person's config; an empty one where there is no file.

    Raises ProfileError with every fault of the file.
    """
    path = config_file()
    with suppress(PermissionError):  # let the reader say so
        if not path.exists():
            return Config()
    return checked(read(path))


def checked(file: TomlFile) -> Config:
    """The config that a file holds. Raises ProfileError with every fault."""
    faults = sorted(_faults(file))
    if faults:
        raise ProfileError(tuple(fault for _, fault in faults))
    hosts: Any = file.data.get("hosts", {})
    entries = {HostName(name): _entry(name, table) for name, table in hosts.items()}
    default: Any = file.data.get("default_host")
    return Config(default, MappingProxyType(entries))


def _entry(name: str, table: Mapping[str, Any]) -> HostEntry:
    plain = {key: value for key, value in table.items() if key != "images"}
    images = tuple(table.get("images", {}).items())
    return HostEntry(
        **{"address": "" if name == LOCAL else name, **plain, "name": HostName(name), "images": images}
    )


Fault = tuple[int, str]
"""A line number to sort by, and the whole sentence."""


def _faults(file: TomlFile) -> Iterator[Fault]:
    for key, value in file.data.items():
        if key == "default_host":
            yield from _rule_faults(file, (key,), value, WORD)
        elif key == "hosts" and isinstance(value, Mapping):
            for name, table in value.items():
                yield from _host_faults(file, name, table)
        elif key == "hosts":
            yield _fault(file, (key,), f"found {shown(value)}; write a table for each host: [hosts.NAME]")
        else:
            yield _unknown(file, (key,), ("default_host", "hosts"))


def _host_faults(file: TomlFile, name: str, table: object) -> Iterator[Fault]:
    where = ("hosts", name)
    if not NAME.accepts(name):
        yield _fault(file, where, f"found {shown(name)}; {NAME.allowed}")
    if name == DEMO:
        yield _fault(file, where, "demo is the built-in demo host; choose another name")
    if not isinstance(table, Mapping):
        yield _fault(file, where, f"found {shown(table)}; write a table: [hosts.NAME]")
        return
    for key, value in table.items():
        yield from _host_key_faults(file, (*where, key), value)


def _host_key_faults(file: TomlFile, where: tuple[str, ...], value: object) -> Iterator[Fault]:
    _, name, key = where
    if key == "images":
        yield from _image_faults(file, where, value)
    elif key.lower().replace("-", "_") in _SECRETS:
        yield _fault(file, where, f"found something secret, not shown here; {_NO_SECRETS}")
    elif key not in HOST_RULES:
        yield _unknown(file, where, _HOST_KEYS)
    elif isinstance(value, str) and "PRIVATE KEY" in value:
        yield _fault(file, where, f"found a private key, not shown here; {_NO_SECRETS}")
    elif name == LOCAL and key in _REACHING:
        yield _fault(file, where, "local is this very machine and is reached without it; take this line out")
    else:
        yield from _rule_faults(file, where, value, HOST_RULES[key])


def _image_faults(file: TomlFile, where: tuple[str, ...], value: object) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield _fault(file, where, f'found {shown(value)}; write a table: ours = "what the manager calls it"')
        return
    for ours, theirs in value.items():
        yield from _rule_faults(file, (*where, ours), ours, WORD)
        yield from _rule_faults(file, (*where, ours), theirs, WORD)


def _rule_faults(file: TomlFile, where: tuple[str, ...], value: object, rule: Rule) -> Iterator[Fault]:
    if not rule.accepts(value):
        yield _fault(file, where, f"found {shown(value)}; {rule.allowed}")


def _unknown(file: TomlFile, where: tuple[str, ...], known: tuple[str, ...]) -> Fault:
    return _fault(file, where, unknown_key(where[-1], known))


def _fault(file: TomlFile, where: tuple[str, ...], words: str) -> Fault:
    return file.line(*where), f"{file.where(*where)}: {words}"
