"""The account of the demo host: its name, its home, and what its commands find around them."""

from __future__ import annotations

from pathlib import Path

from tui.demo import kin

USER = "demo"
ENVIRONMENT = "environment"
"""In the world's folder; as /etc/environment: read anew by every command."""
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


def system_environment(world: Path) -> dict[str, str]:
    """What the file `environment` in the world adds for every command: NAME=VALUE lines."""
    try:
        lines = (world / ENVIRONMENT).read_text().splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def environment(world: Path) -> dict[str, str]:
    """What a command on the demo host finds around it."""
    return {
        **system_environment(world),
        "HOME": str(world / "home"),
        "LOGNAME": USER,
        "USER": USER,
        "SHELL": "/bin/sh",
        "PATH": f"{world / 'bin'}:{_PATHS}",
        "LANG": "C.UTF-8",
        kin.MARK: str(world),
    }
