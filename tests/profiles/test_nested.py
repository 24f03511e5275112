"""Inputs, artifacts, cloud-init, variables and secrets: what is taken, and what is said of the rest."""

import os
from pathlib import Path

import pytest

from tui import profiles
from tui.model.errors import ProfileError
from tui.model.spec import Artifact, CloudInit, Input, RunSpec, SecretRef, SecretSource
from tui.model.units import GIB, MIB

GOOD = 'image = "lts"\ncommand = "true"\n'
SECRETS = (
    'secrets hold no values: write where to take it from, "env:NAME", "file:PATH", "cmd:COMMAND" or "prompt"'
)
CLOUD = "#cloud-config\npackages: [git]\n"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    Path("profiles").mkdir()


def load(text: str, **flags: object) -> RunSpec:
    Path("profiles/ci.toml").write_text(GOOD + text)
    return profiles.load("ci", overrides=flags, default_host="demo")


def faults_of(text: str, **flags: object) -> tuple[str, ...]:
    with pytest.raises(ProfileError) as caught:
        load(text, **flags)
    return caught.value.faults


def test_everything_at_once(tmp_path: Path) -> None:
    Path("profiles/web.yaml").write_text(CLOUD)
    spec = load(
        'collect_timeout = "2m"\ncloud_init = "web.yaml"\nmask = false\n'
        '[[inputs]]\nfrom = "src"\n[[inputs]]\nfrom = "~/x.csv"\nto = "/data/"\n'
        '[[artifacts]]\npath = "out/*.xml"\nto = "../res/{run}"\nmax_size = "5M"\nrequired = true\n'
        '[[artifacts]]\npath = "log"\n'
        '[env]\nB = "2\\n3"\nA = ""\n'
        '[secrets]\nT = "env:MY_T"\nU = "file:key"\nV = "cmd:pass show a:b"\n'
        'W = "prompt"\nX = "prompt:Pass:"\n'
    )
    assert spec.inputs == (Input(f"{tmp_path}/profiles/src", "./"), Input("/home/ada/x.csv", "/data/"))
    assert spec.artifacts == (
        Artifact(path="out/*.xml", to=f"{tmp_path}/profiles/../res/{{run}}", max_size=5 * MIB, required=True),
        Artifact(path="log", max_size=2 * GIB),
    )
    assert (spec.collect_timeout_s, spec.mask, spec.cloud_init) == (120, False, CloudInit(CLOUD))
    assert spec.env == (("B", "2\n3"), ("A", ""))
    assert spec.secrets == (
        SecretRef("T", SecretSource.ENV, "MY_T"),
        SecretRef("U", SecretSource.FILE, f"{tmp_path}/profiles/key"),
        SecretRef("V", SecretSource.CMD, "pass show a:b"),
        SecretRef("W", SecretSource.PROMPT, ""),
        SecretRef("X", SecretSource.PROMPT, "Pass:"),
    )


def test_what_is_saved_works_from_its_new_place() -> None:
    spec = load(
        '[[inputs]]\nfrom = "src"\n[[artifacts]]\npath = "x"\nto = "res"\n[secrets]\nT = "file:key"\n'
    )
    path = profiles.save(spec, "ci")
    assert profiles.load(str(path), overrides={}, default_host="demo") == spec


def test_a_folder_that_looks_like_a_glob_is_none() -> None:
    Path("a[b]").mkdir()
    Path("a[b]/ci.toml").write_text(f'{GOOD}inputs = [{{from = "x"}}, {{from = "*.c"}}]\n')
    spec = profiles.load("a[b]/ci.toml", overrides={}, default_host="demo")
    assert [Path(item.source).relative_to(Path.cwd()).as_posix() for item in spec.inputs] == [
        "a[b]/x",
        "a[[]b]/*.c",
    ]


WRONG = [
    ('inputs = "src"', 'inputs: found "src"; write a table for each, [[inputs]], with from = "a path here"'),
    ('inputs = ["src"]', 'inputs[0]: found "src"; write a table for each, [[inputs]]'),
    ('[[inputs]]\nto = "x"', "inputs[0].from: missing; write a path here, as a string"),
    (
        '[[inputs]]\nfrom = "a"\n[[inputs]]\nfrom = "b"\nform = 1',
        "inputs[1].form: unknown key; did you mean from?",
    ),
    ('[[inputs]]\nfrom = ""', 'inputs[0].from: found ""; it is empty; write a path'),
    ("[[inputs]]\nfrom = 3", "inputs[0].from: found 3; write a path here, as a string"),
    ('[[inputs]]\nfrom = "a"\nto = "b/../../c"', 'inputs[0].to: found "b/../../c"; it climbs out with ..'),
    ('[[inputs]]\nfrom = "a"\nto = "~/x"', 'inputs[0].to: found "~/x"; ~ is not known in the VM'),
    ('[[inputs]]\nfrom = "a\\u0000"', 'inputs[0].from: found "a\\u0000"; it holds a NUL byte'),
    (
        '[[artifacts]]\npath = "a/**/b"',
        'artifacts[0].path: found "a/**/b"; ** is not known in the VM; write *',
    ),
    (
        '[[artifacts]]\npath = "a"\nmax_size = "2T"',
        'artifacts[0].max_size: found "2T"; write a number with K',
    ),
    ('[[artifacts]]\npath = "a"\nrequired = "yes"', "artifacts[0].required: "),
    ('artifacts = [\n {path = "a"},\n {path = "b", maxsize = 1},\n]', "artifacts[1].maxsize: unknown key"),
    ('collect_timeout = "never"', 'collect_timeout: found "never"; write a duration'),
    ("mask = 0", "mask: found 0; write true or false"),
    ('env = ["A=1"]', 'env: found ["A=1"]; write a table: [env] with NAME = "value"'),
    ("[env]\nA = 3", 'env.A: found 3; variables are text: write it in quotes, "3"'),
    ("[env]\nA = true", 'env.A: found true; variables are text: write it in quotes, "true"'),
    ('[env]\n"A B" = "x"', 'env."A B": found "A B"; it is no name for a variable'),
    ('[env]\nUID = "7"', 'env.UID: found "UID"; shells set it themselves; choose another name'),
    (f'[env]\nA = "{"x" * 100_001}"', "env.A: found "),
    ('[env]\nA = "1"\n[secrets]\nA = "prompt"', "env.A: it is in secrets too; leave one of them out"),
    ('cloud_init = "-"', 'cloud_init: found "-"; standard input is only for the command line'),
    ('cloud_init = "gone.yaml"', 'cloud_init: found "gone.yaml"; '),
    ("[cloud_init]", "cloud_init: found a table; write file = ..., or text = ..."),
    ('[cloud_init]\ntext = "runcmd: []"', "cloud_init.text: found "),
    ('[cloud_init]\ntext = "#cloud-config\\na: 1"\non_failure = "end"', "cloud_init.on_failure: found "),
]


@pytest.mark.parametrize(("text", "fault"), WRONG, ids=[fault[:40] for _, fault in WRONG])
def test_one_wrong_key(text: str, fault: str) -> None:
    (found,) = faults_of(text)
    place, _, words = found.partition(": ")
    assert words.startswith(fault)
    assert found.isprintable()
    path, _, line = place.partition(":")
    named = fault.partition(":")[0].split(".")[-1].strip('"').partition("[")[0]
    assert path == "profiles/ci.toml"
    assert named in (GOOD + text).split("\n")[int(line) - 1] or "missing" in fault


@pytest.mark.parametrize(
    "line", ['T = "hunter2"', "T = 2222", 'T = ["hunter2"]', 'T = "env:hunter2!"', 'T = {value = "hunter2"}',
             'T = "file:"', 'T = "cmd: "', 'T = "prompt:hunter2\\u0007"', '"hunter 2" = "hunter2"'],
)  # fmt: skip
def test_a_secret_that_was_written_down_is_not_repeated(line: str) -> None:
    (fault,) = faults_of(f"[secrets]\n{line}\n")
    assert fault.startswith("profiles/ci.toml:4: secrets.")
    assert "hunter2" not in fault
    assert "2222" not in fault
    (whole,) = faults_of('secrets = "hunter2"')
    assert whole == f"profiles/ci.toml:3: secrets: {SECRETS}"


def test_all_faults_of_all_tables_come_at_once() -> None:
    text = 'artifacts = [{}, {path = "**"}]\n[[inputs]]\nfrom = ""\nto = ".."\n[env]\nA = 1\nB = 2\n'
    assert [fault.split(": ")[0] for fault in faults_of(text, env=("X Y=1",), inputs=("",))] == [
        *("profiles/ci.toml:3", "profiles/ci.toml:3", "profiles/ci.toml:5", "profiles/ci.toml:6"),
        *("profiles/ci.toml:8", "profiles/ci.toml:9", "--input", "--env X Y"),
    ]


# ---- cloud-init


USER_DATA = [
    (
        b"packages: [git]\n",
        ": its first line must be #cloud-config, or cloud-init takes it for something else",
    ),
    (b"#cloud-config\npackages: [git\n", ":3:1: not YAML: expected ',' or ']', but got '<stream end>'"),
    (b"#cloud-config\na: 1\n\tb: 2\n", ":3:1: not YAML: found character '\\t' that cannot start any token"),
    (b"#cloud-config\na: \x01\n", ":2:4: not YAML: the character 0x1 must not be in it"),
    (b"#cloud-config\n- a\n", ":2:1: is no mapping; write keys, such as packages: [git]"),
    (b"#cloud-config\n", ":1:1: holds nothing; write what cloud-init is to do, such as packages: [git]"),
    (b"#cloud-config\na: \xff\n", ":2: holds bytes that are not UTF-8; save it as UTF-8"),
    (b"#cloud-config\na: " + b"x" * 65536, ": is larger than 64K; send the rest as inputs"),
    (b"#cloud-config\na: " + b"[" * 20000, ":1:1: not YAML: nested too deeply"),
]


@pytest.mark.parametrize(("content", "words"), USER_DATA, ids=[words[:30] for _, words in USER_DATA])
def test_user_data_is_checked_before_anything_is_done(content: bytes, words: str, tmp_path: Path) -> None:
    Path("profiles/web.yaml").write_bytes(content)
    file = f"{tmp_path}/profiles/web.yaml"
    (fault,) = faults_of('cloud_init = "web.yaml"')
    assert fault == f'profiles/ci.toml:3: cloud_init: found "web.yaml"; {file}{words}'


def test_user_data_in_the_profile_and_by_flag() -> None:
    spec = load(f"[cloud_init]\non_failure = \"stop\"\ntext = '''\n{CLOUD}'''\n")
    assert spec.cloud_init == CloudInit(CLOUD, stop_on_failure=True)
    Path("mine.yaml").write_text("#cloud-config\n{}")
    replaced = load(
        f"[cloud_init]\non_failure = \"stop\"\ntext = '''{CLOUD}'''\n", cloud_init={"file": "mine.yaml"}
    )
    assert replaced.cloud_init == CloudInit("#cloud-config\n{}", stop_on_failure=True)
    (fault,) = faults_of("", cloud_init={"file": "gone.yaml"})
    assert fault.startswith('--cloud-init: found "gone.yaml"; ')
    os.mkfifo("pipe")
    (fault,) = faults_of("", cloud_init={"file": "pipe"})
    assert fault.endswith("pipe: is no file")


def test_aliases_are_not_expanded() -> None:
    bomb = "".join(f"k{n}: &k{n} {{<<: [*k{n - 1}, *k{n - 1}]}}\n" for n in range(1, 40))
    text = f"#cloud-config\nk0: &k0 {{a: 1}}\n{bomb}"
    assert load(f"[cloud_init]\ntext = '''{text}'''\n").cloud_init == CloudInit(text)


# ---- flags and forms


def test_lists_add_up_and_tables_are_updated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "taken = from here")
    spec = load(
        '[[inputs]]\nfrom = "a"\n[[artifacts]]\npath = "o"\n[env]\nA = "1"\nB = "2"\n'
        '[secrets]\nS = "prompt"\n',
        inputs=("b:c:d/", "e:f:"),
        artifacts=("p/*:res",),
        env=("B=x=y", "HERE", "E="),
        secrets=("S=env:S", "T=file:~/t"),
        mask=False,
        collect_timeout="5m",
    )
    assert spec.inputs == (
        Input(f"{tmp_path}/profiles/a", "./"),
        Input(f"{tmp_path}/b:c", "d/"),
        Input(f"{tmp_path}/e:f", "./"),
    )
    assert spec.artifacts == (Artifact(path="o"), Artifact(path="p/*", to=f"{tmp_path}/res"))
    assert spec.env == (("A", "1"), ("B", "x=y"), ("HERE", "taken = from here"), ("E", ""))
    assert spec.secrets == (
        SecretRef("S", SecretSource.ENV, "S"),
        SecretRef("T", SecretSource.FILE, "/home/ada/t"),
    )
    assert (spec.mask, spec.collect_timeout_s) == (False, 300)


def test_flags_that_are_wrong_name_themselves() -> None:
    assert faults_of("", env=("GONE_FROM_HERE",), secrets=("hunter2", "T=hunter2"), artifacts=("**",)) == (
        "--env GONE_FROM_HERE: no such variable here; set it, or write GONE_FROM_HERE=VALUE",
        "--secret: found no = in it; write NAME=env:NAME, file:PATH, cmd:COMMAND or prompt",
        '--artifact: found "**"; ** is not known in the VM; write * for one level, such as out/*/*.xml, or'
        " name a folder, which comes home whole",
        f"--secret T: {SECRETS}",
    )


def test_a_form_loses_nothing_of_what_was_loaded() -> None:
    base = load('cloud_init = {text = "#cloud-config\\n{}"}\ninputs = [{from = "a"}]\nenv = {A = "1"}\n'
                'mask = false\n'
                'collect_timeout = "1m"\nartifacts = [{path = "x"}]\nsecrets = {B = "prompt"}\n')  # fmt: skip
    form = {"image": "other", "command": base.command if isinstance(base.command, str) else "", "name": "ci"}
    spec = profiles.resolve_form(form, "demo", base=base)
    assert spec.image == "other"
    assert profiles.dump(spec).replace('image = "other"', 'image = "lts"') == profiles.dump(base)
    assert profiles.resolve_form(form, "demo").inputs == ()
