import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

import tui
from tests.model.strategies import specs
from tui import profiles
from tui.files.folders import config_path
from tui.model.errors import ProfileError, UsageError
from tui.model.spec import HostName, PinPolicy, RunSpec
from tui.model.units import GIB, MIB

CHECKOUT = Path(tui.__file__).parents[1]
SPEC = RunSpec(image="lts", command="make", host=HostName("demo"))


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(path: str, **overrides: object) -> RunSpec:
    return profiles.load(path, overrides=overrides, default_host="demo")


@given(specs)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_spec_survives_being_a_profile(spec: RunSpec) -> None:
    Path("round.toml").write_bytes(profiles.dump(spec).encode())
    assert load("round.toml") == spec


@given(specs)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
def test_a_spec_survives_a_save(spec: RunSpec) -> None:
    assert load(str(profiles.save(spec, spec.name, replace=True))) == spec


def test_only_what_is_no_default_is_written() -> None:
    assert profiles.dump(SPEC) == 'image = "lts"\ncommand = "make"\nhost = "demo"\n'


def test_what_is_written_reads_well() -> None:
    spec = RunSpec(
        image="lts",
        command="make\nmake test\n",
        host=HostName("demo"),
        memory=1536 * MIB,
        disk=8 * GIB,
        timeout_s=5400,
        pin=PinPolicy.ON_FAILURE,
    )
    assert profiles.dump(spec) == (
        'image = "lts"\ncommand = """\nmake\nmake test\n"""\nmemory = "1536M"\ndisk = "8G"\n'
        'host = "demo"\ntimeout = "1h30m"\npin = "on-failure"\n'
    )


def test_defaults() -> None:
    spec = profiles.resolve({"image": "lts", "command": ("ls", "-l")}, "demo")
    assert spec == RunSpec(
        image="lts",
        command=("ls", "-l"),
        host=HostName("demo"),
        cpus=1,
        memory=GIB,
        disk=5 * GIB,
        timeout_s=None,
        boot_timeout_s=900,
        grace_s=900,
        pin=PinPolicy.NEVER,
    )


def test_flags_win_over_the_profile_and_the_profile_over_the_default_host() -> None:
    Path("ci.toml").write_text(
        'image = "lts"\ncommand = "make"\ncpus = 4\nhost = "build-1"\ndisk = 6442450944\n'
    )
    assert load("ci.toml") == RunSpec(
        image="lts", command="make", host=HostName("build-1"), name="ci", cpus=4, disk=6 * GIB
    )
    spec = load("ci.toml", cpus="2", host="build-2", command=("ls",), pin=PinPolicy.ALWAYS, memory=None)
    assert (spec.cpus, spec.host, spec.command, spec.pin) == (2, "build-2", ("ls",), PinPolicy.ALWAYS)


def test_a_flag_may_give_what_the_profile_lacks() -> None:
    Path("half.toml").write_text('image = "lts"\n')
    assert load("half.toml", command="make").command == "make"


@pytest.mark.parametrize(
    ("file", "name"), [("My Job.toml", "my-job"), ("a.b.toml", "a-b"), ("x" * 60 + ".toml", "x" * 40)]
)
def test_a_profile_without_a_name_is_called_like_its_file(file: str, name: str) -> None:
    Path(file).write_text('image = "lts"\ncommand = "make"\n')
    assert load(file).name == name


# ---- finding and saving


def put(folder: Path, name: str, description: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = f'image = "lts"\ncommand = "make"\ndescription = "{description}"\n'
    (folder / f"{name}.toml").write_text(text)


def test_the_nearest_profile_of_a_name_wins() -> None:
    assert load("hello").description.startswith("Say hello")
    put(config_path() / "profiles", "hello", "mine")
    assert load("hello").description == "mine"
    put(Path("profiles"), "hello", "of this project")
    assert load("hello").description == "of this project"
    assert load(str(config_path() / "profiles/hello.toml")).description == "mine"


def test_every_name_is_listed_once_with_its_source() -> None:
    put(config_path() / "profiles", "mine", "x")
    put(Path("profiles"), "hello", "x")
    found = {name: (path, source) for name, path, source in profiles.names()}
    assert found["hello"] == (Path("profiles/hello.toml"), "here")
    assert found["mine"] == (config_path() / "profiles/mine.toml", "yours")
    assert found["failing"] == (CHECKOUT / "profiles/failing.toml", "shipped")
    assert list(found) == sorted(found)


def test_an_unknown_name_says_what_is_near() -> None:
    with pytest.raises(UsageError, match=r"no profile is called helo; did you mean hello\?") as caught:
        profiles.find("helo")
    assert "dayfly profiles" in caught.value.hint
    with pytest.raises(UsageError, match=r"^no profile is called zzzz$"):
        profiles.find("zzzz")


def test_a_save_never_overwrites_unless_told() -> None:
    path = profiles.save(SPEC, "mine")
    assert path == config_path() / "profiles" / "mine.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert stat.S_IMODE(config_path().stat().st_mode) == 0o700
    before = path.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        profiles.save(RunSpec(image="other", command="make", host=HostName("demo")), "mine")
    assert path.read_bytes() == before
    profiles.save(RunSpec(image="other", command="make", host=HostName("demo")), "mine", replace=True)
    assert load("mine").image == "other"
    assert [entry.name for entry in path.parent.iterdir()] == ["mine.toml"]


@pytest.mark.parametrize("name", ["", "../mine", "Mine", "a b", "-a", "x" * 41])
def test_a_save_under_a_bad_name_writes_nothing(name: str) -> None:
    with pytest.raises(ProfileError, match="name: found "):
        profiles.save(SPEC, name)
    assert not config_path().exists()


# ---- what is shipped


SHIPPED = sorted(path.stem for path in (CHECKOUT / "profiles").glob("*.toml"))


def test_what_is_shipped() -> None:
    assert SHIPPED == ["build", "data-job", "debug", "failing", "hello", "prepared", "with-files"]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_profile_runs_anywhere(name: str) -> None:
    spec = load(name)
    assert (spec.image, spec.host) == ("lts", "demo")
    assert spec.description
    assert isinstance(spec.command, str)
    if spec.cloud_init:
        return  # it would want a machine of its own
    for item in spec.inputs:
        Path(item.to).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(item.source, item.to)
    env = {**os.environ, **dict(spec.env), **{ref.name: os.environ[ref.detail] for ref in spec.secrets}}
    done = subprocess.run(
        ["bash", "-c", f"sleep() {{ :; }}\n{spec.command}"],
        capture_output=True,
        timeout=30,
        check=False,
        env=env,
    )
    assert done.returncode == {"failing": 1, "debug": 3}.get(name, 0)
    assert not spec.artifacts or all(list(Path().glob(item.path)) for item in spec.artifacts)
    assert done.stdout


def test_an_installed_package_brings_its_own(tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(CHECKOUT / "tui", site / "tui", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(CHECKOUT / "profiles", site / "tui" / "shipped_profiles")
    code = "from tui import profiles; print(profiles.find('hello'))"
    env = {**os.environ, "PYTHONPATH": str(site)}
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert shown.stdout == f"{site}/tui/shipped_profiles/hello.toml\n"


def test_reading_profiles_is_light_and_runs_nothing() -> None:
    # A profile whose every field is a command substitution, a template or a format string.
    evil = "$(touch pwned)`touch pwned`{0.__class__}%s"
    Path("evil.toml").write_text(f'image = "x"\ncommand = "{evil}"\ndescription = "{evil}"\n')
    assert load("evil.toml").command == evil
    assert sorted(path.name for path in Path().glob("pwned*")) == []
    heavy = {"asyncssh", "pydantic", "textual", "tomlkit"}
    code = f"import sys, tui.profiles, tui.config; print(sorted({heavy} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"


def test_finish_takes_the_place_of_a_grace_and_a_timeout_from_a_flag_will_do() -> None:
    Path("long.toml").write_text('image = "lts"\ncommand = "make"\ngrace = "finish"\n')
    spec = load("long.toml", timeout="2h")
    assert (spec.finish, spec.grace_s, spec.timeout_s) == (True, 900, 7200)
    assert load("long.toml", grace="5m").finish is False
    assert 'grace = "finish"\n' in profiles.dump(spec)


def test_a_pin_may_expire() -> None:
    spec = profiles.resolve({"image": "lts", "command": "make", "pin": "on-failure", "pin_for": "8h"}, "demo")
    assert spec.pin_for_s == 8 * 3600
    assert profiles.dump(spec).endswith('pin = "on-failure"\npin_for = "8h"\n')
