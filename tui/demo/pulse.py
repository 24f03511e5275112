"""What a sandboxed guest says of itself in /proc: figures that move as a machine's do, and are made up."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable

from tui.demo.disk import Disk
from tui.demo.guest import Figures

_BEAT_S = 1.0
_TICKS_A_SECOND = 100
_IDLE_SHARE, _BUSY_SHARE, _MOST_SHARE = 0.02, 0.62, 0.97
_IDLE_MEMORY, _BUSY_MEMORY = 0.17, 0.48
_INERTIA = 0.8
"""How much of a figure stays from one beat to the next."""
_MINUTE = 1 / 60


class Pulse:
    """Keeps /proc/stat, loadavg and meminfo of one guest moving; `is_busy` tells whether it works."""

    def __init__(self, disk: Disk, figures: Figures, is_busy: Callable[[], bool]) -> None:
        self._disk, self._figures, self._is_busy = disk, figures, is_busy
        self._dice = random.Random(figures.name)
        self._cpu, self._memory, self._load = _IDLE_SHARE, _IDLE_MEMORY, 0.08
        self._used, self._idle = 400, 9_000

    async def beat(self) -> None:
        """Until cancelled."""
        while True:
            self._move()
            self._show()
            await asyncio.sleep(_BEAT_S)

    def _move(self) -> None:
        busy, cpus = self._is_busy(), max(1, self._figures.cpus)
        cpu = (_BUSY_SHARE + self._dice.uniform(-0.45, 0.45)) if busy else _IDLE_SHARE * self._dice.random()
        self._cpu = min(_MOST_SHARE, _INERTIA * self._cpu + (1 - _INERTIA) * cpu * 1.1)
        memory = (_BUSY_MEMORY if busy else _IDLE_MEMORY) + self._dice.uniform(-0.02, 0.02)
        self._memory = _INERTIA * self._memory + (1 - _INERTIA) * memory
        self._load += (self._cpu * cpus * 1.2 - self._load) * 4 * _MINUTE
        ticks = round(_BEAT_S * _TICKS_A_SECOND * cpus)
        used = round(ticks * self._cpu)
        self._used, self._idle = self._used + used, self._idle + ticks - used

    def _show(self) -> None:
        system, total = self._used // 5, self._figures.memory // 1024
        free = round(total * (1 - self._memory))
        self._write("stat", f"cpu  {self._used - system:>10} 0 {system:>10} {self._idle:>12} 0 0 0 0 0 0\n")
        self._write(
            "loadavg", f"{self._load:5.2f} {self._load * 0.7:5.2f} {self._load * 0.4:5.2f} 1/92 1024\n"
        )
        memory = (("MemTotal", total), ("MemFree", free * 9 // 10), ("MemAvailable", free))
        self._write("meminfo", "".join(f"{name + ':':<13} {size:>12} kB\n" for name, size in memory))

    def _write(self, name: str, text: str) -> None:
        """At one go and always as long, so that whoever reads meanwhile reads all; no link leads out."""
        try:
            file = self._disk.open(f"/proc/{name}", os.O_WRONLY | os.O_CREAT)
        except OSError:
            return  # the guest's own doing
        try:
            os.write(file, text.encode())
            os.ftruncate(file, len(text))
        except OSError:
            return
        finally:
            os.close(file)
