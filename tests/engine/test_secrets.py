"""Where secrets come from, and who is asked."""

import pickle
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from traceback import TracebackException
from types import SimpleNamespace
from typing import Any

import pytest

from tui.drivers.multipass import Multipass
from tui.engine.environment import text_of
from tui.engine.errands import Errands
from tui.engine.intake import Intake
from tui.engine.logs import RunLogs
from tui.engine.secrets import Secret, SecretSources, TrustedCommands
from tui.model.errors import ConnectionDropped, UsageError
from tui.model.hosts import Question, QuestionKind
from tui.model.spec import HostName, RunId, RunSpec, SecretRef, SecretSource, VmName

SPEC = RunSpec(image="lts", command="true", host=HostName("demo"))


class Person:
    """Answers what was prepared, and remembers what was asked."""

    def __init__(self, **replies: str) -> None:
        self._replies = replies
        self.asked: list[Question] = []

    async def ask(self, question: Question) -> str | None:
        self.asked.append(question)
        return self._replies.get(question.kind.value)


def sources(spec: RunSpec, person: Person, folder: Path) -> SecretSources:
    return SecretSources(spec, ask=person.ask, trusted=TrustedCommands(folder))


def wanting(source: SecretSource, detail: str) -> RunSpec:
    return replace(SPEC, secrets=(SecretRef("TOKEN", source, detail),))


async def revealed(found: SecretSources) -> bytes:
    return (await found.resolve())["TOKEN"].reveal()


async def test_what_is_typed_is_asked_once_and_hidden(tmp_path: Path) -> None:
    person = Person(secret="typed →")
    found = sources(wanting(SecretSource.PROMPT, "The token?"), person, tmp_path)
    await found.prepare()
    assert await revealed(found) == "typed →".encode()
    (question,) = person.asked
    assert (question.kind, question.text, question.hidden) == (QuestionKind.SECRET, "The token?", True)


async def test_a_command_is_asked_about_once_for_each_content_of_its_profile(tmp_path: Path) -> None:
    spec = wanting(SecretSource.CMD, "printf 'a\\nb\\n\\n'")
    person = Person(confirm="yes")
    for _ in range(2):
        assert await revealed(sources(spec, person, tmp_path)) == b"a\nb\n"
    (question,) = person.asked
    assert spec.secrets[0].detail in question.text
    await revealed(sources(replace(spec, command="false"), person, tmp_path))
    assert len(person.asked) == 2
    (file,) = tmp_path.glob("trusted*")
    assert file.stat().st_mode & 0o777 == 0o600
    assert "printf" not in file.read_text()


@pytest.mark.parametrize("reply", ["", "no", "YES!"])
async def test_anything_but_yes_is_no(tmp_path: Path, reply: str) -> None:
    spec = wanting(SecretSource.CMD, f"touch {tmp_path}/ran")
    with pytest.raises(UsageError, match="nobody has allowed"):
        await sources(spec, Person(confirm=reply), tmp_path).resolve()
    assert not (tmp_path / "ran").exists()


async def test_a_command_that_fails_tells_its_status_and_nothing_it_said(tmp_path: Path) -> None:
    spec = wanting(SecretSource.CMD, "echo hush; echo hush >&2; exit 3")
    with pytest.raises(UsageError, match="status 3") as caught:
        await sources(spec, Person(confirm="yes"), tmp_path).resolve()
    assert "hush" not in caught.value.message


async def test_alone_only_what_needs_no_person_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DF_TOKEN", "value")
    refs = (
        SecretRef("A", SecretSource.ENV, "DF_TOKEN"),
        SecretRef("B", SecretSource.PROMPT, "?"),
        SecretRef("C", SecretSource.CMD, "echo c"),
        SecretRef("D", SecretSource.FILE, f"{tmp_path}/none"),
    )
    person = Person()
    values, missing = await sources(replace(SPEC, secrets=refs), person, tmp_path).resolve_alone()
    assert ({name: value.reveal() for name, value in values.items()}, missing) == (
        {"A": b"value"},
        ["B", "C", "D"],
    )
    assert person.asked == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("A", b"x" * 131_072, "larger than 128K"),
        ("A", b"x\0y", "NUL"),
        ("A-B", b"x", "not a name"),
        ("A;id", b"x", "not a name"),
    ],
)
def test_what_no_program_can_be_given(name: str, value: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        text_of((), {name: Secret(value)})


def test_all_together_have_a_limit() -> None:
    with pytest.raises(UsageError, match="larger than 1M"):
        text_of((), {f"A{number}": Secret(b"x" * 100_000) for number in range(11)})


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret(b"hush")
    assert "hush" not in f"{secret} {secret!r} {[secret]} {vars(type(secret))}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


NEEDLE = "zkqSecret7777"


class Breaking:
    """A warden whose link breaks when it has all of what is put."""

    def __init__(self) -> None:
        self.taken = b""

    async def drop(self, _vm: VmName, _spool: str) -> None:
        pass

    async def put(
        self, _vm: VmName, _spool: str, size: int, read: Callable[[int, int], bytes], _: Any
    ) -> None:
        self.taken = data = read(0, size)
        raise ConnectionDropped(f"lost after {len(data)} bytes")


async def say(sentence: Callable[[], Awaitable[Any]]) -> Any:
    return await sentence()


async def test_no_traceback_holds_a_value_in_its_locals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROM_HERE", NEEDLE)
    spec, vm, logs = wanting(SecretSource.ENV, "FROM_HERE"), VmName("df-run-a"), RunLogs(tmp_path)
    link: Any = SimpleNamespace(warden=Breaking(), driver=Multipass())
    voice: Any = SimpleNamespace(progress=lambda _: None, tell=lambda _: None)
    errands = Errands(vm, link, logs, say=say, follow=say)  # type: ignore[arg-type]
    intake = Intake(
        *(RunId("a"), vm, spec, link, errands),
        emitter=voice,
        logs=logs,
        folder=tmp_path,
        secrets=sources(spec, Person(), tmp_path),
    )
    with pytest.raises(ConnectionDropped) as caught:
        await intake.workload()
    told = "".join(TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert NEEDLE.encode() in link.warden.taken
    assert "secrets = " in told or "name = " in told  # locals are told indeed
    assert NEEDLE not in told
