"""Where profiles are kept and how one is found by its name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import tui
from tui.files.folders import config_path
from tui.files.toml import nearest
from tui.model.errors import UsageError
from tui.model.text import clean_line


class Found(NamedTuple):
    """One profile that can be named."""

    name: str
    path: Path
    source: str
    """`here` (./profiles), `yours` (the config folder) or `shipped`."""


def user_folder() -> Path:
    """Where a save goes; it need not exist."""
    return config_path() / "profiles"


def _folders() -> tuple[tuple[str, Path], ...]:
    package = Path(tui.__file__).parent
    # A wheel carries the profiles inside the package; a checkout has them beside it.
    shipped = package / "shipped_profiles"
    if not shipped.is_dir():
        shipped = package.parent / "profiles"
    return (("here", Path("profiles")), ("yours", user_folder()), ("shipped", shipped))


def names() -> list[Found]:
    """Every profile that can be named, by name; what is found first hides the rest of its name."""
    found: dict[str, Found] = {}
    for source, folder in _folders():
        for path in _profiles_in(folder):
            found.setdefault(path.stem, Found(path.stem, path, source))
    return sorted(found.values())


def _profiles_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".toml" and path.stem)
    except OSError:  # a folder that is missing or closed to us holds nothing
        return []


def find(name: str) -> Path:
    """The file of a profile: a path if it has a slash or ends in .toml, else by its name.

    Raises UsageError with the nearest names. A path is not looked at here.
    """
    if "/" in name or name.endswith(".toml"):
        return Path(name).expanduser()
    known = {found.name: found.path for found in names()}
    if name in known:
        return known[name]
    likely = nearest(name, list(known))
    meant = f"; did you mean {' or '.join(clean_line(word) for word in likely)}?" if likely else ""
    raise UsageError(f"no profile is called {clean_line(name)}{meant}", hint="dayfly profiles lists them all")


def name_of(path: Path) -> str:
    """The name of a profile that doesn't give itself one: its file's, in the letters a name may have."""
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower())[:40].strip("-")
