"""`dayfly config`, and the page that lists every key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.cli.conftest import Dayfly, only
from tui import config
from tui.cli import dayfly as cli
from tui.config.file import HOST_RULES
from tui.config.sections import NAMES, SECTIONS
from tui.model.errors import ProfileError

PAGE = (Path(__file__).parents[2] / "docs" / "config.md").read_text()


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["config", *words])


def write(text: str) -> Path:
    path = config.config_dir() / "config.toml"
    path.write_text(text)
    return path


def test_the_path_of_a_file_that_need_not_exist() -> None:
    assert run("path").stdout.strip() == str(config.config_file())


def test_what_counts_as_a_table_and_as_json() -> None:
    path = write('[looks]\ntheme = "nord"\n')
    shown = run("show").stdout
    assert f'looks.theme       "nord"  {path}:2' in shown
    assert run().stdout == shown
    rows = {row["key"]: row for row in json.loads(run("show", "--json").stdout)}
    assert rows["looks.theme"] == {"key": "looks.theme", "value": "nord", "from": f"{path}:2"}
    assert rows["history.days"] == {"key": "history.days", "value": 90, "from": "built in"}


def test_check_knows_commands_themes_and_what_a_form_would_refuse() -> None:
    path = write('[keys]\npin-rnu = "k"\n[looks]\ntheme = "nrod"\n')
    error = run("check").exception
    assert isinstance(error, ProfileError)
    assert error.exit_code == 2
    assert f"{path}:2: keys.pin-rnu: no command is called" in error.message
    assert "did you mean pin-run" in error.message
    assert f"{path}:4: looks.theme: no theme is called" in error.message
    path = write('[defaults]\nmemory = "2G"\npin_for = "5s"\n')
    error = run("check").exception
    assert isinstance(error, ProfileError)
    assert error.faults == (f'{path}:3: defaults.pin_for: found "5s"; write at least 1m',)


def test_check_of_what_is_good_and_of_nothing() -> None:
    assert "nothing is wrong" in run("check").stderr
    write('[keys]\npin-run = "ctrl+k"\nopen-run = "o"\n[defaults]\nimage = "lts"\ncpus = 2\n')
    result = run("check")
    assert (result.exit_code, result.stderr.endswith("config.toml: good\n")) == (0, True)


@only("demo")
@pytest.mark.speed(20)
async def test_a_hook_that_fails_costs_a_run_nothing(dayfly: Dayfly, tmp_path: Path) -> None:
    told = tmp_path / "told"
    write(f"[notify]\ncommand = \"cat > '{told}'; echo no route; exit 3\"\n")
    ended = await dayfly.run("--", "true")
    assert ended.status == 0
    assert "The notify command failed with status 3: no route." in ended.stderr
    assert json.loads(told.read_text())["outcome"] == "succeeded"


@pytest.mark.parametrize("section", [*NAMES, "hosts"])
def test_the_page_names_every_section_and_key(section: str) -> None:
    assert f"[{section}" in PAGE
    keys = HOST_RULES if section == "hosts" else SECTIONS.get(section, {})
    missing = [key for key in keys if f"| `{key}` |" not in PAGE]
    assert missing == []
