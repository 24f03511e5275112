"""`launch`: from a name that no list shows to a VM that answers.

The order of things is the recorded one. While the image is fetched or prepared the name is only
reserved; the client's death ends a download and nothing else.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Mapping
from typing import Protocol

from tui.demo import images, machine
from tui.demo.cloud_init import USER_DATA
from tui.demo.faults import Faults
from tui.demo.images import Refused, Source
from tui.demo.power import Machine, Pace, Power
from tui.demo.world import MIB, Vm, VmState, World, image_hash

_NAME = re.compile(r"[a-zA-Z]|[a-zA-Z][a-zA-Z0-9-]*[a-zA-Z0-9]")
_MINIMUM_MEMORY = 128 * MIB
_MINIMUM_DISK = 512 * MIB
_LONGEST_FILE_NAME = 255
DEFAULT_TIMEOUT_S = 300.0

_CREATE_S = 0.2
_VERIFY_S = 0.3
_PREPARE_S = 0.7
_CONFIGURE_S = 0.1
_CLOUD_INIT_S = 0.5
_DOWNLOAD_STEPS = 20


class Client(Protocol):
    """Who waits for the launch; may die at any time."""

    @property
    def is_gone(self) -> bool:
        """Whether it died."""

    def spin(self, text: str) -> None:
        """Show what goes on, with a spinner."""

    def progress(self, text: str) -> None:
        """Show how far a download is."""

    def say(self, text: str) -> None:
        """Print."""


class Launches:
    """All launches under way."""

    def __init__(self, world: World, power: Power, pace: Pace, faults: Faults) -> None:
        self._world = world
        self._power = power
        self._pace = pace
        self._faults = faults
        self._preparing: set[str] = set()

    def reserve(self, order: Mapping[str, object]) -> tuple[str, Source]:
        """Check an order and reserve its name. Raises Refused; then nothing is reserved."""
        name = str(order["name"]) or self._made_up_name()
        self._check_arguments(order, name)
        source = images.resolve(str(order["image"]), self._world)
        if name in self._preparing:
            raise Refused(f'instance "{name}" is being prepared')
        if name in self._world.vms:
            raise Refused(f'instance "{name}" already exists')
        self._preparing.add(name)
        return name, source

    async def carry_out(self, order: Mapping[str, object], name: str, source: Source, client: Client) -> None:
        """Make the reserved VM. Raises Refused; a timeout leaves the VM behind, as the real one does."""
        try:
            await self._prepare(order, name, source, client)
            vm = self._create(order, name, source)
        finally:
            self._preparing.discard(name)
        client.spin(f"Starting {name}")
        on = self._power.boot(vm, first=True)
        limit_s = float(str(order["timeout"])) or self._pace(DEFAULT_TIMEOUT_S)
        deadline = asyncio.get_running_loop().time() + limit_s
        await self._until_it_answers(vm, on, limit_s)
        client.spin("Waiting for initialization to complete")
        await self._pace.sleep(_CLOUD_INIT_S)
        if order["cloud_init"]:
            await self._until_cloud_init_is_done(vm, deadline)
        client.say(f"Launched: {name}\n")

    async def _prepare(self, order: Mapping[str, object], name: str, source: Source, client: Client) -> None:
        client.spin(f"Creating {name}")
        if len(name) > _LONGEST_FILE_NAME:
            raise Refused(f"unable to create directory '{self._world.folder(name)}'")
        error = images.fetch_error(source.key) if source.key.startswith("http") else None
        if error or source.missing:
            raise error or Refused(source.missing)
        await self._pace.sleep(_CREATE_S)
        if source.download_s:
            await self._download(source, name, client)
        client.spin(f"Preparing image for {name}")
        await self._faults.step("prepare", name)
        await self._pace.sleep(_PREPARE_S)
        disk = int(str(order["disk"]))
        if disk < source.minimum_disk:
            raise Refused(
                f"Requested disk ({disk} bytes) below minimum for this image ({source.minimum_disk} bytes)"
            )
        client.spin(f"Configuring {name}")
        await self._pace.sleep(_CONFIGURE_S)

    async def _download(self, source: Source, name: str, client: Client) -> None:
        for step in range(_DOWNLOAD_STEPS + 1):
            client.progress(f"Retrieving image: {100 * step // _DOWNLOAD_STEPS}%")
            await self._faults.step("fetch", name)
            await self._pace.sleep(source.download_s / _DOWNLOAD_STEPS)
            if client.is_gone:
                raise Refused("Operation canceled")
        self._world.cached_images.add(source.key)
        client.spin("Verifying image: ")
        await self._pace.sleep(_VERIFY_S)

    def _create(self, order: Mapping[str, object], name: str, source: Source) -> Vm:
        vm = Vm(
            name=name,
            image=source.shown,
            release=source.release,
            image_release=source.image_release,
            image_hash=image_hash(source.key),
            cpus=int(str(order["cpus"])),
            memory=int(str(order["memory"])),
            disk=int(str(order["disk"])),
            ipv4=self._world.next_address(),
            state=VmState.STARTING,
        )
        self._world.add(vm)
        if order["cloud_init"]:
            user_data = self._world.folder(name) / USER_DATA
            user_data.write_text(str(order["cloud_init"]))
            user_data.chmod(0o600)
        return vm

    async def _until_it_answers(self, vm: Vm, machine: Machine, limit_s: float) -> None:
        """Wait for its SSH server. One that was purged meanwhile counts as launched."""
        try:
            async with asyncio.timeout(limit_s):
                await machine.settled.wait()
        except TimeoutError:
            self._power.give_up(vm)
            raise Refused(
                f"The following errors occurred:\n{vm.name}: timed out waiting for response"
            ) from None

    async def _until_cloud_init_is_done(self, vm: Vm, deadline: float) -> None:
        """Wait; whether it went well is nothing to Multipass. The VM runs already."""
        try:
            async with asyncio.timeout_at(deadline):
                await machine.first_boot(self._world.folder(vm.name))
        except TimeoutError:
            raise Refused("timed out waiting for initialization to complete") from None

    def _check_arguments(self, order: Mapping[str, object], name: str) -> None:
        if not _NAME.fullmatch(name):
            raise Refused(f"Invalid arguments supplied\nInvalid instance name supplied: {name}")
        for what, minimum in (("memory", _MINIMUM_MEMORY), ("disk", _MINIMUM_DISK)):
            if int(str(order[what])) < minimum:
                raise Refused(
                    "Invalid arguments supplied\n"
                    f"Invalid {what} size value supplied: {order[f'{what}_text']}."
                )
        if order["networks"]:
            raise Refused("Invalid arguments supplied\nInvalid network options supplied")

    def _made_up_name(self) -> str:
        adjectives = ("verified", "gentle", "curious", "brave", "quiet", "amber")
        animals = ("guppy", "heron", "otter", "mayfly", "lynx", "wren")
        while True:
            name = f"{random.choice(adjectives)}-{random.choice(animals)}"
            if name not in self._world.vms and name not in self._preparing:
                return name
