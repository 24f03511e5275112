"""Tars that nobody vouches for: what is whole comes out, and nothing outside the folder is touched."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui.engine import unpack as unpacking
from tui.engine.unpack import Unpacked, unpack

MIB = 2**20
Fill = Callable[[tarfile.TarFile], object]


def member(name: str, kind: bytes = tarfile.REGTYPE, *, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


def add(tar: tarfile.TarFile, name: str, data: bytes = b"", **changes: object) -> None:
    info = member(name, **changes)  # type: ignore[arg-type]
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def made(path: Path, fill: Fill, kind: int = tarfile.GNU_FORMAT) -> Path:
    with tarfile.open(path, "w", format=kind) as tar:
        fill(tar)
    return path


class Place:
    """A folder to unpack into, in a folder with things that nobody may touch."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "in" / "here"
        self.folder.mkdir(parents=True)
        (root / "secret").write_text("untouched")
        (root / "in" / "other").mkdir()
        self.before = self.outside()

    def outside(self) -> dict[str, tuple[int, bytes]]:
        """All that is outside the folder."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            if path.is_relative_to(self.folder) or path.suffix == ".tar":
                continue
            data = path.read_bytes() if path.is_file() else b""
            found[str(path.relative_to(self.root))] = (path.lstat().st_mode, data)
        return found

    def unpack(self, fill: Fill, *, max_size: int = MIB, max_entries: int = 1000) -> Unpacked:
        tar = made(self.root / "it.tar", fill)
        try:
            return unpack(tar, self.folder, max_size=max_size, max_entries=max_entries)
        finally:
            assert self.outside() == self.before

    def has(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "place")


def reasons(unpacked: Unpacked) -> list[str]:
    return [entry.reason for entry in unpacked.refused]


HOSTILE: dict[str, tuple[Callable[[Path], list[tarfile.TarInfo]], str]] = {
    "absolute": (lambda root: [member(f"{root}/evil")], "an absolute name"),
    "parent": (lambda _: [member("../evil")], "leads out"),
    "inner parent": (lambda _: [member("a/../../evil")], "leads out"),
    "link out": (lambda _: [member("l", tarfile.SYMTYPE, link="../../secret")], "may lead out"),
    "absolute link": (lambda root: [member("l", tarfile.SYMTYPE, link=f"{root}/secret")], "absolute"),
    "through a link": (
        lambda _: [member("l", tarfile.SYMTYPE, link="."), member("l/evil")],
        "no folder",
    ),
    "climbing behind a link": (lambda _: [member("m", tarfile.SYMTYPE, link="l/../../x")], "may lead out"),
    "hard link out": (lambda _: [member("h", tarfile.LNKTYPE, link="../../secret")], "leads out"),
    "hard link to the disk": (lambda _: [member("h", tarfile.LNKTYPE, link="there")], "not here"),
    "device": (lambda _: [member("d", tarfile.CHRTYPE)], "a device"),
    "fifo": (lambda _: [member("f", tarfile.FIFOTYPE)], "a fifo"),
    "contiguous sparse": (lambda _: [member("s", b"Z")], "unknown"),
    "long part": (lambda _: [member("x" * 256)], "too long"),
    "deep": (lambda _: [member("d/" * 300 + "x")], "too long"),
    "twice": (lambda _: [member("a"), member("a")], "twice"),
    "file as a folder": (lambda _: [member("a"), member("a/b")], "no folder"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_is_refused_and_the_rest_is_here(place: Place, name: str) -> None:
    entries, reason = HOSTILE[name]

    def fill(tar: tarfile.TarFile) -> None:
        for info in entries(place.root):
            tar.addfile(info)
        add(tar, "good", b"good")

    unpacked = place.unpack(fill)
    assert len(unpacked.refused) == 1
    assert reason in unpacked.refused[0].reason
    assert (place.folder / "good").read_bytes() == b"good"
    assert unpacked.cut == ""


def test_bytes_modes_and_inner_links(place: Place) -> None:
    def fill(tar: tarfile.TarFile) -> None:
        tar.addfile(member("./d", tarfile.DIRTYPE, mode=0o2777))
        add(tar, "./d/run", b"#!/bin/sh\n", mode=0o4777)
        add(tar, "./d/private", b"x", mode=0o400)
        tar.addfile(member("./hard", tarfile.LNKTYPE, link="./d/run"))
        tar.addfile(member("./d/soft", tarfile.SYMTYPE, link="../hard"))
        add(tar, "./bytes\udcff\n", b"\0\xff")

    unpacked = place.unpack(fill)
    assert not unpacked.refused
    modes = {name: stat.S_IMODE((place.folder / name).stat().st_mode) for name in ("d", "d/run", "d/private")}
    assert modes == {"d": 0o755, "d/run": 0o755, "d/private": 0o600}
    assert (place.folder / "d" / "soft").read_bytes() == b"#!/bin/sh\n"
    assert (place.folder / "hard").stat().st_ino == (place.folder / "d" / "run").stat().st_ino
    assert (place.folder / "bytes\udcff\n").read_bytes() == b"\0\xff"


def test_names_that_a_disk_may_take_for_one_get_two_places(place: Place) -> None:
    def fill(tar: tarfile.TarFile) -> None:
        add(tar, "Read/me", b"1")
        add(tar, "read/me", b"2")
        add(tar, "read/you", b"3")
        add(tar, "caf\u00e9", b"4")
        add(tar, "cafe\u0301", b"5")

    unpacked = place.unpack(fill)
    assert place.has() >= {"Read/me", "read~2/me", "read~2/you", "caf\u00e9", "cafe\u0301~2"}
    assert len(unpacked.renamed) == 3
    assert unpacked.refused == ()


def test_a_second_tar_replaces_nothing_of_the_first(place: Place) -> None:
    names = unpacking.new_names("m")
    for text in (b"first", b"second"):
        tar = made(place.root / "it.tar", lambda tar, text=text: add(tar, "d/same", text))  # type: ignore[misc]
        unpack(tar, place.folder, max_size=MIB, mark="m", names=names)
    assert (place.folder / "d" / "same").read_bytes() == b"first"
    assert (place.folder / "d" / "same~2").read_bytes() == b"second"


def test_what_was_here_stays_and_links_are_replaced_not_followed(place: Place) -> None:
    (place.folder / "mine").write_text("mine")
    (place.folder / "old").write_text("old")
    (place.folder / "leads").symlink_to(place.root / "secret")
    (place.folder / "way").symlink_to(place.root / "in" / "other")

    def fill(tar: tarfile.TarFile) -> None:
        add(tar, "old", b"new")
        add(tar, "leads", b"new")
        add(tar, "way/evil", b"evil")

    unpacked = place.unpack(fill)
    assert (place.folder / "mine").read_text() == "mine"
    assert (place.folder / "old").read_text() == "new"
    assert not (place.folder / "leads").is_symlink()
    assert "no folder" in reasons(unpacked)[0]


def test_a_cut_tar_leaves_whole_files_and_a_part(place: Place, tmp_path: Path) -> None:
    tar = made(tmp_path / "it.tar", lambda tar: (add(tar, "a", b"a" * 1000), add(tar, "b", b"b" * 5000)))  # type: ignore[func-returns-value]
    os.truncate(tar, 4000)
    unpacked = unpack(tar, place.folder, max_size=MIB)
    assert place.has() == {"a", "b.partial"}
    assert (place.folder / "b.partial").stat().st_size == 4000 - 512 - 1024 - 512
    assert "breaks off" in unpacked.cut


@pytest.mark.parametrize("at", range(0, 3000, 97))
def test_a_tar_cut_anywhere_says_so(place: Place, tmp_path: Path, at: int) -> None:
    tar = made(tmp_path / "it.tar", lambda tar: (add(tar, "a", b"a" * 700), add(tar, "b" * 150, b"b")))  # type: ignore[func-returns-value]
    os.truncate(tar, at)
    unpacked = unpack(tar, place.folder, max_size=MIB)
    assert "breaks off" in unpacked.cut
    assert not list(place.folder.glob(".dayfly-*"))


def test_more_than_wanted_is_left_out(place: Place) -> None:
    unpacked = place.unpack(lambda tar: add(tar, "zeros", bytes(5000)), max_size=2048)
    assert unpacked.cut == "more than 2K"
    assert unpacked.size == (place.folder / "zeros.partial").stat().st_size == 2048


def test_too_many_entries(place: Place) -> None:
    def fill(tar: tarfile.TarFile) -> None:
        for number in range(100):
            add(tar, f"f{number}")

    unpacked = place.unpack(fill, max_entries=10)
    assert "too many" in unpacked.cut
    assert len(place.has()) <= 11


@pytest.mark.parametrize("size", [b"77777777777\0", b"\x80" + b"\xff" * 11, b"-1000000000\0", b"\xff" * 12])
def test_a_size_that_lies(place: Place, tmp_path: Path, size: bytes) -> None:
    info = member("lie")
    header = bytearray(info.tobuf())
    header[124:136] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    tar = tmp_path / "it.tar"
    tar.write_bytes(bytes(header) + b"x" * 700)
    unpacked = unpack(tar, place.folder, max_size=MIB)
    assert unpacked.cut
    assert place.has() <= {"lie.partial"}


@pytest.mark.parametrize(
    "record", [b"9999999 path=x\n", b"0 path=x\n", b"-5 path=x\n", b"12 path=", b"x", b"14 size=-1000\n"]
)
def test_pax_headers_that_make_no_sense(place: Place, tmp_path: Path, record: bytes) -> None:
    info = member("x", tarfile.XHDTYPE)
    info.size = len(record)
    tar = tmp_path / "it.tar"
    tar.write_bytes(info.tobuf() + record.ljust(512, b"\0") + member("f").tobuf() + bytes(1024))
    unpacked = unpack(tar, place.folder, max_size=MIB)
    assert unpacked.cut or unpacked.refused or unpacked.files


def test_long_names_of_each_kind_of_tar(place: Place) -> None:
    name = "d" * 120 + "/" + "f" * 90
    for number, kind in enumerate((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)):
        tar = made(place.root / "it.tar", lambda tar: add(tar, name, b"x"), kind)
        unpacked = unpack(tar, place.folder / str(number), max_size=MIB)
        assert [file.name for file in unpacked.files] == [name]


PARTS = st.sampled_from(
    ["a", "A", "b", "..", ".", "", "l", "x" * 300, "é", "e\u0301", "n\nl", "\x1b[2J", "in", "secret"]
)
NAMES = st.builds("/".join, st.lists(PARTS, min_size=1, max_size=5))
KINDS = st.sampled_from(
    [
        tarfile.REGTYPE,
        tarfile.DIRTYPE,
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.FIFOTYPE,
        b"S",
    ]
)
ENTRIES = st.lists(
    st.tuples(NAMES, KINDS, NAMES, st.integers(0, 0o7777), st.binary(max_size=600)), max_size=12
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=ENTRIES, cut=st.none() | st.integers(0, 4000), again=st.booleans())
def test_no_tar_changes_anything_outside(
    tmp_path_factory: pytest.TempPathFactory,
    entries: list[tuple[str, bytes, str, int, bytes]],
    cut: int | None,
    again: bool,
) -> None:
    place = Place(tmp_path_factory.mktemp("place"))
    tar = place.root / "it.tar"
    with tarfile.open(tar, "w", format=tarfile.GNU_FORMAT) as file:
        for name, kind, link, mode, data in entries:
            add(file, name, data if kind == tarfile.REGTYPE else b"", kind=kind, link=link, mode=mode)
    if cut is not None and cut < tar.stat().st_size:
        os.truncate(tar, cut)
    for _ in range(2 if again else 1):
        unpack(tar, place.folder, max_size=2000)
        assert place.outside() == place.before
    for path in place.folder.rglob("*"):
        assert Path(os.path.realpath(path)).is_relative_to(os.path.realpath(place.folder)), (
            "no link leads out"
        )


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=3000), at=st.integers(0, 2000))
def test_nonsense_is_told_not_raised(tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int) -> None:
    folder = tmp_path_factory.mktemp("place")
    tar = made(folder / "it.tar", lambda tar: add(tar, "name", b"x" * 1500))
    whole = bytearray(tar.read_bytes())
    whole[at : at + len(data)] = data
    tar.write_bytes(whole)
    unpack(tar, folder / "here", max_size=MIB)
