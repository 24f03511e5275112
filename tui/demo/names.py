"""Which VMs a command means, and what it says of names that are none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tui.demo.images import Refused
from tui.demo.world import Vm, World


def named(world: World, names: Sequence[str]) -> list[Vm]:
    """These, all of them. Raises Refused, and then nothing may be done to any."""
    missing = [name for name in names if name not in world.vms]
    if missing:
        raise _errors(f'instance "{name}" does not exist' for name in missing)
    return [world.vms[name] for name in names]


def living(world: World, names: Sequence[str]) -> list[Vm]:
    """These, or without names all that are not deleted. Raises Refused."""
    deleted = [vm.name for vm in named(world, names) if vm.deleted]
    if deleted:
        raise _errors(f'instance "{name}" is deleted' for name in deleted)
    return chosen(world, names)


def chosen(world: World, names: Sequence[str]) -> list[Vm]:
    """These, known to be there, or all that are not deleted."""
    if names:
        return [world.vms[name] for name in names]
    return [vm for vm in world.vms.values() if not vm.deleted]


def one(world: World, name: str) -> Vm:
    """This one; some verbs say it in one line. Raises Refused."""
    vm = world.vms.get(name)
    if vm is None:
        raise Refused(f'instance "{name}" does not exist')
    return vm


def _errors(lines: Iterable[str]) -> Refused:
    return Refused("The following errors occurred:\n" + "\n".join(lines))
