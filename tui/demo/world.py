"""What the emulated Multipass knows: its VMs, images and settings, on disk.

One JSON file, replaced by rename, and one folder a VM. Only the daemon writes; a daemon started anew
finds the world as its predecessor left it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path

MIB = 1024 * 1024
GIB = 1024 * MIB


class VmState(StrEnum):
    """As Multipass says it."""

    RUNNING = "Running"
    STARTING = "Starting"
    RESTARTING = "Restarting"
    STOPPED = "Stopped"
    SUSPENDED = "Suspended"
    UNKNOWN = "Unknown"
    DELETED = "Deleted"


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """One snapshot of a VM; only its description is played."""

    name: str
    comment: str
    created: str
    parent: str


@dataclass(slots=True, kw_only=True)
class Vm:
    """One instance."""

    name: str
    image: str
    """What `list` shows: `Ubuntu 24.04 LTS`, or `Not Available` for an image from a file."""
    release: str
    """What the guest says it is, as `info` shows it."""
    image_release: str
    image_hash: str
    cpus: int
    memory: int
    """Bytes."""
    disk: int
    """Bytes."""
    ipv4: str
    state: VmState = VmState.STOPPED
    deleted: bool = False
    resume: bool = False
    """Suspended by the end of its daemon: the next one wakes it."""
    foreign: bool = False
    """Somebody else's, here from the beginning: never ours to count."""
    booted: int = 0
    """How many times."""
    snapshots: list[Snapshot] = field(default_factory=list)
    pid: int = 0
    pid_started: str = ""
    """Identity of the process that is the VM, with its pid."""

    @property
    def shown_state(self) -> VmState:
        """What `list` says."""
        return VmState.DELETED if self.deleted else self.state


class World:
    """The world in `root`. Not shared: one daemon holds it."""

    FILE = "world.json"
    INSTANCES = "instances"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.vms: dict[str, Vm] = {}
        self.cached_images: set[str] = set()
        """Images already downloaded: their launch begins at once."""
        self.settings: dict[str, str] = {}
        self.addresses_given = 0
        self.clones_made = 0

    @classmethod
    def load(cls, root: Path) -> World:
        """The world in `root`, with its foreign VMs if there is none yet."""
        world = cls(root)
        (root / cls.INSTANCES).mkdir(parents=True, exist_ok=True)
        try:
            data = json.loads((root / cls.FILE).read_text())
        except FileNotFoundError:
            world._begin()
            return world
        world.vms = {vm["name"]: _vm(vm) for vm in data["vms"]}
        world.cached_images = set(data["cached_images"])
        world.settings = data["settings"]
        world.addresses_given = data["addresses_given"]
        world.clones_made = data["clones_made"]
        return world

    def save(self) -> None:
        """Write it; a reader sees the old or the new one."""
        data = {
            "vms": [asdict(vm) for vm in self.vms.values()],
            "cached_images": sorted(self.cached_images),
            "settings": self.settings,
            "addresses_given": self.addresses_given,
            "clones_made": self.clones_made,
        }
        new = self.root / f"{self.FILE}.new"
        new.write_text(json.dumps(data, indent=1))
        os.replace(new, self.root / self.FILE)

    def folder(self, name: str) -> Path:
        """Where the VM's disk is."""
        return self.root / self.INSTANCES / name

    def add(self, vm: Vm) -> None:
        """Put a new VM into the table. Raises OSError for a name no folder can have."""
        self.folder(vm.name).mkdir(parents=True, exist_ok=True)
        self.vms[vm.name] = vm
        self.save()

    def remove(self, name: str) -> None:
        """Forget the VM and everything on its disk."""
        del self.vms[name]
        self.save()
        shutil.rmtree(self.folder(name), ignore_errors=True)

    def next_address(self) -> str:
        """An address nobody had before."""
        self.addresses_given += 1
        return f"10.77.{self.addresses_given // 250}.{self.addresses_given % 250 + 2}"

    def _begin(self) -> None:
        """The VMs that other people of this host have."""
        self.cached_images = {"22.04"}
        for name, image, cpus, memory, state in (
            ("build-cache", "22.04", 2, 4 * GIB, VmState.RUNNING),
            ("alice-notebook", "24.04", 1, 2 * GIB, VmState.STOPPED),
            ("old-experiment", "22.04", 1, GIB, VmState.STOPPED),
        ):
            release = f"{image} LTS"
            self.add(
                Vm(
                    name=name,
                    image=f"Ubuntu {release}",
                    release=f"Ubuntu {release}",
                    image_release=release,
                    image_hash=image_hash(image),
                    cpus=cpus,
                    memory=memory,
                    disk=20 * GIB,
                    ipv4=self.next_address(),
                    state=state,
                    deleted=name == "old-experiment",
                    foreign=True,
                )
            )


def image_hash(image: str) -> str:
    """The same for the same image, as a checksum would be."""
    return hashlib.sha256(image.encode()).hexdigest()


def _vm(data: dict[str, object]) -> Vm:
    """Read what `asdict` wrote; unknown keys of a newer version are dropped."""
    known = {key: value for key, value in data.items() if key in {each.name for each in fields(Vm)}}
    snapshots = data.get("snapshots")
    known["snapshots"] = [Snapshot(**each) for each in snapshots] if isinstance(snapshots, list) else []
    known["state"] = VmState(str(data["state"]))
    return Vm(**known)  # type: ignore[arg-type]
