"""The script for the host: its version, its place there, and how it gets there."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from importlib.resources import files

from tui.model.errors import UsageError

DEFAULT_STATE_DIR = "~/.local/state/dayfly"

_PARTS = (
    "jobs.sh",
    "copier.sh",
    "guest.sh",
    "leases.sh",
    "manager.sh",
    "measure.sh",
    "reaping.sh",
    "report.sh",
    "spools.sh",
    "upkeep.sh",
    "warden.sh",
)
_STATE_DIR = re.compile(r"(~/)?[A-Za-z0-9._/][A-Za-z0-9._/-]*")
_INSTALL = """\
umask 077
root={root}
new=$root/.{version}.$$
if [ ! -f "$root/{version}/warden.sh" ]; then
  mkdir -p "$new" || {{ echo "dayfly error unguarded cannot write $root"; echo "dayfly end"; exit 1; }}
  {parts} {{ rm -rf "$new"; echo "dayfly error unguarded no room in $root"; echo "dayfly end"; exit 1; }}
  mv "$new" "$root/{version}"
  rm -rf "$root/{version}/.{version}.$$"
fi 2>/dev/null
echo "dayfly ok"; echo "dayfly end"
"""
_PART = """\
cat >"$new/{name}" <<'{mark}' && [ $(wc -c <"$new/{name}") -eq {size} ] {link}
{text}{mark}
"""
_MARK = "end-of-file-of-dayfly"


@cache
def _texts() -> tuple[tuple[str, str], ...]:
    folder = files("tui.warden")
    return tuple((name, (folder / name).read_text("utf-8")) for name in _PARTS)


@cache
def version() -> str:
    """What names the script's directory on the host: a digest of the script itself."""
    digest = sha256()
    for name, text in _texts():
        digest.update(f"{name} {len(text)}\n{text}".encode())
    return digest.hexdigest()[:12]


def check_state_dir(state_dir: str) -> str:
    """`state_dir`, or the default for an empty one, as a path that needs no quotes in any login shell.

    It is absolute, or relative to the account's home. Raises UsageError.
    """
    chosen = (state_dir or DEFAULT_STATE_DIR).rstrip("/")
    if not _STATE_DIR.fullmatch(chosen) or ".." in chosen.split("/"):
        raise UsageError(
            f"{state_dir!r} cannot be a state_dir on a host.",
            hint="Write an absolute path or one that starts with ~/, of letters, digits and . _ - only.",
        )
    return chosen.removeprefix("~/")


def command(state_dir: str) -> str:
    """The one command line that runs the script; the login shell starts in the account's home."""
    return f"sh {state_dir}/{version()}/warden.sh"


def installer(state_dir: str) -> bytes:
    """What `sh` reads to put the script in place. May run twice at once; never overwrites."""
    parts = "".join(
        _PART.format(
            name=name,
            mark=_MARK,
            size=len(text.encode()),
            text=text,
            link="&&" if name != _PARTS[-1] else "||",
        )
        for name, text in _texts()
    )
    return _INSTALL.format(root=state_dir, version=version(), parts=parts).encode()
