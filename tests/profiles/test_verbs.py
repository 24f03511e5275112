"""What is refused before anything is done, and what import-inputs writes."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tui import profiles
from tui.files.folders import config_path
from tui.model.errors import UsageError
from tui.verbs.profiles import profiles as verb
from tui.verbs.run import run

BASE = ["--host", "demo", "--image", "lts", "-c", "true"]


@pytest.mark.parametrize(
    ("flags", "stdin", "words"),
    [
        (["--input", "/gone-from-here"], b"", "/gone-from-here is not there"),
        (["--secret", "T=env:GONE_FROM_HERE"], b"", "there is no variable GONE_FROM_HERE here"),
        (["--cloud-init", "-"], b"x: 1", "its first line must be #cloud-config"),
        (["--cloud-init", "-"], b"#cloud-config\na: \xff", "write text that is UTF-8"),
        (["--artifact", "a/**", "--env", "1=x"], b"", "--env 1: "),
    ],
)
def test_a_run_is_refused_before_anything_is_done(flags: list[str], stdin: bytes, words: str) -> None:
    result = CliRunner().invoke(run, [*BASE, *flags], input=stdin)
    assert isinstance(result.exception, UsageError)
    assert result.exception.exit_code == 2
    assert words in str(result.exception)


def test_too_much_from_stdin() -> None:
    result = CliRunner().invoke(run, [*BASE, "--cloud-init", "-"], input=b"\xc3\xa9" * 40_000)
    assert result.exit_code == 2
    assert "--cloud-init -: it is larger than 64K." in result.output


def test_import_inputs_writes_a_profile_and_says_where(tmp_path: Path) -> None:
    path = tmp_path / "Nightly Build.yaml"
    path.write_text("base_image_name: lts\nworkload_command: make\ndebug_mode: true\n")
    result = CliRunner().invoke(verb, ["import-inputs", str(path), "--host", "build-1"])
    written = config_path() / "profiles/nightly-build.toml"
    assert f"{written}: run it with: dayfly run nightly-build" in result.output
    spec = profiles.load("nightly-build", overrides={}, default_host=None)
    assert (spec.host, spec.command, spec.pin) == ("build-1", "make", "always")
    inputs = path.read_bytes()
    again = CliRunner().invoke(verb, ["import-inputs", "-", "--name", "nightly-build"], input=inputs)
    assert isinstance(again.exception, UsageError)
    assert "exists already" in str(again.exception)
    CliRunner().invoke(verb, ["import-inputs", "-"], input=inputs)
    assert "host" not in (config_path() / "profiles/imported.toml").read_text()
