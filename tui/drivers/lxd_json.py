"""Reads the JSON that LXD and Incus print; it is hostile until it has been through here.

Anything that does not have the known shape raises ManagerRefused, and nothing else is ever raised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tui.contracts import Version
from tui.drivers import answers
from tui.drivers.answers import Fields
from tui.drivers.lxd_words import Tool
from tui.model.hosts import RUNNING, ImageInfo, VmInfo
from tui.model.spec import Kind
from tui.model.text import clean_line

UNKNOWN = "Unknown"
STATES = frozenset(
    {RUNNING, "Stopped", "Frozen", "Error", "Starting", "Stopping", "Aborting", "Freezing", "Thawed"}
)
_VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}[0-9A-Za-z.+~-]{0,60}")
_KINDS = {"lxc": Kind.CONTAINER, "qemu": Kind.VM}
_FINGERPRINT = 12
"""So much of one names an image, as the tools themselves show it."""


def parse_version(stdout: bytes, tool: Tool) -> Version:
    """From the answer to `query /1.0`: the daemon's own version, and what it can make on this machine."""
    with answers.reading(stdout, f"{tool.command} query /1.0") as data:
        environment = answers.fields(answers.fields(data).get("environment"))
        version = answers.text(environment.get("server_version"))
        if not _VERSION.fullmatch(version):
            raise ValueError
        drivers = answers.text(environment.get("driver", "")).replace("|", " ").split()
        kinds = frozenset(_KINDS[driver] for driver in drivers if driver in _KINDS)
        return Version(version, version, kinds)


def parse_list(stdout: bytes, tool: Tool) -> tuple[VmInfo, ...]:
    """All instances, in the manager's order; a state we do not know is `Unknown`."""
    with answers.reading(stdout, f"{tool.command} list --format json") as data:
        return tuple(_instance(answers.fields(row)) for row in answers.items(data))


def parse_images(stdout: bytes, tool: Tool) -> tuple[ImageInfo, ...]:
    """Those with an alias first, by name; one without is called by its fingerprint."""
    with answers.reading(stdout, f"{tool.command} image list --format json") as data:
        images = [_image(answers.fields(row)) for row in answers.items(data)]
        return tuple(image for _, image in sorted(images, key=lambda pair: (pair[0], pair[1].name)))


def _instance(row: Fields) -> VmInfo:
    state = row.get("status")
    if state == "Ready":  # it runs, and something in it has said that it is ready
        state = RUNNING
    config = _optional(row.get("config"))
    return VmInfo(
        name=answers.name(row.get("name")),
        state=state if isinstance(state, str) and state in STATES else UNKNOWN,
        ipv4=tuple(_addresses(_optional(row.get("state")))),
        release=clean_line(answers.text(config.get("image.description", ""))),
    )


def _addresses(state: Fields) -> Iterator[str]:
    """IPv4 addresses that others can reach."""
    for nic in _optional(state.get("network")).values():
        for address in map(answers.fields, answers.items(answers.fields(nic).get("addresses") or [])):
            if (address.get("family"), address.get("scope")) == ("inet", "global"):
                yield clean_line(answers.text(address.get("address")))


def _image(row: Fields) -> tuple[bool, ImageInfo]:
    aliases = [
        answers.name(answers.fields(alias).get("name")) for alias in answers.items(row.get("aliases") or [])
    ]
    fingerprint = answers.name(row.get("fingerprint"))[:_FINGERPRINT]
    name, *others = aliases or [fingerprint]
    kind = "VM" if row.get("type") == "virtual-machine" else "container"
    words = answers.text(_optional(row.get("properties")).get("description", ""))
    return not aliases, ImageInfo(name, tuple(others), f"{clean_line(words).strip()} ({kind})".strip())


def _optional(value: object) -> Fields:
    """An object, or none where it is null or missing."""
    return {} if value is None else answers.fields(value)
