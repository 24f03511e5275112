"""The one place that imports asyncssh: `from tui.transport.asyncssh_import import asyncssh`.

While it is imported, asyncssh asks `ctypes.util.find_library` for two optional libraries (liboqs and
nettle); on Linux each answer costs ldconfig, gcc and ld, together a quarter of the import's time.
Without them only a post-quantum key exchange and the UMAC ciphers are missing, which have equals.
"""

from __future__ import annotations

import ctypes.util
import logging
from collections.abc import Iterator
from contextlib import contextmanager

_OPTIONAL = frozenset({"oqs", "liboqs", "nettle", "libnettle", "libnettle-6"})


@contextmanager
def _without_library_search() -> Iterator[None]:
    find_library = ctypes.util.find_library

    def find_needed(name: str) -> str | None:
        return None if name in _OPTIONAL else find_library(name)

    ctypes.util.find_library = find_needed
    try:
        yield
    finally:
        ctypes.util.find_library = find_library


with _without_library_search():
    import asyncssh

# What asyncssh has to say reaches us as exceptions; nothing of it may be printed across a screen.
logging.getLogger("asyncssh").addHandler(logging.NullHandler())

__all__ = ["asyncssh"]
