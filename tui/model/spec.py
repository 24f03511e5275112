"""What a run is to be: the run spec, fully resolved and validated before it gets here."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, NewType

from tui.model.units import GIB

RunId = NewType("RunId", str)
VmName = NewType("VmName", str)
HostName = NewType("HostName", str)

_FINISH_S = 86400
"""Where there is no time limit."""


class PinPolicy(StrEnum):
    """Whether a VM outlives its run."""

    NEVER = "never"
    ON_FAILURE = "on-failure"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """One run as it will be carried out."""

    image: str
    """An alias, `remote:alias`, URL, or a golden image named in the host's entry."""
    command: str | tuple[str, ...]
    """A string is run by `bash -c` in the guest; a tuple is an argv."""
    host: HostName
    name: str = ""
    """The profile's name; empty for a run made of flags."""
    description: str = ""
    workdir: str = ""
    """Where in the guest the command starts; empty: the guest user's home."""
    sudo: bool = False
    cpus: int = 1
    memory: int = GIB
    """Bytes."""
    disk: int = 5 * GIB
    """Bytes."""
    timeout_s: int | None = None
    """For the workload alone; None: no limit."""
    boot_timeout_s: int = 900
    """From the launch command to a VM that takes commands."""
    grace_s: int = 900
    """How long the host lets the run go on without a word from us."""
    finish: bool = False
    """A workload that runs may end by itself although nobody is there, bounded by its timeout."""
    pin: PinPolicy = PinPolicy.NEVER
    pin_for_s: int | None = None
    """How long a pin holds; None: until its owner says otherwise."""

    @property
    def finish_s(self) -> int:
        """How long its workload may go on without a client where it is left to finish."""
        return self.timeout_s or _FINISH_S

    @property
    def argv(self) -> tuple[str, ...]:
        """What is executed in the guest, `sudo` included."""
        argv = ("bash", "-c", self.command) if isinstance(self.command, str) else self.command
        return ("sudo", "--", *argv) if self.sudo else argv

    def to_json(self) -> dict[str, Any]:
        """Plain data; `from_json` reads it back."""
        data = asdict(self)
        data["pin"] = self.pin.value
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RunSpec:
        """Read what `to_json` wrote; unknown keys of later versions are ignored."""
        known = {field.name for field in fields(cls)}
        kept = {key: value for key, value in data.items() if key in known}
        kept["pin"] = PinPolicy(kept.get("pin", PinPolicy.NEVER))
        if not isinstance(kept["command"], str):
            kept["command"] = tuple(kept["command"])
        return cls(**kept)


def dumps(spec: RunSpec) -> str:
    """One line of JSON."""
    return json.dumps(spec.to_json(), ensure_ascii=False)


def loads(text: str) -> RunSpec:
    """The run spec that `dumps` wrote."""
    return RunSpec.from_json(json.loads(text))
