"""What a launch is, on the host that it is to happen on; or why there can be none there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from tui.contracts import Ability
from tui.engine.link import HostLink
from tui.model.errors import UsageError
from tui.model.hosts import HostEntry
from tui.model.lease import Argv
from tui.model.spec import Kind, RunSpec, VmName

_NAMES = {Kind.VM: "VMs", Kind.CONTAINER: "containers"}
_INSTEAD = {
    Kind.CONTAINER: "For a container, which shares the host's kernel, add --kind container",
    Kind.VM: "For a VM, add --kind vm",
}


def kind_of(spec: RunSpec, entry: HostEntry) -> Kind:
    """What this run gets on this host."""
    return spec.kind or entry.kind


def launch_argv(link: HostLink, vm: VmName, spec: RunSpec) -> Argv:
    """The launch of a VM there, after `first_contact`. Raises UsageError where there can be none."""
    assert link.version is not None, "first_contact sees to it"
    kind = kind_of(spec, link.entry)
    if kind not in link.version.kinds:
        raise _no_such_kind(link, kind, link.version.kinds)
    if spec.cloud_init and Ability.CLOUD_INIT not in link.driver.abilities:
        raise UsageError(
            f"the {_NAMES[kind]} of {link.name} take no cloud-init",
            hint="Choose another host, or leave cloud_init out of the profile.",
        )
    image = link.entry.image(spec.image)
    return link.driver.launch_argv(vm, replace(spec, kind=kind), image, link.version)


def _no_such_kind(link: HostLink, kind: Kind, possible: Collection[Kind]) -> UsageError:
    instead = [
        f"{_INSTEAD[other]}, or write kind = {other.value!r} into the profile or the host's entry."
        for other in possible
    ]
    return UsageError(
        f"{link.name} can make no {_NAMES[kind]}", hint=" ".join(instead) or "Choose another host."
    )
