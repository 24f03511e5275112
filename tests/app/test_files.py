"""The files of a VM in the dashboard: gone through, read, fetched; its ports opened and told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.app.conftest import Stage, on_stage
from tests.app.fleet_script import SPEC, ScriptedFleet
from tui.app import file_pages
from tui.app.present import Label
from tui.app.screens.files import FilesScreen
from tui.app.screens.ports import PortPair, parse_ports
from tui.app.screens.run_commands import RunCommandsScreen
from tui.model.errors import DayflyError, PortRefused
from tui.model.events import PortClosed, PortForwarded
from tui.model.files import Fetched, FileEntry, FileKind, Folder
from tui.model.phase import Phase
from tui.model.spec import RunId

WORKING = (Phase.LEASED, Phase.LAUNCHING, Phase.BOOTING, Phase.WORKING)
HOSTILE = "\x1b[31mred\nline\udcff\u202e"


def entry(name: str, size: int = 0, kind: FileKind = FileKind.FILE, target: str = "") -> FileEntry:
    is_folder = kind is FileKind.FOLDER or target.endswith("/")
    return FileEntry(
        name=name,
        kind=kind,
        size=size,
        modified_at=1_700_000_000,
        mode="rw-r--r--",
        target=target,
        is_folder=is_folder,
    )


FOLDERS = {
    "": ("/home/ubuntu", (entry("notes.txt", 12), entry("logs", kind=FileKind.FOLDER), entry(HOSTILE, 3))),
    "/home/ubuntu/logs": ("/home/ubuntu/logs", ()),
    "/home": ("/home", (entry("ubuntu", kind=FileKind.FOLDER),)),
    "/": ("/", (entry("home", kind=FileKind.FOLDER), entry("pipe", kind=FileKind.OTHER))),
}


class ScriptedInside:
    """A `contracts.Inside` over a few folders; what is asked for is kept."""

    def __init__(self, fleet: ScriptedFleet, run: RunId) -> None:
        self.fleet, self.run = fleet, run
        self.calls: list[tuple[object, ...]] = []
        self.data = b"one\nTwo words\n" + b"x" * 200 + b"\nthree words\n"
        self.may_arrive = asyncio.Event()
        self.was_cancelled = False
        self.refused: DayflyError | None = None

    async def list_folder(self, path: str) -> Folder:
        self.calls.append(("list", path))
        if self.refused is not None:
            raise self.refused
        if path in ("/home/ubuntu", "~"):
            path = ""
        if path not in FOLDERS:
            raise DayflyError(f"the VM has no {path}", hint="look elsewhere")
        place, entries = FOLDERS[path]
        return Folder(path=place, entries=entries, more=7 * (path == "/"))

    async def read_file(self, path: str, limit: int) -> bytes:
        self.calls.append(("read", path, limit))
        return self.data

    async def fetch(self, path: str, target: Path, on_progress: Callable[[int], None]) -> Fetched:
        self.calls.append(("fetch", path, target))
        on_progress(12 * 1024 * 1024)
        try:
            await self.may_arrive.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return Fetched(path=target / "notes.txt", size=12, left_out=("a: why", "b: why")[: len(path) % 2])

    async def forward(self, port: int, local_port: int = 0) -> int:
        self.calls.append(("forward", port, local_port))
        if port == 9:
            raise PortRefused("nothing takes connections there", hint="start it first")
        here = local_port or port
        self.fleet.emit(PortForwarded(run=self.run, at=self.fleet.now, port=port, local_port=here))
        return here

    def close_forward(self, port: int) -> None:
        self.fleet.emit(PortClosed(run=self.run, at=self.fleet.now, port=port))


class FilesFleet(ScriptedFleet):
    """One run at work, with an inside."""

    def __init__(self) -> None:
        super().__init__()
        self.add_demo()
        self.run = self.begin(SPEC, *WORKING)
        self.boot(self.run)
        self.inner = ScriptedInside(self, self.run)

    def inside(self, run: RunId) -> ScriptedInside:
        assert run == self.run
        return self.inner


@pytest.fixture
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    size = getattr(request, "param", (80, 24))
    async with on_stage(FilesFleet(), size=size) as stage:
        yield stage


def inner(stage: Stage) -> ScriptedInside:
    assert isinstance(stage.fleet, FilesFleet)
    return stage.fleet.inner


def chosen(stage: Stage) -> RunId | None:
    assert isinstance(stage.app.screen, RunCommandsScreen)
    run = stage.app.screen.chosen_run
    return run.id if run else None


async def test_one_goes_through_folders_and_back(stage: Stage) -> None:
    await stage.press("F")
    await stage.sees("/home/ubuntu · 3 entries", "logs/", "notes.txt", "rw-r--r--", "2023-11-1")
    assert "\x1b" not in stage.text
    assert "red line\ufffd" in stage.text
    await stage.press("enter")
    await stage.sees("/home/ubuntu/logs · 0 entries", "This folder is empty")
    await stage.press("backspace")
    await stage.sees("/home/ubuntu · 3 entries")
    await stage.press("left")
    await stage.sees("/home · 1 entry")
    await stage.press("left")
    await stage.sees("/ · 2 entries of 9", "pipe (no file)", "the others are too many")
    await stage.press("left", "down", "enter")
    await stage.sees("pipe is neither a file nor a folder")
    await stage.press("up", "enter")
    await stage.sees("/home · 1 entry")
    await stage.press("escape")
    await stage.until(lambda: not isinstance(stage.app.screen, FilesScreen), "home again")


@pytest.mark.parametrize("stage", [(60, 15), (80, 24), (200, 50)], indirect=True)
async def test_a_file_is_read_found_in_and_wrapped(stage: Stage) -> None:
    await stage.press("F")
    await stage.sees("notes.txt")
    await stage.press("slash", *"notes", "enter")
    await stage.sees("/home/ubuntu · 1 of 3 entries · /notes")
    await stage.press("enter")
    await stage.sees("/home/ubuntu/notes.txt", "Two words", "three words")
    await stage.press("slash", *"words", "enter")
    await stage.sees("/words 1 of 2")
    await stage.press("n")
    await stage.sees("/words 2 of 2")
    await stage.press("N", "slash", "ctrl+u", *"Three", "enter")
    await stage.sees("/Three is not here")
    if stage.app.size.width < 200:
        assert stage.text.count("x" * 50) > 1
        await stage.press("w")
        await stage.until(lambda: stage.text.count("x" * 50) == 1, "cut lines")
    await stage.press("y")
    await stage.until(lambda: stage.app.clipboard == "/home/ubuntu/notes.txt", "copied")
    await stage.press("escape")
    await stage.sees("· /notes")
    await stage.press("escape")
    await stage.sees("logs/")


async def test_what_is_no_text_is_shown_as_bytes(stage: Stage) -> None:
    inner(stage).data = bytes(range(256)) * 100
    await stage.press("F")
    await stage.sees("notes.txt")
    await stage.press("down", "down", "enter")
    await stage.sees("00000000  00 01 02", "binary: the first 16K of 25K")


async def test_a_path_is_typed_and_what_is_wrong_is_said(stage: Stage) -> None:
    await stage.press("F")
    await stage.sees("notes.txt")
    await stage.press("g", "ctrl+u", *"/no", "enter")
    await stage.sees("✘ the VM has no /no · look elsewhere", "notes.txt")
    await stage.press("g", "ctrl+u", *"/home", "enter")
    await stage.sees("/home · 1 entry")
    await stage.sees_no("✘")


async def test_a_file_is_fetched_where_one_says(stage: Stage, tmp_path: Path) -> None:
    await stage.press("F")
    await stage.sees("notes.txt")
    await stage.press("down", "down", "ctrl+s")
    await stage.sees("Fetch it to where?", "notes.txt", "Nothing there is replaced")
    await stage.press("ctrl+u", *str(tmp_path), "enter")
    await stage.sees("Fetching notes.txt: 12M so far", "Stop fetching")
    inner(stage).may_arrive.set()
    await stage.sees("✔ Fetched 12 bytes:", "test_a_file_is_fetched_where_o0/")
    assert inner(stage).calls[-1] == ("fetch", "/home/ubuntu/notes.txt", tmp_path)


async def test_fetching_can_be_stopped(stage: Stage) -> None:
    await stage.press("F")
    await stage.sees("notes.txt")
    await stage.press("ctrl+s", "enter")
    await stage.sees("Fetching logs")
    await stage.press("escape")
    await stage.sees("logs was not fetched; nothing of it is kept")
    assert inner(stage).was_cancelled
    assert isinstance(stage.app.screen, FilesScreen)


async def test_a_vm_that_goes_is_said_and_asked_nothing_more(stage: Stage) -> None:
    await stage.press("F")
    await stage.sees("notes.txt")
    stage.fleet.enter(inner(stage).run, Phase.DELETING)
    await stage.sees("The VM is being deleted: this is what was there")
    before = len(inner(stage).calls)
    await stage.press("enter", "backspace", "r", "ctrl+s")
    assert len(inner(stage).calls) == before
    await stage.press("escape")
    await stage.until(lambda: not isinstance(stage.app.screen, FilesScreen), "home again")


async def test_files_are_offered_only_while_the_vm_runs(stage: Stage) -> None:
    run = stage.fleet.begin(SPEC, Phase.LEASED, Phase.LAUNCHING)
    await stage.sees("launching")
    await stage.press("up")
    await stage.until(lambda: chosen(stage) == run, "the other run")
    await stage.press("F", "u")
    assert isinstance(stage.app.screen, RunCommandsScreen)


@pytest.mark.parametrize("way", ["key", "command line"])
async def test_a_port_is_opened_told_and_closed(stage: Stage, way: str) -> None:
    if way == "key":
        await stage.press("u")
        await stage.sees("Forward a port")
        await stage.press(*"80x", "enter")
        await stage.sees("✘ 80x is no port")
        await stage.press("backspace", "tab", *"8080", "enter")
    else:
        await stage.press("colon", *"forward 80:8080", "enter")
    await stage.sees("Copied: http://127.0.0.1:8080 leads to port 80")
    assert stage.app.clipboard == "http://127.0.0.1:8080"
    await stage.press("enter")
    await stage.sees("Ports     http://127.0.0.1:8080 leads to 80")
    await stage.press("U")
    await stage.sees_no("Ports  ")


async def test_a_port_that_is_refused_says_why(stage: Stage) -> None:
    await stage.press("u", "9", "enter")
    await stage.sees("nothing takes connections there", "start it first")


@pytest.mark.parametrize(
    ("text", "pair"), [("8080", PortPair(8080)), ("80:8080", PortPair(80, 8080)), (" 80 : 0 ", PortPair(80))]
)
def test_ports_as_typed(text: str, pair: PortPair) -> None:
    assert parse_ports(text) == pair


@pytest.mark.parametrize("text", ["", "0", "x", "80:", "80:x", "65536", "-1", "٣", "8" * 5000])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(ValueError, match="port"):
        parse_ports(text)


@pytest.mark.parametrize(
    ("data", "binary"),
    [
        (b"", False),
        (b"text\n\ttab\x1b[31mred\x1b[m\r\n", False),
        ("ünï ✔".encode(), False),
        (b"a\0b", True),
        (bytes(range(128, 256)), True),
        (b"\x01\x02\x03\x04text", True),
    ],
)
def test_what_is_for_no_eye(data: bytes, binary: bool) -> None:
    assert file_pages.is_binary(data) is binary


def test_lines_are_safe_wrapped_and_never_endless() -> None:
    lines = file_pages.text_lines(b"\x1b]0;title\x07a\tb\n" + b"x" * 10_000 + b"\n\n", 0)
    assert lines[0] == "a       b"
    assert len(lines[1]) < 5_000
    assert "5904 more characters" in lines[1]
    assert [len(line) for line in file_pages.text_lines(b"x" * 100 + b"\n\nlast", 40)] == [40, 40, 20, 0, 4]
    assert file_pages.matches([Label("One"), Label("one")], "one") == [0, 1]
    assert file_pages.matches([Label("One"), Label("one")], "One") == [0]
