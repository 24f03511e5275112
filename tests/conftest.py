"""Every test gets a home, a config and a state folder of its own, and no host from the environment."""

import os
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("dayfly", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dayfly")  # a machine that is busy with other tests is no fault of an example

pytest_plugins = [name for name in ("tests.fixtures.sshd", "tests.fixtures.demo") if find_spec(name)]

_PERSONAL = ("DAYFLY_", "MULTIPASS_", "SSH_AUTH_SOCK", "XDG_")


def pytest_configure() -> None:
    # A shell that starts us in the background has these ignored, and so would everything we start.
    for number in (signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(_PERSONAL)]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DAYFLY_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("DAYFLY_STATE_DIR", str(tmp_path / "state"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips", action="store_true", help="a skipped test is a failure: everything is here"
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--no-skips") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("skipped, and --no-skips was given", red=True)
