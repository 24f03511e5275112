"""A command and a webhook that are told of a run's end: real processes, a real server, and runs as events."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.until import until
from tui.engine.hook_command import run_command
from tui.engine.hooks import Hooks
from tui.engine.store import Store
from tui.engine.webhook import post
from tui.model.events import Event, Narrated, PhaseEntered, RunRecovered, RunSubmitted, WorkEnded
from tui.model.phase import Outcome, OutcomeKind, Phase
from tui.model.settings import Notify, TellOf
from tui.model.spec import HostName, RunId, RunSpec, SecretRef, SecretSource, VmName

RUN = RunId("abcdefgh")
SPEC = RunSpec(
    image="lts",
    command="curl -H 'Token: hunter2'",
    host=HostName("lab"),
    name="nightly",
    env=(("STAGE", "hunter2"),),
    secrets=(SecretRef("TOKEN", SecretSource.ENV, "MY_TOKEN"),),
)
FAILED = Outcome(OutcomeKind.FAILED, 7, "a \x1b[31mred\x1b[0m reason")


class Stage:
    """A store with hooks, and what they said."""

    def __init__(self, notify: Notify, group: asyncio.TaskGroup, limit_s: float) -> None:
        self.store = Store()
        self.hooks = Hooks(self.store, notify, group, limit_s=limit_s)
        self.said: list[str] = []
        self.store.listen(self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Narrated):
            self.said.append(event.text)

    def begin(self, spec: RunSpec = SPEC) -> None:
        self.store.apply(RunSubmitted(run=RUN, at=1.0, vm=VmName("df-nightly-abcdefgh"), spec=spec))

    def enter(self, phase: Phase) -> None:
        self.store.apply(PhaseEntered(run=RUN, at=2.0, phase=phase))

    def end(self, outcome: Outcome = FAILED) -> None:
        self.enter(Phase.WORKING)
        self.store.apply(WorkEnded(run=RUN, at=2.0, outcome=outcome))
        self.enter(Phase.COLLECTING)
        self.enter(Phase.DELETING)
        self.enter(Phase.GONE)


@asynccontextmanager
async def stage(notify: Notify, *, limit_s: float = 20.0) -> AsyncIterator[Stage]:
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        made = Stage(notify, group, limit_s)
        yield made
        await made.hooks.finish()


def to_file(path: Path) -> Notify:
    return Notify(command=("sh", "-c", 'cat >> "$0"', str(path)))


# ---- the command


async def test_the_command_gets_the_run_as_json_once(tmp_path: Path) -> None:
    path = tmp_path / "told"
    async with stage(to_file(path)) as made:
        made.begin()
        made.end()
    (line,) = path.read_text().splitlines()
    told: dict[str, Any] = json.loads(line)
    assert told["event"] == "RunEnded"
    assert told["text"] == "nightly on lab: The command failed with status 7: a red reason."
    assert (told["run"], told["vm"], told["host"]) == (RUN, "df-nightly-abcdefgh", "lab")
    assert (told["outcome"], told["status"], told["profile"]) == ("failed", 7, "nightly")
    assert "hunter2" not in line
    assert "\\u001b" not in line
    assert made.said == []


async def test_no_secret_is_in_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MY_TOKEN", "DAYFLY_SSH_KEY", "MULTIPASS_SSH_PRIVATE_KEY", "HARMLESS"):
        monkeypatch.setenv(name, "hunter2")
    path = tmp_path / "env"
    async with stage(Notify(command=("sh", "-c", 'env > "$0"', str(path)))) as made:
        made.begin()
        made.end()
    names = {line.partition("=")[0] for line in path.read_text().splitlines() if "hunter2" in line}
    assert names == {"HARMLESS"}


@pytest.mark.parametrize(
    ("of", "outcome", "is_told"),
    [
        (TellOf.ALL, Outcome.of_status(0), True),
        (TellOf.FAILURES, Outcome.of_status(0), False),
        (TellOf.FAILURES, Outcome(OutcomeKind.CANCELLED), False),
        (TellOf.FAILURES, Outcome(OutcomeKind.LOST), True),
        (TellOf.NONE, FAILED, False),
    ],
)
async def test_only_what_is_wanted_is_told(
    tmp_path: Path, of: TellOf, outcome: Outcome, is_told: bool
) -> None:
    path = tmp_path / "told"
    async with stage(replace(to_file(path), of=of)) as made:
        made.begin()
        made.end(outcome)
    assert path.exists() is is_told


async def test_an_end_that_an_earlier_process_saw_is_not_told_again(tmp_path: Path) -> None:
    path = tmp_path / "told"
    async with stage(to_file(path)) as made:
        vm = VmName("df-nightly-abcdefgh")
        made.store.apply(RunRecovered(run=RUN, at=9.0, vm=vm, spec=SPEC, submitted_at=1.0))
        made.hooks.pass_over(RUN)
        made.end()
    assert not path.exists()


async def test_one_that_fails_is_a_sentence_of_the_run() -> None:
    async with stage(
        Notify(command=("sh", "-c", "echo one; printf 'no \\033[31mroute' >&2; exit 3"))
    ) as made:
        made.begin()
        made.end()
    assert made.said == ["The notify command failed with status 3: no route."]
    assert made.store.state.runs[RUN].phase is Phase.GONE


async def test_an_engine_that_breaks_down_is_not_hurt_more(tmp_path: Path) -> None:
    path = tmp_path / "told"
    notify = replace(to_file(path), webhook="env:NONE")
    with pytest.raises(ExceptionGroup):
        await _end_while_it_breaks(notify)
    assert not path.exists()


async def _end_while_it_breaks(notify: Notify) -> None:
    async with asyncio.TaskGroup() as group:
        made = Stage(notify, group, 20)
        made.begin()
        group.create_task(_break_down())
        try:
            await asyncio.sleep(60)
        finally:
            made.end()
            assert made.store.state.runs[RUN].phase is Phase.GONE


async def _break_down() -> None:
    raise LookupError("engine")


async def test_one_that_is_missing_is_a_sentence_too() -> None:
    async with stage(Notify(command=("no-such-notifier",))) as made:
        made.begin()
        made.end()
    assert made.said == ["The notify command cannot be run: no-such-notifier: No such file or directory."]


async def test_one_that_hangs_is_killed_with_all_that_it_began(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    script = 'sleep 600 & echo $! > "$0"; wait'
    async with stage(Notify(command=("sh", "-c", script, str(path))), limit_s=1.0) as made:
        made.begin()
        made.end()
    assert made.said == ["The notify command did not end in 1s and was killed."]
    await until(lambda: not _is_alive(int(path.read_text())), "its child is gone")


async def test_the_end_of_the_process_waits_only_so_long(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    async with stage(Notify(command=("sh", "-c", 'echo $$ > "$0"; exec sleep 600', str(path)))) as made:
        made.begin()
        made.end()
        await until(lambda: path.exists() and path.read_text().endswith("\n"), "it began")
        began = time.monotonic()
        await made.hooks.finish(0.2)
    assert time.monotonic() - began < 5
    await until(lambda: not _is_alive(int(path.read_text())), "it is gone")


async def test_a_firehose_is_read_and_not_kept() -> None:
    script = "head -c 50000000 /dev/zero | tr '\\0' x; echo; echo last words; exit 1"
    said = await run_command(("sh", "-c", script), b"{}", dict(os.environ), limit_s=20)
    assert said == "failed with status 1: last words"


async def test_what_it_leaves_running_holds_nobody_up() -> None:
    began = time.monotonic()
    said = await run_command(("sh", "-c", "sleep 3 & exit 0"), b"{}", dict(os.environ), limit_s=20)
    assert said == ""
    assert time.monotonic() - began < 2.5


async def test_one_that_reads_nothing_is_no_failure() -> None:
    assert await run_command(("true",), b"x" * 60_000, dict(os.environ), limit_s=20) == ""


# ---- the webhook


class Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, str, bytes]] = []
        self.release = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Content-Type"], body))
        if self.path == "/hang":
            self.server.release.wait(20)
        if self.path == "/nonsense":
            self.wfile.write(b"SSH-2.0-x\r\n" * 10)
            return
        self.send_response({"/refuse": 403, "/moved": 302}.get(self.path, 204))
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


async def test_the_webhook_gets_the_same_json(listener: Listener, tmp_path: Path) -> None:
    path = tmp_path / "told"
    async with stage(replace(to_file(path), webhook=f"{listener.url}/T0/secret")) as made:
        made.begin()
        made.end()
    ((where, kind, body),) = listener.got
    assert (where, kind) == ("/T0/secret", "application/json")
    assert body == path.read_bytes()
    assert made.said == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/refuse", "answered 403"),
        ("/moved", "answered 302"),
        ("/nonsense", "could not be called: its URL or its answer makes no sense"),
    ],
)
async def test_what_a_webhook_answers_is_told_without_its_url(
    listener: Listener, path: str, words: str
) -> None:
    async with stage(Notify(webhook=f"{listener.url}{path}")) as made:
        made.begin()
        made.end()
    assert made.said == [f"The webhook {words}."]
    assert [where for where, _, _ in listener.got] == [path]


async def test_a_webhook_that_hangs_holds_nobody_up(listener: Listener) -> None:
    assert await post(f"{listener.url}/hang", b"{}", limit_s=0.3) == "did not answer in 0 s"


async def test_nobody_listens() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        port = server.server_port
    assert await post(f"http://127.0.0.1:{port}/x", b"{}") == "could not be reached: Connection refused"


async def test_the_url_may_be_in_a_variable(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no URL is in the variable MY_HOOK" in await post("env:MY_HOOK", b"{}")
    monkeypatch.setenv("MY_HOOK", "file:///etc/passwd")
    assert "no URL is in the variable MY_HOOK" in await post("env:MY_HOOK", b"{}")
    monkeypatch.setenv("MY_HOOK", f"{listener.url}/x")
    assert await post("env:MY_HOOK", b"{}") == ""
    assert len(listener.got) == 1


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
