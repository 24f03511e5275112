"""What we know of one VM manager: argv out, parsed output in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tui.model.hosts import ImageInfo, VmInfo
from tui.model.lease import Argv, Recipe
from tui.model.spec import Kind, RunSpec, VmName


class Ability(StrEnum):
    """What not every manager can. What its driver does not declare is not asked of it."""

    CLOUD_INIT = "cloud-init"
    """Gives a new VM its user data."""
    LABELS = "labels"
    """Keeps the label that a launch gives to a VM: `Recipe.owner` prints it."""
    REMOTES = "remotes"
    """Fetches images that it does not have yet."""
    CLUSTER = "cluster"
    """May be one of several machines that share their VMs."""


@dataclass(frozen=True, slots=True)
class Version:
    """What the manager's command and its daemon say they are."""

    client: str
    daemon: str = ""
    kinds: frozenset[Kind] = frozenset({Kind.VM})
    """What it can make on this host."""


class Driver(Protocol):
    """Argv out, parsed output in; no I/O. `manager` is the command's name or path on the host."""

    @property
    def name(self) -> str:
        """`multipass`, `lxd`, ..."""

    @property
    def abilities(self) -> frozenset[Ability]:
        """What it can of what not every manager can."""

    @property
    def max_launching(self) -> int:
        """How many launches the manager takes at once."""

    def version_argv(self) -> Argv:
        """Prints the version."""

    def parse_version(self, stdout: bytes) -> Version:
        """Raises ManagerMissing where it is too old to use, ManagerRefused where it makes no sense."""

    def list_argv(self) -> Argv:
        """Lists all VMs with their states, and the addresses of those that run."""

    def parse_list(self, stdout: bytes) -> tuple[VmInfo, ...]:
        """Raises ManagerRefused where it makes no sense."""

    def images_argv(self) -> Argv:
        """Lists what can be launched."""

    def parse_images(self, stdout: bytes) -> tuple[ImageInfo, ...]:
        """Raises ManagerRefused where it makes no sense."""

    def launch_argv(self, vm: VmName, spec: RunSpec, image: str, version: Version) -> Argv:
        """Makes the VM, of the spec's kind; ends when it takes commands.

        Raises UsageError for what no manager of this sort can make. Whether this host can make such a kind,
        and whether the manager can do what else is asked, is looked at before.
        """

    def launch_input(self, spec: RunSpec) -> bytes:
        """What the launch reads on its stdin, such as the user data; empty: nothing."""

    def put_argv(self, vm: VmName, path: str) -> Argv:
        """Writes its stdin, however long, to a file in the VM, replacing it."""

    def recipe(self, vm: VmName) -> Recipe:
        """How the warden looks for, enters and deletes it."""

    def launch_progress(self, tail: bytes) -> str:
        """What the launch is busy with, from the last bytes of its stdout: `Retrieving image: 61%`.

        Empty where these bytes do not tell: then it is still busy with what was told before.
        """

    def explain(self, stderr: bytes, status: int) -> tuple[str, str]:
        """What a failed command means, and what to do about it: (sentence, hint)."""

    def shell_argv(self, vm: VmName) -> Argv:
        """Opens an interactive shell in the VM, on the host, with a terminal."""

    def shell_command(self, vm: VmName) -> str:
        """What a person types on the host to get into the VM."""

    def delete_command(self, vm: VmName) -> str:
        """What a person types on the host to delete the VM by hand."""
