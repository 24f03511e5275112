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


class Kind(StrEnum):
    """What a run gets for its own."""

    VM = "vm"
    CONTAINER = "container"
    """It shares the host's kernel: quicker, and a weaker wall."""


@dataclass(frozen=True, slots=True)
class Input:
    """Files of this machine that the workload finds in its VM."""

    source: str
    """An absolute path here: a file, a folder, or a glob. Of a git work tree, what git does not ignore."""
    to: str
    """Where in the VM; relative to the guest user's home. With a / at its end: a folder to put it in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What the work leaves in its VM and is to come home."""

    path: str
    """A glob in the VM; relative to the workdir."""
    to: str = ""
    """A folder here, absolute; `{run}` stands for the run's id. Empty: the results folder of the run."""
    max_size: int = 2 * GIB
    """Bytes; what is more stays behind, and the result is marked as partial."""
    required: bool = False
    """Without it, whole, the run has no result."""


@dataclass(frozen=True, slots=True)
class CloudInit:
    """User data for the first boot."""

    text: str
    """`#cloud-config` and YAML, checked."""
    stop_on_failure: bool = False
    """A failed module or command ends the run before its work; else it is only told."""


class SecretSource(StrEnum):
    """Where a secret is taken from, just before it is used."""

    ENV = "env"
    """A variable of this process's environment."""
    FILE = "file"
    """A file here; its last line break is not part of it."""
    CMD = "cmd"
    """What a command here prints; its last line break is not part of it. A person allows it once."""
    PROMPT = "prompt"
    """A person types it."""


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A secret that the workload finds in its environment. Never its value."""

    name: str
    """The variable of the workload."""
    source: SecretSource
    detail: str
    """The variable, the path, the command line, or what to ask."""


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
    kind: Kind | None = None
    """None: what the host's entry says."""
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
    inputs: tuple[Input, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    collect_timeout_s: int = 600
    """For bringing all results out of the VM."""
    cloud_init: CloudInit | None = None
    env: tuple[tuple[str, str], ...] = ()
    """Variables of the workload, by name."""
    secrets: tuple[SecretRef, ...] = ()
    mask: bool = True
    """Stars stand for secrets in what we show and keep of the workload's output."""

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
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RunSpec:
        """Read what `to_json` wrote; unknown keys of later versions are ignored."""
        known = {field.name for field in fields(cls)}
        kept = {key: value for key, value in data.items() if key in known}
        kept["kind"] = Kind(kept["kind"]) if kept.get("kind") else None
        kept["pin"] = PinPolicy(kept.get("pin", PinPolicy.NEVER))
        if not isinstance(kept["command"], str):
            kept["command"] = tuple(kept["command"])
        kept["inputs"] = tuple(Input(**item) for item in kept.get("inputs", ()))
        kept["artifacts"] = tuple(Artifact(**item) for item in kept.get("artifacts", ()))
        if kept.get("cloud_init"):
            kept["cloud_init"] = CloudInit(**kept["cloud_init"])
        kept["env"] = tuple((name, value) for name, value in kept.get("env", ()))
        kept["secrets"] = tuple(
            SecretRef(item["name"], SecretSource(item["source"]), item["detail"])
            for item in kept.get("secrets", ())
        )
        return cls(**kept)


def dumps(spec: RunSpec) -> str:
    """One line of JSON."""
    return json.dumps(spec.to_json(), ensure_ascii=False)


def loads(text: str) -> RunSpec:
    """The run spec that `dumps` wrote."""
    return RunSpec.from_json(json.loads(text))
