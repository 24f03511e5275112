"""The sanitiser: what comes from a VM or a host is hostile until it has been through here."""

from __future__ import annotations

import re

# CSI, OSC/DCS/APC/PM/SOS (to their terminator or the end), two-byte escapes.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"
    r"|\x1b[ -/]*[0-~]?"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_ERASE_LINE = "\x1b[2K"
_SPINNER = re.compile(r" ?(?:\x08[/|\\ -])+")
# C0, DEL, C1, line separators, and the marks that reorder text or hide in it.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\u061c\ufeff\U000e0000-\U000e007f]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` with nothing left that a terminal would act on, but newline and tab."""
    text = _ESCAPES.sub("", text)
    text = _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)


def clean_line(text: str) -> str:
    """One line of output: what a terminal would show after its carriage returns and erasures."""
    line = _SPINNER.sub("", _ESCAPES.sub("", text.replace(_ERASE_LINE, "\r"))).rstrip("\r\n")
    return clean(line.rsplit("\r", 1)[-1]).replace("\n", " ")


def clean_bytes(data: bytes) -> str:
    """Bytes of a guest or host as one safe line."""
    return clean_line(data.decode("utf-8", "replace"))


def decode_clean(data: bytes) -> str:
    """Bytes of a guest or host as safe text; newlines stay."""
    return clean(data.decode("utf-8", "replace").replace("\r\n", "\n"))
