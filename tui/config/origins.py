"""Every setting as it counts, and where it was said: for a person who wonders why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tui.config import sections
from tui.config.file import checked, config_file
from tui.config.hosts import default_host_variable
from tui.files.toml import TomlFile, dotted, read, shown_path

BUILT_IN = "built in"


@dataclass(frozen=True, slots=True)
class Setting:
    """One key as it counts."""

    key: str
    value: object
    """As the file would have it; None: there is none."""
    said: str
    """`built in`, a variable's name, or file and line."""


def effective() -> Iterator[Setting]:
    """All settings, hosts included. Raises ProfileError with every fault of the file."""
    file = _file()
    config = checked(file)
    variable = default_host_variable()
    default = os.environ[variable].strip() if variable else config.default_host
    yield Setting("default_host", default, variable or _said(file, "default_host"))
    for section, key, value in sections.effective(config.settings):
        kept = _without_path(str(value)) if key == "webhook" and value else value
        yield Setting(dotted((section, key)), kept, _said(file, section, key))
    for name, entry in config.hosts.items():
        yield Setting(dotted(("hosts", name)), entry.address or str(name), _said(file, "hosts", name))


def where(*keys: str) -> str:
    """`config.toml:7: defaults.memory`: how a fault of this key begins. Raises ProfileError."""
    return _file().where(*keys)


def _file() -> TomlFile:
    path = config_file()
    return read(path) if path.exists() else TomlFile(path, {}, {})


def _said(file: TomlFile, *keys: str) -> str:
    line = file.lines.get(keys)
    return f"{shown_path(Path(file.path))}:{line}" if line else BUILT_IN


def _without_path(url: str) -> str:
    """Whoever knows all of it may post there."""
    parts = urlsplit(url)
    return url if parts.scheme == "env" else f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"
