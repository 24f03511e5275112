"""Profiles: TOML and flags in, a frozen and validated run spec out, and back. Nothing here runs anything.

Errors stop here: each names the file, the line, the key, what was found and what to write instead, and
all of them come at once. pydantic is imported with the first profile, not with this module.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tui.files.folders import config_dir, write_atomically
from tui.files.toml import TomlFile, dotted, read
from tui.model.errors import ProfileError, UsageError
from tui.model.spec import PinPolicy, RunSpec
from tui.model.units import format_duration, format_size
from tui.profiles.places import Found, find, name_of, names, user_folder

__all__ = ["Found", "dump", "find", "load", "names", "resolve", "resolve_form", "save", "validate_field"]

_KEYS = {
    **{key: key for key in ("name", "description", "image", "command", "workdir", "sudo", "cpus")},
    **{key: key for key in ("memory", "disk", "host")},
    **{key: f"{key}_s" for key in ("timeout", "boot_timeout", "grace")},
    "pin": "pin",
    "pin_for": "pin_for_s",
}
"""Each key of a profile, in the order of a saved one, and its field in RunSpec."""
_FINISH = "finish"
"""In place of a grace: the work may end by itself."""
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


def load(path_or_name: str, *, overrides: Mapping[str, object], default_host: str | None) -> RunSpec:
    """The run spec of a profile, flags in `overrides` winning (None: not given).

    `default_host` is used where neither the flags nor the profile name a host.
    Raises UsageError for an unknown name, ProfileError with every fault of file and flags.
    """
    file = read(find(path_or_name))
    flags = _from_flags(overrides)
    written, faults = _from_file(file)
    given, more = _from_person(flags, _flag)
    defaults = {"host": default_host} if default_host else {}
    missing = _missing({**defaults, **file.data, **flags}, file.lacks)
    checked = {"name": name_of(file.path), **defaults, **written, **given}
    alone = tuple(
        f"{_flag(key) if key in given else file.where(key)}: {_PARTNERS[key]}" for key in _lonely(checked)
    )
    if faults or more or missing or alone:
        raise ProfileError((*faults, *more, *missing, *(alone if not faults and not more else ())))
    return _spec(checked)


def resolve(overrides: Mapping[str, object], default_host: str | None) -> RunSpec:
    """The run spec of flags alone (None: not given). Raises ProfileError with every fault."""
    return _resolved(_from_flags(overrides), default_host, _flag)


def resolve_form(form: Mapping[str, str], default_host: str | None = None) -> RunSpec:
    """The run spec of a filled-in form, all text; an empty field means its default.

    Raises ProfileError with every fault, each beginning with its field.
    """
    return _resolved(_from_form(form), default_host, _plain)


def validate_field(key: str, text: str) -> str | None:
    """What is wrong with one field of a form as typed, in the loader's words; None: nothing."""
    from tui.profiles.schema import check

    typed = _from_form({key: text})
    return check(typed, typed=True)[1].get(key) if typed else _NEEDED.get(key)


def dump(spec: RunSpec, *, with_host: bool = True) -> str:
    """The spec as a profile: TOML that `load` reads back to the same; defaults are left out.

    Without its host it runs wherever the person's runs go.
    """
    import tomli_w

    plain = RunSpec(image="", command="", host=spec.host)
    written: dict[str, object] = {}
    for key, field in _KEYS.items():
        value = _FINISH if key == "grace" and spec.finish else getattr(spec, field)
        if (with_host and key == "host") or value != getattr(plain, field):
            written[key] = _as_toml(key, value)
    # tomli-w's multi-line form drops carriage returns.
    return tomli_w.dumps(written, multiline_strings="\r" not in str(spec.command))


def save(spec: RunSpec, name: str, *, replace: bool = False, with_host: bool = True) -> Path:
    """Keep the spec, under this name, in the person's profiles; returns the file.

    Atomic, and never over another profile unless `replace`. Raises ProfileError for a bad name,
    UsageError where there is one already or it cannot write.
    """
    _, faults = _from_person({"name": name}, _plain)
    if faults:
        raise ProfileError(faults)
    config_dir()
    path = user_folder() / f"{name}.toml"
    text = dump(dataclasses.replace(spec, name=name), with_host=with_host)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_atomically(path, text, replace=replace)
    except FileExistsError as error:
        raise UsageError(
            f"{path} exists already", hint="save under another name, or say to replace it"
        ) from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    return path


# ---- from what was written to a run spec

Label = Callable[[str], str]
"""How a fault of this key begins."""


def _flag(key: str) -> str:
    special = {"command": "command", "pin_for": "--for"}
    return special.get(key, f"--{key.replace('_', '-')}")


def _plain(key: str) -> str:
    return dotted((key,))


def _from_file(file: TomlFile) -> tuple[dict[str, object], tuple[str, ...]]:
    from tui.profiles.schema import check

    right, wrong = check(file.data)
    return right, tuple(f"{file.where(key)}: {wrong[key]}" for key in sorted(wrong, key=file.line))


def _from_person(typed: Mapping[str, object], label: Label) -> tuple[dict[str, object], tuple[str, ...]]:
    from tui.profiles.schema import check

    right, wrong = check(typed, typed=True)
    return right, tuple(f"{label(key)}: {sentence}" for key, sentence in wrong.items())


def _from_flags(overrides: Mapping[str, object]) -> dict[str, object]:
    from tui.profiles.schema import from_text

    given = {key: value for key, value in overrides.items() if value is not None}
    return {key: from_text(key, value) if isinstance(value, str) else value for key, value in given.items()}


def _from_form(form: Mapping[str, str]) -> dict[str, object]:
    return _from_flags(
        {key: text if key == "command" else text.strip() for key, text in form.items() if text.strip()}
    )


def _resolved(typed: Mapping[str, object], default_host: str | None, label: Label) -> RunSpec:
    given, faults = _from_person(typed, label)
    defaults = {"host": default_host} if default_host else {}
    missing = _missing({**defaults, **typed}, label)
    checked = {**defaults, **given}
    alone = () if faults else tuple(f"{label(key)}: {_PARTNERS[key]}" for key in _lonely(checked))
    if faults or missing or alone:
        raise ProfileError((*faults, *missing, *alone))
    return _spec(checked)


def _lonely(checked: Mapping[str, object]) -> tuple[str, ...]:
    """The keys that make no sense without another one."""
    finishes = checked.get("grace") == _FINISH and "timeout" not in checked
    expires = "pin_for" in checked and checked.get("pin", PinPolicy.NEVER) is PinPolicy.NEVER
    return (*(("grace",) if finishes else ()), *(("pin_for",) if expires else ()))


def _missing(written: Mapping[str, object], label: Label) -> tuple[str, ...]:
    return tuple(f"{label(key)}: {sentence}" for key, sentence in _NEEDED.items() if key not in written)


def _spec(checked: Mapping[str, object]) -> RunSpec:
    finish = checked.get("grace") == _FINISH
    kept = {key: value for key, value in checked.items() if not (finish and key == "grace")}
    named: dict[str, Any] = {_KEYS[key]: value for key, value in kept.items()}
    return RunSpec(**named, finish=finish)


def _as_toml(key: str, value: object) -> object:
    match value:
        case int() if key in ("memory", "disk"):
            return format_size(value)
        case int() if key in ("timeout", "boot_timeout", "grace", "pin_for"):
            return format_duration(value)
        case tuple():
            return list(value)
        case PinPolicy():
            return value.value
    return value
