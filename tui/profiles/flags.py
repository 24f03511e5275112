"""What flags and the fields of a form mean, in the shapes that a profile has."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

Flags = Mapping[str, object]
"""By key of a profile; those that may be repeated (`inputs`, `artifacts`, `env`, `secrets`) hold lists of
words as they were typed: `FROM[:TO]`, `PATH[:TO]`, `NAME[=VALUE]`, `NAME=WHERE`."""


def understood(flags: Flags) -> tuple[dict[str, object], tuple[str, ...]]:
    """The given flags (None: not given) as a profile would have them, and what is wrong with their form."""
    shaped: dict[str, object] = {}
    faults: list[str] = []
    for key, value in flags.items():
        match key, value:
            case _, None:
                pass
            case "inputs", list() | tuple():
                shaped[key] = [_pair(word, "from") for word in value]
            case "artifacts", list() | tuple():
                shaped[key] = [_pair(word, "path") for word in value]
            case "env", list() | tuple():
                shaped[key] = _variables(value, faults)
            case "secrets", list() | tuple():
                shaped[key] = _references(value, faults)
            case _, str():
                shaped[key] = _from_text(key, value)
            case _:
                shaped[key] = value
    return {key: value for key, value in shaped.items() if value not in ([], {})}, tuple(faults)


def label(path: Sequence[str | int]) -> str:
    """How the fault of a flag begins."""
    key = str(path[0])
    special = {"command": "command", "pin_for": "--for", "inputs": "--input", "artifacts": "--artifact"}
    special |= {"secrets": "--secret", "mask": "--no-mask"}
    flag = special.get(key, f"--{key.replace('_', '-')}")
    return f"{flag} {path[1]}" if key in ("env", "secrets") and len(path) > 1 else flag


def _from_text(key: str, text: str) -> object:
    """Text that makes no sense stays as it is, to be refused."""
    if key == "cpus" and re.fullmatch(r"[+-]?[0-9]{1,18}", text.strip()):
        return int(text)
    if key == "sudo":
        return {"true": True, "yes": True, "false": False, "no": False}.get(text.strip().lower(), text)
    return text


def _pair(word: str, first: str) -> dict[str, str]:
    """At the last colon; a path that has one itself is written with another behind it."""
    before, colon, after = word.rpartition(":")
    path, to = (before, after) if colon else (word, "")
    return {first: path, "to": to} if to else {first: path}


def _variables(words: Sequence[str], faults: list[str]) -> dict[str, str]:
    shaped = {}
    for word in words:
        name, sign, value = word.partition("=")
        if sign or name in os.environ:
            shaped[name] = value if sign else os.environ[name]
        else:
            faults.append(f"--env {name}: no such variable here; set it, or write {name}=VALUE")
    return shaped


def _references(words: Sequence[str], faults: list[str]) -> dict[str, str]:
    shaped = {}
    for word in words:
        name, sign, where = word.partition("=")
        if sign:
            shaped[name] = where
        else:  # it may be a secret: it is not shown
            faults.append("--secret: found no = in it; write NAME=env:NAME, file:PATH, cmd:COMMAND or prompt")
    return shaped
