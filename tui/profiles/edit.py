"""Changing what a profile says without touching how it says the rest: comments, order, blank lines stay.

Whatever an edit makes is read back before anybody gets it: a text that doesn't say what was meant is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from tui import profiles
from tui.files.toml import shown_path
from tui.model.errors import UsageError
from tui.model.spec import RunSpec
from tui.profiles.writing import FIELDS, as_toml


def revised(text: str, path: Path, spec: RunSpec, *, default_host: str | None) -> str:
    """`text`, to stand at `path`, changed to say `spec`; a key that says it already is left as it is.

    Raises ProfileError where `text` is no profile, UsageError where it cannot be edited safely.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    before = profiles.parsed(text.encode(), path, default_host=default_host)
    document = tomlkit.parse(text)
    wanted = as_toml(spec)
    try:
        for key in FIELDS:
            if _said(before, key) != _said(spec, key):
                _put(document, key, wanted.get(key))
    except (TOMLKitError, ValueError) as error:  # ValueError: a table into an inline table
        raise _by_hand(path) from error
    made = tomlkit.dumps(document)
    if profiles.parsed(made.encode(), path, default_host=default_host) != spec:
        raise _by_hand(path)
    return made


def moved(text: str, old: Path, new: Path) -> str:
    """The text of a profile in folder `old`, for one in `new`: a file of cloud-init is where it was.

    All else that is relative is said anew by `revised`.
    """
    import tomlkit

    document: MutableMapping[str, Any] = tomlkit.parse(text)
    said = document.get("cloud_init")
    if old.absolute() == new.absolute() or not said:
        return text
    if isinstance(said, str):
        document["cloud_init"] = _absolute(said, old)
    elif isinstance(said, MutableMapping) and isinstance(said.get("file"), str):
        said["file"] = _absolute(said["file"], old)
    return tomlkit.dumps(document)


def _absolute(path: str, folder: Path) -> str:
    return path if path.startswith("~") else str(folder.absolute() / path)


def _said(spec: RunSpec, key: str) -> object:
    value: object = getattr(spec, FIELDS[key])
    return (value, spec.finish) if key == "grace" else value


def _put(table: MutableMapping[str, Any], key: str, value: object) -> None:
    """Have `value` under `key`, touching no more within it than differs; None: nothing."""
    found = table.get(key)
    if value is None:
        table.pop(key, None)
    elif isinstance(value, Mapping) and isinstance(found, MutableMapping):
        for name in [*(name for name in found if name not in value), *value]:
            _put(found, name, value.get(name))
    elif isinstance(value, list) and isinstance(found, list) and _are_tables(value, found):
        for old, new in zip(found, value, strict=True):
            for name in [*(name for name in old if name not in new), *new]:
                _put(old, name, new.get(name))
    elif found != value:
        table[key] = _item(value)


def _are_tables(new: list[Any], old: list[Any]) -> bool:
    return len(new) == len(old) and all(isinstance(item, Mapping) for item in (*new, *old))


def _item(value: object) -> object:
    """As a person would write it: a text of several lines over several lines."""
    import tomli_w
    import tomlkit

    if isinstance(value, str) and "\n" in value and "\r" not in value:
        return tomlkit.parse(tomli_w.dumps({"text": value}, multiline_strings=True))["text"]
    return value


def _by_hand(path: Path) -> UsageError:
    return UsageError(
        f"{shown_path(path)} is laid out in a way that is not safe to edit here", hint="change it by hand"
    )
