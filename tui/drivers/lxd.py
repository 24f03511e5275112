"""The driver of LXD and Incus: one class, two commands; in what they differ is data.

LXD 5.0 and Incus 6.0 are the oldest it knows.

They have traps, and these argv keep out of them:
- the daemon goes on creating after its client was killed, and refuses a delete meanwhile ("busy"): the
  operations that it lists tell that; an instance is listed from the first moment on, as stopped;
- the client, not the daemon, starts what was created: killed in between, it leaves a stopped instance;
- `launch` ends when the instance was started: a VM's agent, its network and cloud-init come later;
- `launch` takes YAML on its stdin, so it must have one that ends;
- operations that ended are listed for five seconds more, with the environment of every exec;
- `exec` answers 137 where it was itself killed, and its own failures are 1, 126 and 127.

Incus came from LXD 5.0 and has the same commands; here they were not run against a real daemon of it.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass

from tui.contracts import Ability, Version
from tui.drivers import lxd_failures, lxd_json
from tui.drivers.lxd_words import INCUS, LXD, Tool
from tui.drivers.progress import last_phrase
from tui.model.errors import ManagerMissing, UsageError
from tui.model.hosts import ImageInfo, VmInfo
from tui.model.lease import Argv, Recipe
from tui.model.spec import Kind, RunSpec, VmName
from tui.model.text import clean_line

LABEL = "user.dayfly"
"""Its value is the run's id, the last word of the VM's name."""
_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")
_ANSWERED = "dayfly: these are all"

_LAUNCH = """\
manager=$1 vm=$2 tries=$3 check=$4; shift 4
"$manager" launch "$@" || exit
echo; echo 'Waiting until it takes commands'
exec </dev/null; limit=; tried=0
command -v timeout >/dev/null && limit='timeout 20'
until said=$($limit "$manager" exec "$vm" -T -- sh -c "$check" sh $tried 2>&1); do
  case $?.$said in
  126.*|127.*) exit 0;;
  *'is not running'*|*'not found'*) echo "$said" >&2; exit 1;;
  esac
  [ $tried -lt "$tries" ] || { echo "$said" >&2; echo 'Timed out waiting for its commands' >&2; exit 1; }
  tried=$((tried + 1)); sleep 1
done
"""
_CLOUD_INIT_CHECK = """\
case $(cloud-init status 2>/dev/null) in *running*|*'not started'*|*'not run'*) exit 1;; esac
"""
# A network that does not come in half a minute is none: some have no route, or one for IPv6 alone.
_NETWORK_CHECK = """\
for nic in /sys/class/net/e*; do
  [ -e "$nic" ] && [ "$1" -lt 30 ] || exit 0
  while read -r _ to _; do [ "$to" != 00000000 ] || exit 0; done </proc/net/route
  exit 1
done
"""
_PROBE = f'"$1" operation list --format json && echo "{_ANSWERED}"'


@dataclass(frozen=True, slots=True)
class Lxd:
    """`contracts.Driver` for LXD, and for Incus; `manager` is the command's name or path on the host.

    LXD is run for real by the tests, containers only. Incus: not run against a real daemon.
    """

    manager: str = LXD.command
    tool: Tool = LXD

    @property
    def name(self) -> str:
        """Its name in a host's entry."""
        return self.tool.name

    @property
    def abilities(self) -> frozenset[Ability]:
        """All there are."""
        return frozenset(Ability)

    @property
    def max_launching(self) -> int:
        """The daemon takes many; disks do not."""
        return 8

    def version_argv(self) -> Argv:
        """Prints what the daemon is and what it can make; without a daemon it fails."""
        return (self.manager, "query", "/1.0")

    def parse_version(self, stdout: bytes) -> Version:
        """Raises ManagerMissing where it is too old, ManagerRefused where it makes no sense."""
        version = lxd_json.parse_version(stdout, self.tool)
        match = _VERSION.match(version.daemon)
        if match and (int(match[1]), int(match[2])) < self.tool.oldest:
            oldest = ".".join(map(str, self.tool.oldest))
            raise ManagerMissing(
                f"{self.tool.title} {version.daemon} on the host is too old: {oldest} or newer is needed",
                hint=f"Update it on the host, for example with `{self.tool.update}`.",
            )
        return version

    def list_argv(self) -> Argv:
        """Lists the instances of the account's project, with the addresses of those that run."""
        return (self.manager, "list", "--format", "json")

    def parse_list(self, stdout: bytes) -> tuple[VmInfo, ...]:
        """Raises ManagerRefused where it makes no sense."""
        return lxd_json.parse_list(stdout, self.tool)

    def images_argv(self) -> Argv:
        """Lists the images that are there; those of remotes, thousands, are launched by name as well."""
        return (self.manager, "image", "list", "--format", "json")

    def parse_images(self, stdout: bytes) -> tuple[ImageInfo, ...]:
        """Those with an alias first. Raises ManagerRefused where it makes no sense."""
        return lxd_json.parse_images(stdout, self.tool)

    def launch_argv(self, vm: VmName, spec: RunSpec, image: str, version: Version) -> Argv:  # noqa: ARG002
        """Makes it, and waits until it takes commands, has a network, and cloud-init has ended.

        Where the spec has cloud-init, it does not wait for that: its log is shown as it works. Raises
        UsageError for an image that would be read as an option. Killed, it leaves behind what is made.
        """
        if not image or image.startswith("-"):
            raise UsageError(
                f"{clean_line(image)!r} is not an image",
                hint=f"Write a local alias, or one of a remote such as {self.tool.image}.",
            )
        check = _NETWORK_CHECK if spec.cloud_init else _CLOUD_INIT_CHECK + _NETWORK_CHECK
        return (
            *("sh", "-c", _LAUNCH, "dayfly-launch"),
            *(self.manager, vm, str(spec.boot_timeout_s), check),
            *(image, vm),
            *(("--vm",) if spec.kind is not Kind.CONTAINER else ()),
            *("--config", f"{LABEL}={_run_of(vm)}"),
            *("--config", f"limits.cpu={spec.cpus}"),
            *("--config", f"limits.memory={spec.memory}B"),
            *("--device", f"root,size={spec.disk}B"),
        )

    def launch_input(self, spec: RunSpec) -> bytes:
        """YAML for `launch`: of which JSON is a part."""
        if spec.cloud_init is None:
            return b""
        return json.dumps({"config": {"cloud-init.user-data": spec.cloud_init.text}}).encode()

    def put_argv(self, vm: VmName, path: str) -> Argv:
        """Writes its stdin to a file in the VM, replacing what is in it; the folder must be there.

        The file is root's, and nobody else reads it; one that was there keeps its mode.
        """
        return (
            self.manager,
            "file",
            "push",
            "-",
            f"{vm}{path}",
            "--mode",
            "0600",
            "--uid",
            "0",
            "--gid",
            "0",
        )

    def recipe(self, vm: VmName) -> Recipe:
        """How the warden looks for, enters and deletes it."""
        return Recipe(
            list=(self.manager, "list", "--format", "csv", "--columns", "ns"),
            running="RUNNING",
            delete=(self.manager, "delete", "--force", vm),
            enter=(self.manager, "exec", vm, "-T", "--"),
            owner=(self.manager, "config", "get", vm, LABEL),
            probe=("sh", "-c", _PROBE, "dayfly-probe", self.manager),
            probe_busy=f"/1.0/instances/{vm}",
            probe_free=_ANSWERED,
            taken="already exists",
            lane=4,
        )

    def launch_progress(self, tail: bytes) -> str:
        """The last phrase, such as `Retrieving image: Unpack: 61% (9.1MB/s)`."""
        return last_phrase(tail)

    def explain(self, stderr: bytes, status: int) -> tuple[str, str]:
        """What a failed command means, and what to do about it: (sentence, hint)."""
        return lxd_failures.explain(stderr, status, self.manager, self.tool)

    def shell_argv(self, vm: VmName) -> Argv:
        """Opens a login shell of root; its exit status is the shell's."""
        return (self.manager, "exec", vm, "-t", "--", "su", "-l")

    def shell_command(self, vm: VmName) -> str:
        """What a person types on the host to get into the VM."""
        return shlex.join((self.manager, "exec", vm, "--", "su", "-l"))

    def delete_command(self, vm: VmName) -> str:
        """What a person types on the host to delete the VM by hand."""
        return shlex.join(self.recipe(vm).delete)


def incus(manager: str = INCUS.command) -> Lxd:
    """The driver of Incus."""
    return Lxd(manager, INCUS)


def _run_of(vm: VmName) -> str:
    return vm.rpartition("-")[2]
