"""Adding and removing hosts in config.toml without touching anything else in it, comments included.

Whatever an edit makes is read back before it is written: a config that doesn't say what was meant never
reaches the disk.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tui.config.file import Config, checked, config_file, load
from tui.files.folders import config_dir, write_atomically
from tui.files.toml import nearest, parse
from tui.model.errors import UsageError
from tui.model.hosts import HostEntry


def add_host(entry: HostEntry) -> None:
    """Write a host into config.toml, replacing what it says of a host of that name.

    Atomic. A key's content is not written. Raises ProfileError where the config or the entry is wrong,
    UsageError where it cannot be written.
    """
    import tomlkit

    def edit(document: MutableMapping[str, Any]) -> None:
        hosts = document.setdefault("hosts", tomlkit.table(is_super_table=True))
        table = hosts.setdefault(str(entry.name), tomlkit.table())
        wanted = _as_table(entry)
        for key in [key for key in table if key not in wanted]:
            del table[key]
        for key, value in wanted.items():
            if table.get(key) != value:
                table[key] = value

    config = load()
    _rewrite(edit, replace(config, hosts={**config.hosts, entry.name: replace(entry, identity="")}))


def remove_host(name: str) -> None:
    """Take a host out of config.toml, and out of `default_host` if it stands there.

    Atomic. Raises UsageError where there is none of that name, ProfileError where the config is wrong.
    """

    def edit(document: MutableMapping[str, Any]) -> None:
        del document["hosts"][name]
        if document.get("default_host") == name:
            del document["default_host"]

    config = load()
    if name not in config.hosts:
        likely = nearest(name, list(config.hosts))
        hint = f"did you mean {likely[0]}?" if likely else "dayfly hosts lists them"
        raise UsageError(f"no host is called {name} in {config_file()}", hint=hint)
    left = {known: entry for known, entry in config.hosts.items() if known != name}
    default = None if config.default_host == name else config.default_host
    _rewrite(edit, replace(config, default_host=default, hosts=left))


def _as_table(entry: HostEntry) -> dict[str, object]:
    plain = HostEntry(name=entry.name, address=entry.name)
    written = {
        key: value for key, value in entry.to_json().items() if value != plain.to_json()[key] and value
    }
    if entry.images:
        written["images"] = dict(entry.images)
    return written


def _rewrite(edit: Callable[[MutableMapping[str, Any]], None], meant: Config) -> None:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = config_file()
    document = tomlkit.parse(path.read_bytes().decode("utf-8-sig") if path.exists() else "")
    try:
        edit(document)
    except (TOMLKitError, ValueError) as error:  # ValueError: a table into an inline table
        raise _by_hand(path) from error
    text = tomlkit.dumps(document)
    if checked(parse(text.encode(), path)) != meant:
        raise _by_hand(path)
    config_dir()
    try:
        write_atomically(path, text)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _by_hand(path: Path) -> UsageError:
    return UsageError(f"{path} is laid out in a way that is not safe to edit here", hint="change it by hand")
