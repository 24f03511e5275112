"""The Multipass driver: argv out, parsed output in. 1.10 is the oldest it knows, 1.17 the newest.

Multipass has traps, and these argv keep out of them:
- a second `launch` of a name is only ever a probe, with an image that cannot exist: it says whether
  a launch of that name is under way, and creates nothing;
- `stop` and plain `delete` can block the daemon for everybody for five minutes, `purge` empties
  everybody's trash: cleanup is `delete --purge NAME`, one name a call;
- `exec` without `-n` asks the daemon about mounts first, and may change the directory;
- what goes into a VM goes by `transfer`: `exec` cuts its stdin in silence.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from tui.contracts import Ability, Version
from tui.drivers import multipass_failures, multipass_json
from tui.drivers.progress import last_phrase
from tui.model.errors import ManagerMissing, UsageError
from tui.model.hosts import ImageInfo, VmInfo
from tui.model.lease import Argv, Recipe
from tui.model.spec import RunSpec, VmName
from tui.model.text import clean_line
from tui.model.units import format_size

OLDEST = (1, 10)
"""`exec -n` came with it."""
_MEMORY_OPTION = (1, 11)
"""`--memory` came with it; `--mem`, its name before, is gone in 1.17."""
_NO_SUCH_IMAGE = "file:///no/such.img"
_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")


@dataclass(frozen=True, slots=True)
class Multipass:
    """`contracts.Driver` for Multipass; `manager` is the command's name or path on the host."""

    manager: str = "multipass"

    @property
    def name(self) -> str:
        """Its name in a host's entry."""
        return "multipass"

    @property
    def abilities(self) -> frozenset[Ability]:
        """It keeps no labels."""
        return frozenset({Ability.CLOUD_INIT, Ability.REMOTES})

    @property
    def max_launching(self) -> int:
        """More at once have brought the daemon down."""
        return 2

    def version_argv(self) -> Argv:
        """Prints the version; works without a daemon, too."""
        return (self.manager, "version", "--format", "json")

    def parse_version(self, stdout: bytes) -> Version:
        """Raises ManagerMissing where either half is older than 1.10, ManagerRefused for nonsense."""
        version = multipass_json.parse_version(stdout)
        for found in filter(None, (version.client, version.daemon)):
            if _release(found) < OLDEST:
                raise ManagerMissing(
                    f"Multipass {found} on the host is too old: 1.10 or newer is needed",
                    hint="Update it on the host, for example with `sudo snap refresh multipass`.",
                )
        return version

    def list_argv(self) -> Argv:
        """Lists all VMs. Addresses come from inside the running guests: half a second for each."""
        return (self.manager, "list", "--format", "json")

    def parse_list(self, stdout: bytes) -> tuple[VmInfo, ...]:
        """All VMs, deleted ones too. Raises ManagerRefused where it makes no sense."""
        return multipass_json.parse_list(stdout)

    def images_argv(self) -> Argv:
        """Lists what can be launched, from what the daemon has cached."""
        return (self.manager, "find", "--format", "json")

    def parse_images(self, stdout: bytes) -> tuple[ImageInfo, ...]:
        """The likeliest first. Raises ManagerRefused where it makes no sense."""
        return multipass_json.parse_images(stdout)

    def launch_argv(self, vm: VmName, spec: RunSpec, image: str, version: Version) -> Argv:
        """Makes the VM; ends when it takes commands. Where the spec has cloud-init, that is its stdin.

        (A Multipass from the snap store may read hardly any path.)
        Raises UsageError for an image that would be read as an option. A client that is killed, or
        whose `--timeout` runs out, leaves the VM behind.
        """
        if not image or image.startswith("-"):
            raise UsageError(
                f"{clean_line(image)!r} is not an image",
                hint="Write an alias such as 24.04, a URL, or file:///a/path/on/the/host.",
            )
        modern = not version.client or _release(version.client) >= _MEMORY_OPTION
        return (
            *(self.manager, "launch", image),
            *("--name", vm),
            *("--cpus", str(spec.cpus)),
            *("--memory" if modern else "--mem", format_size(spec.memory)),
            *("--disk", format_size(spec.disk)),
            *("--timeout", str(spec.boot_timeout_s)),
            *(("--cloud-init", "-") if spec.cloud_init else ()),
        )

    def launch_input(self, spec: RunSpec) -> bytes:
        """The user data as it is."""
        return spec.cloud_init.text.encode() if spec.cloud_init else b""

    def put_argv(self, vm: VmName, path: str) -> Argv:
        """Writes its stdin to a file in the VM, replacing it; the folder must be there.

        `exec` would lose what is more than 2 MiB ahead of its reader, and exit 0. It does not start a
        stopped VM. The file belongs to the guest user; cut off, it keeps what came so far.
        """
        return (self.manager, "transfer", "-", f"{vm}:{path}")

    def recipe(self, vm: VmName) -> Recipe:
        """How the warden looks for, enters and deletes it."""
        return Recipe(
            list=(self.manager, "list", "--format", "csv"),
            running="Running",
            delete=(self.manager, "delete", "--purge", vm),
            enter=(self.manager, "exec", "-n", vm, "--"),
            probe=(self.manager, "launch", _NO_SUCH_IMAGE, "--name", vm),
            probe_busy="is being prepared",
            probe_free=f"Custom image `{_NO_SUCH_IMAGE.removeprefix('file://')}` does not exist",
            fetching="Retrieving image",
            taken=f'instance "{vm}" already exists',
            lane=1,  # the daemon does one thing at a time anyway
        )

    def launch_progress(self, tail: bytes) -> str:
        """The last phrase, such as `Retrieving image: 61%`; empty where `tail` has only spinner bytes."""
        return last_phrase(tail)

    def explain(self, stderr: bytes, status: int) -> tuple[str, str]:
        """What a failed command means, and what to do about it: (sentence, hint)."""
        return multipass_failures.explain(stderr, status, self.manager)

    def shell_argv(self, vm: VmName) -> Argv:
        """Opens an interactive shell; it exits 0 whatever the shell ended with, and starts a stopped VM."""
        return (self.manager, "shell", vm)

    def shell_command(self, vm: VmName) -> str:
        """What a person types on the host to get into the VM."""
        return shlex.join(self.shell_argv(vm))

    def delete_command(self, vm: VmName) -> str:
        """What a person types on the host to delete the VM by hand."""
        return shlex.join((self.manager, "delete", "--purge", vm))


def _release(version: str) -> tuple[int, int]:
    """Major and minor; a version without them counts as the newest."""
    match = _VERSION.match(version)
    return (int(match[1]), int(match[2])) if match else (9999, 0)
