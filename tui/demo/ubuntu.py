"""What makes the sandbox look like an Ubuntu server: its files, and the commands that bashkit lacks.

All of it is scenery. Nothing here reaches this machine's files, processes or network.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from bashkit import CommandContext as Context

from tui.demo import cloud_init, coreutils, user_data
from tui.demo.cloud_init import File
from tui.demo.coreutils import HOME
from tui.demo.disk import Disk
from tui.demo.guest import Figures

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MIB = 1024 * 1024
_POLL_S = 0.2
_FOLDERS = (
    "bin boot dev/shm etc home/ubuntu lib lib64 media mnt opt proc root run sbin snap srv sys tmp usr/bin "
    "usr/lib usr/local/bin usr/sbin usr/share var/cache var/lib/cloud/instance var/log var/tmp"
)
_STICKY = ("tmp", "var/tmp", "dev/shm")
_TOOLS = (
    "bash cat chmod cp date dd echo env false find grep gzip head ln ls mkdir mv pwd rm sed sh sleep sort "
    "tail tar tee test touch tr true uname wc whoami xargs"
)
_OS_RELEASE = """\
PRETTY_NAME="Ubuntu 24.04.3 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION="24.04.3 LTS (Noble Numbat)"
VERSION_CODENAME=noble
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=noble
"""


def furnish(disk: Path, figures: Figures) -> None:
    """Make the files of a fresh guest; those that are there already stay as they are."""
    for folder in _FOLDERS.split():
        (disk / folder).mkdir(parents=True, exist_ok=True)
    for left in (disk / "dev/shm").iterdir():
        left.unlink()
    for folder in _STICKY:
        (disk / folder).chmod(0o1777)
    texts = {
        "etc/hostname": f"{figures.name}\n",
        "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {figures.name}\n",
        "etc/os-release": _OS_RELEASE,
        "etc/passwd": f"root:x:0:0:root:/root:/bin/bash\nubuntu:x:1000:1000:Ubuntu:{HOME}:/bin/bash\n",
        "proc/cpuinfo": "".join(
            f"processor\t: {cpu}\nmodel name\t: Demo CPU\n\n" for cpu in range(figures.cpus)
        ),
        "proc/loadavg": "0.08 0.03 0.01 1/92 1024\n",
        "proc/meminfo": f"MemTotal: {figures.memory // 1024} kB\n",
        "var/lib/cloud/instance/boot-finished": "0\n",
        "var/log/cloud-init-output.log": "",
    }
    for path, text in texts.items():
        if not (disk / path).exists():
            (disk / path).write_text(text)
    status = cloud_init.Status(_answers(disk))
    if not status.is_known:
        status.save(cloud_init.RUNNING if (disk.parent / cloud_init.USER_DATA).exists() else cloud_init.DONE)
    for tool in _TOOLS.split():
        script = disk / "usr/bin" / tool
        script.write_text(f'{tool} "$@"\n')
        script.chmod(0o755)
        (disk / "bin" / tool).write_text(f'{tool} "$@"\n')
        (disk / "bin" / tool).chmod(0o755)


def first_boot(disk: Path, files: Disk, run: Callable[[str, int], int]) -> None:
    """Carry out the user data, for a thread. `run` runs a line, with its output to an open file."""
    status = cloud_init.Status(_answers(disk))
    plan = user_data.plan((disk.parent / cloud_init.USER_DATA).read_text())
    cloud_init.carry_out(plan, _Hands(files, run), status)
    status.save(cloud_init.DONE)


class _Hands:
    """cloud-init's, in the sandbox."""

    def __init__(self, files: Disk, run: Callable[[str, int], int]) -> None:
        self._files = files
        self._run = run

    def write(self, file: File) -> None:
        """Put a file into its place. Raises OSError."""
        self._files.make(os.path.dirname(file.path))
        how = os.O_APPEND if file.append else os.O_TRUNC
        with open(self._files.open(file.path, os.O_WRONLY | os.O_CREAT | how), "wb") as target:
            target.write(file.content)
            os.fchmod(target.fileno(), file.mode)

    def run(self, name: str, script: str) -> int:
        """Run a script, its output into the log; its exit status."""
        place = f"/var/lib/cloud/instance/scripts/{name}"
        self.write(File(path=place, content=script.encode(), mode=0o700))
        log = self._files.open(cloud_init.LOG, os.O_WRONLY | os.O_APPEND)
        try:
            return self._run(f"cd /; sh {place}", log)
        finally:
            os.close(log)

    def log(self, text: str) -> None:
        """Append to its log."""
        with open(self._files.open(cloud_init.LOG, os.O_WRONLY | os.O_APPEND), "w") as log:
            log.write(text)


def _answers(disk: Path) -> Path:
    """Where cloud-init's answers are: beside the disk, out of the guest's reach."""
    return disk.parent / "cloud-init"


def _read(path: Path) -> str:
    return path.read_text().removesuffix("\n")


def commands(disk: Path, figures: Figures, close: Callable[[str], None]) -> dict[str, coreutils.Command]:
    """The commands by name. `close` is told `poweroff` or `reboot`."""
    scenery = _Scenery(disk, figures, close)
    return {
        **coreutils.commands(Disk(disk, HOME)),
        "apt": scenery.apt,
        "apt-get": scenery.apt,
        "cloud-init": scenery.cloud_init,
        "df": scenery.df,
        "free": scenery.free,
        "ip": scenery.ip,
        "journalctl": scenery.journalctl,
        "lsb_release": scenery.lsb_release,
        "nproc": scenery.nproc,
        "ping": scenery.ping,
        "poweroff": scenery.poweroff,
        "reboot": scenery.reboot,
        "shutdown": scenery.poweroff,
        "systemctl": scenery.systemctl,
        "uname": scenery.uname,
    }


class _Scenery:
    def __init__(self, disk: Path, figures: Figures, close: Callable[[str], None]) -> None:
        self._disk = disk
        self._figures = figures
        self._close = close
        self._booted = time.time()

    # ---- the system

    async def apt(self, context: Context) -> int:
        verb, *names = [word for word in context.argv if not word.startswith("-")] or [""]
        if verb == "update":
            for number, pocket in enumerate(("", "-updates", "-security"), 1):
                await _say(context, f"Hit:{number} http://archive.ubuntu.com/ubuntu noble{pocket} InRelease")
                await asyncio.sleep(0.3)
            await _say(context, "Reading package lists...")
        elif verb == "install":
            await _say(context, "Reading package lists...\nBuilding dependency tree...")
            for name in names:
                await _say(
                    context, f"Get:1 http://archive.ubuntu.com/ubuntu noble/main amd64 {name} [214 kB]"
                )
                await asyncio.sleep(0.5)
                await _say(context, f"Setting up {name} (demo; nothing was installed) ...")
        return 0

    async def cloud_init(self, context: Context) -> int:
        if not context.argv or context.argv[0] != "status":
            await _say(context, f"/usr/bin/cloud-init {cloud_init.VERSION}")
            return 0
        answers = _answers(self._disk)
        while cloud_init.awaits(context.argv) and _read(answers / "state") == cloud_init.RUNNING:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
        await _say(context, _read(answers / cloud_init.wanted(context.argv)))
        return int(_read(answers / "status"))

    async def df(self, context: Context) -> int:
        total = self._figures.disk // 1024
        used = min(1_740_000, total // 3)
        await _say(context, "Filesystem     1K-blocks    Used Available Use% Mounted on")
        row = f"/dev/sda1      {total:>9} {used:>7} {total - used:>9} {100 * used // total:>3}% /"
        await _say(context, row)
        return 0

    async def free(self, context: Context) -> int:
        unit = _MIB if "-m" in context.argv else 1024
        total, used = self._figures.memory // unit, min(188 * _MIB, self._figures.memory // 3) // unit
        await _say(context, f"{'':15}{'total':>12}{'used':>12}{'free':>12}")
        await _say(
            context, f"{'Mem:':15}{total:>12}{used:>12}{total - used:>12}\n{'Swap:':15}{0:>12}{0:>12}{0:>12}"
        )
        return 0

    async def ip(self, context: Context) -> int:
        await _say(context, "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536\n    inet 127.0.0.1/8 scope host lo")
        await _say(
            context,
            "2: ens3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500\n    inet 10.77.0.2/16 scope global ens3",
        )
        return 0

    async def journalctl(self, context: Context) -> int:
        await _say(context, f"-- Boot --\n{self._figures.name} systemd[1]: Reached target multi-user.target.")
        return 0

    async def lsb_release(self, context: Context) -> int:
        await _say(
            context,
            "Distributor ID:\tUbuntu\nDescription:\tUbuntu 24.04.3 LTS\nRelease:\t24.04\nCodename:\tnoble",
        )
        return 0

    async def nproc(self, context: Context) -> int:
        await _say(context, str(self._figures.cpus))
        return 0

    async def ping(self, context: Context) -> int:
        target = (
            [word for word in context.argv if not word.startswith("-") and not word.isdigit()] or ["?"]
        )[-1]
        await context.stderr.write(f"ping: {target}: no network in the demo\n".encode())
        return 2

    async def poweroff(self, _context: Context) -> int:
        self._close("poweroff")
        return 0

    async def reboot(self, _context: Context) -> int:
        self._close("reboot")
        return 0

    async def systemctl(self, context: Context) -> int:
        words = [word for word in context.argv if not word.startswith("-")]
        match words:
            case ["is-system-running"]:
                await _say(context, "running")
            case ["is-active", *_]:
                await _say(context, "active")
            case ["status", name, *_]:
                await _say(context, f"● {name}\n     Active: active (running)")
            case [("poweroff" | "reboot") as what]:
                self._close(what)
        return 0

    async def uname(self, context: Context) -> int:
        facts = {"-r": "6.8.0-60-generic", "-n": self._figures.name, "-m": "x86_64", "-s": "Linux"}
        full = f"Linux {self._figures.name} 6.8.0-60-generic #63-Ubuntu SMP PREEMPT_DYNAMIC x86_64 GNU/Linux"
        words = context.argv
        await _say(
            context,
            full if "-a" in words else " ".join(facts.get(word, "Linux") for word in words) or "Linux",
        )
        return 0


async def _say(context: Context, text: str) -> None:
    await context.stdout.write(text.encode() + b"\n")
