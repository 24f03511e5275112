"""What the daemon does for every verb but `launch`."""

from __future__ import annotations

import asyncio
from asyncio import TaskGroup
from collections.abc import Awaitable, Callable

from tui.demo import images, show
from tui.demo.copies import Copies
from tui.demo.images import Refused
from tui.demo.names import chosen, living, named
from tui.demo.power import SHUTDOWN_LIMIT_MS, Pace, Power
from tui.demo.show import Load
from tui.demo.wire import Message
from tui.demo.world import MIB, Vm, VmState, World

VERSION = "1.16.2"
_BOOT_LIMIT_S = SHUTDOWN_LIMIT_MS / 1000
_INFO_S = 0.1
_SETTINGS = {
    "client.primary-name": "primary",
    "local.bridged-network": "",
    "local.driver": "qemu",
    "local.image.mirror": "",
    "local.passphrase": "false",
    "local.privileged-mounts": "true",
}


class Answers:
    """The daemon's verbs over one world."""

    def __init__(self, world: World, power: Power, pace: Pace, tasks: TaskGroup) -> None:
        self._world = world
        self._power = power
        self._pace = pace
        self._tasks = tasks
        self.setting_changed = asyncio.Event()
        """Any `set local.*` ends the daemon."""
        self._copies = Copies(world)
        self._delayed: dict[str, asyncio.Task[None]] = {}
        self._verbs: dict[str, Callable[[Message], Awaitable[Message]]] = {
            "version": self._version,
            "find": self._find,
            "list": self._list,
            "info": self._info,
            "get": self._get,
            "set": self._set,
            "networks": self._networks,
            "start": self._start,
            "stop": self._stop,
            "suspend": self._suspend,
            "restart": self._restart,
            "delete": self._delete,
            "purge": self._purge,
            "recover": self._recover,
            "exec": self._address,
            "shell": self._address,
            "transfer": self._transfer_address,
            "mount": self._copies.mount,
            "umount": self._copies.umount,
            "snapshot": self._copies.snapshot,
            "restore": self._copies.restore,
            "clone": self._copies.clone,
            "authenticate": self._authenticate,
        }

    async def answer(self, message: Message, thread: asyncio.Lock) -> Message:
        """Do it, in the one thread; what may be waited for elsewhere (`then`) is. Raises Refused."""
        async with thread:
            answer = await self._verbs[message["verb"]](message)
        waiting: Callable[[], Awaitable[None]] | None = answer.pop("then", None)
        if waiting is not None:
            await waiting()
        return answer

    async def by_hand(self, what: str, name: str) -> None:
        """What somebody else does to a VM. Raises Refused, ValueError."""
        vm = named(self._world, [name])[0]
        match what:
            case "delete":
                await self._remove(vm)
            case "crash" | "poweroff":
                await self._power.kill(vm)
            case "reboot":
                await self._power.kill(vm, VmState.RESTARTING)
                self._power.boot(vm, state=VmState.RESTARTING)
            case _:
                raise ValueError(what)

    # ---- questions

    async def _version(self, message: Message) -> Message:
        return {"out": show.versions(message["format"], VERSION)}

    async def _find(self, message: Message) -> Message:
        found = images.find(message["term"])
        return {"out": show.catalogue(found, message["format"], everything=not message["term"])}

    async def _list(self, message: Message) -> Message:
        vms = sorted(self._world.vms.values(), key=lambda vm: vm.name)
        return {"out": show.snapshots(vms) if message["snapshots"] else show.listing(vms, message["format"])}

    async def _info(self, message: Message) -> Message:
        names = message["names"]
        vms = named(self._world, names) if names else sorted(self._world.vms.values(), key=lambda vm: vm.name)
        if message["snapshots"]:
            return {"out": show.snapshots(vms)}
        rows = [
            (vm, _load(vm) if message["runtime"] and vm.shown_state is VmState.RUNNING else None)
            for vm in vms
        ]
        await self._pace.sleep(_INFO_S * sum(load is not None for _, load in rows))
        return {"out": show.details(rows, message["format"])}

    async def _networks(self, message: Message) -> Message:
        if message["format"] == "json":
            bridge = {"description": "Network bridge", "name": "mpqemubr0", "type": "bridge"}
            return {"out": show.pretty({"list": [bridge]}) + "\n"}
        return {"out": "Name       Type    Description\nmpqemubr0  bridge  Network bridge\n"}

    async def _get(self, message: Message) -> Message:
        key = message["key"]
        if message["keys"]:
            own = [
                f"local.{vm.name}.{what}"
                for vm in self._world.vms.values()
                for what in ("cpus", "disk", "memory")
            ]
            return {"out": "\n".join(sorted([*_SETTINGS, *own])) + "\n"}
        _, _, rest = key.partition("local.")
        name, _, what = rest.rpartition(".")
        if name in self._world.vms and what in ("cpus", "disk", "memory"):
            vm = self._world.vms[name]
            value = str(vm.cpus) if what == "cpus" else show.size(vm.disk if what == "disk" else vm.memory)
        elif key in _SETTINGS:
            value = self._world.settings.get(key, _SETTINGS[key])
        else:
            raise Refused(f"Unrecognized settings key: '{key}'")
        return {"out": (value or "<empty>") + "\n"}

    async def _set(self, message: Message) -> Message:
        key, _, value = message["assignment"].partition("=")
        name = key.removeprefix("local.").rpartition(".")[0]
        if name in self._world.vms:
            if self._world.vms[name].state is not VmState.STOPPED:
                raise Refused(
                    f"Cannot update instance settings; instance: {name}; "
                    "reason: Instance must be stopped for modification"
                )
            return {}
        if key not in _SETTINGS:
            raise Refused(f"Unrecognized settings key: '{key}'")
        if key.startswith("local."):
            self.setting_changed.set()
        if key == "local.passphrase":
            value = "true"
        self._world.settings[key] = value
        self._world.save()
        return {}

    async def _authenticate(self, _message: Message) -> Message:
        if self._world.settings.get("local.passphrase") != "true":
            raise Refused(
                "Passphrase is not set. Please `multipass set local.passphrase` with a trusted client."
            )
        raise Refused("Passphrase is not correct. Please try again.")

    # ---- power

    async def _start(self, message: Message) -> Message:
        vms = self._startable(message["names"])
        waits = []
        for vm in vms:
            if vm.state is VmState.STOPPED:
                waits.append((vm, self._power.boot(vm)))
            elif vm.state is VmState.SUSPENDED:
                waits.append((vm, await self._power.resume(vm)))
            elif (booting := self._power.machine(vm)) is not None:
                waits.append((vm, booting))

        async def until_up() -> None:
            try:
                async with asyncio.timeout(self._pace(_BOOT_LIMIT_S)):
                    for _, machine in waits:
                        await machine.settled.wait()
            except TimeoutError:
                late = "\n".join(
                    f"{vm.name}: timed out waiting for response" for vm, m in waits if not m.is_up
                )
                raise Refused(f"The following errors occurred:\n{late}") from None

        return {"then": until_up}

    def _startable(self, names: list[str]) -> list[Vm]:
        troubles = []
        for name in names:
            vm = self._world.vms.get(name)
            if vm is None:
                troubles.append(f"Instance '{name}' does not exist.")
            elif vm.deleted:
                troubles.append(
                    f"Instance '{name}' is deleted. Use 'recover' to recover it or 'purge' "
                    "to permanently delete it."
                )
        if troubles:
            raise Refused("instance(s) missing\n" + "\n".join(troubles) + "\n")
        return chosen(self._world, names)

    async def _stop(self, message: Message) -> Message:
        for vm in living(self._world, message["names"]):
            delayed = self._delayed.pop(vm.name, None)
            if delayed is not None:
                delayed.cancel()
            if message["cancel"] or vm.state is VmState.STOPPED:
                continue
            if message["force"]:
                await self._power.kill(vm)
            elif vm.state is VmState.SUSPENDED:
                raise Refused(f"Cannot shut down suspended instance {vm.name}.\nUse --force to power it off.")
            elif message["minutes"]:
                self._delayed[vm.name] = self._tasks.create_task(
                    self._stop_later(vm, message["minutes"] * 60)
                )
            else:
                await self._power.shut_down(vm)
        return {}

    async def _stop_later(self, vm: Vm, seconds: float) -> None:
        await self._pace.sleep(seconds)
        del self._delayed[vm.name]
        if vm.state is VmState.RUNNING:
            await self._power.shut_down(vm)

    async def _suspend(self, message: Message) -> Message:
        for vm in living(self._world, message["names"]):
            if vm.state is VmState.RUNNING:
                await self._power.suspend(vm)
        return {}

    async def _restart(self, message: Message) -> Message:
        machines = []
        for vm in living(self._world, message["names"]):
            if vm.state is not VmState.RUNNING:
                raise Refused(
                    f"Instance '{vm.name}' is already running, but in an unknown state.\n"
                    "Try to stop and start it instead."
                )
            await self._power.shut_down(vm, VmState.RESTARTING)
            machines.append(self._power.boot(vm, state=VmState.RESTARTING))

        async def until_up() -> None:
            for machine in machines:
                await machine.settled.wait()

        return {"then": until_up}

    # ---- the end of a VM

    async def _delete(self, message: Message) -> Message:
        if len(message["names"]) == 1 and "." in message["names"][0]:
            return self._copies.delete_snapshot(message["names"][0], purge=message["purge"])
        for vm in (
            named(self._world, message["names"]) if message["names"] else list(self._world.vms.values())
        ):
            if message["purge"]:
                await self._remove(vm)
            elif not vm.deleted:
                if vm.state is not VmState.STOPPED:
                    await self._power.shut_down(vm)
                vm.deleted = True
        self._world.save()
        return {}

    async def _remove(self, vm: Vm) -> None:
        await self._power.kill(vm)
        self._world.remove(vm.name)

    async def _purge(self, _message: Message) -> Message:
        for vm in [vm for vm in self._world.vms.values() if vm.deleted]:
            self._world.remove(vm.name)
        return {}

    async def _recover(self, message: Message) -> Message:
        for vm in named(self._world, message["names"]):
            vm.deleted = False
        self._world.save()
        return {}

    # ---- a way into a VM

    async def _address(self, message: Message) -> Message:
        """Where the client finds the VM. `stopped` in the answer: it has to start it first."""
        vm = living(self._world, [message["name"]])[0]
        if vm.state in (VmState.STOPPED, VmState.SUSPENDED):
            return {"stopped": True}
        if vm.state is not VmState.RUNNING:
            raise Refused("Cannot retrieve credentials in unknown state")
        machine = self._power.stand_by(vm)
        return {"then": self._until_settled(machine.settled), "folder": str(self._world.folder(vm.name))}

    def _until_settled(self, settled: asyncio.Event) -> Callable[[], Awaitable[None]]:
        async def wait() -> None:
            await settled.wait()

        return wait

    async def _transfer_address(self, message: Message) -> Message:
        vm = living(self._world, [message["name"]])[0]
        if vm.state is not VmState.RUNNING:
            raise Refused(f'instance "{vm.name}" is not running')
        return await self._address(message)


def _load(vm: Vm) -> Load:
    """Believable, and the same every time."""
    spice = int(vm.image_hash[:6], 16) % 100
    return Load(
        (0.08 + spice / 100, 0.03, 0.01), (1700 + spice) * MIB, min(vm.memory // 3, (180 + spice) * MIB)
    )
