"""`dayfly cp`: files into a VM that lives, and out of it, as cp -r would."""

import os
from pathlib import Path

from tests.cli.conftest import Dayfly, only
from tests.cli.test_inside import pinned
from tui.model.units import MIB

HOSTILE = "a b'\"$(id)`;\n\x1b[31m-\udcff"
"""A name that no shell and no terminal may take for more than a name."""


async def cp(dayfly: Dayfly, *words: str) -> None:
    ended = await dayfly("cp", *words)
    assert (ended.status, ended.stderr, ended.stdout) == (0, "", b"")


def tree(folder: Path) -> dict[bytes, bytes | None]:
    """What is in a folder: names, and what is in the files."""
    root = os.fsencode(folder)
    found = dict[bytes, bytes | None]()
    for place, folders, files in os.walk(root):
        for name in folders:
            found[os.path.relpath(os.path.join(place, name), root)] = None
        for name in files:
            path = os.path.join(place, name)
            found[os.path.relpath(path, root)] = Path(os.fsdecode(path)).read_bytes()
    return found


async def test_there_and_back_byte_for_byte(dayfly: Dayfly) -> None:
    run = await pinned(dayfly, "true")
    source = dayfly.folder / "src"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "empty").touch()
    (source / HOSTILE).write_bytes(b"hostile")
    (source / "deep" / "er" / "binary").write_bytes(os.urandom(3 * MIB + 1))
    (source / "tool").write_text("#!/bin/sh\n")
    (source / "tool").chmod(0o750)
    (source / ".git").mkdir()  # a work tree is copied whole, too
    await cp(dayfly, "src", f"{run}:there")
    await cp(dayfly, f"{run}:there", "back")
    assert tree(dayfly.folder / "back") == tree(source)
    assert (dayfly.folder / "back" / "tool").stat().st_mode & 0o777 == 0o750
    assert os.listdir(dayfly.folder) == ["src", "back"] or sorted(os.listdir(dayfly.folder)) == [
        "back",
        "src",
    ]
    assert not list((dayfly.demo.state_dir / "runs" / run).glob("cp-*"))
    left = await dayfly("exec", run, "sh", "-c", "ls /var/tmp | grep dayfly")
    assert left.stdout == b""


@only("demo")
async def test_it_goes_where_cp_would_put_it(dayfly: Dayfly) -> None:
    run = await pinned(dayfly, "mkdir -p d out/a; echo 1 >out/a/x; echo 2 >out/y; echo 3 >'w [1].txt'")
    home, here = dayfly.demo.guest_home(f"df-run-{run}"), dayfly.folder
    (here / "one").write_text("one")
    (here / "two").write_text("two")
    await cp(dayfly, "one", f"{run}:new")
    await cp(dayfly, "one", "two", f"{run}:d")
    await cp(dayfly, "one", f"{run}:")
    assert (home / "new").read_text() == "one"
    assert tree(home / "d") == {b"one": b"one", b"two": b"two"}
    assert (home / "one").read_text() == "one"
    several = await dayfly("cp", "one", "two", f"{run}:nowhere")
    assert (several.status, (home / "nowhere").exists()) == (1, False)

    (here / "in").mkdir()
    await cp(dayfly, f"{run}:out", "in")
    await cp(dayfly, f"{run}:out/*", "globbed")
    await cp(dayfly, f"{run}:out/y", "renamed")
    await cp(dayfly, f"{run}:out/y", "one")
    assert tree(here / "in") == {b"out": None, b"out/a": None, b"out/a/x": b"1\n", b"out/y": b"2\n"}
    assert tree(here / "globbed") == {b"a": None, b"a/x": b"1\n", b"y": b"2\n"}
    assert (here / "renamed").read_text() == (here / "one").read_text() == "2\n"
    assert (await dayfly("cp", f"{run}:out", "one")).status == 1
    assert (here / "one").read_text() == "2\n"
    missing = await dayfly("cp", f"{run}:no-such", ".")
    assert missing.status == 1
    assert "has no no-such" in missing.stderr


@only("demo")
async def test_more_than_asked_for_is_marked_as_partial(dayfly: Dayfly) -> None:
    run = await pinned(dayfly, "mkdir out; echo whole >out/a; head -c 40000000 /dev/zero >out/b")
    ended = await dayfly("cp", "--max-size", "1M", f"{run}:out/*", "out")
    assert ended.status == 1
    assert "not all of it could be copied" in ended.stderr
    assert (dayfly.folder / "out" / "a").read_text() == "whole\n"
    assert not (dayfly.folder / "out" / "b").exists()
    assert (dayfly.folder / "out" / "b.partial").stat().st_size <= MIB


@only("demo")
async def test_nothing_else_is_touched_by_what_is_wrong(dayfly: Dayfly) -> None:
    run = await pinned(dayfly, "true")
    for words in (["x"], ["x", "y"], [f"{run}:a", f"{run}:b"], ["no-such-file", f"{run}:"], [f"{run}:", "."]):
        assert (await dayfly("cp", *words)).status == 2, words
    assert os.listdir(dayfly.folder) == []


@only("demo")
async def test_the_artifacts_of_its_profile(dayfly: Dayfly) -> None:
    text = 'image = "ubuntu-lts-agent"\nhost = "demo"\ncommand = "true"\npin = "always"\n'
    text += '[[artifacts]]\npath = "out/*.txt"\n'
    profile = dayfly.profile("late", text + '[[artifacts]]\npath = "no-such"\n')
    assert (await dayfly("run", "-q", profile)).status == 0
    (row,) = dayfly.ledger().newest(1)
    made = await dayfly("exec", row.run, "sh", "-c", "mkdir out; echo 1 >out/a.txt; echo 2 >out/b")
    assert made.status == 0
    ended = await dayfly("cp", f"{row.run}:", "results")
    assert ended.status == 1
    assert "has no no-such" in ended.stderr
    assert tree(dayfly.folder / "results") == {b"a.txt": b"1\n"}
