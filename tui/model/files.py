"""Files in a VM, as one looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
