"""config.toml: what it may hold, read with every fault at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tui.config import rules, sections
from tui.config.rules import PATH, WORD, Rule, text, whole
from tui.files.folders import config_path
from tui.files.toml import ONE_WORD, TomlFile, nearest, read, shown, unknown_key
from tui.model.errors import ProfileError
from tui.model.hosts import DEMO, LOCAL, HostEntry
from tui.model.settings import Settings
from tui.model.spec import HostName, Kind

FILE_NAME = "config.toml"


@dataclass(frozen=True, slots=True)
class Config:
    """What the person has written down once and for all."""

    default_host: HostName | None = None
    hosts: Mapping[HostName, HostEntry] = field(default_factory=lambda: MappingProxyType({}))
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True)
class Names:
    """What settings may name that only the dashboard knows."""

    commands: Collection[str]
    themes: Collection[str]


FINGERPRINT_OR_KEY = (
    r"SHA256:[A-Za-z0-9+/]{43}=?|(?:ssh|ecdsa|sk)-[A-Za-z0-9@.-]+ [A-Za-z0-9+/]+=*(?: [^\x00-\x1f]*)?"
)

NAME = Rule(
    text(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"),
    "name a host with letters, digits, dots and dashes, such as build-1",
)
HOST_RULES: Mapping[str, Rule] = {
    "address": Rule(
        text(ONE_WORD.pattern),
        'write a name, an address or an alias of ~/.ssh/config, such as "build1.example.org"',
    ),
    "user": Rule(text(ONE_WORD.pattern), 'write an account on the host, such as "ubuntu"'),
    "port": whole(1, 65535),
    "identity_file": Rule(text(PATH), 'write the path of a private key, such as "~/.ssh/id_ed25519"'),
    "host_key": Rule(
        text(FINGERPRINT_OR_KEY), 'write a fingerprint ("SHA256:...") or a key line ("ssh-ed25519 AAAA...")'
    ),
    "driver": Rule(text(r"[a-z][a-z0-9-]{0,40}"), 'write the name of a driver, such as "multipass"'),
    "manager": Rule(text(PATH), 'write the command or its path on the host, such as "/snap/bin/multipass"'),
    "state_dir": Rule(text(PATH), 'write a folder on the host, such as "/var/tmp/dayfly"'),
    "kind": rules.one_of(Kind),
    "max_launching": whole(1, 64),
    "max_running": whole(1, 10_000),
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


def load(names: Names | None = None) -> Config:
    """The person's config; an empty one where there is no file.

    Commands and themes are looked for in `names`; without it only their form is looked at.
    Raises ProfileError with every fault of the file.
    """
    path = config_file()
    with suppress(PermissionError):  # let the reader say so
        if not path.exists():
            return Config()
    return checked(read(path), names)


def checked(file: TomlFile, names: Names | None = None) -> Config:
    """The config that a file holds. Raises ProfileError with every fault."""
    faults = sorted(_faults(file, names))
    if faults:
        raise ProfileError(tuple(fault for _, fault in faults))
    hosts: Any = file.data.get("hosts", {})
    entries = {HostName(name): _entry(name, table) for name, table in hosts.items()}
    default: Any = file.data.get("default_host")
    return Config(default, MappingProxyType(entries), sections.settings_of(file.data))


def _entry(name: str, table: Mapping[str, Any]) -> HostEntry:
    plain = {key: value for key, value in table.items() if key != "images"}
    images = tuple(table.get("images", {}).items())
    plain["kind"] = Kind(table.get("kind", Kind.VM))
    return HostEntry(
        **{"address": "" if name == LOCAL else name, **plain, "name": HostName(name), "images": images}
    )


Fault = tuple[int, str]
"""A line number to sort by, and the whole sentence."""


def _faults(file: TomlFile, names: Names | None) -> Iterator[Fault]:
    for key, value in file.data.items():
        if key == "default_host":
            yield from _rule_faults(file, (key,), value, WORD)
        elif key not in ("hosts", *sections.NAMES):
            yield _unknown(file, (key,), ("default_host", "hosts", *sections.NAMES))
        elif not isinstance(value, Mapping):
            table = "a table for each host: [hosts.NAME]" if key == "hosts" else f"a table: [{key}]"
            yield _fault(file, (key,), f"found {shown(value)}; write {table}")
        elif key == "hosts":
            for name, host in value.items():
                yield from _host_faults(file, name, host)
        elif key == sections.KEYS:
            yield from _keys_faults(file, value, names)
        else:
            yield from _section_faults(file, key, value, names)


def _section_faults(
    file: TomlFile, section: str, table: Mapping[str, object], names: Names | None
) -> Iterator[Fault]:
    known = sections.SECTIONS[section]
    for key, value in table.items():
        where = (section, key)
        if key not in known:
            yield _unknown(file, where, tuple(known))
        elif not known[key].rule.accepts(value):
            yield from _rule_faults(file, where, value, known[key].rule)
        elif where == ("looks", "theme") and names and value not in names.themes:
            yield _fault(file, where, _nobody_knows(str(value), "theme", names.themes))


def _keys_faults(file: TomlFile, table: Mapping[str, object], names: Names | None) -> Iterator[Fault]:
    for command, keys in table.items():
        where = (sections.KEYS, command)
        yield from _rule_faults(file, where, keys, rules.KEYS)
        if not rules.COMMAND_NAME.accepts(command):
            yield _fault(file, where, rules.COMMAND_NAME.allowed)
        elif names and command not in names.commands:
            yield _fault(file, where, _nobody_knows(command, "command", names.commands))


def _nobody_knows(word: str, kind: str, known: Collection[str]) -> str:
    likely = nearest(word, sorted(known))
    meant = f"did you mean {' or '.join(likely)}?" if likely else f"known are {', '.join(sorted(known))}"
    return f"no {kind} is called {shown(word)}; {meant}"


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
        is_kept = rule is rules.WEBHOOK  # whoever knows a webhook's URL may post there
        found = "something that is not shown here" if is_kept else shown(value)
        yield _fault(file, where, f"found {found}; {rule.allowed}")


def _unknown(file: TomlFile, where: tuple[str, ...], known: tuple[str, ...]) -> Fault:
    return _fault(file, where, unknown_key(where[-1], known))


def _fault(file: TomlFile, where: tuple[str, ...], words: str) -> Fault:
    return file.line(*where), f"{file.where(*where)}: {words}"
