"""Reads what Multipass prints with `--format json`; it is hostile until it has been through here.

Anything that does not have the known shape raises ManagerRefused, and nothing else is ever raised.
Names are what commands are given, so one with a control character in it is refused, not mended: the
mended one could be another VM's. All other text is sanitised.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from tui.contracts import Version
from tui.model.errors import ManagerRefused
from tui.model.hosts import ImageInfo, VmInfo
from tui.model.text import clean_bytes, clean_line

UNKNOWN = "Unknown"
STATES = frozenset(
    {
        *("Running", "Stopped", "Deleted", "Starting", "Restarting", "Delayed Shutdown"),
        *("Suspending", "Suspended", UNKNOWN),
        "Unavailable",  # its zone is switched off; since 1.17
    }
)

Fields = dict[str, object]

_VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}[0-9A-Za-z.+~-]{0,60}")
_SPECIAL = re.compile(r"core[0-9]*|(?:core|appliance|snapcraft):.*")
_BLUEPRINT_KEYS = ("blueprints", "blueprints (deprecated)")


class _Group(IntEnum):
    """The order in which images are offered."""

    RELEASE = 0
    OTHER_REMOTE = 1
    BLUEPRINT = 2
    SPECIAL = 3
    """Ubuntu Core and appliances: no shell for us, or made for one purpose."""


def parse_version(stdout: bytes) -> Version:
    """The daemon's half is empty where it is down or does not know us."""
    with _reading("version", stdout) as data:
        client, daemon = (_text(data.get(key, "")) for key in ("multipass", "multipassd"))
        if not _VERSION.fullmatch(client) or (daemon and not _VERSION.fullmatch(daemon)):
            raise ValueError
        return Version(client, daemon)


def parse_list(stdout: bytes) -> tuple[VmInfo, ...]:
    """All VMs, in Multipass's order; a state we do not know is `Unknown`."""
    with _reading("list", stdout) as data:
        return tuple(_vm(_fields(row)) for row in _items(data.get("list")))


def parse_images(stdout: bytes) -> tuple[ImageInfo, ...]:
    """The latest LTS, other releases newest first, other remotes, blueprints, special images."""
    with _reading("find", stdout) as data:
        images = _fields(data.get("images"))
        found = [_ranked(name, _fields(row), _group(name)) for name, row in images.items()]
        for key in _BLUEPRINT_KEYS:
            blueprints = _fields(data.get(key, {}))
            found += [_ranked(name, _fields(row), _Group.BLUEPRINT) for name, row in blueprints.items()]
        return tuple(image for _rank, image in sorted(found, key=lambda ranked: ranked[0]))


def _vm(row: Fields) -> VmInfo:
    state = row.get("state")
    return VmInfo(
        name=_name(row.get("name")),
        state=state if isinstance(state, str) and state in STATES else UNKNOWN,
        ipv4=tuple(clean_line(_text(address)) for address in _items(row.get("ipv4", []))),
        release=clean_line(_text(row.get("release", ""))),
    )


def _group(name: str) -> _Group:
    if _SPECIAL.fullmatch(name):
        return _Group.SPECIAL
    return _Group.OTHER_REMOTE if ":" in name else _Group.RELEASE


_Rank = tuple[_Group, bool, bool, tuple[int, ...], str]


def _ranked(name: str, row: Fields, group: _Group) -> tuple[_Rank, ImageInfo]:
    aliases = tuple(_name(alias) for alias in _items(row.get("aliases", [])))
    words = [clean_line(_text(row.get(key, ""))).strip() for key in ("os", "release")]
    if group is _Group.BLUEPRINT:
        words.append("(blueprint)")
    elif row.get("remote") == "daily":
        words.append("(daily build)")
    newest_first = tuple(-int(number) for number in re.findall("[0-9]{1,9}", name))
    image = ImageInfo(_name(name), aliases, " ".join(filter(None, words)))
    return (group, "lts" not in aliases, not newest_first, newest_first, name), image


@contextmanager
def _reading(verb: str, stdout: bytes) -> Iterator[Fields]:
    """The JSON object in `stdout`; whatever is wrong with it or in it becomes ManagerRefused."""
    try:
        yield _fields(json.loads(stdout.decode("utf-8")))
    except (ValueError, RecursionError):
        raise ManagerRefused(
            f"`multipass {verb}` on the host printed something that is not its usual answer",
            detail=clean_bytes(stdout[:200].lstrip().partition(b"\n")[0]),
            hint=f"Run `multipass {verb} --format json` on the host by hand and look at what it prints.",
        ) from None


def _fields(value: object) -> Fields:
    if not isinstance(value, dict):
        raise ValueError
    return value


def _items(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _name(value: object) -> str:
    name = _text(value)
    if not name or clean_line(name) != name:
        raise ValueError
    return name
