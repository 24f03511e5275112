"""TOML files whose faults can be pointed at: file, line, key, what was found, what is allowed.

`tomllib` forgets where a key stood. A file that it could read is therefore walked once more, token by
token, only to note the line on which each key begins.
"""

from __future__ import annotations

import difflib
import itertools
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui.files.plain import Unreadable, lower_first, read_plain
from tui.model.errors import ProfileError
from tui.model.text import clean, clean_line
from tui.model.units import approximate_size

MAX_BYTES = 256 * 1024
_SHOWN = 60

KeyPath = tuple[str | int, ...]
"""Names of keys and, within lists, numbers from 0: `("inputs", 1, "from")`."""


@dataclass(frozen=True, slots=True)
class TomlFile:
    """One file as it was read."""

    path: Path
    data: Mapping[str, object]
    lines: Mapping[KeyPath, int]
    """On which line, from 1, each key, table or item of a list begins."""

    def where(self, *keys: str | int) -> str:
        """`profiles/ci.toml:7: memory`: how every fault of a key begins."""
        line = self.line(*keys)
        return f"{shown_path(self.path)}:{line}: {dotted(keys)}" if line else self.lacks(*keys)

    def lacks(self, *keys: str | int) -> str:
        """`profiles/ci.toml: memory`: how the fault of a key begins that is not there."""
        return f"{shown_path(self.path)}: {dotted(keys)}"

    def line(self, *keys: str | int) -> int:
        """Where the key begins, or the table around it; 0: nowhere."""
        ends = range(len(keys), 0, -1)
        return next((self.lines[keys[:end]] for end in ends if keys[:end] in self.lines), 0)


def read(path: Path) -> TomlFile:
    """Read and parse a file; nothing of it is executed or followed.

    Raises ProfileError with one fault: not there, no plain file, too large, not UTF-8, not TOML.
    """
    return parse(_content(path), path)


def parse(raw: bytes, path: Path) -> TomlFile:
    """What `read` does, for bytes that are here already; `path` is only what faults call it."""
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _fault(
            f"{shown_path(path)}:{line}: found bytes that are not UTF-8; save it as UTF-8"
        ) from error
    try:
        data = tomllib.loads(text)
    except RecursionError as error:
        raise _fault(
            f"{shown_path(path)}: nested too deeply; nothing in it needs more than two levels"
        ) from error
    except ValueError as error:
        raise _fault(_syntax_fault(error, text, path)) from error
    return TomlFile(path, data, key_lines(text))


def _content(path: Path) -> bytes:
    try:
        content = read_plain(path, MAX_BYTES)
    except Unreadable as error:
        instead = "; give a TOML file" if error.is_no_file else ""
        raise _fault(f"{shown_path(path)}: {error}{instead}") from error
    if len(content) > MAX_BYTES:
        raise _fault(
            f"{shown_path(path)}: is larger than {approximate_size(MAX_BYTES)};"
            " keep data and long scripts elsewhere"
        )
    return content


def _fault(line: str) -> ProfileError:
    return ProfileError((line,))


def _syntax_fault(error: ValueError, text: str, path: Path) -> str:
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", str(error), re.DOTALL)
    if match is None:  # an integer of thousands of digits is no TOMLDecodeError
        return f"{shown_path(path)}: not TOML: {clean_line(str(error))}"
    line = match[2] or text.rstrip("\n").count("\n") + 1
    column = f":{match[3]}" if match[3] else ""
    return f"{shown_path(path)}:{line}{column}: not TOML: {lower_first(clean_line(match[1]))}"


# ---- where keys begin

_TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}'''
    r"""|'''.*?'{3,5}"""
    r'''|"(?:\\.|[^"\\\n])*"'''
    r"""|'[^'\n]*'"""
    r"""|\#[^\n]*|\n|[\[\]{}=.,]|[ \t]+|[^\s"'\#\[\]{}=.,]+""",
    re.DOTALL,
)


Token = tuple[str, int]
"""What stands there, and on which line."""


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line on which each key and each item of a list begins, of valid TOML."""
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for tokens in _statements(text):
        if tokens[0][0] == "[":
            table = _header(tokens, lines, counts)
        else:
            _note_pair(iter(tokens), table, lines)
    return lines


def _header(tokens: Sequence[Token], lines: dict[KeyPath, int], counts: dict[KeyPath, int]) -> KeyPath:
    """Note `[a.b]` or `[[a.b]]`; what it opens. A name of a list means its last item."""
    path: KeyPath = ()
    names = _key([token for token, _ in tokens])
    for number, name in enumerate(names, 1):
        path = (*path, name)
        lines.setdefault(path, tokens[0][1])
        if number == len(names) and tokens[1][0] == "[":
            counts[path] = counts.get(path, 0) + 1
        if path in counts:
            path = (*path, counts[path] - 1)
            lines.setdefault(path, tokens[0][1])
    return path


def _note_pair(tokens: Iterator[Token], path: KeyPath, lines: dict[KeyPath, int]) -> str:
    """Note a key and all within its value; the token that ends it (empty: the end)."""
    written = list(itertools.takewhile(lambda token: token[0] != "=", tokens))
    for name in _key([token for token, _ in written]):
        path = (*path, name)
        lines.setdefault(path, written[0][1])
    return _note_value(next(tokens), tokens, path, lines)


def _note_value(first: Token, tokens: Iterator[Token], path: KeyPath, lines: dict[KeyPath, int]) -> str:
    """Note all within the value that begins with `first`; the token that ends it (empty: the end)."""
    if first[0] in ("[", "{"):
        count = 0
        for token in tokens:
            if token[0] in ("]", "}"):
                break
            if first[0] == "[":
                lines[*path, count] = token[1]
                end = _note_value(token, tokens, (*path, count), lines)
                count += 1
            else:
                end = _note_pair(itertools.chain([token], tokens), path, lines)
            if end != ",":
                break
    return next((token for token, _ in tokens if token in (",", "]", "}")), "")


def _statements(text: str) -> Iterator[list[Token]]:
    """Each key with its value, and each table header, as tokens."""
    line, depth = 1, 0
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text + "\n"):
        token = match[0]
        if token == "\n" and depth == 0:
            if tokens:
                yield tokens
            tokens = []
        elif not token.isspace() and not token.startswith("#"):
            tokens.append((token, line))
            depth += (token in "[{") - (token in "]}")
        line += token.count("\n")


def _key(tokens: Sequence[str]) -> tuple[str, ...]:
    return tuple(_unquoted(token) for token in tokens if token not in ("[", "]", "."))


def _unquoted(token: str) -> str:
    return str(tomllib.loads(f"key = {token}")["key"]) if token[0] in "\"'" else token


# ---- the words of a fault

_BARE = re.compile(r"[A-Za-z0-9_-]+")
ONE_WORD = re.compile(r"(?!-)[^\s\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+")
"""What may become one argument of a command: nothing in it separates, hides or reorders."""
ONE_WORD_HELP = "write one word, without spaces or a leading dash"


def shown(value: object) -> str:
    """A value as the person wrote it, near enough to recognise: one safe, short line."""
    match value:
        case bool():
            words = str(value).lower()
        case Mapping():
            words = "a table"
        case int() if abs(value) >= 10**20:
            words = "a number of more than 20 digits"
        case str():
            words = clean(json.dumps(value[: _SHOWN + 1], ensure_ascii=False))
        case list() | tuple():
            words = "[" + ", ".join(shown(item) for item in value[:4]) + (", …]" if len(value) > 4 else "]")
        case _:
            words = clean_line(str(value))
    return words if len(words) <= _SHOWN else words[: _SHOWN - 1] + "…"


def shown_path(path: Path) -> str:
    """A path that is safe to print."""
    return clean_line(str(path))


def dotted(keys: Sequence[str | int]) -> str:
    """Keys as TOML writes them, and numbers of items from 0: `hosts.build."my image"`, `inputs[1].to`."""
    parts = (f"[{key}]" if isinstance(key, int) else f".{_name(key)}" for key in keys)
    return "".join(parts).removeprefix(".")


def _name(key: str) -> str:
    return key if _BARE.fullmatch(key) else shown(key)


def unknown_key(key: str, known: Sequence[str]) -> str:
    """What to say of a key that nobody knows."""
    likely = nearest(key.replace("-", "_").lower(), known)
    if likely:
        return f"unknown key; did you mean {likely[0]}?"
    return f"unknown key; known are {', '.join(known)}"


def nearest(word: str, known: Sequence[str]) -> list[str]:
    """Which of `known` the person may have meant, the likeliest first."""
    return difflib.get_close_matches(word[:80], known, n=3, cutoff=0.55)
