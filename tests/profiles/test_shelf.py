"""Profiles on the shelf: edits that keep what a person wrote, copies, deletions, faults with their lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tui import profiles
from tui.contracts import ProfileSource, TextFault
from tui.model.errors import ProfileError, UsageError
from tui.model.spec import Artifact, PinPolicy, RunSpec
from tui.model.units import GIB
from tui.profiles import places, shelf
from tui.wiring import Shelf

WRITTEN = """\
# Nightly build: ask Ana before changing the image.
image = "24.04"     # not lts: the compiler is older there

# 8G swaps
memory = "16384M"   # 16G, really
cpus = 4

timeout = "90m"
command = '''
make   # everything
make test
'''

# What it needs
[env]
STAGE = "night"  # or "day"

[[artifacts]]   # for the report
path = "out/*.xml"
required = true  # no report without it
"""


@pytest.fixture
def yours() -> Path:
    folder = places.user_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def load(name: str) -> RunSpec:
    return Shelf("demo").load(name)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


OLD_COMMAND = "'''\nmake   # everything\nmake test\n'''"
CHANGES: list[tuple[Mapping[str, Any], str, str]] = [
    ({"cpus": 8}, "cpus = 4\n", "cpus = 8\n"),
    ({"image": "lts"}, '"24.04"     #', '"lts"     #'),
    ({"memory": 2 * GIB}, '"16384M"   # 16G', '"2G"   # 16G'),
    ({"timeout_s": None}, 'timeout = "90m"\n', ""),
    ({"timeout_s": 60}, '"90m"', '"1m"'),
    ({"command": "make"}, OLD_COMMAND, '"make"'),
    (
        {"command": 'a\nb "c" \\d\n'},
        "'''\nmake   # everything\nmake test\n'''",
        '"""\na\nb \\"c\\" \\\\d\n"""',
    ),
    ({"env": (("STAGE", "day"),)}, '"night"', '"day"'),
]


@pytest.mark.parametrize(("change", "old", "new"), CHANGES)
def test_an_edit_changes_what_it_means_and_nothing_else(
    yours: Path, change: dict[str, Any], old: str, new: str
) -> None:
    path = write(yours, "nightly", WRITTEN)
    spec = replace(load("nightly"), **change)
    assert Shelf("demo").save(spec, "nightly", like=path) == path
    assert path.read_text() == WRITTEN.replace(old, new)
    assert load("nightly") == spec


def test_a_save_that_changes_nothing_leaves_every_byte(yours: Path) -> None:
    path = write(yours, "nightly", WRITTEN)
    Shelf("demo").save(load("nightly"), "nightly", like=path)
    assert path.read_text() == WRITTEN


def test_new_keys_come_before_the_tables_and_comments_stay(yours: Path) -> None:
    path = write(yours, "nightly", WRITTEN)
    spec = replace(load("nightly"), pin=PinPolicy.ALWAYS, finish=True, sudo=True, host="other")
    Shelf("demo").save(spec, "nightly", like=path)
    text = path.read_text()
    assert load("nightly") == spec
    for line in WRITTEN.splitlines():
        assert line in text
    assert text.index('pin = "always"') < text.index("[env]")


def test_a_grace_takes_the_place_of_finish(yours: Path) -> None:
    path = write(yours, "nightly", WRITTEN.replace("cpus = 4", 'cpus = 4\ngrace = "finish" # by itself'))
    spec = replace(load("nightly"), finish=False, grace_s=60)
    Shelf("demo").save(spec, "nightly", like=path)
    assert 'grace = "1m" # by itself' in path.read_text()


def test_windows_line_ends_survive(yours: Path) -> None:
    path = yours / "dos.toml"
    path.write_bytes(b'# one\r\nimage = "lts"\r\ncommand = "true" # two\r\n')
    Shelf("demo").save(replace(load("dos"), image="24.04"), "dos", like=path)
    assert path.read_bytes() == b'# one\r\nimage = "24.04"\r\ncommand = "true" # two\r\n'


def test_saved_from_a_file_that_has_become_faulty_is_refused(yours: Path) -> None:
    path = write(yours, "nightly", WRITTEN)
    spec = load("nightly")
    path.write_text(WRITTEN + "[broken")
    with pytest.raises(ProfileError, match=r"nightly.toml:\d+: not TOML"):
        Shelf("demo").save(spec, "nightly", like=path)
    assert path.read_text().endswith("[broken")


ARTIFACT = '[[artifacts]]\npath = "a" # c\n'


@pytest.mark.parametrize(
    ("tail", "change", "new"),
    [
        ('env = { A = "1" } # e\n', {"env": (("A", "2"),)}, 'env = { A = "2" } # e\n'),
        ('env.A = "1" # e\n', {"env": (("A", "2"),)}, 'env.A = "2" # e\n'),
        (ARTIFACT, {"artifacts": ()}, ""),
        (ARTIFACT, {"artifacts": (Artifact(path="b"),)}, ARTIFACT.replace('"a"', '"b"')),
        (
            'artifacts = [{ path = "a" }, # one\n  { path = "b" }]\n',
            {"artifacts": (Artifact(path="a"), Artifact(path="c"))},
            'artifacts = [{ path = "a" }, # one\n  { path = "c" }]\n',
        ),
    ],
)
def test_tables_are_edited_as_they_are_laid_out(
    yours: Path, tail: str, change: dict[str, Any], new: str
) -> None:
    head = 'image = "lts"\ncommand = "x"\n'
    path = write(yours, "odd", head + tail)
    Shelf("demo").save(replace(load("odd"), **change), "odd", like=path)
    assert path.read_text() == head + new


def test_saved_without_a_file_it_is_written_anew(yours: Path) -> None:
    spec = RunSpec(image="lts", command="true", host="demo", name="x")
    path = Shelf("demo").save(spec, "fresh", like=yours / "gone.toml")
    assert load("fresh") == replace(spec, name="fresh")
    assert path.parent == yours


# ---- copies


def test_a_copy_keeps_comments_and_finds_its_files(
    yours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = tmp_path / "profiles"
    here.mkdir()
    (here / "user.yaml").write_text("#cloud-config\npackages: [git]\n")
    write(
        here,
        "site",
        '# the site\nname = "site"\nimage = "lts"\ncommand = "x"\n'
        'cloud_init = "user.yaml" # git\n[[inputs]]\nfrom = "src" # code\nto = "src/"\n'
        '[secrets]\nTOKEN = "file:token" # kept\n',
    )
    path = Shelf("demo").duplicate("site", "site-2")
    assert path == yours / "site-2.toml"
    text = path.read_text()
    for comment in ("# the site", "# git", "# code", "# kept"):
        assert comment in text
    assert load("site-2") == replace(load("site"), name="site-2")
    assert Shelf("demo").page("site-2").source is ProfileSource.YOURS


def test_a_copy_of_a_shipped_profile_is_yours() -> None:
    Shelf("demo").duplicate("hello", "hello-2")
    assert load("hello-2") == replace(load("hello"), name="hello-2")


def test_a_faulty_profile_is_copied_as_it_is(yours: Path) -> None:
    write(yours, "broken", "cpus = 0\n")
    assert Shelf("demo").duplicate("broken", "again").read_text() == "cpus = 0\n"


@pytest.mark.parametrize(
    ("new", "words"), [("hello", "exists already"), ("A b", "lower-case"), ("", "give it a name")]
)
def test_a_copy_needs_a_name_that_is_free(new: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Shelf("demo").duplicate("hello", new)


def test_only_your_own_is_deleted(yours: Path) -> None:
    path = write(yours, "mine", 'image = "lts"\ncommand = "x"\n')
    Shelf("demo").delete("mine")
    assert not path.exists()
    with pytest.raises(UsageError, match="not in your own folder"):
        Shelf("demo").delete("hello")
    assert profiles.find("hello").exists()


# ---- looking at them


def test_faults_have_their_lines(yours: Path) -> None:
    write(yours, "broken", 'image = "lts"\ncpus = 0\nmemroy = "1G"\n')
    page = shelf.page("broken", default_host="demo")
    assert page.spec is None
    assert page.faults == (
        TextFault(2, "cpus: found 0; write a whole number from 1 to 512"),
        TextFault(3, "memroy: unknown key; did you mean memory?"),
        TextFault(0, "command: missing; say what the VM is to run"),
    )


def test_what_is_no_toml_and_what_is_no_file(yours: Path) -> None:
    write(yours, "a", 'image = "lts"\ncommand = \n')
    (yours / "b.toml").mkdir()
    (yours / "c.toml").write_bytes(b'image = "\xff"\n')
    a, b, c = (shelf.page(name, default_host="demo") for name in "abc")
    assert [fault.line for fault in a.faults] == [2]
    assert b.faults == (TextFault(0, "is a folder"),)
    assert [fault.line for fault in c.faults] == [1]
    assert "\N{REPLACEMENT CHARACTER}" in c.text


def test_all_pages_at_once_good_and_bad(yours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(yours)
    write(yours, "bad", "")
    pages = {page.name: page for page in Shelf("demo").pages()}
    assert pages["hello"].source is ProfileSource.SHIPPED
    assert pages["hello"].spec == load("hello")
    assert pages["bad"].spec is None


def test_a_profile_that_vanished_is_named() -> None:
    with pytest.raises(UsageError, match="no profile is called nope"):
        Shelf("demo").page("nope")
