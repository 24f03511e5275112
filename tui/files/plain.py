"""Reading a plain file that somebody named: bounded, and never held up by what is no file."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class Unreadable(Exception):
    """Why not, in a few words; they follow the path."""

    def __init__(self, reason: str, *, is_no_file: bool = False) -> None:
        super().__init__(reason)
        self.is_no_file = is_no_file


def read_plain(path: Path, most: int) -> bytes:
    """Its content; of a larger file the first `most` + 1 bytes. Raises Unreadable."""
    try:
        # A FIFO must not hold us up: look at what was opened before reading it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise Unreadable(_reason(error)) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise Unreadable(f"is {'a folder' if stat.S_ISDIR(mode) else 'no file'}", is_no_file=True)
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(most + 1)
    except OSError as error:
        raise Unreadable(_reason(error)) from error
    finally:
        os.close(descriptor)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return lower_first(error.strerror)
    return "is not a file name"


def lower_first(words: str) -> str:
    """The same words, to go on with in a sentence."""
    return words[:1].lower() + words[1:]
