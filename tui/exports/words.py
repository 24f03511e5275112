"""How values are written so that a shell reads them back, whatever they hold."""

from __future__ import annotations

import re
import shlex

from tui.model.errors import UsageError
from tui.model.text import clean_line

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_LITERAL = re.compile(r"[^*?\[\]!^-]+")


def word(value: str) -> str:
    """One word of a POSIX shell. Raises UsageError for what no argv can hold."""
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise UsageError(f"{clean_line(value)[:60]!r} holds what no command line can")
    return shlex.quote(value)


def variable(name: str) -> str:
    """The name of a variable. Raises UsageError for one that no shell has."""
    if not _VARIABLE.fullmatch(name):
        raise UsageError(f"{clean_line(name)!r} is not the name of a variable")
    return name


def image_word(image: str) -> str:
    """An image, as a word. Raises UsageError for one that would be read as an option."""
    if not image or image.startswith("-"):
        raise UsageError(
            f"{clean_line(image)!r} is not an image",
            hint="Write an alias such as 24.04, a URL, or file:///a/path/on/the/host.",
        )
    return word(image)


def glob(pattern: str) -> str:
    """A pattern whose wildcards stay wildcards, all else quoted."""
    return _LITERAL.sub(lambda found: word(found[0]), pattern)


def here_document(text: str) -> str:
    """Lines that print `text` as it is; a last line break is added where it lacks."""
    word(text)
    mark = "end-of-text"
    while mark in text.split("\n"):
        mark += "-"
    return f"cat <<'{mark}'\n{text}{'' if text.endswith(chr(10)) else chr(10)}{mark}\n"


def comment(text: str, width: int = 100) -> str:
    """`text` as lines of a comment, paragraph by paragraph."""
    import textwrap

    lines: list[str] = []
    for paragraph in text.split("\n"):
        indent = "  " if paragraph.startswith("- ") else ""
        lines += textwrap.wrap(clean_line(paragraph), width, subsequent_indent=indent) or [""]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)
