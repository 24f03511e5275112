"""Reads what Multipass prints with `--format json`; it is hostile until it has been through here.

Anything that does not have the known shape raises ManagerRefused, and nothing else is ever raised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from tui.contracts import Version
from tui.drivers import answers
from tui.drivers.answers import Fields
from tui.model.hosts import ImageInfo, VmInfo
from tui.model.text import clean_line

UNKNOWN = "Unknown"
STATES = frozenset(
    {
        *("Running", "Stopped", "Deleted", "Starting", "Restarting", "Delayed Shutdown"),
        *("Suspending", "Suspended", UNKNOWN),
        "Unavailable",  # its zone is switched off; since 1.17
    }
)

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
        client, daemon = (answers.text(data.get(key, "")) for key in ("multipass", "multipassd"))
        if not _VERSION.fullmatch(client) or (daemon and not _VERSION.fullmatch(daemon)):
            raise ValueError
        return Version(client, daemon)


def parse_list(stdout: bytes) -> tuple[VmInfo, ...]:
    """All VMs, in Multipass's order; a state we do not know is `Unknown`."""
    with _reading("list", stdout) as data:
        return tuple(_vm(answers.fields(row)) for row in answers.items(data.get("list")))


def parse_images(stdout: bytes) -> tuple[ImageInfo, ...]:
    """The latest LTS, other releases newest first, other remotes, blueprints, special images."""
    with _reading("find", stdout) as data:
        images = answers.fields(data.get("images"))
        found = [_ranked(name, answers.fields(row), _group(name)) for name, row in images.items()]
        for key in _BLUEPRINT_KEYS:
            blueprints = answers.fields(data.get(key, {}))
            found += [
                _ranked(name, answers.fields(row), _Group.BLUEPRINT) for name, row in blueprints.items()
            ]
        return tuple(image for _rank, image in sorted(found, key=lambda ranked: ranked[0]))


def _vm(row: Fields) -> VmInfo:
    state = row.get("state")
    return VmInfo(
        name=answers.name(row.get("name")),
        state=state if isinstance(state, str) and state in STATES else UNKNOWN,
        ipv4=tuple(clean_line(answers.text(address)) for address in answers.items(row.get("ipv4", []))),
        release=clean_line(answers.text(row.get("release", ""))),
    )


def _group(name: str) -> _Group:
    if _SPECIAL.fullmatch(name):
        return _Group.SPECIAL
    return _Group.OTHER_REMOTE if ":" in name else _Group.RELEASE


_Rank = tuple[_Group, bool, bool, tuple[int, ...], str]


def _ranked(name: str, row: Fields, group: _Group) -> tuple[_Rank, ImageInfo]:
    aliases = tuple(answers.name(alias) for alias in answers.items(row.get("aliases", [])))
    words = [clean_line(answers.text(row.get(key, ""))).strip() for key in ("os", "release")]
    if group is _Group.BLUEPRINT:
        words.append("(blueprint)")
    elif row.get("remote") == "daily":
        words.append("(daily build)")
    newest_first = tuple(-int(number) for number in re.findall("[0-9]{1,9}", name))
    image = ImageInfo(answers.name(name), aliases, " ".join(filter(None, words)))
    return (group, "lts" not in aliases, not newest_first, newest_first, name), image


@contextmanager
def _reading(verb: str, stdout: bytes) -> Iterator[Fields]:
    """The JSON object in `stdout`."""
    command = f"multipass {verb}"
    with answers.reading(stdout, command, f"{command} --format json") as data:
        yield answers.fields(data)
