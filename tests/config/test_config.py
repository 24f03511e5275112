import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tui import config
from tui.config import Config
from tui.model.errors import ProfileError, UsageError
from tui.model.hosts import HostEntry
from tui.model.spec import HostName

FULL = """\
# The machines we may use.
default_host = "build-1"  # the fast one

[hosts.build-1]
address = "build1.example.org"   # behind the jump host
user = "ubuntu"
port = 2222
identity_file = "~/.ssh/id_build"
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"
driver = "multipass"
manager = "/snap/bin/multipass"
state_dir = "/var/tmp/my leases"
max_launching = 4
max_running = 20

[hosts.build-1.images]
agent = "file:///srv/images/agent.img"

[hosts.alias]

[hosts.local]
max_launching = 1
"""
BUILD_1 = HostEntry(
    name=HostName("build-1"),
    address="build1.example.org",
    user="ubuntu",
    port=2222,
    identity_file="~/.ssh/id_build",
    host_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA",
    manager="/snap/bin/multipass",
    state_dir="/var/tmp/my leases",
    max_launching=4,
    max_running=20,
    images=(("agent", "file:///srv/images/agent.img"),),
)
NEW = HostEntry(name=HostName("new"), address="new.example.org", user="me", images=(("a", "b"),))


@pytest.fixture
def file() -> Path:
    return config.config_dir() / "config.toml"


def faults_of(file: Path, content: str) -> tuple[str, ...]:
    file.write_text(content)
    with pytest.raises(ProfileError) as caught:
        config.load()
    return tuple(fault.removeprefix(f"{file}:") for fault in caught.value.faults)


# ---- reading


def test_without_a_file_there_is_an_empty_config() -> None:
    assert config.load() == Config()


def test_a_whole_config(file: Path) -> None:
    file.write_text(FULL)
    loaded = config.load()
    assert loaded.default_host == "build-1"
    assert loaded.hosts == {
        "build-1": BUILD_1,
        "alias": HostEntry(name=HostName("alias"), address="alias"),
        "local": HostEntry(name=HostName("local"), max_launching=1),
    }


WORD = "write one word, without spaces or a leading dash"
NUMBER = "write a whole number from 1 to"
SECRET = (
    "no secrets belong in this file; use identity_file, an SSH agent, or DAYFLY_SSH_KEY in the environment"
)
HOST_KEYS = (
    "address, user, port, identity_file, host_key, driver, manager, state_dir, "
    "kind, max_launching, max_running, images"
)
WRONG = [
    ('user = "a b"', 'user: found "a b"; write an account on the host, such as "ubuntu"'),
    ("port = 0", f"port: found 0; {NUMBER} 65535, without quotes"),
    ('port = "22"', f'port: found "22"; {NUMBER} 65535, without quotes'),
    ("max_launching = true", f"max_launching: found true; {NUMBER} 64, without quotes"),
    ("max_running = -1", f"max_running: found -1; {NUMBER} 10000, without quotes"),
    (
        'address = "-oProxyCommand=x"',
        'address: found "-oProxyCommand=x"; write a name, an address or an alias of ~/.ssh/config, '
        'such as "build1.example.org"',
    ),
    (
        'host_key = "SHA256:short"',
        'host_key: found "SHA256:short"; '
        'write a fingerprint ("SHA256:...") or a key line ("ssh-ed25519 AAAA...")',
    ),
    ('driver = "Multi Pass"', 'driver: found "Multi Pass"; write the name of a driver, such as "multipass"'),
    ('adress = "x"', "adress: unknown key; did you mean address?"),
    ("zzz = 1", f"zzz: unknown key; known are {HOST_KEYS}"),
    ('password = "hunter2"', f"password: found something secret, not shown here; {SECRET}"),
    ('private_key = "hunter2"', f"private_key: found something secret, not shown here; {SECRET}"),
    ('identity = "hunter2"', f"identity: found something secret, not shown here; {SECRET}"),
    (
        'identity_file = "-----BEGIN OPENSSH PRIVATE KEY-----hunter2"',
        f"identity_file: found a private key, not shown here; {SECRET}",
    ),
    ("images = []", 'images: found []; write a table: ours = "what the manager calls it"'),
    ('images.agent = "--help"', f'images.agent: found "--help"; {WORD}'),
    ('images."a b" = "x"', f'images."a b": found "a b"; {WORD}'),
]


@pytest.mark.parametrize(("line", "fault"), WRONG, ids=[line for line, _ in WRONG])
def test_one_wrong_key_of_a_host(file: Path, line: str, fault: str) -> None:
    assert faults_of(file, f"[hosts.build]\n\n{line}\n") == (f"3: hosts.build.{fault}",)


def test_all_faults_come_at_once(file: Path) -> None:
    content = 'default_host = "-x"\ndefalt_host = 1\n[hosts.demo]\n'
    content += '[hosts."a b"]\nport = 0\n[hosts.local]\nuser = "x"\n'
    assert faults_of(file, content) == (
        f'1: default_host: found "-x"; {WORD}',
        "2: defalt_host: unknown key; did you mean default_host?",
        "3: hosts.demo: demo is the built-in demo host; choose another name",
        '4: hosts."a b": found "a b"; name a host with letters, digits, dots and dashes, such as build-1',
        f'5: hosts."a b".port: found 0; {NUMBER} 65535, without quotes',
        "7: hosts.local.user: local is this very machine and is reached without it; take this line out",
    )


@pytest.mark.parametrize("content", ["hosts = 1\n", "[hosts]\nbuild = 1\n"])
def test_hosts_are_tables(file: Path, content: str) -> None:
    (fault,) = faults_of(file, content)
    assert fault.endswith(("write a table for each host: [hosts.NAME]", "write a table: [hosts.NAME]"))


# ---- writing


def test_the_first_host_makes_the_file(file: Path) -> None:
    config.add_host(NEW)
    assert config.load().hosts == {"new": NEW}
    assert file.read_text() == (
        '[hosts.new]\naddress = "new.example.org"\nuser = "me"\n\n[hosts.new.images]\na = "b"\n'
    )


def test_adding_and_removing_leaves_the_rest_as_it_was(file: Path) -> None:
    file.write_text(FULL)
    file.chmod(0o600)
    config.add_host(NEW)
    added = file.read_text()
    assert added.startswith(FULL)
    assert config.load().hosts[HostName("new")] == NEW
    config.remove_host("new")
    assert file.read_text().rstrip() == FULL.rstrip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]


def test_adding_again_changes_only_what_differs(file: Path) -> None:
    file.write_text(FULL)
    config.add_host(HostEntry(name=HostName("build-1"), address="build1.example.org", user="root"))
    text = file.read_text()
    assert 'address = "build1.example.org"   # behind the jump host\nuser = "root"\n' in text
    assert 'default_host = "build-1"  # the fast one' in text
    assert "2222" not in text
    assert set(config.load().hosts) == {"build-1", "alias", "local"}


def test_a_private_key_is_never_written(file: Path) -> None:
    config.add_host(
        HostEntry(name=HostName("new"), address="x", identity="-----BEGIN OPENSSH PRIVATE KEY-----")
    )
    assert "PRIVATE KEY" not in file.read_text()


def test_removing_the_default_host_forgets_the_default(file: Path) -> None:
    file.write_text(FULL)
    config.remove_host("build-1")
    loaded = config.load()
    assert (loaded.default_host, set(loaded.hosts)) == (None, {"alias", "local"})
    assert "# The machines we may use." in file.read_text()


def test_removing_what_is_not_there(file: Path) -> None:
    file.write_text(FULL)
    with pytest.raises(UsageError, match="no host is called bild-1") as caught:
        config.remove_host("bild-1")
    assert caught.value.hint == "did you mean build-1?"
    assert file.read_text() == FULL


@pytest.mark.parametrize(
    "content",
    [
        'hosts = { build = { address = "x" } }\n',
        'hosts.build.address = "x"\n',
        '[hosts]\nbuild.address = "x"\n',
        '[hosts.build]\naddress = "x"\n[other-none]\n',
    ],
)
def test_whatever_the_layout_an_edit_is_right_or_refused(file: Path, content: str) -> None:
    file.write_text(content)
    try:
        config.add_host(NEW)
    except UsageError:
        assert file.read_text() == content
    else:
        assert config.load().hosts[HostName("new")] == NEW
        assert config.load().hosts[HostName("build")].address == "x"


@pytest.mark.parametrize("name", ["demo", "a b", "user@server"])
def test_a_host_that_would_not_load_is_not_written(file: Path, name: str) -> None:
    with pytest.raises(ProfileError, match=r"config\.toml"):
        config.add_host(HostEntry(name=HostName(name), address="x"))
    assert not file.exists()


# ---- folders and who we are


def test_folders_are_made_for_their_owner_alone() -> None:
    for folder in (config.config_dir(), config.state_dir()):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_without_the_variables_the_platform_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAYFLY_CONFIG_DIR")
    monkeypatch.delenv("DAYFLY_STATE_DIR")
    assert Path.home() in config.config_dir().parents
    assert Path.home() in config.state_dir().parents


def test_a_folder_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYFLY_STATE_DIR", "/dev/null/state")
    with pytest.raises(UsageError, match="cannot be made") as caught:
        config.state_dir()
    assert "DAYFLY_STATE_DIR" in caught.value.hint


def test_the_client_id_is_made_once_however_many_ask() -> None:
    code = "from tui import config; print(config.client_id())"
    asking = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]
    answers = {process.communicate(timeout=60)[0].strip() for process in asking}
    assert answers == {config.client_id()}
    file = config.state_dir() / "client-id"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(config.client_id()) == 12


def test_a_spoilt_client_id_is_named() -> None:
    (config.state_dir() / "client-id").write_text("something else\n")
    with pytest.raises(UsageError, match="found something else than 12 hex digits"):
        config.client_id()


def test_the_owner_is_plain() -> None:
    user, _, machine = config.client_owner().partition("@")
    assert user
    assert machine
    assert config.client_owner().isprintable()
