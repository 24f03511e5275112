from pathlib import Path

import pytest

from tui.config import Config, default_host, host_entry, known_hosts
from tui.model.errors import UsageError
from tui.model.hosts import HostEntry
from tui.model.spec import HostName

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n"
FINGERPRINT = "SHA256:" + "A" * 43
NAME = HostName("build")
BUILD = HostEntry(name=NAME, address="build.example.org", user="ubuntu", identity_file="~/.ssh/id_build")
CONFIG = Config(None, {NAME: BUILD})


def entry(name: str, **environ: str) -> HostEntry:
    return host_entry(name, CONFIG, environ)


TYPED = [
    ("server", "server", "", None),
    ("server:2222", "server", "", 2222),
    ("me@server", "server", "me", None),
    ("me@server:2222", "server", "me", 2222),
    ("me@10.0.0.7:22", "10.0.0.7", "me", 22),
    ("me@[::1]:2222", "::1", "me", 2222),
    ("[fe80::1%eth0]", "fe80::1%eth0", "", None),
    ("2001:db8::7", "2001:db8::7", "", None),
    ("me@2001:db8::7", "2001:db8::7", "me", None),
]


@pytest.mark.parametrize(("name", "address", "user", "port"), TYPED, ids=[name for name, *_ in TYPED])
def test_a_host_as_typed(name: str, address: str, user: str, port: int | None) -> None:
    assert entry(name) == HostEntry(name=HostName(name), address=address, user=user, port=port)


@pytest.mark.parametrize(
    "name",
    ["", "@server", "me@", "server:", "server:0", "server:70000", "server:x", "a b", "-oProxyCommand=x",
     "me@-oProxyCommand=x", "-l@server", "me@you@server", "[::1", "[server]:22", "a\x1b[2J", "a\nb", ":22"],
)  # fmt: skip
def test_what_is_no_host(name: str) -> None:
    with pytest.raises(UsageError, match="is not a host") as caught:
        entry(name)
    assert str(caught.value).isprintable()


def test_hosts_with_a_name() -> None:
    assert entry("demo", DAYFLY_SSH_USER="x", DAYFLY_SSH_KEY=KEY) == HostEntry(name=HostName("demo"))
    assert entry("local") == HostEntry(name=HostName("local"))
    assert entry("build") == BUILD
    local = HostEntry(name=HostName("local"), max_launching=1)
    assert host_entry("local", Config(None, {local.name: local}), {}) == local


# ---- the environment


@pytest.mark.parametrize(
    ("environ", "config", "host"),
    [
        ({}, Config(), None),
        ({}, CONFIG, "build"),
        ({}, Config(None, {NAME: BUILD, HostName("two"): BUILD}), None),
        ({}, Config(HostName("demo"), {NAME: BUILD}), "demo"),
        ({"MULTIPASS_HOST": "old"}, Config(HostName("demo"), {}), "old"),
        ({"MULTIPASS_HOST": "old", "DAYFLY_HOST": "me@new:22"}, Config(), "me@new:22"),
        ({"MULTIPASS_HOST": "old", "DAYFLY_HOST": " "}, Config(), "old"),
    ],
)
def test_the_default_host(environ: dict[str, str], config: Config, host: str | None) -> None:
    assert default_host(config, environ) == host


def test_user_and_key_of_the_environment_reach_a_typed_host() -> None:
    found = entry("server", DAYFLY_SSH_USER="ci", DAYFLY_SSH_KEY=KEY, DAYFLY_HOST_KEY=FINGERPRINT)
    assert (found.user, found.identity, found.host_key) == ("ci", KEY, FINGERPRINT)
    assert entry("me@server", DAYFLY_SSH_USER="ci").user == "me"


def test_the_old_flows_variables_are_taken_and_ours_win() -> None:
    old = {"MULTIPASS_HOST": "server", "MULTIPASS_SSH_USER": "old", "MULTIPASS_SSH_PRIVATE_KEY": KEY}
    assert (entry("server", **old).user, entry("server", **old).identity) == ("old", KEY)
    assert entry("server", **old, DAYFLY_SSH_USER="new").user == "new"


def test_the_config_wins_but_for_the_environments_own_host() -> None:
    environ = {"DAYFLY_SSH_USER": "ci", "DAYFLY_SSH_KEY": KEY}
    assert entry("build", **environ) == BUILD
    own = entry("build", **environ, DAYFLY_HOST="build", DAYFLY_HOST_KEY=FINGERPRINT)
    assert (own.user, own.identity, own.identity_file, own.host_key) == ("ci", KEY, "", FINGERPRINT)


def test_the_environments_own_host_is_the_same_where_nobody_names_it() -> None:
    other = HostEntry(name=HostName("other"), address="other.example.org")
    config = Config(None, {NAME: BUILD, other.name: other})
    key = {"DAYFLY_SSH_KEY": KEY, "DAYFLY_HOST_KEY": FINGERPRINT}
    old = {"MULTIPASS_SSH_PRIVATE_KEY": KEY, "MULTIPASS_SSH_USER": "ci"}
    for environ in ({**key, "DAYFLY_HOST": "build"}, {**old, "MULTIPASS_HOST": "build"}):
        found = known_hosts(config, environ)
        assert found == {NAME: host_entry("build", config, environ), other.name: other}
        assert (found[NAME].identity, found[NAME].identity_file) == (KEY, "")
    assert found[NAME].user == "ci"
    assert known_hosts(config, key) == {NAME: BUILD, other.name: other}
    assert known_hosts(config, {**key, "DAYFLY_HOST": "elsewhere"}) == {NAME: BUILD, other.name: other}
    assert known_hosts(config, {**key, "DAYFLY_HOST": "other"})[other.name].host_key == FINGERPRINT


def test_a_host_key_is_for_the_environments_host_alone() -> None:
    environ = {"DAYFLY_HOST": "server", "DAYFLY_HOST_KEY": FINGERPRINT}
    assert entry("server", **environ).host_key == FINGERPRINT
    assert entry("other", **environ).host_key == ""
    assert entry("build", DAYFLY_HOST_KEY=FINGERPRINT).host_key == ""


def test_a_key_on_one_line_and_a_key_as_a_path(tmp_path: Path) -> None:
    assert entry("server", DAYFLY_SSH_KEY=KEY.strip().replace("\n", "\\n")).identity == KEY
    path = tmp_path / "id_ci"
    path.write_text(KEY)
    found = entry("server", DAYFLY_SSH_KEY=str(path))
    assert (found.identity_file, found.identity) == (str(path), "")


@pytest.mark.parametrize(
    "key", ["c2VjcmV0", "c2VjcmV0" * 500, "~nobody-here/c2VjcmV0", "c2Vj\x00cmV0", "c2Vj\ncmV0"]
)
def test_what_may_be_a_secret_is_never_shown(key: str) -> None:
    with pytest.raises(UsageError, match="is neither a private key nor the path of one") as caught:
        entry("server", DAYFLY_SSH_KEY=key)
    assert "c2Vj" not in f"{caught.value} {caught.value.hint}"


def test_a_key_in_memory_is_in_no_repr() -> None:
    assert "c2VjcmV0" not in repr(entry("server", DAYFLY_SSH_KEY=KEY))


def test_wrong_variables_are_named() -> None:
    with pytest.raises(UsageError, match="DAYFLY_SSH_USER: found"):
        entry("server", DAYFLY_SSH_USER="-x")
    with pytest.raises(UsageError, match="DAYFLY_HOST_KEY: found"):
        entry("server", DAYFLY_HOST_KEY="SHA256:short")


def test_resolving_a_key_writes_nothing(tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    entry("server", DAYFLY_SSH_KEY=KEY)
    assert sorted(tmp_path.rglob("*")) == before
