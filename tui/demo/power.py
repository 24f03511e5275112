"""Turns VMs on and off and knows which of them run."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter, TaskGroup
from contextlib import suppress
from dataclasses import dataclass, field

from tui.demo import machine, streams, wire
from tui.demo.faults import Faults
from tui.demo.guest import Guests
from tui.demo.images import Refused
from tui.demo.machine import Process
from tui.demo.world import Vm, VmState, World

SHUTDOWN_LIMIT_MS = 300_000
_GETS_ADDRESS_S = 0.25
_BOOT_S = 2.0
_SHUTDOWN_S = 0.8
_RESUME_S = 1.0
_FAREWELL_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take: everything is `speed` times as fast as told."""

    speed: float

    def __call__(self, seconds: float) -> float:
        """Seconds of the real world as seconds of this one."""
        return seconds / self.speed

    async def sleep(self, seconds: float) -> None:
        """Let that time pass."""
        await asyncio.sleep(self(seconds))


@dataclass(slots=True)
class Machine:
    """A VM that is on."""

    process: Process
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """It answers, or it ended."""
    is_up: bool = False
    life: asyncio.Task[None] | None = None
    link: StreamWriter | None = None


class Power:
    """The machines of a world."""

    def __init__(
        self, world: World, pace: Pace, guests: Guests, lifeline: int, tasks: TaskGroup, faults: Faults
    ) -> None:
        self._world = world
        self._pace = pace
        self._guests = guests
        self._lifeline = lifeline
        self._tasks = tasks
        self._faults = faults
        self._machines: dict[str, Machine] = {}

    def machine(self, vm: Vm) -> Machine | None:
        """The machine of a VM that is on."""
        return self._machines.get(vm.name)

    def boot(self, vm: Vm, *, state: VmState = VmState.STARTING, first: bool = False) -> Machine:
        """Turn it on; `settled` tells when it answers. A new VM is `Unknown` while it has no address."""
        vm.state = state
        vm.booted += 1
        return self._adopt(vm, self._power_on(vm), first)

    def stand_by(self, vm: Vm) -> Machine:
        """The machine of a Running VM; one that nobody has entered yet gets its process only now."""
        return self._machines.get(vm.name) or self._adopt(
            vm,
            self._power_on(vm),
            first=False,
        )

    async def resume(self, vm: Vm) -> Machine:
        """Wake a suspended VM; boot it where its process did not live to see that."""
        process = Process(vm.pid, vm.pid_started)
        if not process.is_alive():
            return self.boot(vm)
        vm.state = VmState.STARTING
        self._world.save()
        await self._pace.sleep(_RESUME_S)
        process.thaw()
        return self._adopt(vm, process, first=False)

    async def kill(self, vm: Vm, state: VmState = VmState.STOPPED) -> None:
        """Power off, at once. Idempotent."""
        gone = self._machines.pop(vm.name, None)
        await Process(vm.pid, vm.pid_started).kill()
        self._ended(vm, gone, state)

    async def shut_down(self, vm: Vm, state: VmState = VmState.STOPPED) -> None:
        """Ask the guest to power off and wait. Raises Refused, after a long time, for one that is booting."""
        running = self.stand_by(vm) if vm.state is VmState.RUNNING else self._machines.get(vm.name)
        if running is None:
            vm.state = state
            return
        if vm.state is VmState.RUNNING:
            await running.settled.wait()
        if not running.is_up or running.link is None:
            await self._pace.sleep(SHUTDOWN_LIMIT_MS / 1000)
            raise Refused(
                f"The QEMU process did not finish within {SHUTDOWN_LIMIT_MS} milliseconds "
                "after being shutdown"
            )
        self._machines.pop(vm.name, None)
        running.link.write(wire.pack({"op": "poweroff"}))
        await self._pace.sleep(_SHUTDOWN_S)
        await running.process.kill()
        self._ended(vm, running, state)

    async def suspend(self, vm: Vm) -> None:
        """Freeze it; its process stays."""
        frozen = self._machines.pop(vm.name, None)
        Process(vm.pid, vm.pid_started).freeze()
        await self._pace.sleep(0.5)
        self._ended(vm, frozen, VmState.SUSPENDED)

    def freeze_all(self) -> None:
        """What the end of the daemon by TERM does: the next one wakes them."""
        for vm in self._world.vms.values():
            if vm.name in self._machines and vm.state is VmState.RUNNING:
                Process(vm.pid, vm.pid_started).freeze()
                vm.state, vm.resume = VmState.SUSPENDED, True
        self._world.save()

    async def recover_from_predecessor(self) -> None:
        """Bring the VMs back as a new daemon does: those frozen by TERM go on, those killed boot again."""
        for vm in list(self._world.vms.values()):
            if vm.resume:
                vm.resume = False
                self._tasks.create_task(self._resume_later(vm))
                continue
            if vm.state is not VmState.SUSPENDED:
                await Process(vm.pid, vm.pid_started).kill()
            if vm.state is VmState.RUNNING and not vm.foreign:
                self.boot(vm)
            elif vm.state in (VmState.STARTING, VmState.UNKNOWN, VmState.RESTARTING):
                vm.state = VmState.STOPPED
        self._world.save()

    async def _resume_later(self, vm: Vm) -> None:
        await self.resume(vm)

    def give_up(self, vm: Vm) -> None:
        """Stop looking whether it answers: it stays Unknown for good."""
        machine_ = self._machines.get(vm.name)
        if machine_ and not machine_.is_up and machine_.life:
            machine_.life.cancel()

    def _power_on(self, vm: Vm) -> Process:
        return machine.power_on(self._world.folder(vm.name), vm, self._guests, self._lifeline)

    def _adopt(self, vm: Vm, process: Process, first: bool) -> Machine:
        on = Machine(process)
        vm.pid, vm.pid_started = process.pid, process.started
        self._machines[vm.name] = on
        self._world.save()
        on.life = self._tasks.create_task(self._live(vm, on, first))
        return on

    async def _live(self, vm: Vm, on: Machine, first: bool) -> None:
        link = await machine.watch(self._world.folder(vm.name), on.process)
        if link is not None:
            if vm.state is not VmState.RUNNING:
                await self._come_up(vm, first)
            on.is_up, on.link = True, link[1]
            on.settled.set()
            await self._until_it_ends(vm, on, link[0])
        if self._machines.get(vm.name) is on:
            del self._machines[vm.name]
            self._ended(vm, on, VmState.STOPPED)

    async def _come_up(self, vm: Vm, first: bool) -> None:
        await self._pace.sleep(_GETS_ADDRESS_S)
        if first:
            vm.state = VmState.UNKNOWN
        await self._faults.step("boot", vm.name)
        await self._pace.sleep(_BOOT_S)
        vm.state = VmState.RUNNING
        self._world.save()

    async def _until_it_ends(self, vm: Vm, on: Machine, reader: StreamReader) -> None:
        """Wait; a guest that powers itself off gets the time to say goodbye to its clients."""
        farewell = await streams.read(reader)
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_LIMIT_S):
                while farewell is not None and await streams.read(reader) is not None:
                    continue
        if self._machines.get(vm.name) is on:
            await on.process.kill()
            if farewell == {"closing": "reboot"}:
                self.boot(vm, state=VmState.RESTARTING)

    def _ended(self, vm: Vm, was: Machine | None, state: VmState) -> None:
        vm.state = state
        if was is not None:
            was.is_up = False
            was.settled.set()
            if was.link is not None:
                was.link.close()
            if was.life is not None and was.life is not asyncio.current_task():
                was.life.cancel()
        if vm.name in self._world.vms:
            self._world.save()
