"""The sandbox's own versions of commands about files, where bashkit's lack something scripts rely on.

They see the guest's disk alone: through bashkit, which follows no link out of it, or through `Disk`.
"""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bashkit import CommandContext as Context
from bashkit import CommandStatus

from tui.demo.archive import FAILED, Order, Tar, Wrong
from tui.demo.disk import Disk

HOME = "/home/ubuntu"
_FOLLOW_S = 0.2

Facts = dict[str, Any]
"""What bashkit tells of a file: file_type, size, mode, modified."""
Command = Callable[[Context], Awaitable[CommandStatus | int]]


def commands(disk: Disk) -> dict[str, Command]:
    """The commands by name."""
    tools = _Tools(disk)
    return {"ls": tools.ls, "mkdir": tools.mkdir, "seq": tools.seq, "tail": tools.tail, "tar": tools.tar}


class _Tools:
    def __init__(self, disk: Disk) -> None:
        self._files = disk

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

    async def mkdir(self, context: Context) -> int:
        flags, mode, paths = _mkdir_words(context.argv)
        status = 0
        for path in paths:
            place, before = _inside(context, path), context.fs.exists(_inside(context, path))
            try:
                if before and "p" not in flags:
                    raise FileExistsError("File exists")
                context.fs.mkdir(place, recursive="p" in flags)
                if mode and not before:
                    context.fs.chmod(place, mode)
            except (OSError, RuntimeError) as error:
                await context.stderr.write(f"mkdir: cannot create directory '{path}': {error}\n".encode())
                status = 1
        return status

    async def tar(self, context: Context) -> int:
        if context.argv == ["--version"]:
            await _say(context, "tar (GNU tar) 1.35")
            return 0
        loop, given = asyncio.get_running_loop(), b"".join([chunk async for chunk in context.stdin])

        async def pass_on(data: bytes) -> None:
            await context.stdout.write(data)

        def write(data: bytes) -> None:
            asyncio.run_coroutine_threadsafe(pass_on(data), loop).result()

        try:
            tar = Tar(self._files, context.cwd, Order(context.argv), given, write)
            status = await asyncio.to_thread(tar.run)
        except Wrong as wrong:
            await context.stderr.write(f"tar: {wrong}\n".encode())
            return FAILED
        for complaint in tar.complaints:
            await context.stderr.write(f"tar: {complaint}\n".encode())
        return status

    async def tail(self, context: Context) -> int:
        count, follow, paths = _tail_words(context.argv)
        if not paths:
            data = b"".join([chunk async for chunk in context.stdin])
            await context.stdout.write(_last(data, count))
            return 0
        place = _inside(context, paths[0])
        if not context.fs.exists(place):
            text = f"tail: cannot open '{paths[0]}' for reading: No such file or directory\n"
            await context.stderr.write(text.encode())
            return 1
        data = context.fs.read_file(place)
        await context.stdout.write(_last(data, count))
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


def _long(facts: Facts, place: str, name: str, flags: str) -> str:
    """A line of `ls -l`."""
    folder = _is_folder(facts)
    mode = stat.filemode((stat.S_IFDIR if folder else stat.S_IFREG) | (int(facts["mode"]) & 0o7777))
    owner = "ubuntu ubuntu" if place.startswith(HOME) else "root   root  "
    when = time.strftime("%b %e %H:%M", time.localtime(float(facts["modified"])))
    bytes_ = 4096 if folder else int(facts["size"])
    size = f"{bytes_ / 1024:.1f}K" if "h" in flags and bytes_ > 1024 else str(bytes_)
    return f"{mode} {2 if folder else 1:>2} {owner} {size:>8} {when} {name}"


@dataclass(frozen=True, slots=True)
class _Amount:
    """Of the end of a file: so many lines or bytes, or all from that one on."""

    number: int = 10
    in_bytes: bool = False
    is_start: bool = False


def _amount(text: str, *, in_bytes: bool) -> _Amount:
    digits = text.lstrip("+-")
    return _Amount(int(digits) if digits.isdigit() else 0, in_bytes, text.startswith("+"))


def _tail_words(argv: list[str]) -> tuple[_Amount, bool, list[str]]:
    """How much, whether to follow, which files."""
    amount, follow, paths, rest = _Amount(), False, list[str](), list(argv)
    while rest:
        word = rest.pop(0)
        if word in ("-n", "-c", "-fn", "-nf", "-fc") and rest:
            follow = follow or "f" in word
            amount = _amount(rest.pop(0), in_bytes="c" in word)
        elif word in ("-f", "-F", "--follow"):
            follow = True
        elif word[:2] in ("-n", "-c") and word[2:].lstrip("+-").isdigit():
            amount = _amount(word[2:], in_bytes=word[1] == "c")
        elif word.startswith("-") and word[1:].isdigit():
            amount = _amount(word[1:], in_bytes=False)
        elif word != "--":
            paths.append(word)
    return amount, follow, paths


def _last(data: bytes, amount: _Amount) -> bytes:
    units: Sequence[bytes] | bytes = data if amount.in_bytes else data.splitlines(keepends=True)
    at = max(amount.number - 1, 0) if amount.is_start else max(len(units) - amount.number, 0)
    kept = units[at:]
    return kept if isinstance(kept, bytes) else b"".join(kept)


def _mkdir_words(argv: list[str]) -> tuple[str, int, list[str]]:
    """Flags, mode (0: as it comes), paths."""
    flags, mode, paths, rest = "", 0, list[str](), list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return flags, mode, paths + rest
        if word == "-m" and rest:
            mode = int(rest.pop(0), 8)
        elif word.startswith("-"):
            flags += word.lstrip("-")[:1]
        else:
            paths.append(word)
    return flags, mode, paths


async def _say(context: Context, text: str) -> None:
    await context.stdout.write(text.encode() + b"\n")
