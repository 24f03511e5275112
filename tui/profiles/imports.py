"""The inputs of the flow that dayfly replaces, in YAML or JSON, as a profile."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tui.files.plain import Unreadable, lower_first, read_plain
from tui.files.toml import shown, shown_path, unknown_key
from tui.model.errors import ProfileError
from tui.model.spec import RunSpec
from tui.model.text import clean_line

MAX_BYTES = 256 * 1024

_KEYS = {
    "base_image_name": "image",
    "workload_command": "command",
    "vm_cpus": "cpus",
    "vm_memory": "memory",
    "vm_disk": "disk",
}
"""Each input and what it is called in a profile."""
_DEBUG = "debug_mode"
_REQUIRED = ("base_image_name", "workload_command")
_TRUE_OR_FALSE = {"true": True, "false": False}


def from_file(path: Path, *, host: str) -> RunSpec:
    """The run spec of a file of inputs. Raises ProfileError with every fault."""
    try:
        content = read_plain(path, MAX_BYTES)
    except Unreadable as error:
        raise ProfileError((f"{shown_path(path)}: {error}",)) from error
    return from_bytes(content, shown_path(path), host=host)


def from_bytes(content: bytes, called: str, *, host: str) -> RunSpec:
    """The same of bytes that are here already; `called`: how each fault begins."""
    if len(content) > MAX_BYTES:
        raise ProfileError((f"{called}: is larger than 256K",))
    try:
        inputs = _parsed(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ProfileError((f"{called}: holds bytes that are not UTF-8; save it as UTF-8",)) from error
    except ValueError as error:
        raise ProfileError((f"{called}: {error}",)) from error
    return _spec(inputs, called, host)


def _parsed(text: str) -> Mapping[str, object]:
    """Every scalar as it is written: what YAML takes for a number (24.10) or a truth (yes) may be a name."""
    import yaml

    try:
        found = json.loads(text, parse_int=str, parse_float=str)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    except ValueError:
        try:
            found = yaml.load(text, yaml.BaseLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
            why = lower_first(clean_line(error.problem or "cannot be read"))
            raise ValueError(f"{place}neither JSON nor YAML: {why}") from error
        except (yaml.YAMLError, RecursionError) as error:
            raise ValueError(f"neither JSON nor YAML: {clean_line(str(error))}") from error
    if not isinstance(found, dict):
        raise ValueError("is no mapping; write base_image_name: ..., workload_command: ...")
    return found


def _spec(inputs: Mapping[str, object], called: str, host: str) -> RunSpec:
    from tui.profiles import flags, resolve
    from tui.profiles.schema import check

    fields = {ours: inputs[theirs] for theirs, ours in _KEYS.items() if inputs.get(theirs) not in (None, "")}
    text = {key: value for key, value in fields.items() if isinstance(value, str)}
    shaped = {**fields, **flags.understood(text)[0]}
    faults = _faults_of_keys(inputs)
    theirs = {ours: name for name, ours in _KEYS.items()}
    _, wrong = check(shaped, folder=Path(), typed=True)
    faults += [f"{theirs[str(path[0])]}: {words}" for path, words in wrong.items()]
    if faults:
        raise ProfileError(tuple(f"{called}: {fault}" for fault in faults))
    keeps = _truth(inputs.get(_DEBUG)) is True
    return resolve({**shaped, "pin": "always" if keeps else None}, host)


def _faults_of_keys(inputs: Mapping[str, object]) -> list[str]:
    known = (*_KEYS, _DEBUG)
    unknown = [f"{shown(key)}: {unknown_key(str(key), known)}" for key in inputs if key not in known]
    missing = [f"{key}: missing" for key in _REQUIRED if inputs.get(key) in (None, "")]
    debug = inputs.get(_DEBUG)
    wrong = [] if _truth(debug) is not None else [f"{_DEBUG}: found {shown(debug)}; write true or false"]
    return [*unknown, *missing, *wrong]


def _truth(value: object) -> bool | None:
    """None: neither."""
    if value in (None, ""):
        return False
    return value if isinstance(value, bool) else _TRUE_OR_FALSE.get(str(value).strip().lower())
