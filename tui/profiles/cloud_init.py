"""User data for a first boot, checked before anything is launched. YAML is imported where there is some."""

from __future__ import annotations

from pathlib import Path

from tui.files.plain import Unreadable, lower_first, read_plain
from tui.files.toml import shown_path
from tui.model.text import clean_line
from tui.model.units import approximate_size
from tui.profiles.rules import Problem

MAX_BYTES = 64 * 1024
HEADER = "#cloud-config"


def from_file(path: Path) -> str:
    """The user data in a file. Raises Problem, which names the file, and the line and column in it."""
    try:
        content = read_plain(path, MAX_BYTES)
    except Unreadable as error:
        raise Problem(f"{shown_path(path)}: {error}") from error
    return from_bytes(content, shown_path(path))


def from_bytes(content: bytes, called: str) -> str:
    """The same of bytes that are here already. Raises Problem."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Problem(f"{called}:{line}: holds bytes that are not UTF-8; save it as UTF-8") from error
    check(text, called)
    return text


def check(text: str, called: str = "") -> None:
    """Raises Problem for what cloud-init would not take; `called`: the file it is from."""
    place = f"{called}: " if called else ""
    if len(text.encode()) > MAX_BYTES:
        raise Problem(f"{place}is larger than {approximate_size(MAX_BYTES)}; send the rest as inputs")
    if text.split("\n", 1)[0].rstrip() != HEADER:
        raise Problem(f"{place}its first line must be {HEADER}, or cloud-init takes it for something else")
    fault = _yaml_fault(text)
    if fault:
        line, column, words = fault
        where = f"{called}:{line}:{column}" if called else f"line {line}, column {column} of it"
        raise Problem(f"{where}: {words}")


def _yaml_fault(text: str) -> tuple[int, int, str] | None:
    """Where it is wrong, and why. Nothing is made of the YAML: aliases could make it huge."""
    import yaml

    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = lower_first(clean_line(error.problem or error.context or "cannot be read"))
        return (mark.line + 1 if mark else 1), (mark.column + 1 if mark else 1), f"not YAML: {why}"
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        return line, column, f"not YAML: the character {error.character:#x} must not be in it"
    except RecursionError:
        return 1, 1, "not YAML: nested too deeply"
    if root is None:
        return 1, 1, "holds nothing; write what cloud-init is to do, such as packages: [git]"
    if not isinstance(root, yaml.MappingNode):
        mark = root.start_mark
        return mark.line + 1, mark.column + 1, "is no mapping; write keys, such as packages: [git]"
    return None
