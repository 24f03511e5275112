"""Snapshots, clones and mounts: as far as they were recorded."""

from __future__ import annotations

from datetime import UTC, datetime

from tui.demo.images import Refused
from tui.demo.names import living, one
from tui.demo.wire import Message
from tui.demo.world import Snapshot, Vm, VmState, World


class Copies:
    """These verbs over one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def mount(self, message: Message) -> Message:
        """It never succeeds, as where it was recorded: no snapd in the guest. Raises Refused."""
        vm = living(self._world, [message["name"]])[0]
        if message["native"]:
            raise Refused(f"Please stop the instance {vm.name} before attempting native mounts.")
        raise Refused(
            f'The following errors occurred:\nerror mounting "{message["target"]}": '
            f"Snap support needs to be installed in '{vm.name}' in order to support mounts.\n"
            "Please see https://docs.snapcraft.io/installing-snapd for information on\n"
            "how to install snap support for your instance's distribution.\n\n"
            "If your distribution's instructions specify enabling classic snap support,\n"
            "please do that as well.\n\n"
            "Alternatively, install `sshfs` manually inside the instance."
        )

    async def umount(self, message: Message) -> Message:
        """There is nothing to unmount. Raises Refused."""
        living(self._world, [message["name"]])
        return {}

    async def snapshot(self, message: Message) -> Message:
        """Only its description is kept. Raises Refused."""
        vm = one(self._world, message["name"])
        if vm.state is not VmState.STOPPED:
            raise Refused("Multipass can only take snapshots of stopped instances.")
        name = message["snapshot"] or f"snapshot{len(vm.snapshots) + 1}"
        if any(each.name == name for each in vm.snapshots):
            raise Refused(f"Snapshot already exists: {vm.name}.{name}")
        parent = vm.snapshots[-1].name if vm.snapshots else ""
        created = datetime.now(UTC).strftime("%a %b %d %H:%M:%S %Y UTC")
        vm.snapshots.append(Snapshot(name=name, comment=message["comment"], created=created, parent=parent))
        self._world.save()
        return {"out": f"Snapshot taken: {vm.name}.{name}\n"}

    async def restore(self, message: Message) -> Message:
        """Nothing changes on the disk. Raises Refused."""
        name, _, snapshot = message["name"].partition(".")
        vm = one(self._world, name)
        if not any(each.name == snapshot for each in vm.snapshots):
            raise Refused(f"No such snapshot: {name}.{snapshot}")
        if not message["destructive"]:
            return {
                "unhandled": "Unable to query client for confirmation. Use '--destructive' to automatically "
                "discard current machine state."
            }
        return {"spin": "Restoring snapshot", "out": f"Snapshot restored: {name}.{snapshot}\n"}

    def delete_snapshot(self, full_name: str, *, purge: bool) -> Message:
        """Only with --purge. Raises Refused."""
        name, _, snapshot = full_name.partition(".")
        vm = one(self._world, name)
        if not purge:
            return {
                "unhandled": "Snapshots can only be purged (after deletion, they cannot be recovered). "
                "Unable to query client for confirmation. Please use the "
                "`--purge` flag if that is what you want.\n"
            }
        vm.snapshots = [each for each in vm.snapshots if each.name != snapshot]
        self._world.save()
        return {}

    async def clone(self, message: Message) -> Message:
        """A stopped VM of the same figures. Raises Refused."""
        vm = one(self._world, message["name"])
        if vm.state is not VmState.STOPPED:
            raise Refused("Multipass can only clone stopped instances.")
        self._world.clones_made += 1
        name = message["clone"] or f"{vm.name}-clone{self._world.clones_made}"
        if name in self._world.vms:
            raise Refused(f'instance "{name}" already exists')
        facts = {key: getattr(vm, key) for key in ("image", "release", "image_release", "image_hash", "cpus")}
        self._world.add(
            Vm(name=name, **facts, memory=vm.memory, disk=vm.disk, ipv4=self._world.next_address())
        )
        return {"out": f"Cloned from {vm.name} to {name}.\n"}
