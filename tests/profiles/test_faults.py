"""Every way to get a profile wrong, and the exact sentence that says so."""

import os
from pathlib import Path

import pytest

from tui import profiles
from tui.model.errors import ProfileError
from tui.model.units import GIB

GOOD = 'image = "lts"\ncommand = "true"\n'
KEYS = (
    "name, description, image, command, workdir, sudo, kind, cpus, memory, disk, "
    "host, timeout, boot_timeout, grace, pin, pin_for, inputs, artifacts, collect_timeout, "
    "cloud_init, env, secrets, mask"
)
SIZE = "write a number with K, M or G, such as 512M or 1.5G"
DURATION = "write a duration such as 90s, 15m or 1h30m"
GRACE = f'{DURATION}, or "finish" to let the work end by itself'
IMAGE = "write one word, without spaces or a leading dash, such as lts, 24.04 or a URL"
COMMAND = 'write a string for bash, such as "make test", or a list of strings'
WORKDIR = "write a path in the VM that begins with /, such as /home/ubuntu"
NAME = "write lower-case letters, digits and dashes, at most 40, such as nightly-build"
CPUS = "write a whole number from 1 to 512"
HOST = "write one word, without spaces or a leading dash, such as demo, local or user@server"
KEEP = 'write "always", or "on-failure" to keep the VM only where the work failed'


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("profiles").mkdir()


def faults_of(content: str | bytes, **overrides: object) -> tuple[str, ...]:
    Path("profiles/ci.toml").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ProfileError) as caught:
        profiles.load("ci", overrides=overrides, default_host="demo")
    return caught.value.faults


WRONG = [
    ('memory = "4Gi"', f'memory: found "4Gi"; {SIZE}'),
    ("memory = 1.5", f"memory: found 1.5; {SIZE}"),
    ("memory = true", f"memory: found true; {SIZE}"),
    ("memory = []", f"memory: found []; {SIZE}"),
    ('memory = "64M"', 'memory: found "64M"; write at least 128M'),
    ("memory = 4", "memory: found 4; write at least 128M (a bare number is bytes)"),
    ("memory = -1", "memory: found -1; write at least 128M"),
    ('memory = "9999999G"', 'memory: found "9999999G"; write at most 1048576G'),
    ('disk = "511M"', 'disk: found "511M"; write at least 512M'),
    ("disk = {}", f"disk: found a table; {SIZE}"),
    ('cpus = "2"', f'cpus: found "2"; {CPUS}, without quotes'),
    ("cpus = 0", f"cpus: found 0; {CPUS}"),
    ("cpus = 2.0", f"cpus: found 2.0; {CPUS}"),
    ("cpus = true", f"cpus: found true; {CPUS}"),
    (f"cpus = {10**30}", f"cpus: found a number of more than 20 digits; {CPUS}"),
    ("cpus = 2026-01-01", f"cpus: found 2026-01-01; {CPUS}"),
    ('sudo = "yes"', 'sudo: found "yes"; write true or false, without quotes'),
    ("sudo = 1", "sudo: found 1; write true or false"),
    ('grace = "4s"', 'grace: found "4s"; write at least 5s'),
    ('grace = "8d"', 'grace: found "8d"; write at most 7d'),
    ('grace = "-5m"', f'grace: found "-5m"; {GRACE}'),
    ("grace = 900.0", f"grace: found 900.0; {GRACE}"),
    (
        'grace = "finish"',
        'grace: found "finish"; it needs a timeout, which bounds it: write timeout too, such as 2h',
    ),
    ('pin_for = "8h"', 'pin_for: it needs a pin to end: write pin too, "on-failure" or "always"'),
    ('pin_for = "59s"', 'pin_for: found "59s"; write at least 1m'),
    ('pin_for = "always"', f'pin_for: found "always"; {DURATION}'),
    ("timeout = 0", "timeout: found 0; write at least 1s; without a limit, leave it out"),
    ("timeout = false", f"timeout: found false; {DURATION}"),
    ('boot_timeout = "1.5h"', f'boot_timeout: found "1.5h"; {DURATION}'),
    ("pin = true", f"pin: found true; {KEEP}"),
    ('pin = "yes"', f'pin: found "yes"; {KEEP}'),
    ("pin = false", 'pin: found false; write "never"'),
    ('pin = "on_failure"', 'pin: found "on_failure"; write "on-failure"'),
    ('pin = "sometimes"', 'pin: found "sometimes"; write "never", "on-failure" or "always"'),
    ("pin = []", 'pin: found []; write "never", "on-failure" or "always"'),
    ('name = "CI build"', f'name: found "CI build"; {NAME}'),
    ('name = "../../etc/passwd"', f'name: found "../../etc/passwd"; {NAME}'),
    ('name = ""', f'name: found ""; {NAME}'),
    (f'name = "{"a" * 41}"', f'name: found "{"a" * 41}"; write at most 40 characters'),
    ('description = "two\\nlines"', 'description: found "two\\nlines"; write one line of text'),
    ("description = 3", "description: found 3; write one line of text"),
    ('workdir = "src"', f'workdir: found "src"; {WORKDIR}'),
    ('workdir = "/a\\u0000b"', f'workdir: found "/a\\u0000b"; {WORKDIR}'),
    ('host = "-oProxyCommand=x"', f'host: found "-oProxyCommand=x"; {HOST}'),
    ('memroy = "1G"', "memroy: unknown key; did you mean memory?"),
    ('boot-timeout = "1m"', "boot-timeout: unknown key; did you mean boot_timeout?"),
    ('"Memory" = "1G"', "Memory: unknown key; did you mean memory?"),
    ("zzz = 1", f"zzz: unknown key; known are {KEYS}"),
    ('"a\\u001b]0;x" = 1', f'"a\\u001b]0;x": unknown key; known are {KEYS}'),
    ("[files]\nin = 1", f"files: unknown key; known are {KEYS}"),
    ("[[cpus]]\nx = 1", f"cpus: found [a table]; {CPUS}"),
    ("cpus.x = 1", f"cpus: found a table; {CPUS}"),
]


@pytest.mark.parametrize(("line", "fault"), WRONG, ids=[line for line, _ in WRONG])
def test_one_wrong_key(line: str, fault: str) -> None:
    assert faults_of(f"{GOOD}\n# a comment\n{line}\n") == (f"profiles/ci.toml:5: {fault}",)


BAD_IMAGES = ["", "-x", "two words", "a\\tb", "a\\u001b[2J", "a\\u0000", "a\\u202eb", "a\u202eb"]


@pytest.mark.parametrize("image", BAD_IMAGES)
def test_an_image_is_one_word(image: str) -> None:
    (fault,) = faults_of(f'image = "{image}"\ncommand = "true"\n')
    assert fault.startswith("profiles/ci.toml:1: image: found ")
    assert fault.endswith(IMAGE)
    assert fault.isprintable()


BAD_COMMANDS = [
    ('""', 'found ""; it is empty; write what the VM is to run'),
    ('" \\n"', 'found " \\n"; it is empty; write what the VM is to run'),
    ("[]", f"found []; {COMMAND}"),
    ('["", "a"]', 'found ["", "a"]; it is empty; write what the VM is to run'),
    ('["a", 1]', 'found ["a", 1]; every item of the list must be a string, in quotes; 1 is not'),
    ('"a\\u0000b"', 'found "a\\u0000b"; it holds a NUL byte, which no command line can carry'),
    ('["a", "\\u0000"]', 'found ["a", "\\u0000"]; it holds a NUL byte, which no command line can carry'),
    ("7", f"found 7; {COMMAND}"),
    ("true", f"found true; {COMMAND}"),
]


@pytest.mark.parametrize(("command", "fault"), BAD_COMMANDS, ids=[command for command, _ in BAD_COMMANDS])
def test_a_command_is_a_string_or_a_list(command: str, fault: str) -> None:
    assert faults_of(f'image = "lts"\ncommand = {command}\n') == (f"profiles/ci.toml:2: command: {fault}",)


def test_a_command_must_fit_into_an_argument() -> None:
    (fault,) = faults_of(f'image = "lts"\ncommand = "{"x" * 100_001}"\n')
    assert fault.endswith("write at most 100 kB; let it fetch a longer script")
    assert len(fault) < 200


def test_all_faults_come_at_once_in_the_order_of_the_file() -> None:
    content = "pin = true\n\n[nowhere]\nx = 1\n"
    assert faults_of('disk = 1\ncpus = "4"\n' + content, memory="4Gi", boot_timeout="1y", host=None) == (
        "profiles/ci.toml:1: disk: found 1; write at least 512M (a bare number is bytes)",
        f'profiles/ci.toml:2: cpus: found "4"; {CPUS}, without quotes',
        f"profiles/ci.toml:3: pin: found true; {KEEP}",
        f"profiles/ci.toml:5: nowhere: unknown key; known are {KEYS}",
        f'--memory: found "4Gi"; {SIZE}',
        f'--boot-timeout: found "1y"; {DURATION}',
        "profiles/ci.toml: image: missing; name the image to start from, such as lts",
        "profiles/ci.toml: command: missing; say what the VM is to run",
    )


def test_flags_alone() -> None:
    with pytest.raises(ProfileError) as caught:
        profiles.resolve({"cpus": "many", "sudo": "maybe", "memory": None}, None)
    assert caught.value.faults == (
        '--sudo: found "maybe"; write true or false',
        f'--cpus: found "many"; {CPUS}',
        "--image: missing; name the image to start from, such as lts",
        "command: missing; say what the VM is to run",
        "--host: missing; name a host: demo to try it, local, or user@server",
    )
    assert caught.value.exit_code == 2


def test_an_argument_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(ProfileError, match="write text that is UTF-8"):
        profiles.resolve({"image": "lts", "command": ("ls", os.fsdecode(b"\xff"))}, "demo")


SYNTAX = [
    ("image = lts\n", "profiles/ci.toml:1:9: not TOML: invalid value"),
    (GOOD + "cpus 2\n", "profiles/ci.toml:3:6: not TOML: expected '=' after a key in a key/value pair"),
    (GOOD + 'image = "x"\n', "profiles/ci.toml:3:12: not TOML: cannot overwrite a value"),
    ('command = """\nnever closed\n', "profiles/ci.toml:2: not TOML: unterminated string"),
    (b'image = "\xff"\n', "profiles/ci.toml:1: found bytes that are not UTF-8; save it as UTF-8"),
    (GOOD.encode("utf-16"), "profiles/ci.toml:1: found bytes that are not UTF-8; save it as UTF-8"),
    ("x = " + "[" * 5000, "profiles/ci.toml: nested too deeply; nothing in it needs more than two levels"),
    ("# " + "x" * 1024 * 1024, "profiles/ci.toml: is larger than 256K; keep data and long scripts elsewhere"),
]


@pytest.mark.parametrize(("content", "fault"), SYNTAX, ids=[fault for _, fault in SYNTAX])
def test_what_is_no_toml(content: str | bytes, fault: str) -> None:
    assert faults_of(content) == (fault,)


def test_an_integer_of_thousands_of_digits() -> None:
    (fault,) = faults_of(f"cpus = {'9' * 5000}\n")
    assert fault.startswith("profiles/ci.toml: not TOML: ")


def load_fault(path: str) -> str:
    with pytest.raises(ProfileError) as caught:
        profiles.load(path, overrides={}, default_host="demo")
    return str(caught.value)


def test_what_is_no_file() -> None:
    Path("folder.toml").mkdir()
    os.mkfifo("pipe.toml")
    assert load_fault("./gone.toml") == "gone.toml: no such file or directory"
    assert load_fault("folder.toml") == "folder.toml: is a folder; give a TOML file"
    assert load_fault("pipe.toml") == "pipe.toml: is no file; give a TOML file"
    assert load_fault("/dev/zero") == "/dev/zero: is no file; give a TOML file"
    assert load_fault("a\0b.toml") == "a\ufffdb.toml: is not a file name"
    assert load_fault("x" * 300 + ".toml").endswith("file name too long")


def test_a_byte_order_mark_and_dos_line_ends_are_taken() -> None:
    Path("dos.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert profiles.load("dos.toml", overrides={}, default_host="demo").image == "lts"


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("memory", "4Gi", f'found "4Gi"; {SIZE}'),
        ("memory", " 2G ", None),
        ("memory", "", None),
        ("cpus", "2", None),
        ("cpus", "two", f'found "two"; {CPUS}'),
        ("cpus", "9" * 50, f'found "{"9" * 50}"; {CPUS}'),
        ("sudo", "yes", None),
        ("pin", "on-failure", None),
        ("image", "", "missing; name the image to start from, such as lts"),
        ("command", "  ", "missing; say what the VM is to run"),
        ("grace", "1s", 'found "1s"; write at least 5s'),
    ],
)
def test_a_field_is_judged_in_the_same_words(key: str, text: str, sentence: str | None) -> None:
    assert profiles.validate_field(key, text) == sentence


def test_a_form() -> None:
    spec = profiles.resolve_form(
        {
            "image": "lts",
            "command": "true\n",
            "cpus": "2",
            "memory": "2G",
            "sudo": "no",
            "host": "demo",
            "pin": "",
        }
    )
    assert (spec.cpus, spec.memory, spec.sudo, spec.command) == (2, 2 * GIB, False, "true\n")
    with pytest.raises(ProfileError) as caught:
        profiles.resolve_form({"image": "", "command": "true", "cpus": "x"})
    assert caught.value.faults == (
        f'cpus: found "x"; {CPUS}',
        "image: missing; name the image to start from, such as lts",
        "host: missing; name a host: demo to try it, local, or user@server",
    )


def test_a_flag_that_lacks_its_partner_is_named_by_the_flag() -> None:
    faults = faults_of(GOOD, grace="finish", pin_for="8h")
    assert [fault.split(":")[0] for fault in faults] == ["--grace", "--for"]
