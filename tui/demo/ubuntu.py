"""What makes the sandbox look like an Ubuntu server: its files, and the commands that bashkit lacks.

All of it is scenery. Nothing here reaches this machine's files, processes or network.
"""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bashkit import CommandContext as Context
from bashkit import CommandStatus

from tui.demo.guest import Figures

HOME = "/home/ubuntu"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MIB = 1024 * 1024
_FOLLOW_S = 0.2
_FOLDERS = (
    "bin boot dev etc home/ubuntu lib lib64 media mnt opt proc root run sbin snap srv sys tmp usr/bin "
    "usr/lib usr/local/bin usr/sbin usr/share var/cache var/lib/cloud/instance var/log var/tmp"
)
_STICKY = ("tmp", "var/tmp")
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


Facts = dict[str, Any]
"""What bashkit tells of a file: file_type, size, mode, modified."""
Command = Callable[[Context], Awaitable[CommandStatus | int]]


def furnish(disk: Path, figures: Figures) -> None:
    """Make the files of a fresh guest; those that are there already stay as they are."""
    for folder in _FOLDERS.split():
        (disk / folder).mkdir(parents=True, exist_ok=True)
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
        "var/log/cloud-init-output.log": "Cloud-init v. 25.1 finished. Datasource DataSourceNoCloud.\n",
    }
    for path, text in texts.items():
        if not (disk / path).exists():
            (disk / path).write_text(text)
    for tool in _TOOLS.split():
        script = disk / "usr/bin" / tool
        script.write_text(f'{tool} "$@"\n')
        script.chmod(0o755)
        (disk / "bin" / tool).write_text(f'{tool} "$@"\n')
        (disk / "bin" / tool).chmod(0o755)


def commands(disk: Path, figures: Figures, close: Callable[[str], None]) -> dict[str, Command]:
    """The commands by name. `close` is told `poweroff` or `reboot`."""
    scenery = _Scenery(disk, figures, close)
    return {
        "apt": scenery.apt,
        "apt-get": scenery.apt,
        "cloud-init": scenery.cloud_init,
        "df": scenery.df,
        "free": scenery.free,
        "ip": scenery.ip,
        "journalctl": scenery.journalctl,
        "ls": scenery.ls,
        "lsb_release": scenery.lsb_release,
        "nproc": scenery.nproc,
        "ping": scenery.ping,
        "poweroff": scenery.poweroff,
        "reboot": scenery.reboot,
        "seq": scenery.seq,
        "shutdown": scenery.poweroff,
        "systemctl": scenery.systemctl,
        "tail": scenery.tail,
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
        await _say(context, "status: done")
        return 0

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

    # ---- files, through bashkit: it follows no link out of the disk

    async def ls(self, context: Context) -> int:
        flags = "".join(word[1:] for word in context.argv if word[:1] == "-" and word[:2] != "--")
        paths = [word for word in context.argv if not word.startswith("-")] or ["."]
        status = 0
        for number, path in enumerate(paths):
            place = _inside(context, path)
            if not context.fs.exists(place):
                text = f"ls: cannot access '{path}': No such file or directory\n"
                await context.stderr.write(text.encode())
                status = 2
                continue
            if len(paths) > 1 and _is_folder(context.fs.stat(place)) and "d" not in flags:
                await _say(context, ("\n" if number else "") + f"{path}:")
            await _ls_one(context, place, path, flags)
        return status

    async def seq(self, context: Context) -> int:
        try:
            numbers = [int(word) for word in context.argv]
            first, step, last = {1: (1, 1, *numbers), 2: (numbers[0], 1, *numbers[1:]), 3: numbers}[
                len(numbers)
            ]
        except (ValueError, KeyError, IndexError):
            await context.stderr.write(b"seq: needs one to three integers here\n")
            return 1
        row = range(first, last + (1 if step > 0 else -1), step)
        for at in range(0, len(row), 10_000):
            await context.stdout.write("".join(f"{number}\n" for number in row[at : at + 10_000]).encode())
        return 0

    async def tail(self, context: Context) -> int:
        count, follow, paths = _tail_words(context.argv)
        if not paths:
            data = b"".join([chunk async for chunk in context.stdin])
            await context.stdout.write(b"".join(_last(data, count)))
            return 0
        place = _inside(context, paths[0])
        if not context.fs.exists(place):
            text = f"tail: cannot open '{paths[0]}' for reading: No such file or directory\n"
            await context.stderr.write(text.encode())
            return 1
        data = context.fs.read_file(place)
        await context.stdout.write(b"".join(_last(data, count)))
        at = len(data)
        while follow:
            await asyncio.sleep(_FOLLOW_S)
            more = context.fs.read_file(place)[at:]
            at += len(more)
            await context.stdout.write(more)
        return 0


async def _ls_one(context: Context, place: str, path: str, flags: str) -> None:
    facts = context.fs.stat(place)
    if not _is_folder(facts) or "d" in flags:
        await _say(context, _long(facts, place, path, flags) if "l" in flags else path)
        return
    entries = sorted(context.fs.read_dir(place), key=lambda entry: str(entry["name"]))
    rows = [(each["metadata"], str(each["name"])) for each in entries]
    if not {"a", "A"} & set(flags):
        rows = [(each, name) for each, name in rows if not name.startswith(".")]
    if "l" in flags:
        await _say(context, f"total {4 * len(rows)}")
    if "a" in flags:
        rows = [(facts, "."), (facts, ".."), *rows]
    for each, name in rows:
        await _say(context, _long(each, place, name, flags) if "l" in flags else name)


def _inside(context: Context, path: str) -> str:
    """The path in the guest that a word means."""
    return os.path.normpath(os.path.join("/", context.cwd, path))


def _is_folder(facts: Facts) -> bool:
    return str(facts["file_type"]) == "directory"


async def _say(context: Context, text: str) -> None:
    await context.stdout.write(text.encode() + b"\n")


def _long(facts: Facts, place: str, name: str, flags: str) -> str:
    """A line of `ls -l`."""
    folder = _is_folder(facts)
    mode = stat.filemode((stat.S_IFDIR if folder else stat.S_IFREG) | (int(facts["mode"]) & 0o7777))
    owner = "ubuntu ubuntu" if place.startswith(HOME) else "root   root  "
    when = time.strftime("%b %e %H:%M", time.localtime(float(facts["modified"])))
    bytes_ = 4096 if folder else int(facts["size"])
    size = f"{bytes_ / 1024:.1f}K" if "h" in flags and bytes_ > 1024 else str(bytes_)
    return f"{mode} {2 if folder else 1:>2} {owner} {size:>8} {when} {name}"


def _tail_words(argv: list[str]) -> tuple[int, bool, list[str]]:
    """How many lines, whether to follow, which files."""
    count, follow, paths, rest = 10, False, list[str](), list(argv)
    while rest:
        word = rest.pop(0)
        if word == "-n" and rest:
            count = int(rest.pop(0).lstrip("+-") or 0)
        elif word in ("-f", "-F", "--follow"):
            follow = True
        elif word.startswith("-") and word.lstrip("-n").isdigit():
            count = int(word.lstrip("-n"))
        elif word == "-fn" or word == "-nf":
            follow = True
        else:
            paths.append(word)
    return count, follow, paths


def _last(data: bytes, count: int) -> list[bytes]:
    return data.splitlines(keepends=True)[-count:] if count else []
