"""Files of a VM: names that are no names, endless folders, what is denied, copies that replace nothing."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from tests.engine.local_guest import SPEC, VM, OpenDoor, local_guest
from tui.engine.browsing import Browser, Unreadable
from tui.engine.copies import CopyFailed
from tui.engine.link import HostLink
from tui.model.errors import DayflyError, LeaseClosing, UsageError
from tui.model.files import FileKind
from tui.model.units import MIB

HOSTILE = [
    *("a b", "-dash", "--", "nl\nx", "\x1b[31mred", "..two", ".hid", "tab\t", "q'\"$(id)`", "trail\n", "\\"),
    *("*", "[a]?", "x\udcff\udcfe", "ünï", " "),
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of the VM's user."""
    home = tmp_path / "guest"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
async def guest(place: Path) -> AsyncIterator[tuple[HostLink, OpenDoor]]:  # noqa: ARG001
    async with local_guest() as (link, door, _, _):
        yield link, door


@pytest.fixture
async def browser(guest: tuple[HostLink, OpenDoor], tmp_path: Path) -> AsyncIterator[Browser]:
    scratch = tmp_path / "run"
    scratch.mkdir()
    yield Browser(guest[0], VM, SPEC, scratch=scratch)
    assert list(scratch.iterdir()) == []


async def test_every_name_is_a_name(browser: Browser, place: Path) -> None:
    for name in HOSTILE:
        (place / name).write_bytes(b"x" * len(name))
    found = await browser.list_folder("")
    assert found.path == str(place)
    assert [entry.name for entry in found.entries] == sorted(HOSTILE)
    assert [entry.size for entry in found.entries] == [len(name) for name in sorted(HOSTILE)]
    assert found.more == 0
    for name in HOSTILE:
        assert await browser.read_file(f"{place}/{name}", 1024) == b"x" * len(name)
        came = await browser.fetch(f"{place}/{name}", place.parent / "here", lambda _: None)
        assert (came.path.name, came.path.read_bytes(), came.left_out) == (name, b"x" * len(name), ())


async def test_what_an_entry_is(browser: Browser, place: Path) -> None:
    (place / "sub").mkdir(mode=0o750)
    (place / "file").write_text("12345")
    os.utime(place / "file", (1_700_000_000, 1_700_000_000))
    (place / "to sub").symlink_to("sub")
    (place / "to nowhere").symlink_to("no such/\nplace")
    os.mkfifo(place / "pipe")
    entries = {entry.name: entry for entry in (await browser.list_folder("~")).entries}
    file, sub, link = entries["file"], entries["sub"], entries["to sub"]
    assert (file.kind, file.size, file.modified_at, file.is_folder) == (
        FileKind.FILE,
        5,
        1_700_000_000,
        False,
    )
    assert (sub.kind, sub.mode, sub.is_folder) == (FileKind.FOLDER, "rwxr-x---", True)
    assert (link.kind, link.target, link.is_folder) == (FileKind.LINK, "sub", True)
    nowhere = entries["to nowhere"]
    assert (nowhere.kind, nowhere.target, nowhere.is_folder) == (FileKind.LINK, "no such/\nplace", False)
    assert entries["pipe"].kind is FileKind.OTHER
    inside = await browser.list_folder("~/to sub")
    assert (inside.path, inside.entries) == (str(place / "sub"), ())
    assert (await browser.list_folder(f"{place}/sub/..")).path == str(place)


@pytest.mark.parametrize("shell", ["dash", "busybox ash", "mksh", "yash", "bash"])
@pytest.mark.parametrize("tools", ["gnu", "busybox", "no stat"])
def test_any_shell_and_any_tools_say_the_same(shell: str, tools: str, tmp_path: Path) -> None:
    folder, bin_ = tmp_path / "folder", tmp_path / "bin"
    for made in (folder, bin_):
        made.mkdir()
    for name in HOSTILE[:12]:
        (folder / name).write_text(name)
        os.utime(folder / name, (1_700_000_000, 1_700_000_000))
    for tool in ("find", "ls", "readlink", "head", "sort", "wc", "printf", *["stat"] * (tools == "busybox")):
        (bin_ / tool).symlink_to("/usr/bin/busybox")
    script = (files("tui.engine") / "list.sh").read_text("utf-8")
    ended = subprocess.run(
        [
            *("/usr/bin/env", *shell.split(), "-c", 'PATH=${1:-$PATH}; shift; eval "$0"', script),
            *(str(bin_) * (tools != "gnu"), str(folder), "1000000", "1000"),
        ],
        capture_output=True,
        check=True,
    )
    path, count, *records = ended.stdout.split(b"\0")[:-1]
    assert (path, int(count)) == (os.fsencode(folder) + b"\n", 12)
    assert {os.fsdecode(record.split(b"/")[0]) for record in records} == set(HOSTILE[:12])
    time = b"" if tools == "no stat" else b"1700000000"
    for record in records:
        name, size, when, mode, kind, target = record.split(b"/")
        assert (size, kind, target) == (str(len(name)).encode(), b"f", b"")
        assert when.partition(b".")[0] == time
        assert stat.filemode((folder / os.fsdecode(name)).stat().st_mode) == mode.decode()


async def test_a_folder_without_end_is_cut_and_counted(browser: Browser, place: Path) -> None:
    many = place / "many"
    many.mkdir()
    for number in range(30_000):
        (many / f"{number:0100}").touch()
    found = await browser.list_folder("many")
    assert 5_000 < len(found.entries) < 30_000
    assert len(found.entries) + found.more == 30_000
    assert found.entries[0].name == f"{0:0100}"


async def test_what_cannot_be_shown_says_why(browser: Browser, place: Path) -> None:
    (place / "file").write_text("x")
    os.mkfifo(place / "pipe")
    for path, words in (("no-such", "has no"), ("file", "is no folder"), ("file/x", "has no")):
        with pytest.raises(Unreadable, match=words):
            await browser.list_folder(path)
    for path, words in (("no-such", "has no"), (".", "is a folder"), ("pipe", "neither")):
        with pytest.raises(Unreadable, match=words):
            await browser.read_file(path, 10)
    for path in ("/", "", "..", "~", "a/.."):
        with pytest.raises(UsageError):
            await browser.fetch(path, place, lambda _: None)
    with pytest.raises(DayflyError, match="has no no-such"):
        await browser.fetch("no-such", place, lambda _: None)
    with pytest.raises(UsageError):
        await browser.list_folder("a\0b")


@pytest.mark.skipif(
    os.getuid() == 0 and not os.path.exists("/usr/bin/setpriv"), reason="nothing is denied to root"
)
def test_what_one_may_not_read_is_told_apart(place: Path) -> None:
    """Asked of the scripts alone: the tests may be root's, who is denied nothing."""
    closed, secret = place / "closed", place / "secret"
    closed.mkdir(mode=0)
    secret.touch(mode=0)
    for folder in (place, *place.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o755)
    as_nobody = ["setpriv", "--reuid=65534", "--clear-groups"] if os.getuid() == 0 else []
    for script, path in (("list", closed), ("list", closed / "x"), ("read", secret), ("read", closed / "x")):
        text = (files("tui.engine") / f"{script}.sh").read_text("utf-8")
        ended = subprocess.run([*as_nobody, "sh", "-c", text, "sh", str(path), "10", "10"], check=False)
        assert ended.returncode == 47, (script, path)


async def test_a_refusal_of_the_host_is_told_as_such(
    browser: Browser, guest: tuple[HostLink, OpenDoor]
) -> None:
    guest[1].refusal = 69
    with pytest.raises(LeaseClosing, match="is being deleted"):
        await browser.list_folder("/")


async def test_nothing_is_replaced(browser: Browser, place: Path, tmp_path: Path) -> None:
    here = tmp_path / "here"
    (place / "out" / "deep").mkdir(parents=True)
    (place / "out" / "deep" / "x").write_bytes(os.urandom(MIB))
    (place / "log.txt").write_text("new")
    sizes: list[int] = []
    for number in range(3):
        (here / "old").mkdir(parents=True, exist_ok=True)
        file = await browser.fetch("log.txt", here, sizes.append)
        folder = await browser.fetch(f"{place}/out/", here, sizes.append)
        end = f" ({number + 1})" * (number > 0)
        assert (file.path, folder.path) == (here / f"log{end}.txt", here / f"out{end}")
        assert (folder.path / "deep" / "x").read_bytes() == (place / "out" / "deep" / "x").read_bytes()
        assert folder.size == MIB
    assert max(sizes) > MIB
    assert len(list(here.iterdir())) == 7


async def test_what_is_left_out_is_told(browser: Browser, place: Path, tmp_path: Path) -> None:
    (place / "out").mkdir()
    (place / "out" / "whole").write_text("x")
    (place / "out" / "away").symlink_to("/etc/passwd")
    came = await browser.fetch("out", tmp_path / "here", lambda _: None)
    assert [entry.name for entry in came.path.iterdir()] == ["whole"]
    assert came.left_out == ("out/away: a link to an absolute name",)
    with pytest.raises(DayflyError, match="a link to an absolute name"):
        await browser.fetch("out/away", tmp_path / "here", lambda _: None)


async def test_a_place_that_takes_nothing(browser: Browser, place: Path) -> None:
    (place / "file").write_text("x")
    with pytest.raises(CopyFailed, match="cannot be kept"):
        await browser.fetch("file", place / "file" / "below", lambda _: None)


async def test_cancelled_it_leaves_nothing(browser: Browser, place: Path, tmp_path: Path) -> None:
    big, here = place / "big", tmp_path / "here"
    with big.open("wb") as file:
        file.truncate(2000 * MIB)
    begun = asyncio.Event()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        task = group.create_task(browser.fetch("big", here, lambda _: begun.set()))
        await begun.wait()
        task.cancel()
    assert not here.exists() or list(here.iterdir()) == []


async def test_no_more_than_asked_for_is_read(browser: Browser, place: Path) -> None:
    (place / "big").write_bytes(bytes(range(256)) * 4096)
    assert await browser.read_file("big", 1000) == (bytes(range(256)) * 4)[:1000]


async def test_root_looks_at_the_users_home(
    place: Path, tmp_path: Path, guest: tuple[HostLink, OpenDoor]
) -> None:
    """Its sudo goes to the home of root, as Ubuntu's does."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "sudo").write_text('#!/bin/sh\necho "$*" >>sudo.log\nshift\nHOME=/; exec "$@"\n')
    (tools / "sudo").chmod(0o755)
    (place / "file").write_text("x")
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{tools}:{path}"
    try:
        browser = Browser(guest[0], VM, replace(SPEC, sudo=True), scratch=tmp_path)
        assert {entry.name for entry in (await browser.list_folder("")).entries} == {"file", "sudo.log"}
        assert await browser.read_file("~/file", 10) == b"x"
        came = await browser.fetch("file", tmp_path / "here", lambda _: None)
        assert came.path.read_text() == "x"
    finally:
        os.environ["PATH"] = path
    assert (place / "sudo.log").read_text().count("-n env HOME=") == 3
