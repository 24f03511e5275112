"""The ssh config, as ssh reads it: aliases, Include, Match, ProxyJump."""

from pathlib import Path

import pytest

from tests.fixtures.sshd import Sshd, StartSshd, free_port, make_key
from tests.transport.person import Person
from tui.model.errors import AuthRefused, HostError, HostKeyChanged, HostKeyUnknown, HostUnreachable
from tui.model.hosts import HostEntry, QuestionKind
from tui.model.spec import HostName
from tui.transport.ssh import SshHost, accept_key

pytestmark = pytest.mark.sshd


@pytest.fixture
def dot_ssh() -> Path:
    folder = Path.home() / ".ssh"
    folder.mkdir(mode=0o700)
    return folder


def entry(address: str) -> HostEntry:
    """A host of which we know nothing but what the person typed."""
    return HostEntry(name=HostName("farm"), address=address)


async def answer(address: str, person: Person | None = None) -> bytes:
    host = SshHost(entry(address), person or Person())
    try:
        return (await host.run("echo $SSH_CONNECTION", timeout_s=30)).stdout
    finally:
        await host.aclose()


def alias(name: str, sshd: Sshd, *lines: str) -> str:
    described = [
        f"Host {name}",
        f"HostName {sshd.address}",
        f"Port {sshd.port}",
        f"User {sshd.user}",
        f"IdentityFile {sshd.client_key}",
        *lines,
    ]
    return "\n  ".join(described) + "\n"


def know(folder: Path, *servers: Sshd) -> None:
    (folder / "known_hosts").write_text("".join(server.known_hosts_line() for server in servers))


async def test_an_alias_with_all_it_says(sshd: Sshd, dot_ssh: Path) -> None:
    know(dot_ssh, sshd)
    (dot_ssh / "config").write_text(alias("farm*", sshd))
    assert str(sshd.port) in (await answer("farm-1")).decode()


async def test_include_and_match_and_a_tilde(sshd: Sshd, dot_ssh: Path) -> None:
    know(dot_ssh, sshd)
    (dot_ssh / "known_hosts").rename(dot_ssh / "mine")
    (dot_ssh / "config").write_text("Include more/*.conf\n")
    (dot_ssh / "more").mkdir()
    text = alias("farm", sshd) + 'Match host 127.0.0.1 exec "true"\n  UserKnownHostsFile ~/.ssh/mine\n'
    (dot_ssh / "more/a.conf").write_text(text)
    assert await answer("farm")


async def test_what_the_entry_says_comes_first(start_sshd: StartSshd, dot_ssh: Path) -> None:
    sshd, other = start_sshd(), start_sshd()
    (dot_ssh / "config").write_text(alias("127.0.0.1", other))
    host = SshHost(sshd.entry(), Person())
    try:
        assert (await host.run("echo in", timeout_s=20)).stdout == b"in\n"
    finally:
        await host.aclose()
    assert other.logins() == 0


async def test_no_environment_and_no_other_command_goes_along(sshd: Sshd, dot_ssh: Path) -> None:
    know(dot_ssh, sshd)
    lines = (
        "SetEnv LC_OURS=1",
        "SendEnv *",
        "RemoteCommand echo wrong",
        "RequestTTY force",
        "ForwardAgent yes",
    )
    (dot_ssh / "config").write_text(alias("farm", sshd, *lines))
    host = SshHost(entry("farm"), Person())
    try:
        done = await host.run("env; tty", timeout_s=20)
    finally:
        await host.aclose()
    assert b"LC_OURS" not in done.stdout
    assert b"SSH_AUTH_SOCK" not in done.stdout
    assert done.stdout.endswith(b"not a tty\n")


async def test_identities_only(sshd: Sshd, dot_ssh: Path) -> None:
    know(dot_ssh, sshd)
    (dot_ssh / "config").write_text(alias("farm", sshd, "IdentitiesOnly yes"))
    assert await answer("farm")


async def test_identity_files_that_are_not_there_are_no_matter(sshd: Sshd, dot_ssh: Path) -> None:
    know(dot_ssh, sshd)
    (dot_ssh / "config").write_text(alias("farm", sshd, "IdentityFile ~/.ssh/none"))
    assert await answer("farm")


async def test_a_mistake_is_told_with_file_and_line(dot_ssh: Path) -> None:
    (dot_ssh / "config").write_text("Host farm\n  Port many\n")
    with pytest.raises(
        HostError, match=rf"{dot_ssh}/config line 2: Invalid Port integer value: many"
    ) as raised:
        await answer("farm")
    assert not raised.value.retryable
    assert "ssh -G" in raised.value.hint


class TestProxyJump:
    @pytest.fixture
    def servers(self, start_sshd: StartSshd, dot_ssh: Path) -> tuple[Sshd, Sshd]:
        """A host and its jump host; the config names both."""
        target, bastion = start_sshd(), start_sshd()
        text = alias("farm", target, "ProxyJump bastion") + alias("bastion", bastion)
        (dot_ssh / "config").write_text(text)
        return target, bastion

    async def test_through_it(self, servers: tuple[Sshd, Sshd], dot_ssh: Path) -> None:
        target, bastion = servers
        know(dot_ssh, target, bastion)
        assert str(target.port) in (await answer("farm")).decode()
        assert (target.logins(), bastion.logins()) == (1, 1)

    async def test_its_own_key_is_checked_and_the_error_names_the_hop(
        self, servers: tuple[Sshd, Sshd], dot_ssh: Path
    ) -> None:
        target, bastion = servers
        know(dot_ssh, target)
        with pytest.raises(
            HostKeyUnknown, match=rf"jump host bastion \(.*{bastion.port}\) of farm"
        ) as raised:
            await answer("farm")
        assert raised.value.fingerprint == bastion.fingerprint()
        assert "ssh bastion" in raised.value.hint
        assert target.logins() == 0

    async def test_both_keys_can_be_accepted(self, servers: tuple[Sshd, Sshd], dot_ssh: Path) -> None:
        target, bastion = servers
        person = Person("yes", "yes")
        assert await answer("farm", person)
        assert person.kinds() == [QuestionKind.HOST_KEY] * 2
        assert "jump host bastion" in person.asked[0].text
        lines = bastion.known_hosts_line() + target.known_hosts_line()
        assert (dot_ssh / "known_hosts").read_text() == lines

    async def test_a_changed_key_of_the_jump_host(self, servers: tuple[Sshd, Sshd], dot_ssh: Path) -> None:
        target, bastion = servers
        wrong = target.known_hosts_line().replace(str(target.port), str(bastion.port))
        (dot_ssh / "known_hosts").write_text(target.known_hosts_line() + wrong)
        with pytest.raises(HostKeyChanged, match=r"OF the jump host bastion .* HAS CHANGED"):
            await answer("farm", Person("yes"))

    async def test_the_jump_host_refuses_the_login(
        self, servers: tuple[Sshd, Sshd], dot_ssh: Path, tmp_path: Path
    ) -> None:
        target, bastion = servers
        know(dot_ssh, target, bastion)
        stranger = make_key(tmp_path / "stranger")
        (bastion.folder / "authorized_keys").write_text(Path(f"{stranger}.pub").read_text())
        with pytest.raises(AuthRefused, match=r"the jump host bastion .* refuses"):
            await answer("farm")

    async def test_the_jump_host_cannot_reach_it(self, servers: tuple[Sshd, Sshd], dot_ssh: Path) -> None:
        target, bastion = servers
        know(dot_ssh, target, bastion)
        config = dot_ssh / "config"
        config.write_text(config.read_text().replace(str(target.port), str(free_port())))
        with pytest.raises(HostUnreachable, match=r"farm .* cannot be reached through its jump host"):
            await answer("farm")

    async def test_two_in_a_row_as_written(self, start_sshd: StartSshd, dot_ssh: Path) -> None:
        target, first, second = start_sshd(), start_sshd(), start_sshd()
        know(dot_ssh, target, first, second)
        hops = ",".join(f"{hop.user}@{hop.address}:{hop.port}" for hop in (first, second))
        text = alias("farm", target, f"ProxyJump {hops}") + alias("127.0.0.1", first).replace("Port", "#")
        (dot_ssh / "config").write_text(text)
        (second.folder / "authorized_keys").write_text((first.folder / "authorized_keys").read_text())
        assert await answer("farm")
        assert [server.logins() for server in (first, second, target)] == [1, 1, 1]

    async def test_round_in_circles(self, dot_ssh: Path) -> None:
        (dot_ssh / "config").write_text("Host farm\n ProxyJump barn\nHost barn\n ProxyJump farm\n")
        with pytest.raises(HostError, match="too many jump hosts"):
            await answer("farm")

    async def test_drop_and_loss_end_the_jump_host_too(
        self, servers: tuple[Sshd, Sshd], dot_ssh: Path
    ) -> None:
        know(dot_ssh, *servers)
        target, bastion = servers
        host = SshHost(entry("farm"), Person())
        await host.connect()
        host.drop()
        assert (await host.run("echo again", timeout_s=30)).stdout == b"again\n"
        await host.aclose()
        assert (target.logins(), bastion.logins()) == (2, 2)

    async def test_a_key_is_accepted_through_it(self, servers: tuple[Sshd, Sshd], dot_ssh: Path) -> None:
        target, bastion = servers
        know(dot_ssh, bastion)
        await accept_key(entry("farm"), target.fingerprint())
        assert (dot_ssh / "known_hosts").read_text() == bastion.known_hosts_line() + target.known_hosts_line()
        assert await answer("farm")


async def test_a_located_host_is_none_of_the_config_s_business(start_sshd: StartSshd, dot_ssh: Path) -> None:
    sshd = start_sshd()
    (dot_ssh / "config").write_text("Host *\n  ProxyJump nowhere.invalid\n  Port 1\n")
    located = 0

    async def locate() -> HostEntry:
        nonlocal located
        located += 1
        return sshd.entry()

    host = SshHost(HostEntry(name=HostName("demo")), Person(), locate=locate)
    await host.connect()
    host.drop()
    assert (await host.run("echo in", timeout_s=20)).stdout == b"in\n"
    assert (located, host.name) == (2, "demo")
    await host.aclose()
