"""The project itself: what its start costs, and what its files may not say."""

import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HELP_CPU_S = 0.3


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["ps", "--help"], ["run", "--help"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    code = (
        f"import sys; sys.argv = ['dayfly', *{words!r}]\nimport tui.cli\n"
        "try: tui.cli.main()\nexcept SystemExit: pass\n"
        "heavy = ('textual', 'asyncssh', 'pydantic')\n"
        "print(*[name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stderr.strip() == ""
    assert done.stdout


def test_help_is_cheap() -> None:
    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "tui", "--help"], stdout=subprocess.DEVNULL, cwd=ROOT, check=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(once() for _ in range(3)) < HELP_CPU_S


def test_no_file_names_a_package_index_or_this_machine() -> None:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False)
    files = [ROOT / name for name in listed.stdout.splitlines()]
    hosts = re.compile(rb"https?://[^ ]*(?:pypi|pythonhosted|npmjs|deb\.debian)[^ ]*")
    found = [path.name for path in files if path.is_file() and hosts.search(path.read_bytes())]
    assert found == []
    here = f"{ROOT}/".encode()
    assert [path.name for path in files if path.is_file() and here in path.read_bytes()] == []
