"""The account of the demo host: its name, its home, and what its commands find around them."""

from __future__ import annotations

from pathlib import Path

from tui.demo import kin

USER = "demo"
_PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROFILE = """\
# Read by the login shell of dayfly's demo host.
cat <<'END'
This is dayfly's demo host. Its `multipass` is an emulation: no real VM is behind it.
END
PATH='{bin}':$PATH
PS1='demo-host$ '
export PATH
"""


def furnish(world: Path) -> None:
    """Make the home. What is in it already stays."""
    home = world / "home"
    home.mkdir(parents=True, exist_ok=True)
    (home / ".profile").write_text(_PROFILE.format(bin=world / "bin"))


def environment(world: Path) -> dict[str, str]:
    """What a command on the demo host finds around it."""
    return {
        "HOME": str(world / "home"),
        "LOGNAME": USER,
        "USER": USER,
        "SHELL": "/bin/sh",
        "PATH": f"{world / 'bin'}:{_PATHS}",
        "LANG": "C.UTF-8",
        kin.MARK: str(world),
    }
