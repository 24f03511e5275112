"""Host keys: unknown, accepted, expected, changed; against a real sshd and real files."""

import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fixtures.sshd import Sshd, StartSshd, make_key
from tests.transport.person import Person
from tests.until import until
from tui.model.errors import HostError, HostKeyChanged, HostKeyUnknown
from tui.model.hosts import QuestionKind
from tui.transport.ssh import SshHost, accept_key

pytestmark = pytest.mark.sshd

ELSEWHERE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3IhV+7pmjg9oIwVL54lKeNS1qQ2zVZ2tVQJqUqqDPX"


def known_hosts() -> Path:
    file = Path.home() / ".ssh" / "known_hosts"
    file.parent.mkdir(mode=0o700, exist_ok=True)
    return file


def run(command: list[str]) -> bytes:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=30).stdout


async def answer(sshd: Sshd, person: Person, **changes: object) -> bytes:
    host = SshHost(sshd.entry(**{"host_key": "", **changes}), person)
    try:
        return (await host.run("echo in", timeout_s=20)).stdout
    finally:
        await host.aclose()


class TestUnknown:
    async def test_headless_it_is_refused_with_all_that_is_needed(self, sshd: Sshd) -> None:
        with pytest.raises(HostKeyUnknown) as raised:
            await answer(sshd, Person())
        error = raised.value
        assert error.fingerprint == sshd.fingerprint()
        assert error.key_line == sshd.known_hosts_line().strip()
        assert f"ED25519 {sshd.fingerprint()}" in error.message
        command = f"dayfly hosts add lab {sshd.user}@127.0.0.1:{sshd.port} --accept-key {sshd.fingerprint()}"
        assert error.hint.endswith(command)
        assert not error.retryable
        assert not known_hosts().exists()
        assert sshd.logins() == 0

    async def test_the_question_shows_what_to_compare(self, sshd: Sshd) -> None:
        person = Person()
        with pytest.raises(HostKeyUnknown):
            await answer(sshd, person)
        [question] = person.asked
        assert question.kind is QuestionKind.HOST_KEY
        assert not question.hidden
        assert f"ED25519 {sshd.fingerprint()}" in question.text
        assert "ssh-keygen -lf" in question.text

    @pytest.mark.parametrize("reply", ["no", "", "y", "YES"])
    async def test_only_yes_is_yes(self, sshd: Sshd, reply: str) -> None:
        with pytest.raises(HostKeyUnknown):
            await answer(sshd, Person(reply))
        assert not known_hosts().exists()

    async def test_yes_is_written_as_ssh_does_and_never_asked_again(self, sshd: Sshd) -> None:
        person = Person("yes")
        assert await answer(sshd, person) == b"in\n"
        assert known_hosts().read_text() == sshd.known_hosts_line()
        assert known_hosts().stat().st_mode & 0o777 == 0o600
        assert known_hosts().parent.stat().st_mode & 0o777 == 0o700
        assert await answer(sshd, person) == b"in\n"
        assert person.kinds() == [QuestionKind.HOST_KEY]
        ssh = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-i", str(sshd.client_key), "-p", str(sshd.port)]
        known = ["-o", f"UserKnownHostsFile={known_hosts()}", f"{sshd.user}@127.0.0.1", "echo", "ssh too"]
        assert run([*ssh, *known]) == b"ssh too\n"

    async def test_what_is_in_the_file_stays(self, sshd: Sshd) -> None:
        known_hosts().write_text(f"# mine\nother {ELSEWHERE}")
        await answer(sshd, Person("yes"))
        assert known_hosts().read_text() == f"# mine\nother {ELSEWHERE}\n{sshd.known_hosts_line()}"

    async def test_a_file_that_keeps_nothing_is_asked_about_once_a_connection(self, sshd: Sshd) -> None:
        (known_hosts().parent / "config").write_text("UserKnownHostsFile /dev/null\n")
        person = Person("yes")
        assert await answer(sshd, person) == b"in\n"
        assert len(person.asked) == 1

    async def test_no_file_at_all_does_not_mean_no_check(self, sshd: Sshd) -> None:
        (known_hosts().parent / "config").write_text("UserKnownHostsFile none\n")
        with pytest.raises(HostKeyUnknown):
            await answer(sshd, Person())

    async def test_a_file_that_cannot_be_written_is_named(self, sshd: Sshd, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        (known_hosts().parent / "config").write_text(f"UserKnownHostsFile {tmp_path}/file/known\n")
        with pytest.raises(HostError, match=f"cannot be written to {tmp_path}/file/known"):
            await answer(sshd, Person("yes"))


class TestKnown:
    async def test_a_known_key_asks_nothing(self, sshd: Sshd) -> None:
        known_hosts().write_text(sshd.known_hosts_line())
        assert await answer(sshd, Person()) == b"in\n"

    async def test_a_hashed_line_counts(self, sshd: Sshd) -> None:
        known_hosts().write_text(sshd.known_hosts_line())
        run(["ssh-keygen", "-H", "-f", str(known_hosts())])
        assert known_hosts().read_text().startswith("|1|")
        assert await answer(sshd, Person()) == b"in\n"

    async def test_a_key_under_the_plain_name_counts_for_any_port(self, sshd: Sshd) -> None:
        known_hosts().write_text(f"127.0.0.1 {sshd.public_key()}\n")
        assert await answer(sshd, Person()) == b"in\n"

    async def test_another_key_under_the_plain_name_is_no_change(self, sshd: Sshd) -> None:
        known_hosts().write_text(f"127.0.0.1 {ELSEWHERE}\n")
        with pytest.raises(HostKeyUnknown):
            await answer(sshd, Person())

    async def test_lines_that_make_no_sense_are_skipped(self, sshd: Sshd) -> None:
        known_hosts().write_text(f"junk\n|1|bad|bad {ELSEWHERE}\n\x00\n{sshd.known_hosts_line()}")
        assert await answer(sshd, Person()) == b"in\n"

    async def test_the_known_type_is_asked_for(self, start_sshd: StartSshd) -> None:
        sshd = start_sshd(host_key_types=("ed25519", "ecdsa"))
        known_hosts().write_text(sshd.known_hosts_line(1))
        assert await answer(sshd, Person()) == b"in\n"

    async def test_a_host_key_alias_is_what_counts(self, sshd: Sshd) -> None:
        (known_hosts().parent / "config").write_text("Host 127.0.0.1\n  HostKeyAlias farm\n")
        known_hosts().write_text(f"[farm]:{sshd.port} {sshd.public_key()}\n")
        assert await answer(sshd, Person()) == b"in\n"
        known_hosts().unlink()
        assert await answer(sshd, Person("yes")) == b"in\n"
        assert known_hosts().read_text() == f"[farm]:{sshd.port} {sshd.public_key()}\n"

    async def test_a_certificate_of_a_known_authority_counts(
        self, start_sshd: StartSshd, tmp_path: Path
    ) -> None:
        sshd = start_sshd(config=[f"HostCertificate {tmp_path}/sshd-0/host_ed25519-cert.pub"])
        authority = make_key(tmp_path / "authority")
        sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "host", "-h", "-n", "127.0.0.1"]
        run([*sign, f"{sshd.host_keys[0]}.pub"])
        os.kill(sshd.pid, signal.SIGHUP)  # reads its config again
        await until(lambda: sshd.log().count("Server listening on 127.0.0.1") == 2)
        known_hosts().write_text(f"@cert-authority * {Path(f'{authority}.pub').read_text()}")
        assert await answer(sshd, Person()) == b"in\n"


class TestChanged:
    async def test_it_is_refused_loudly_and_nobody_is_asked(self, sshd: Sshd) -> None:
        known_hosts().write_text(f"# first\n[127.0.0.1]:{sshd.port} {ELSEWHERE}\n")
        before = known_hosts().read_bytes()
        person = Person("yes", "yes")
        with pytest.raises(HostKeyChanged, match="HAS CHANGED") as raised:
            await answer(sshd, person)
        assert not person.asked
        assert f"{known_hosts()}:2" in raised.value.message
        assert sshd.fingerprint() in raised.value.message
        assert f"ssh-keygen -R '[127.0.0.1]:{sshd.port}' -f {known_hosts()}" in raised.value.hint
        assert not raised.value.retryable
        assert known_hosts().read_bytes() == before

    async def test_a_key_of_another_type_than_the_known_one_is_a_change(self, start_sshd: StartSshd) -> None:
        sshd = start_sshd(host_key_types=("ecdsa",))
        known_hosts().write_text(f"[127.0.0.1]:{sshd.port} {ELSEWHERE}\n")
        with pytest.raises(HostKeyChanged):
            await answer(sshd, Person("yes"))

    async def test_a_revoked_key_is_refused(self, sshd: Sshd) -> None:
        known_hosts().write_text(f"@revoked [127.0.0.1]:{sshd.port} {sshd.public_key()}\n")
        with pytest.raises(HostKeyChanged, match="revoked"):
            await answer(sshd, Person("yes"))


class TestExpected:
    async def test_a_fingerprint(self, sshd: Sshd) -> None:
        assert await answer(sshd, Person(), host_key=sshd.fingerprint()) == b"in\n"
        assert not known_hosts().exists()

    async def test_a_key_line_with_and_without_the_host(self, sshd: Sshd) -> None:
        for line in (sshd.public_key(), f"{sshd.public_key()} a comment", sshd.known_hosts_line()):
            assert await answer(sshd, Person(), host_key=line) == b"in\n"

    async def test_a_fingerprint_of_another_type_than_the_first(self, start_sshd: StartSshd) -> None:
        sshd = start_sshd(host_key_types=("ed25519", "ecdsa", "rsa"))
        for index in range(3):
            assert await answer(sshd, Person(), host_key=sshd.fingerprint(index)) == b"in\n"

    async def test_another_key_is_refused_whatever_known_hosts_says(self, start_sshd: StartSshd) -> None:
        sshd = start_sshd(host_key_types=("ed25519", "ecdsa"))
        known_hosts().write_text(sshd.known_hosts_line())
        person = Person("yes")
        with pytest.raises(HostKeyChanged, match="IS NOT THE EXPECTED HOST") as raised:
            await answer(sshd, person, host_key=ELSEWHERE)
        assert not person.asked
        assert sshd.fingerprint(0) in raised.value.message
        assert sshd.fingerprint(1) in raised.value.message

    async def test_what_is_neither_is_said(self, sshd: Sshd) -> None:
        with pytest.raises(HostError, match="neither a fingerprint nor a key: 'MD5:aa'"):
            await answer(sshd, Person(), host_key="MD5:aa")


class TestAcceptKey:
    async def test_the_right_one_is_written_once_without_any_login(self, sshd: Sshd) -> None:
        entry = replace(sshd.entry(host_key=""), identity_file="")
        for _ in range(2):
            await accept_key(entry, sshd.fingerprint())
        assert known_hosts().read_text() == sshd.known_hosts_line()
        assert sshd.logins() == 0
        assert await answer(sshd, Person()) == b"in\n"

    async def test_one_of_several_types(self, start_sshd: StartSshd) -> None:
        sshd = start_sshd(host_key_types=("ed25519", "rsa"))
        await accept_key(sshd.entry(host_key=""), sshd.fingerprint(1))
        assert known_hosts().read_text() == sshd.known_hosts_line(1)
        assert await answer(sshd, Person()) == b"in\n"

    async def test_a_wrong_one_writes_nothing(self, sshd: Sshd) -> None:
        with pytest.raises(HostKeyChanged, match="IS NOT THE EXPECTED HOST"):
            await accept_key(sshd.entry(host_key=""), "SHA256:" + "A" * 43)
        assert not known_hosts().exists()

    async def test_a_known_other_key_is_not_pushed_aside(self, sshd: Sshd) -> None:
        known_hosts().write_text(f"[127.0.0.1]:{sshd.port} {ELSEWHERE}\n")
        with pytest.raises(HostKeyChanged, match="HAS CHANGED"):
            await accept_key(sshd.entry(host_key=""), sshd.fingerprint())
        assert known_hosts().read_text() == f"[127.0.0.1]:{sshd.port} {ELSEWHERE}\n"
