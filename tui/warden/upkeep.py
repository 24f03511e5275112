"""What keeps a host fit to guard VMs: `contracts.Upkeep` over any `contracts.Host`."""

from __future__ import annotations

import re
import time
from hashlib import sha256

from tui.contracts import Host
from tui.model.errors import WardenError
from tui.model.text import clean_line
from tui.model.upkeep import Change, ChangeKind, HostFacts, SweepReport, SweepWay
from tui.model.use import HostLoad
from tui.warden import script, wire

LOOK_LIMIT_S = 45.0
CHANGE_LIMIT_S = 150.0
MEASURE_LIMIT_S = 20.0

_MARK = re.compile(r"[0-9]+-[A-Za-z0-9]+-[A-Za-z0-9]+")
_NUMBER = re.compile(r"[0-9]{1,15}")
_LOAD = re.compile(r"[0-9]{1,6}(\.[0-9]{1,4})?")


def sweep_name(state_dir: str) -> str:
    """What the sweep over a (checked) state directory is called on its host."""
    if state_dir == script.check_state_dir(""):
        return "dayfly-sweep"
    return f"dayfly-sweep-{sha256(state_dir.encode()).hexdigest()[:8]}"


class HostUpkeep:
    """The upkeep of one host. See `contracts.Upkeep`. `state_dir` is where the host keeps the leases."""

    def __init__(self, host: Host, *, state_dir: str = "") -> None:
        self._host = host
        checked = script.check_state_dir(state_dir)
        folder = f"{checked}/{script.version()}"
        self._command = f"sh {folder}/upkeep.sh {sweep_name(checked)}"
        self._measure = f"sh {folder}/measure.sh"

    async def facts(self) -> HostFacts:
        """Look, and try; leaves nothing behind."""
        words = dict(line.split(" ", 1) for line in await self._call("facts") if " " in line)
        free = words.get("free", "")
        try:
            return HostFacts(
                user=clean_line(words["user"]),
                folder=clean_line(words["folder"]),
                writable=words["writable"] == "yes",
                free=int(free) * 1024 if _NUMBER.fullmatch(free) else None,
                apart="" if words["apart"] == "none" else clean_line(words["apart"]),
                kills={"yes": True, "no": False}.get(words["kills"]),
                lingers=words["lingers"] == "yes",
                sweep=SweepWay(words["sweep"]),
                sweeps=words["sweeps"] == "yes",
            )
        except (KeyError, ValueError) as error:
            raise WardenError("What the host says of itself makes no sense.") from error

    async def measure(self) -> HostLoad:
        """How busy the machine is; cheap enough for every ten seconds. What it does not tell is None."""
        lines = await self._answer(self._measure, MEASURE_LIMIT_S)
        told = {word: values for word, *values in (line.split() for line in lines if line)}
        memory, disk = _sizes(told.get("memory", [])), _sizes(told.get("disk", []))
        return HostLoad(
            at=time.time(),
            cpus=_number(told.get("cpus", [])) or None,
            load=_load(told.get("load", [])),
            memory_total=memory[0],
            memory_free=memory[1],
            disk_total=disk[0],
            disk_free=disk[1],
        )

    async def leave(self) -> str:
        """Start a process as the warden starts its own, which ends by itself after a minute; its mark."""
        mark = _value(await self._call("leave"), "left")
        return mark and _checked(mark)

    async def lives(self, mark: str) -> bool:
        """Whether that process is still there."""
        return _value(await self._call("lives", _checked(mark)), "lives") == "yes"

    async def dismiss(self, mark: str) -> None:
        """End it before its time."""
        await self._call("dismiss", _checked(mark))

    async def install_sweep(self, *, dry_run: bool) -> SweepReport:
        """Have the host wake its guards by itself. Cancelled, it may be half done: say it again."""
        return _report(await self._call("install", "yes" if dry_run else "no", limit_s=CHANGE_LIMIT_S))

    async def uninstall_sweep(self, *, dry_run: bool) -> SweepReport:
        """Remove all that `install_sweep` put there. Cancelled, it may be half done: say it again."""
        return _report(await self._call("uninstall", "yes" if dry_run else "no", limit_s=CHANGE_LIMIT_S))

    async def _call(self, *words: str, limit_s: float = LOOK_LIMIT_S) -> tuple[str, ...]:
        return await self._answer(f"{self._command} {' '.join(words)}", limit_s)

    async def _answer(self, command: str, limit_s: float) -> tuple[str, ...]:
        done = await self._host.run(command, timeout_s=limit_s)
        answer = wire.parse_answer(done.stdout)
        if answer is None:
            said = clean_line(done.stderr[-200:].decode("utf-8", "replace")) or "nothing"
            raise WardenError("The host's sh did not run our script.", hint=f"It said: {said}")
        return answer.lines


def _checked(mark: str) -> str:
    if not _MARK.fullmatch(mark):
        raise WardenError("What the host says of a process makes no sense.")
    return mark


def _value(lines: tuple[str, ...], word: str) -> str:
    return next((line.partition(" ")[2] for line in lines if line.startswith(f"{word} ")), "")


def _number(values: list[str]) -> int | None:
    return int(values[0]) if len(values) == 1 and _NUMBER.fullmatch(values[0]) else None


def _load(values: list[str]) -> float | None:
    return float(values[0]) if len(values) == 1 and _LOAD.fullmatch(values[0]) else None


def _sizes(values: list[str]) -> tuple[int | None, int | None]:
    """Total and free, from KiB; no more is free than there is."""
    if len(values) != 2 or not all(_NUMBER.fullmatch(value) for value in values):
        return None, None
    total, free = (int(value) * 1024 for value in values)
    return total, min(total, free)


def _report(lines: tuple[str, ...]) -> SweepReport:
    changes: list[Change] = []
    for line in lines:
        word, _, rest = line.partition(" ")
        if word in ChangeKind.__members__.values():
            changes.append(Change(ChangeKind(word), clean_line(rest)))
        elif word == "text" and changes:
            last = changes.pop()
            changes.append(Change(last.kind, last.what, (*last.lines, clean_line(rest))))
    notes = tuple(clean_line(line.partition(" ")[2]) for line in lines if line.startswith("note "))
    way = _value(lines, "way")
    if way not in SweepWay.__members__.values():
        raise WardenError("What the host says of its sweep makes no sense.")
    return SweepReport(way=SweepWay(way), changes=tuple(changes), notes=notes)
