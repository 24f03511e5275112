"""What the guest is asked for, and in which order what comes is written down."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tui.engine.collect import NO_TAR, NOTHING_MATCHES, collect_argv, cut_at, split_pattern
from tui.engine.manifest import Collected, read_manifest, result_folder, write_manifest
from tui.engine.unpack import Unpacked, unpack
from tui.model.results import Result, ResultState
from tui.model.spec import Artifact, RunId

MIB = 2**20


class Guest:
    """A guest: a home, a sh, and a tar of one kind."""

    def __init__(self, root: Path, kind: str) -> None:
        self.home, self.bin = root / "home", root / "bin"
        self.home.mkdir(parents=True)
        self.bin.mkdir()
        for name in ("sh", "tar", "head", "sudo"):
            self._provide(name, kind)

    def _provide(self, name: str, kind: str) -> None:
        path = self.bin / name
        if name == "sudo":
            path.write_text('#!/bin/sh\nshift\nexec "$@"\n')
            path.chmod(0o755)
        elif kind == "busybox":
            path.symlink_to(shutil.which("busybox") or "")
        else:
            path.symlink_to(shutil.which(name) or "")

    def collect(
        self, path: str, max_size: int = MIB, *, sudo: bool = False, workdir: str = ""
    ) -> tuple[int, bytes]:
        argv = collect_argv(path, max_size, sudo=sudo, workdir=workdir)
        env = {"HOME": str(self.home), "PATH": str(self.bin)}
        done = subprocess.run(argv, env=env, cwd="/", capture_output=True, timeout=60)
        return done.returncode, done.stdout

    def unpacked(self, path: str, to: Path, max_size: int = MIB, **options: object) -> Unpacked:
        to.parent.mkdir(exist_ok=True)
        status, data = self.collect(path, max_size, **options)  # type: ignore[arg-type]
        assert status == 0
        (tar := to.parent / "it.tar").write_bytes(data)
        return unpack(tar, to, max_size=max_size)


@pytest.fixture(params=["gnu", "busybox"])
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    return Guest(tmp_path / "guest", request.param)


def fill(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


NAMES = {
    "out": {"out/.hid/x", "out/a b.txt", "out/c.txt", "out/-n"},
    "out/": {"out/.hid/x", "out/a b.txt", "out/c.txt", "out/-n"},
    "out/*.txt": {"a b.txt", "c.txt"},
    "out/*": {"a b.txt", "c.txt", "-n"},
    "out/c.txt": {"c.txt"},
    "o?t/.hid": {"out/.hid/x"},
    "*/[ac]*": {"out/a b.txt", "out/c.txt"},
    "out/.": {".hid/x", "a b.txt", "c.txt", "-n"},
}


@pytest.mark.parametrize("path", NAMES)
@pytest.mark.parametrize("sudo", [False, True])
def test_what_matches_comes_under_the_names_that_cp_would_give(
    guest: Guest, tmp_path: Path, path: str, sudo: bool
) -> None:
    fill(guest.home / "w", "out/.hid/x", "out/a b.txt", "out/c.txt", "out/-n", "else/y")
    for number, (pattern, workdir) in enumerate(
        ((path, "w"), (f"w/{path}", ""), (f"{guest.home}/w/{path}", "no"))
    ):
        if pattern.startswith("/"):
            workdir = "w"
        unpacked = guest.unpacked(pattern, tmp_path / f"to-{number}", sudo=sudo, workdir=workdir)
        assert {file.name for file in unpacked.files} == NAMES[path], pattern
        assert (unpacked.refused, unpacked.cut) == ((), "")


@pytest.mark.parametrize("path", ["none", "none/*", "out/*.no", "*.txt", "-x"])
def test_where_nothing_matches(guest: Guest, path: str) -> None:
    fill(guest.home, "out/a")
    assert guest.collect(path) == (NOTHING_MATCHES, b"")


def test_a_folder_without_files_is_a_result(guest: Guest, tmp_path: Path) -> None:
    (guest.home / "out").mkdir()
    assert guest.unpacked("out", tmp_path / "to").files == ()
    assert (tmp_path / "to" / "out").is_dir()


@pytest.mark.parametrize("guest", ["gnu"], indirect=True)
def test_a_guest_without_tar(guest: Guest) -> None:
    fill(guest.home, "out")
    (guest.bin / "tar").unlink()
    assert guest.collect("out") == (NO_TAR, b"")


def test_the_guest_is_not_asked_for_more_than_the_limit(guest: Guest, tmp_path: Path) -> None:
    with (guest.home / "zeros").open("wb") as file:
        file.truncate(3 * cut_at(MIB))
    status, data = guest.collect("zeros")
    assert (status, len(data)) == (0, cut_at(MIB))
    unpacked = guest.unpacked("zeros", tmp_path / "to")
    assert (unpacked.cut, unpacked.size) == ("more than 1M", MIB)
    assert (tmp_path / "to" / "zeros.partial").stat().st_size == MIB


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("out", ("", "out")),
        ("a/b/*.x", ("a/b", "*.x")),
        ("/var/log/*", ("/var/log", "*")),
        ("/etc", ("/", "etc")),
        ("*", ("", "*")),
        ("a/..", ("a/..", ".")),
        (".", ("", ".")),
    ],
)
def test_what_names_are_relative_to(path: str, split: tuple[str, str]) -> None:
    assert split_pattern(path) == split


def test_a_run_has_its_own_folder(tmp_path: Path) -> None:
    run = RunId("abc")
    assert result_folder(Artifact(path="x"), run, tmp_path) == tmp_path / "results"
    assert result_folder(Artifact(path="x", to="/home/me/{run}/out"), run, tmp_path) == Path(
        "/home/me/abc/out"
    )


def test_the_manifest_comes_back_as_it_was(tmp_path: Path, guest: Guest) -> None:
    assert read_manifest(tmp_path) is None
    fill(guest.home, "out/a")
    os.mkfifo(guest.home / "out" / "f")
    unpacked = guest.unpacked("out", tmp_path / "to")
    result = Result(path="out", folder=str(tmp_path), state=ResultState.PARTIAL, reason="\udcff")
    collected = (Collected(result=result, files=unpacked.files, refused=unpacked.refused),)
    write_manifest(tmp_path, collected)
    assert read_manifest(tmp_path) == collected
    assert unpacked.refused[0].name == "./out/f"


def test_everything_is_on_the_disk_before_the_manifest_says_so(
    tmp_path: Path, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file and folder is synced before results.json gets its name."""
    fill(guest.home, "out/a", "out/deep/b")
    synced: list[tuple[int, int]] = []
    at_manifest: list[set[tuple[int, int]]] = []
    fsync, replace = os.fsync, os.replace

    def record_sync(file: int) -> None:
        found = os.fstat(file)
        synced.append((found.st_dev, found.st_ino))
        fsync(file)

    def record_replace(*paths: object, **options: object) -> None:
        if str(paths[1]).endswith("results.json"):
            at_manifest.append(set(synced))
        replace(*paths, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "fsync", record_sync)
    monkeypatch.setattr(os, "replace", record_replace)
    to = tmp_path / "new" / "to"
    unpacked = guest.unpacked("out", to)
    write_manifest(tmp_path, (Collected(result=Result(path="out", folder=str(to)), files=unpacked.files),))
    (before,) = at_manifest
    for path in (to.parent, to, *to.rglob("*"), tmp_path / "results.json"):
        found = path.stat()
        assert (found.st_dev, found.st_ino) in before, path
    assert (tmp_path.stat().st_dev, tmp_path.stat().st_ino) == synced[-1]
