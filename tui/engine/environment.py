"""The variables of a workload on their way into the VM: never in an argv, never on a disk while it works."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from tui.engine.secrets import Secret
from tui.model.errors import UsageError
from tui.model.lease import Argv
from tui.model.spec import RunSpec
from tui.model.units import MIB

LIMIT = MIB
"""Bytes of the text; the stdin of an exec may be cut at twice that."""
_ONE_LIMIT = MIB // 8 - 1
"""Bytes of NAME=VALUE: Linux starts no program with a longer one."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_KEEP = """\
umask 077
for folder in /dev/shm /var/tmp; do [ ! -d "$folder" ] || [ ! -w "$folder" ] || break; done
rm -f "$folder/$1".*
set -C
if ! cat >"$folder/$1.$2" || [ "$(wc -c <"$folder/$1.$2")" -ne "$3" ]; then
  rm -f "$folder/$1.$2"
  echo 'the variables did not arrive whole' >&2
  exit 1
fi
"""
_USE = """\
file=/dev/shm/$1.$2
[ -f "$file" ] || file=/var/tmp/$1.$2
dayfly_variables=$(cat "$file") && rm -f "$file" || exit 125
shift 2
eval "unset dayfly_variables; $dayfly_variables"
exec "$@"
"""


def text_of(env: Iterable[tuple[str, str]], secrets: Mapping[str, Secret]) -> Secret:
    """Shell text that exports all of them. Raises UsageError for what a program cannot be given."""
    values = [(name, Secret(value.encode("utf-8", "surrogateescape"))) for name, value in env]
    text = Secret(b"".join(_export(name, value) for name, value in (*values, *secrets.items())))
    if len(text.reveal()) > LIMIT:
        raise UsageError(
            "env: all variables together are larger than 1M", hint="send the large ones as [[inputs]]"
        )
    return text


def keep_argv(enter: Argv, name: str, attempt: int, size: int) -> Argv:
    """On the host: bring that text, its stdin, into a file of the VM, whole or not at all."""
    return (*enter, "sh", "-c", _KEEP, "dayfly-env", name, str(attempt), str(size))


def use_argv(spec: RunSpec, name: str, attempt: int) -> Argv:
    """In the VM: the workload, with these variables; their file is gone before it begins."""
    reader = ("sh", "-c", _USE, "dayfly-work", name, str(attempt))
    if not spec.sudo:
        return (*reader, *spec.argv)
    sudo, command = spec.argv[:2], spec.argv[2:]  # inside, as sudo passes no variables on
    return (*sudo, *reader, *command)


def _export(name: str, value: Secret) -> bytes:
    if not _NAME.fullmatch(name):
        raise UsageError(f"env: {name!r} is not a name of a variable")
    if len(name) + 1 + len(value.reveal()) > _ONE_LIMIT:
        raise UsageError(f"env: {name} is larger than 128K", hint="send it as a file: [[inputs]]")
    if b"\0" in value.reveal():
        raise UsageError(f"env: {name} has a NUL byte, which no variable can hold")
    return b"export %s='%s'\n" % (name.encode(), value.reveal().replace(b"'", b"'\\''"))
