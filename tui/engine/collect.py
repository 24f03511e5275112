"""How the guest is asked for an artifact: a job of the epilogue whose stdout is a plain tar."""

from __future__ import annotations

from tui.model.lease import Argv, collect_job
from tui.model.spec import RunSpec
from tui.model.units import MIB

NOTHING_MATCHES = 44
NO_TAR = 45

_WILD = "*?["
_TELLS_NOTHING = 16 * MIB
"""What a tar may hold besides the content of its files, and an eighth of that."""

_SCRIPT = r"""
export LC_ALL=C
cd "${HOME:-/}" && { [ -z "$1" ] || cd -- "$1"; } && { [ -z "$2" ] || cd -- "$2"; } 2>/dev/null || exit 44
command -v tar >/dev/null || exit 45
pattern=$3 limit=$4
case $pattern in
*[*?[]*) IFS=; set -- $pattern;;
*) set -- "$pattern";;
esac
[ -e "$1" ] || [ -h "$1" ] || exit 44
case $(tar --version 2>/dev/null) in
*"GNU tar"*) printf '%s\0' "$@" | tar --null -T - -cf - ;;
*) tar -cf - "$@";;
esac | head -c "$limit"
"""
_AS_ROOT = 'exec sudo -n sh -c "$1" dayfly-collect "$2" "$3" "$4" "$5"'


def collect_argv(path: str, max_size: int, *, sudo: bool = False, workdir: str = "") -> Argv:
    """Writes a tar of what matches `path` to its stdout, cut at `max_size` and what headers take.

    Names are relative to the folder before the first wildcard; without one, to the folder that holds it.
    What vanishes meanwhile is left out. Exit status: 44 nothing matches, 45 there is no tar.
    """
    folder, pattern = split_pattern(path)
    words = (workdir, folder, f"./{pattern}", str(cut_at(max_size)))
    if sudo:
        return ("sh", "-c", _AS_ROOT, "dayfly-collect", _SCRIPT, *words)
    return ("sh", "-c", _SCRIPT, "dayfly-collect", *words)


def split_pattern(path: str) -> tuple[str, str]:
    """The folder that names are relative to, and the rest."""
    parts = path.split("/")
    last = len(parts) - (2 if path.endswith("/") else 1)
    wild = (at for at, part in enumerate(parts) if any(sign in part for sign in _WILD))
    first = next(wild, max(last, 0))
    if parts[first] == "..":
        return path, "."
    folder = "/".join(parts[:first])
    return folder or ("/" if path.startswith("/") else ""), "/".join(parts[first:]) or "."


def cut_at(max_size: int) -> int:
    """Bytes of a tar that is asked for."""
    return max_size + max_size // 8 + _TELLS_NOTHING


def epilogue_of(spec: RunSpec) -> tuple[tuple[str, Argv], ...]:
    """The jobs that bring out its artifacts."""
    return tuple(
        (
            collect_job(index),
            collect_argv(artifact.path, artifact.max_size, sudo=spec.sudo, workdir=spec.workdir),
        )
        for index, artifact in enumerate(spec.artifacts)
    )


def epilogue_limit(spec: RunSpec) -> int:
    """Bytes of the largest of them."""
    return max((cut_at(artifact.max_size) for artifact in spec.artifacts), default=0)
