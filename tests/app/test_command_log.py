from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.app.conftest import Stage
from tests.app.fleet_script import NOW
from tui.app.command_log import commands_table, ended, shell_line, took
from tui.model.hosts import DEMO, LOCAL, HostEntry
from tui.model.spec import HostName
from tui.model.use import HostCommand

LAB = HostEntry(name=HostName("lab"), address="lab.example.org", user="ana", port=2222)


def command(*argv: str) -> HostCommand:
    return HostCommand(at=NOW, argv=argv, took_s=1, status=0)


@given(st.lists(st.text(st.characters(codec="ascii", exclude_characters="\0\r\n")), min_size=1, max_size=4))
def test_a_copied_line_gives_the_host_the_very_words(words: list[str]) -> None:
    line = shell_line(LAB, command("printf", "%s\\n", *words))
    here = shlex.split(line)
    assert here[:5] == ["ssh", "-t", "-p", "2222", "ana@lab.example.org"]
    assert shlex.split(" ".join(here[5:])) == ["printf", "%s\\n", *words]


def test_a_real_shell_reads_the_copied_line_of_this_machine() -> None:
    words = ["a b", "$HOME", "it's", "`id`", "*"]
    line = shell_line(HostEntry(name=LOCAL), command("printf", "<%s>", *words))
    said = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True, timeout=10).stdout
    assert said == "".join(f"<{word}>" for word in words)


def test_the_demo_host_is_reached_by_its_own_shell() -> None:
    line = shell_line(HostEntry(name=DEMO), command("multipass", "list"))
    assert line == "dayfly demo --shell 'multipass list'"


@pytest.mark.parametrize(
    ("seconds", "words", "tone"),
    [(0.0384, "38 ms", "muted"), (4.21, "4.2 s", "muted"), (9.0, "9.0 s", "warn"), (125, "2m 05s", "warn")],
)
def test_what_is_slow_stands_out(seconds: float, words: str, tone: str) -> None:
    label = took(seconds)
    assert (label.text, label.tone) == (words, tone)


def test_what_failed_or_was_lost_stands_out() -> None:
    assert [(label.text, label.tone) for label in map(ended, (0, 2, None))] == [
        ("✔ 0", "good"),
        ("✘ 2", "bad"),
        ("? lost", "warn"),
    ]


def test_escapes_in_a_command_are_no_escapes_in_the_table() -> None:
    (row,) = commands_table([(DEMO, command("echo", "\x1b]52;c;AA\x07\x9b31m"))], 80).rows
    assert row.cells[4][0].text.isprintable()


async def test_routine_commands_are_hidden_until_asked_for(stage: Stage) -> None:
    stage.fleet.ran("multipass list --format json", is_routine=True)
    await stage.press("5")
    await stage.sees("Only routine commands so far. Press h to see it.", "1 routine ones hidden")
    stage.fleet.ran("multipass launch 24.04 --name x", status=2, took_s=61)
    await stage.sees("launch 24.04", "✘ 2", "1m 01s", "Command   multipass launch")
    assert "--format" not in stage.text
    await stage.press("h")
    await stage.sees("--format json", "h Hide routine")
    await stage.press("j", "y")
    await stage.sees("Copied: dayfly demo --shell")
    assert stage.app.clipboard == "dayfly demo --shell 'multipass list --format json'"
