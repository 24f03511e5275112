"""What is sent into a VM: what is refused, and that every byte, name and mode arrives."""

import os
import shutil
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui.engine import packing
from tui.engine.inputs import Survey, survey
from tui.model.errors import UsageError
from tui.model.spec import Input
from tui.model.units import GIB, MIB

_NOBODY = 65534

HOSTILE = [
    "-rf",
    "a\nb",
    "q'\"`$(x)",
    "ünï→",
    "\udcff\udcfe",
    " ",
    "back\\slash",
    "n" * 200,
    "*?[x]",
    "ü" * 90,
]
TARS = ["tar", "busybox tar"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


def pack(found: Survey, folder: Path) -> packing.Package:
    return packing.pack(found, folder, on_packed=lambda _: None, stop=threading.Event())


def unpacked(inputs: list[Input], tmp_path: Path, tar: str) -> Path:
    """The home of a guest after these have arrived, unpacked by that tar."""
    home, tools = tmp_path / "guest", tmp_path / "tools"
    home.mkdir()
    tools.mkdir()
    (tools / "tar").write_text(
        f'#!/bin/sh\nexec {shutil.which(tar.split()[0])} {tar.partition(" ")[2]} "$@"\n'
    )
    (tools / "tar").chmod(0o755)
    package = pack(survey(inputs), tmp_path)
    assert package.path.stat().st_mode & 0o777 == 0o600
    sent = tmp_path / "sent.tar"
    shutil.copy(package.path, sent)
    environment = {"HOME": str(home), "PATH": f"{tools}:{os.environ['PATH']}"}
    done = subprocess.run(
        package.unpack_argv(str(sent), sudo=False),
        env=environment,
        umask=0o027,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert not sent.exists()
    return home


def tree(folder: Path) -> dict[str, tuple[int, bytes | str | None]]:
    """Every name in a folder, with its mode, and its bytes or where it points."""
    found: dict[str, tuple[int, bytes | str | None]] = {}
    for path in sorted(folder.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(folder))] = (mode, content)
    return found


@pytest.mark.parametrize("tar", TARS)
def test_names_bytes_and_modes_arrive(source: Path, tmp_path: Path, tar: str) -> None:
    for number, name in enumerate(HOSTILE):
        (source / name).write_bytes(os.urandom(number * 700) + name.encode("utf-8", "surrogateescape"))
        (source / name).chmod(0o777 if number % 2 else 0o604)
    deep = source / "deep" / ("d" * 120) / "-x\n"
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(bytes(range(256)) * 5000)
    (source / "empty").touch()
    (source / "bare").mkdir(mode=0o711)
    (source / "link").symlink_to("../nowhere\udcff")
    home = unpacked([Input(str(source), "there/\udcfe")], tmp_path, tar)
    assert tree(home / "there/\udcfe") == tree(source)
    assert (home / "there").stat().st_mode & 0o777 == 0o755


def test_setuid_does_not_arrive_and_a_folder_stays_open_to_its_owner(source: Path, tmp_path: Path) -> None:
    (source / "tool").touch()
    (source / "tool").chmod(0o6755)
    (source / "closed").mkdir(mode=0o555)
    home = unpacked([Input(str(source), "x")], tmp_path, "tar")
    assert tree(home / "x") == {"closed": (0o755, None), "tool": (0o755, b"")}


@pytest.mark.parametrize("tar", TARS)
def test_what_is_there_keeps_its_mode(source: Path, tmp_path: Path, tar: str) -> None:
    (source / "file").write_text("new")
    there = tmp_path / "absolute"
    there.mkdir(mode=0o700)
    (there / "file").write_text("a longer old one")
    unpacked([Input(str(source), str(there)), Input(str(source / "file"), f"{there}/sub/")], tmp_path, tar)
    assert stat.S_IMODE(there.stat().st_mode) == 0o700
    assert (there / "file").read_text() == (there / "sub" / "file").read_text() == "new"


CASES = {
    "a file": ("a.txt", "data/b.txt", {"data/b.txt"}),
    "a file into a folder": ("a.txt", "data/", {"data/a.txt"}),
    "a file into the home": ("a.txt", ".", {"a.txt"}),
    "the home by its sign": ("a.txt", "~/x.txt", {"x.txt"}),
    "a folder": ("sub", "data", {"data/c.txt", "data/inner", "data/inner/d.txt"}),
    "a folder into a folder": ("sub", "x/", {"x/sub/c.txt", "x/sub/inner", "x/sub/inner/d.txt"}),
    "a folder into the home": ("sub", ".", {"c.txt", "inner", "inner/d.txt"}),
    "a glob": ("*.txt", "data", {"data/a.txt", "data/b.txt"}),
    "a glob of one": ("a*", "data", {"data/a.txt"}),
    "a glob of files below": ("**/*.txt", "x", {"x/a.txt", "x/b.txt", "x/sub/c.txt", "x/sub/inner/d.txt"}),
    "a glob of all": ("sub/**", "x", {"x/c.txt", "x/inner", "x/inner/d.txt"}),
    "a hidden place": ("a.txt", ".config/x", {".config/x"}),
}


@pytest.mark.parametrize("case", CASES)
def test_where_things_go(source: Path, case: str) -> None:
    pattern, to, places = CASES[case]
    (source / "sub" / "inner").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "sub/c.txt", "sub/inner/d.txt"):
        (source / name).write_text(name)
    found = survey([Input(f"{source}/{pattern}", to)])
    assert {member.place.path for member in found.members} == places
    assert not any(member.place.is_absolute for member in found.members)


def git(folder: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "protocol.file.allow=always", "-c", "user.name=a", "-c", "user.email=a@b", *words],
        cwd=folder,
        check=True,
        capture_output=True,
    )


def test_of_a_git_work_tree_goes_what_git_does_not_ignore(source: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for folder in (other, source):
        git(folder, "init", "-q")
        (folder / "kept").write_text("x")
        git(folder, "add", "kept")
        git(folder, "commit", "-qm", "one")
    git(source, "submodule", "add", "-q", str(other), "module")
    (source / ".gitignore").write_text("*.log\nbuild/\n")
    (source / "build").mkdir()
    (source / "lib").mkdir()
    for name in ("new\nline", "x.log", "build/out", "lib/a.py", "gone"):
        (source / name).write_text("x")
    git(source, "add", "gone")
    (source / "gone").unlink()
    places = {member.place.path for member in survey([Input(str(source), "w")]).members}
    assert places == {
        *("w/.gitignore", "w/.gitmodules", "w/kept", "w/lib", "w/lib/a.py", "w/new\nline"),
        *("w/module", "w/module/.git", "w/module/kept"),
    }


def test_a_work_tree_needs_git(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source / ".git").mkdir()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="no git here"):
        survey([Input(str(source), "w")])


def refused(inputs: list[Input], disk: int | None = None) -> Iterator[str]:
    with pytest.raises(UsageError) as caught:
        survey(inputs, disk)
    assert caught.value.hint
    yield caught.value.message


def test_what_is_refused_before_anything_is_sent(source: Path) -> None:
    (source / "file").write_text("x")
    (source / "same").mkdir()
    (source / "same" / "file").write_text("y")
    os.mkfifo(source / "pipe")
    with (source / "big").open("wb") as file:
        file.truncate(3 * GIB)
    cases = {
        "is not there": [Input(f"{source}/none", "x")],
        "matches nothing": [Input(f"{source}/*.csv", "x")],
        "neither a file nor a folder": [Input(str(source), "x")],
        "leaves the guest user's home": [Input(f"{source}/file", "../x")],
        "would be the same file": [Input(f"{source}/file", "x/"), Input(f"{source}/same/file", "x/")],
    }
    for words, inputs in cases.items():
        assert all(words in message for message in refused(inputs))
    big = [Input(f"{source}/big", "x")]
    assert list(refused(big, disk=5 * GIB)) == ["inputs: 3G is too much for a disk of 5G"]
    assert survey(big, disk=8 * GIB).size == 3 * GIB


def test_what_cannot_be_read_is_refused() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "file").touch(mode=0o000)
        is_root = os.geteuid() == 0
        try:
            if is_root:
                os.seteuid(_NOBODY)  # root reads everything
            assert "cannot be read" in next(refused([Input(f"{folder}/file", "x")]))
        finally:
            if is_root:
                os.seteuid(0)


def test_a_file_that_changes_meanwhile_keeps_its_neighbours_whole(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One grows and one shrinks between the look at its size and its last byte."""
    for name, size in (("grows", 10), ("shrinks", 4 * MIB), ("z-whole", 700)):
        (source / name).write_bytes(b"x" * size)
    (source / "grows").write_bytes(b"x" * 10)
    real = os.fstat

    def fstat(descriptor: int) -> os.stat_result:
        found = real(descriptor)
        match os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")):
            case "grows":
                (source / "grows").write_bytes(b"x" * 20)
            case "shrinks":
                os.truncate(source / "shrinks", 1000)
        return found

    monkeypatch.setattr("tui.engine.packing.os.fstat", fstat)
    package = pack(survey([Input(str(source), "x")]), tmp_path)
    monkeypatch.undo()
    assert [os.path.basename(path) for path in package.changed] == ["grows", "shrinks"]
    subprocess.run(["tar", "-xf", package.path], cwd=tmp_path, check=True)
    assert (tmp_path / "x" / "grows").read_bytes() == b"x" * 10
    assert (tmp_path / "x" / "shrinks").read_bytes() == b"x" * 1000 + bytes(4 * MIB - 1000)
    assert (tmp_path / "x" / "z-whole").read_bytes() == b"x" * 700


def test_a_package_is_found_again_and_one_that_was_stopped_is_not(source: Path, tmp_path: Path) -> None:
    (source / "file").write_bytes(b"x" * 100)
    found = survey([Input(str(source), "a\udcff"), Input(f"{source}/file", "/opt/x")])
    package = pack(found, tmp_path)
    assert packing.packed(tmp_path) == package
    packing.discard(tmp_path)
    assert packing.packed(tmp_path) is None
    stop = threading.Event()
    stop.set()
    with pytest.raises(packing.Stopped):
        packing.pack(found, tmp_path, on_packed=lambda _: None, stop=stop)
    assert not list(tmp_path.glob("inputs*"))
