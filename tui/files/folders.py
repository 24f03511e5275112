"""Where the person's files are. `DAYFLY_CONFIG_DIR` and `DAYFLY_STATE_DIR` win over the platform's places."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from tui.model.errors import UsageError


def config_path() -> Path:
    """The config folder; it need not exist."""
    return _chosen("DAYFLY_CONFIG_DIR", "user_config_path")


def config_dir() -> Path:
    """The config folder, made (0700) where it is missing. Raises UsageError."""
    return _made(config_path(), "DAYFLY_CONFIG_DIR")


def state_dir() -> Path:
    """The folder of ledger and logs, made (0700) where it is missing. Raises UsageError."""
    return _made(_chosen("DAYFLY_STATE_DIR", "user_state_path"), "DAYFLY_STATE_DIR")


def _chosen(variable: str, platform_place: str) -> Path:
    if chosen := os.environ.get(variable):
        return Path(chosen).expanduser().absolute()
    import platformdirs  # not needed where the variable is set

    path: Path = getattr(platformdirs, platform_place)("dayfly", appauthor=False)
    return path


def _made(path: Path, variable: str) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be made: {error.strerror}", hint=f"name another folder with {variable}"
        ) from error
    return path


def write_atomically(path: Path, text: str, *, replace: bool = True) -> None:
    """Put `text` at `path` so that a reader sees the old or the new file, whole; fsynced.

    Follows a symbolic link, keeps the mode of the file it replaces. Raises FileExistsError where
    there is a file and `replace` is false, else OSError; leaves no part of a file behind.
    """
    target = Path(os.path.realpath(path))
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(file.fileno(), _mode(target))
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(temporary, target)
        else:
            os.link(temporary, target)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
    _sync_folder(target.parent)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        return 0o644


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
