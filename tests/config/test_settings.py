"""Everything of config.toml but hosts: read into Settings, with every fault at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui import config
from tui.config import Names, origins
from tui.config.sections import SECTIONS, effective
from tui.model.errors import ProfileError
from tui.model.hosts import HostEntry
from tui.model.settings import Looks, Notify, Retention, Settings, TellOf
from tui.model.spec import HostName
from tui.model.units import MIB

NAMES = Names(commands=("pin-run", "open-run"), themes=("nord", "dayfly-dark"))
FULL = """\
[looks]
theme = "nord"
ascii = true
animations = false
refresh = 0.5

[keys]
pin-run = "ctrl+k,P"
open-run = "?"

[notify]
of = "failures"
bell = false
terminal = true
command = ["notify-send", "dayfly"]
webhook = "https://hooks.example.org/T0/hunter2"

[history]
days = 30
size = "500M"

[defaults]
image = "24.04"
cpus = 2
memory = "4G"
grace = "finish"
timeout = "2h"
pin = "on-failure"
sudo = true
"""


@pytest.fixture
def file() -> Path:
    return config.config_dir() / "config.toml"


def faults_of(file: Path, content: str) -> list[str]:
    file.write_text(content)
    with pytest.raises(ProfileError) as caught:
        config.load(NAMES)
    return [fault.removeprefix(f"{file}:") for fault in caught.value.faults]


def test_without_a_file_all_has_its_default() -> None:
    assert config.load(NAMES).settings == Settings()


def test_every_section(file: Path) -> None:
    file.write_text(FULL)
    assert config.load(NAMES).settings == Settings(
        looks=Looks(
            theme="nord",
            ascii=True,
            animations=False,
            refresh_s=0.5,
            keys={"pin-run": "ctrl+k,P", "open-run": "?"},
        ),
        notify=Notify(
            of=TellOf.FAILURES,
            bell=False,
            terminal=True,
            command=("notify-send", "dayfly"),
            webhook="https://hooks.example.org/T0/hunter2",
        ),
        retention=Retention(days=30, size=500 * MIB),
        defaults={
            "image": "24.04",
            "cpus": "2",
            "memory": "4G",
            "grace": "finish",
            "timeout": "2h",
            "pin": "on-failure",
            "sudo": "true",
        },
    )


def test_a_command_line_is_for_sh(file: Path) -> None:
    file.write_text('[notify]\ncommand = "mail -s done me"\n')
    assert config.load().settings.notify.command == ("sh", "-c", "mail -s done me")


def test_every_fault_comes_at_once_with_its_line(file: Path) -> None:
    assert faults_of(
        file,
        '[looks]\ntheme = "nrd"\nrefersh = 1\n[keys]\npin-rnu = "k"\n[notify]\nof = "some"\n[lokks]\n',
    ) == [
        '2: looks.theme: no theme is called "nrd"; did you mean nord?',
        "3: looks.refersh: unknown key; did you mean refresh?",
        '5: keys.pin-rnu: no command is called "pin-rnu"; did you mean pin-run or open-run?',
        '7: notify.of: found "some"; write "all", "failures" or "none"',
        "8: lokks: unknown key; did you mean looks?",
    ]


WRONG = [
    ("looks = 1", "looks: found 1; write a table: [looks]"),
    ("[looks]\nascii = 'yes'", 'looks.ascii: found "yes"; write true or false, without quotes'),
    (
        "[looks]\nrefresh = 0",
        "looks.refresh: found 0; write a number of seconds from 0.2 to 60",
    ),
    ("[looks]\nrefresh = nan", "looks.refresh: found nan; write a number of seconds"),
    ("[keys]\npin-run = 'a b'", 'keys.pin-run: found "a b"; write a key, such as "ctrl+k" or "f7"'),
    ("[keys]\npin-run = ''", 'keys.pin-run: found ""; write a key'),
    ("[keys]\nPinRun = 'k'", "keys.PinRun: name a command in lower case with dashes, such as pin-run"),
    ("[keys]\nzzz = 'k'", 'keys.zzz: no command is called "zzz"; known are open-run, pin-run'),
    ("[notify]\ncommand = []", "notify.command: found []; write a list of words"),
    ("[notify]\ncommand = ['a', 1]", 'notify.command: found ["a", 1]; write a list of words'),
    ("[history]\ndays = 0", "history.days: found 0; write a whole number from 1 to 36500, without quotes"),
    ("[history]\nsize = '1T'", 'history.size: found "1T"; write a number with K, M or G'),
    ("[defaults]\nmemory = '1M'", 'defaults.memory: found "1M"; write a number with K, M or G'),
    ("[defaults]\npin = 'yes'", 'defaults.pin: found "yes"; write "never", "on-failure" or "always"'),
    ("[defaults]\ncommand = 'x'", "defaults.command: unknown key; known are image, cpus"),
    ("[defaults]\nworkdir = 'x'", 'defaults.workdir: found "x"; write a path in the VM that begins with /'),
    ("[defaults]\ngrace = 'soon'", 'defaults.grace: found "soon"; write a duration'),
]


@pytest.mark.parametrize(("content", "words"), WRONG, ids=[words.split(":")[0] for _, words in WRONG])
def test_what_is_wrong_says_what_to_write_instead(file: Path, content: str, words: str) -> None:
    (fault,) = faults_of(file, content)
    assert fault.partition(": ")[2].startswith(words)


@pytest.mark.parametrize(
    "url", ["ftp://x/hunter2", "https://me:hunter2@x/", "https://", "hunter2", "https://[x/hunter2", "env:1"]
)
def test_a_webhook_that_is_wrong_is_never_shown(file: Path, url: str) -> None:
    (fault,) = faults_of(file, f"[notify]\nwebhook = {url!r}\n")
    assert "notify.webhook: found something that is not shown here; write a URL" in fault
    assert "hunter2" not in fault


def test_without_the_dashboards_names_only_the_form_is_looked_at(file: Path) -> None:
    file.write_text('[looks]\ntheme = "nrd"\n[keys]\nno-such = "k"\n')
    assert config.load().settings.looks.keys == {"no-such": "k"}


def test_a_host_is_added_beside_the_settings(file: Path) -> None:
    file.write_text(FULL)
    before = config.load().settings
    config.add_host(HostEntry(name=HostName("new"), address="new.example.org"))
    assert config.load().settings == before
    assert file.read_text().startswith(FULL)


# ---- what counts, and where it was said


def test_every_setting_says_where_it_comes_from(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(FULL)
    monkeypatch.setenv("DAYFLY_HOST", "me@server")
    rows = {row.key: row for row in origins.effective()}
    assert (rows["default_host"].value, rows["default_host"].said) == ("me@server", "DAYFLY_HOST")
    assert (rows["looks.theme"].value, rows["looks.theme"].said) == ("nord", f"{file}:2")
    assert (rows["keys.pin-run"].value, rows["keys.pin-run"].said) == ("ctrl+k,P", f"{file}:8")
    assert rows["notify.webhook"].value == "https://hooks.example.org/…"
    assert rows["defaults.disk"].said == "built in"


def test_every_key_of_a_section_is_among_what_counts() -> None:
    shown = {(section, key) for section, key, _ in effective(Settings())}
    assert shown == {(section, key) for section, keys in SECTIONS.items() for key in keys}
