"""Files in a VM, as one looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class FileKind(StrEnum):
    """What an entry of a folder is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"
    """A device, a socket, a pipe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One entry of a folder in a VM."""

    name: str
    kind: FileKind
    size: int
    """Bytes; of a folder nothing that means anything."""
    modified_at: float | None = None
    """Epoch seconds, by the VM's clock."""
    mode: str = ""
    """As `ls` writes it: `rwxr-xr-x`."""
    target: str = ""
    """Of a link."""
    is_folder: bool = False
    """A folder, or a link to one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """What is in a folder of a VM."""

    path: str
    """Where it really is: absolute, without links. Bytes that are no UTF-8 are surrogates."""
    entries: tuple[FileEntry, ...]
    """Sorted by name."""
    more: int = 0
    """Entries that are not here, as there are too many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file or folder of a VM that is here now."""

    path: Path
    size: int
    """Bytes of all files."""
    left_out: tuple[str, ...] = ()
    """What of it is not here, or under another name, and why; safe to be shown."""
