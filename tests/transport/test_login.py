"""Logging in: key files, passphrases, the agent, a key by content, passwords."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest

from tests.fixtures.sshd import Sshd, make_key
from tests.transport.person import Person
from tui.model.errors import AuthRefused, HostUnreachable
from tui.model.hosts import HostEntry, Question, QuestionKind
from tui.model.spec import HostName
from tui.transport import login
from tui.transport.identity import Keyring
from tui.transport.ssh import SshHost

SECRET = "correct horse"


async def answer(host: SshHost) -> bytes:
    try:
        return (await host.run("echo in", timeout_s=30)).stdout
    finally:
        await host.aclose()


def authorize(sshd: Sshd, key: Path) -> Path:
    with (sshd.folder / "authorized_keys").open("a") as file:
        file.write(Path(f"{key}.pub").read_text())
    return key


@pytest.fixture
def locked(sshd: Sshd, tmp_path: Path) -> Path:
    """A key with a passphrase, that the server takes."""
    return authorize(sshd, make_key(tmp_path / "locked", passphrase=SECRET))


@pytest.mark.sshd
class TestPassphrase:
    async def test_right(self, sshd: Sshd, locked: Path) -> None:
        person = Person(SECRET)
        assert await answer(SshHost(sshd.entry(identity_file=str(locked)), person)) == b"in\n"
        [question] = person.asked
        assert question.kind is QuestionKind.PASSPHRASE
        assert question.hidden
        assert str(locked) in question.text
        assert "lab" in question.text

    async def test_right_at_the_third_try(self, sshd: Sshd, locked: Path) -> None:
        person = Person("wrong", "wrong again", SECRET)
        assert await answer(SshHost(sshd.entry(identity_file=str(locked)), person)) == b"in\n"
        assert [question.text.startswith("That was wrong.") for question in person.asked] == [
            False,
            True,
            True,
        ]

    async def test_wrong_three_times(self, sshd: Sshd, locked: Path) -> None:
        person = Person("a", "b", "c", SECRET)
        with pytest.raises(AuthRefused, match=rf"the passphrase of {locked} was wrong 3 times") as raised:
            await answer(SshHost(sshd.entry(identity_file=str(locked)), person))
        assert len(person.asked) == 3
        assert not raised.value.retryable
        assert "ssh-add" in raised.value.hint
        assert "it takes publickey" in raised.value.message

    async def test_nobody_answers(self, sshd: Sshd, locked: Path) -> None:
        with pytest.raises(AuthRefused, match=rf"{locked} needs a passphrase and nobody gave it"):
            await answer(SshHost(sshd.entry(identity_file=str(locked)), Person()))

    async def test_asked_once_for_two_connections_and_two_hosts(self, sshd: Sshd, locked: Path) -> None:
        person, keyring = Person(SECRET), Keyring()
        first = SshHost(sshd.entry(identity_file=str(locked)), person, keyring=keyring)
        second = SshHost(sshd.entry("other", identity_file=str(locked)), person, keyring=keyring)
        await asyncio.gather(first.connect(), second.connect())
        first.drop()
        assert await answer(first) == await answer(second) == b"in\n"
        assert len(person.asked) == 1
        assert sshd.logins() == 3

    async def test_a_key_that_the_server_would_not_take_is_not_asked_about(
        self, sshd: Sshd, tmp_path: Path
    ) -> None:
        stranger = make_key(tmp_path / "stranger", passphrase=SECRET)
        person = Person(SECRET)
        with pytest.raises(AuthRefused):
            await answer(SshHost(sshd.entry(identity_file=str(stranger)), person))
        assert not person.asked

    async def test_an_old_format_without_its_public_half(self, sshd: Sshd, tmp_path: Path) -> None:
        old = authorize(sshd, make_key(tmp_path / "old", "rsa", SECRET, "-m", "PEM"))
        Path(f"{old}.pub").unlink()
        person = Person("wrong", SECRET)
        assert await answer(SshHost(sshd.entry(identity_file=str(old)), person)) == b"in\n"
        assert len(person.asked) == 2

    async def test_a_default_key_is_found(self, sshd: Sshd) -> None:
        folder = Path.home() / ".ssh"
        folder.mkdir()
        authorize(sshd, make_key(folder / "id_ed25519", passphrase=SECRET))
        assert await answer(SshHost(sshd.entry(identity_file=""), Person(SECRET))) == b"in\n"

    async def test_the_clock_stands_still_while_a_person_thinks(
        self, sshd: Sshd, locked: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(login, "LOGIN_TIMEOUT_S", 0.5)
        person = Person(SECRET)

        async def ponder(question: Question) -> str | None:
            await asyncio.sleep(1)
            return await person(question)

        assert await answer(SshHost(sshd.entry(identity_file=str(locked)), ponder)) == b"in\n"


@pytest.mark.sshd
class TestKeys:
    async def test_by_content_and_nothing_on_disk(self, sshd: Sshd, tmp_path: Path) -> None:
        content = sshd.client_key.read_text().replace("\n", "\r\n").strip()
        entry = sshd.entry(identity_file="", identity=content)
        assert content not in repr(entry)
        assert await answer(SshHost(entry, Person())) == b"in\n"
        middle = sshd.client_key.read_text().splitlines()[2]
        files = [file for file in tmp_path.rglob("*") if file.is_file() and file != sshd.client_key]
        assert not [file for file in files if middle in file.read_text(errors="replace")]

    async def test_by_content_with_a_passphrase(self, sshd: Sshd, locked: Path) -> None:
        person = Person(SECRET)
        entry = sshd.entry(identity_file="", identity=locked.read_text())
        assert await answer(SshHost(entry, person)) == b"in\n"
        assert "the key given for lab" in person.asked[0].text

    async def test_a_tilde_is_home(self, sshd: Sshd) -> None:
        shutil.copy(sshd.client_key, Path.home() / "key")
        assert await answer(SshHost(sshd.entry(identity_file="~/key"), Person())) == b"in\n"

    async def test_a_wrong_key_is_refused_with_what_was_tried(self, sshd: Sshd, tmp_path: Path) -> None:
        key = make_key(tmp_path / "stranger")
        with pytest.raises(AuthRefused) as raised:
            await answer(SshHost(sshd.entry(identity_file=str(key), user="root"), Person()))
        assert re.search(rf"refuses root: it takes publickey; tried {key}", raised.value.message)
        assert "authorized_keys" in raised.value.hint

    async def test_no_key_at_all(self, sshd: Sshd) -> None:
        with pytest.raises(AuthRefused, match="there was no key to try"):
            await answer(SshHost(sshd.entry(identity_file=""), Person()))

    async def test_a_missing_key_file(self, sshd: Sshd) -> None:
        with pytest.raises(AuthRefused, match=r"no-such cannot be read|key file .*no-such .*cannot be read"):
            await answer(SshHost(sshd.entry(identity_file="~/no-such"), Person()))

    async def test_a_file_that_is_no_key(self, sshd: Sshd, tmp_path: Path) -> None:
        (tmp_path / "junk").write_text("not a key")
        with pytest.raises(AuthRefused, match="a key file is unusable: Invalid private key"):
            await answer(SshHost(sshd.entry(identity_file=str(tmp_path / "junk")), Person()))

    async def test_a_certificate_beside_the_key(self, sshd: Sshd, tmp_path: Path) -> None:
        authority = make_key(tmp_path / "authority")
        line = f"cert-authority {Path(f'{authority}.pub').read_text()}"
        (sshd.folder / "authorized_keys").write_text(line)
        for passphrase in ("", SECRET):
            key = make_key(tmp_path / f"me{len(passphrase)}", passphrase=passphrase)
            sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "me", "-n", sshd.user, f"{key}.pub"]
            await asyncio.to_thread(subprocess.run, sign, check=True)
            host = SshHost(sshd.entry(identity_file=str(key)), Person(*[passphrase] * bool(passphrase)))
            assert await answer(host) == b"in\n"


@pytest.mark.sshd
class TestAgent:
    @pytest.fixture
    def agent(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        address = tmp_path / "agent"
        process = subprocess.Popen(["ssh-agent", "-D", "-a", str(address)], stdout=subprocess.DEVNULL)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(address))
        yield address
        process.send_signal(signal.SIGTERM)
        process.wait(10)

    @staticmethod
    async def add(key: Path, agent: Path) -> None:
        for _ in range(200):
            adding = await asyncio.create_subprocess_exec(
                *("ssh-add", "-q", str(key)),
                stdin=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env={**os.environ, "SSH_AUTH_SOCK": str(agent)},
            )
            if await adding.wait() == 0:
                return
        raise AssertionError("ssh-agent did not take the key")

    async def test_its_keys_are_offered(self, sshd: Sshd, agent: Path) -> None:
        await self.add(sshd.client_key, agent)
        assert await answer(SshHost(sshd.entry(identity_file=""), Person())) == b"in\n"

    async def test_it_spares_the_passphrase(self, sshd: Sshd, agent: Path, tmp_path: Path) -> None:
        key = make_key(tmp_path / "open")
        authorize(sshd, key)
        await self.add(key, agent)
        change = ["ssh-keygen", "-q", "-p", "-P", "", "-N", SECRET, "-f", str(key)]
        await asyncio.to_thread(subprocess.run, change, check=True, stdout=subprocess.DEVNULL)
        person = Person()
        assert await answer(SshHost(sshd.entry(identity_file=str(key)), person)) == b"in\n"
        assert not person.asked

    async def test_a_named_key_is_not_drowned_by_the_agent_s(
        self, sshd: Sshd, agent: Path, tmp_path: Path
    ) -> None:
        """The server takes six tries; the agent has more."""
        for number in range(7):
            await self.add(make_key(tmp_path / f"agent{number}"), agent)
        assert await answer(SshHost(sshd.entry(), Person())) == b"in\n"
        with pytest.raises((AuthRefused, HostUnreachable)):
            await answer(SshHost(sshd.entry(identity_file=""), Person()))

    async def test_identity_agent_of_the_config(
        self, sshd: Sshd, agent: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await self.add(sshd.client_key, agent)
        monkeypatch.delenv("SSH_AUTH_SOCK")
        (Path.home() / ".ssh").mkdir()
        (Path.home() / ".ssh/config").write_text(f"IdentityAgent {agent}\n")
        assert await answer(SshHost(sshd.entry(identity_file=""), Person())) == b"in\n"

    async def test_a_dead_agent_is_no_obstacle(
        self, sshd: Sshd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nobody"))
        assert await answer(SshHost(sshd.entry(), Person())) == b"in\n"


class PasswordServer(asyncssh.SSHServer):
    """Takes `secret` as a password, or `secret` and `123456` as the replies to a challenge."""

    tries = 0
    logins = 0

    def __init__(self, *, challenge: bool) -> None:
        self._challenge = challenge

    def password_auth_supported(self) -> bool:
        return not self._challenge

    def validate_password(self, _username: str, password: str) -> bool:
        type(self).tries += 1
        return password == "secret"

    def kbdint_auth_supported(self) -> bool:
        return self._challenge

    def get_kbdint_challenge(
        self, _username: str, _lang: str, _submethods: str
    ) -> tuple[str, str, str, list[tuple[str, bool]]]:
        type(self).tries += 1
        return "Two steps", "\x1b]0;evil\x07Be quick", "", [("Password: ", False), ("Code: ", True)]

    def validate_kbdint_response(self, _username: str, responses: list[str]) -> bool:
        return responses == ["secret", "123456"]

    def auth_completed(self) -> None:
        type(self).logins += 1


@asynccontextmanager
async def password_host(person: Person, *, challenge: bool = False) -> AsyncIterator[tuple[SshHost, type]]:
    """A host over an asyncssh server: OpenSSH would need the account's own password."""
    made = type("Server", (PasswordServer,), {})

    def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(b"in\n")
        process.exit(0)

    host_key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(
        lambda: made(challenge=challenge),
        *("127.0.0.1", 0),
        server_host_keys=[host_key],
        process_factory=serve,
        encoding=None,
    )
    entry = HostEntry(
        name=HostName("lab"),
        address="127.0.0.1",
        port=server.get_port(),
        user="ana",
        host_key=host_key.export_public_key().decode(),
    )
    host = SshHost(entry, person)
    try:
        yield host, made
    finally:
        await host.aclose()
        server.close()
        await server.wait_closed()


class TestPassword:
    async def test_right(self) -> None:
        person = Person("secret")
        async with password_host(person) as (host, _):
            assert (await host.run("x", timeout_s=20)).stdout == b"in\n"
        assert person.kinds() == [QuestionKind.PASSWORD]
        assert person.asked[0].hidden

    async def test_wrong_is_never_tried_again_by_itself(self) -> None:
        person = Person("guess", "secret")
        async with password_host(person) as (host, server):
            with pytest.raises(AuthRefused, match="it takes password"):
                await host.connect()
            assert server.tries == 1
        assert len(person.asked) == 1

    async def test_nobody_answers(self) -> None:
        async with password_host(Person()) as (host, server):
            with pytest.raises(AuthRefused, match="nobody answered: Password"):
                await host.connect()
            assert server.tries == 0

    async def test_a_challenge_asks_each_prompt(self) -> None:
        person = Person("secret", "123456")
        async with password_host(person, challenge=True) as (host, _):
            assert (await host.run("x", timeout_s=20)).stdout == b"in\n"
        assert [question.hidden for question in person.asked] == [True, False]
        assert "Code" in person.asked[1].text
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", person.asked[0].text)
        assert "Be quick" in person.asked[0].text

    async def test_a_wrong_challenge_is_over(self) -> None:
        person = Person("secret", "000000", "secret", "123456")
        async with password_host(person, challenge=True) as (host, server):
            with pytest.raises(AuthRefused):
                await host.connect()
            assert server.tries == 1
        assert len(person.asked) == 2

    async def test_where_a_person_logged_in_no_further_connection_is_made(self) -> None:
        person = Person("secret")
        async with password_host(person) as (host, server):
            runs = [host.run("x", timeout_s=60) for _ in range(60)]
            assert {done.stdout for done in await asyncio.gather(*runs)} == {b"in\n"}
            assert server.logins == 1
        assert len(person.asked) == 1
