"""Profiles: TOML and flags in, a frozen and validated run spec out, and back. Nothing here runs anything.

Errors stop here: each names the file, the line, the key, what was found and what to write instead, and
all of them come at once. pydantic is imported with the first profile, not with this module.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tui.files.toml import KeyPath, TomlFile, dotted, parse, read
from tui.model.errors import ProfileError
from tui.model.spec import PinPolicy, RunSpec
from tui.profiles import flags
from tui.profiles.cloud_init import MAX_BYTES as MAX_USER_DATA
from tui.profiles.places import Found, find, name_of, names
from tui.profiles.writing import FIELDS, FINISH, dump, write

__all__ = [
    "MAX_USER_DATA",
    "Found",
    "dump",
    "find",
    "load",
    "names",
    "parsed",
    "resolve",
    "resolve_form",
    "save",
    "validate_field",
]

_PARTNERS = {
    "grace": 'found "finish"; it needs a timeout, which bounds it: write timeout too, such as 2h',
    "pin_for": 'it needs a pin to end: write pin too, "on-failure" or "always"',
}
"""What is wrong with a key that another one is missing for."""
_NEEDED = {
    "image": "missing; name the image to start from, such as lts",
    "command": "missing; say what the VM is to run",
    "host": "missing; name a host: demo to try it, local, or user@server",
}
_NOT_IN_A_FORM = ("kind", "inputs", "artifacts", "collect_timeout_s", "cloud_init", "env", "secrets", "mask")
"""The fields of RunSpec that a form carries through from what was loaded."""


def load(path_or_name: str, *, overrides: flags.Flags, default_host: str | None) -> RunSpec:
    """The run spec of a profile, with the flags in `overrides` (None: not given).

    A flag wins over the profile; inputs and artifacts of both add up, variables and secrets are updated
    by name. `default_host` is used where neither names a host. Local paths begin at the profile's folder,
    those of flags at the current one. Reads a file of cloud-init that is named.
    Raises UsageError for an unknown name, ProfileError with every fault of file and flags.
    """
    return _loaded(read(find(path_or_name)), overrides, default_host)


def parsed(raw: bytes, path: Path, *, default_host: str | None) -> RunSpec:
    """What `load` does, for bytes that are here already as the profile at `path`. Raises ProfileError."""
    return _loaded(parse(raw, path), {}, default_host)


def _loaded(file: TomlFile, overrides: flags.Flags, default_host: str | None) -> RunSpec:
    written, faults = _from_file(file)
    typed, misspelt = flags.understood(overrides)
    given, more = _from_person(typed, flags.label)
    missing = _missing({"host": default_host, **file.data, **typed}, file.lacks)
    checked = _merged({"name": name_of(file.path), "host": default_host, **written}, given)
    alone = {} if faults or more else _ill_matched(checked)
    wrong = [
        f"{flags.label(path) if path[0] in given else file.where(*path)}: {sentence}"
        for path, sentence in alone.items()
    ]
    if faults or misspelt or more or missing or wrong:
        raise ProfileError((*faults, *misspelt, *more, *missing, *wrong))
    return _spec(checked)


def resolve(overrides: flags.Flags, default_host: str | None) -> RunSpec:
    """The run spec of flags alone (None: not given). Raises ProfileError with every fault."""
    return _resolved(overrides, default_host, flags.label)


def resolve_form(
    form: Mapping[str, str], default_host: str | None = None, *, base: RunSpec | None = None
) -> RunSpec:
    """The run spec of a filled-in form, all text; an empty field means its default.

    What no form has (files, cloud-init, variables, secrets) is that of `base`, what was loaded into it.
    Raises ProfileError with every fault, each beginning with its field.
    """
    spec = _resolved(_from_form(form), default_host, dotted)
    return dataclasses.replace(spec, **{key: getattr(base, key) for key in _NOT_IN_A_FORM}) if base else spec


def validate_field(key: str, text: str) -> str | None:
    """What is wrong with one field of a form as typed, in the loader's words; None: nothing."""
    from tui.profiles.schema import check

    typed, _ = flags.understood(_from_form({key: text}))
    return check(typed, folder=Path(), typed=True)[1].get((key,)) if typed else _NEEDED.get(key)


def save(spec: RunSpec, name: str, *, replace: bool = False, with_host: bool = True) -> Path:
    """Keep the spec, under this name, in the person's profiles; returns the file.

    Atomic, and never over another profile unless `replace`. Raises ProfileError for a bad name,
    UsageError where there is one already or it cannot write.
    """
    _, faults = _from_person({"name": name}, dotted)
    if faults:
        raise ProfileError(faults)
    return write(dataclasses.replace(spec, name=name), replace=replace, with_host=with_host)


# ---- from what was written to a run spec

Label = Callable[[KeyPath], str]
"""How a fault of this key begins."""


def _from_file(file: TomlFile) -> tuple[dict[str, Any], tuple[str, ...]]:
    from tui.profiles.schema import check

    right, wrong = check(file.data, folder=file.path.parent)
    in_order = sorted(wrong, key=lambda path: file.line(*path))
    return right, tuple(f"{file.where(*path)}: {wrong[path]}" for path in in_order)


def _from_person(typed: Mapping[str, object], label: Label) -> tuple[dict[str, Any], tuple[str, ...]]:
    from tui.profiles.schema import check

    right, wrong = check(typed, folder=Path(), typed=True)
    return right, tuple(f"{label(path)}: {sentence}" for path, sentence in wrong.items())


def _from_form(form: Mapping[str, str]) -> dict[str, object]:
    return {key: text if key == "command" else text.strip() for key, text in form.items() if text.strip()}


def _resolved(typed: flags.Flags, default_host: str | None, label: Label) -> RunSpec:
    shaped, misspelt = flags.understood(typed)
    given, faults = _from_person(shaped, label)
    missing = _missing({"host": default_host, **shaped}, lambda key: label((key,)))
    checked = _merged({"host": default_host}, given)
    alone = {} if faults else _ill_matched(checked)
    wrong = [f"{label(path)}: {sentence}" for path, sentence in alone.items()]
    if faults or misspelt or missing or wrong:
        raise ProfileError((*misspelt, *faults, *missing, *wrong))
    return _spec(checked)


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**under, **over}
    for key in under.keys() & over.keys():
        if key in ("inputs", "artifacts"):
            merged[key] = (*under[key], *over[key])
        elif key in ("env", "secrets"):
            merged[key] = {**under[key], **over[key]}
        elif key == "cloud_init":
            merged[key] = dataclasses.replace(over[key], stop_on_failure=under[key].stop_on_failure)
    return merged


def _ill_matched(checked: Mapping[str, Any]) -> dict[KeyPath, str]:
    """The keys that make no sense without another one, or with it."""
    wrong: dict[KeyPath, str] = {}
    if checked.get("grace") == FINISH and "timeout" not in checked:
        wrong["grace",] = _PARTNERS["grace"]
    if "pin_for" in checked and checked.get("pin", PinPolicy.NEVER) is PinPolicy.NEVER:
        wrong["pin_for",] = _PARTNERS["pin_for"]
    for name in checked.get("env", {}).keys() & checked.get("secrets", {}).keys():
        wrong["env", name] = "it is in secrets too; leave one of them out"
    return wrong


def _missing(written: Mapping[str, object], label: Callable[[str], str]) -> tuple[str, ...]:
    return tuple(f"{label(key)}: {sentence}" for key, sentence in _NEEDED.items() if written.get(key) is None)


def _spec(checked: Mapping[str, Any]) -> RunSpec:
    finish = checked.get("grace") == FINISH
    named = {FIELDS[key]: value for key, value in checked.items() if not (finish and key == "grace")}
    named["env"] = tuple(checked.get("env", {}).items())
    named["secrets"] = tuple(checked.get("secrets", {}).values())
    return RunSpec(**named, finish=finish)
