"""What cloud-init's user data asks of a guest. YAML is read where there is some: the rest needs none."""

from __future__ import annotations

import base64
import gzip
import shlex
import site
from types import ModuleType
from typing import Any

from tui.demo.cloud_init import File, Plan
from tui.demo.options import Wrong

_REFUSED = "Could not load cloud-init configuration: "
_PLAYED = ("write_files", "bootcmd", "runcmd")
_UNCLOSED = {"']'": "end of sequence flow not found", "'}'": "end of map flow not found"}
_PACKED = {"b64", "base64", "gz+b64", "gzip+base64", "gz+base64", "gzip+b64"}


def read(path: str) -> str:
    """The text of a file, `-` for stdin, as `launch` takes it. Raises Wrong."""
    try:
        if path.startswith(("http:", "https:")):
            raise Wrong(f"{_REFUSED}no network in the demo")
        with open(0 if path == "-" else path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        raise Wrong(f"{_REFUSED}bad file: {path}\nPlease ensure that Multipass can read it.") from None
    if told := fault(text):
        raise Wrong(f"{_REFUSED}{told}")
    return text


def fault(text: str) -> str:
    """Why Multipass does not take it, in the words of its YAML parser; empty: it takes it."""
    yaml = _yaml()
    try:
        yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = str(error.problem or error.context)
        words = next((told for end, told in _UNCLOSED.items() if f"or {end}" in problem), problem)
        return f"yaml-cpp: error at line {mark.line + 1}, column {mark.column + 1}: {words}"
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return f"yaml-cpp: error at line 1, column 1: {error}"
    return ""


def plan(text: str) -> Plan:
    """What the text asks for; what is wrong with it is part of the answer."""
    data, made = _yaml().safe_load(text) or {}, Plan()
    if not isinstance(data, dict):
        made.warnings.append("Failed loading yaml blob. Yaml load allows (<class 'dict'>,) root types")
        return made
    for key, value in data.items():
        if key not in _PLAYED:
            made.left_out.append(str(key))
            continue
        try:
            if key == "write_files":
                made.files = [_file(entry) for entry in value]
            else:
                made.scripts[key] = "#!/bin/sh\n" + "".join(_line(command) for command in value)
        except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
            made.faults[key] = f"{type(error).__name__}({str(error)!r})"
    return made


def _line(command: object) -> str:
    if isinstance(command, str):
        return f"{command}\n"
    if isinstance(command, list):
        return shlex.join(str(word) for word in command) + "\n"
    raise TypeError(f"Unable to shellify type {type(command).__name__}. Expected list, string, tuple.")


def _file(entry: dict[str, Any]) -> File:
    content, mode = entry.get("content") or "", entry.get("permissions", 0o644)
    data = content if isinstance(content, bytes) else str(content).encode()
    encoding = str(entry.get("encoding", "")).lower()
    if encoding in _PACKED:
        data = base64.b64decode(data)
    if encoding.startswith("gz"):
        data = gzip.decompress(data)
    return File(
        path=str(entry["path"]),
        content=data,
        mode=mode if isinstance(mode, int) else int(str(mode), 8),
        append=bool(entry.get("append")),
    )


def _yaml() -> ModuleType:
    """The parser; a process that was started without it in sight looks for it now."""
    try:
        import yaml
    except ModuleNotFoundError:
        site.main()
        import yaml
    return yaml
