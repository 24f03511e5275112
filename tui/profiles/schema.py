"""What each key of a profile may hold. The only module that imports pydantic; loaded when a profile is.

Every key is optional here: a profile may leave to a flag what a flag may leave to the profile. The
defaults are those of RunSpec.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tui.files.toml import ONE_WORD, ONE_WORD_HELP, shown, unknown_key
from tui.model.spec import HostName, PinPolicy
from tui.model.units import (
    DURATION_HELP,
    GIB,
    MIB,
    SIZE_HELP,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)

MAX_CPUS = 512
MIN_MEMORY = 128 * MIB  # Multipass takes no less
MIN_DISK = 512 * MIB  # nor less of this
MAX_SIZE = 1024 * 1024 * GIB
MIN_GRACE_S = 5
MIN_PIN_S = 60
MAX_DURATION_S = 7 * 86400
MAX_COMMAND_BYTES = 100_000  # Linux takes 128 KiB in one argument; the guest's wrapping needs some of it
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")

_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*")


class Problem(ValueError):
    """What to do instead; the whole of what a fault says after `found ...`."""


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Problem("write text that is UTF-8") from error
    return text


def _matching(pattern: re.Pattern[str], longest: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text) > longest:
            raise Problem(f"write at most {longest} characters")
        if not pattern.fullmatch(_encodable(text)):
            raise ValueError
        return text

    return check


def _command(value: object) -> str | tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not words:
        raise ValueError
    checked = tuple(_argument(word) for word in words)
    if not checked[0].strip():
        raise Problem("it is empty; write what the VM is to run")
    if sum(len(word.encode()) for word in checked) > MAX_COMMAND_BYTES:
        raise Problem(f"write at most {MAX_COMMAND_BYTES // 1000} kB; let it fetch a longer script")
    return checked[0] if isinstance(value, str) else checked


def _argument(word: object) -> str:
    if not isinstance(word, str):
        raise Problem(f"every item of the list must be a string, in quotes; {shown(word)} is not")
    if "\0" in word:
        raise Problem("it holds a NUL byte, which no command line can carry")
    return _encodable(word)


def _size(least: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        size = value if isinstance(value, int) and not isinstance(value, bool) else _parsed(value, parse_size)
        if size < least:
            bare = " (a bare number is bytes)" if str(value).strip().isdigit() else ""
            raise Problem(f"write at least {format_size(least)}{bare}")
        if size > MAX_SIZE:
            raise Problem(f"write at most {format_size(MAX_SIZE)}")
        return size

    return check


def _duration(least_s: int, less: str = "") -> Callable[[object], int]:
    def check(value: object) -> int:
        number = isinstance(value, int) and not isinstance(value, bool)
        seconds = value if isinstance(value, int) and number else _parsed(value, parse_duration)
        if seconds < least_s:
            raise Problem(f"write at least {format_duration(least_s)}{less}")
        if seconds > MAX_DURATION_S:
            raise Problem(f"write at most {format_duration(MAX_DURATION_S)}")
        return seconds

    return check


def _grace(value: object) -> int | str:
    if isinstance(value, str) and value.strip().lower() == "finish":
        return "finish"
    return _duration(MIN_GRACE_S)(value)


def _parsed(value: object, parser: Callable[[str], int]) -> int:
    if not isinstance(value, str):
        raise ValueError
    return parser(value)


def _pin(value: object) -> PinPolicy:
    word = re.sub("[_ ]", "-", value.strip().lower()) if isinstance(value, str) else value
    if isinstance(value, str) and value in tuple(PinPolicy):
        return PinPolicy(value)
    match word:
        case True | "true" | "yes" | "on" | "always":
            raise Problem('write "always", or "on-failure" to keep the VM only where the work failed')
        case False | "false" | "no" | "off" | "never":
            raise Problem('write "never"')
        case "on-failure" | "onfailure" | "failure" | "fail" | "failed":
            raise Problem('write "on-failure"')
    raise ValueError


Word = Annotated[str, AfterValidator(_matching(ONE_WORD, 500))]


class Draft(BaseModel):
    """A profile, or the flags, as written: checked, but with keys still missing."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    name: Annotated[str, AfterValidator(_matching(NAME, 40))] = ""
    description: Annotated[str, AfterValidator(_matching(_LINE, 500))] = ""
    image: Word = ""
    command: Annotated[str | tuple[str, ...], BeforeValidator(_command)] = ""
    workdir: Annotated[str, AfterValidator(_matching(re.compile(rf"/{_LINE.pattern}"), 1000))] = ""
    sudo: bool = False
    cpus: Annotated[int, Field(ge=1, le=MAX_CPUS)] = 0
    memory: Annotated[int, BeforeValidator(_size(MIN_MEMORY))] = 0
    disk: Annotated[int, BeforeValidator(_size(MIN_DISK))] = 0
    host: Annotated[HostName, AfterValidator(_matching(ONE_WORD, 250))] = HostName("")
    timeout: Annotated[int, BeforeValidator(_duration(1, "; without a limit, leave it out"))] = 0
    boot_timeout: Annotated[int, BeforeValidator(_duration(10))] = 0
    grace: Annotated[int | str, BeforeValidator(_grace)] = 0
    pin: Annotated[PinPolicy, BeforeValidator(_pin)] = PinPolicy.NEVER
    pin_for: Annotated[int, BeforeValidator(_duration(MIN_PIN_S))] = 0


ALLOWED = {
    "name": "write lower-case letters, digits and dashes, at most 40, such as nightly-build",
    "description": "write one line of text",
    "image": f"{ONE_WORD_HELP}, such as lts, 24.04 or a URL",
    "command": 'write a string for bash, such as "make test", or a list of strings',
    "workdir": "write a path in the VM that begins with /, such as /home/ubuntu",
    "sudo": "write true or false",
    "cpus": f"write a whole number from 1 to {MAX_CPUS}",
    "memory": f"write {SIZE_HELP}",
    "disk": f"write {SIZE_HELP}",
    "host": f"{ONE_WORD_HELP}, such as demo, local or user@server",
    "timeout": f"write {DURATION_HELP}",
    "boot_timeout": f"write {DURATION_HELP}",
    "grace": f'write {DURATION_HELP}, or "finish" to let the work end by itself',
    "pin": 'write "never", "on-failure" or "always"',
    "pin_for": f"write {DURATION_HELP}",
}
KEYS = tuple(ALLOWED)


def from_text(key: str, text: str) -> object:
    """What a flag or a field of a form means; text that makes no sense stays as it is, to be refused."""
    if key == "cpus" and re.fullmatch(r"[+-]?[0-9]{1,18}", text.strip()):
        return int(text)
    if key == "sudo":
        return {"true": True, "yes": True, "false": False, "no": False}.get(text.strip().lower(), text)
    return text


def check(written: Mapping[str, object], *, typed: bool = False) -> tuple[dict[str, object], dict[str, str]]:
    """What is right of `written`, and a sentence for each key that is wrong; one of the two is empty.

    `typed`: it comes from a command line or a form, where nothing is quoted.
    """
    try:
        draft = Draft.model_validate(dict(written))
    except ValidationError as error:
        wrong: dict[str, str] = {}
        for detail in error.errors(include_url=False, include_input=False):
            key = str(detail["loc"][0])
            cause = detail.get("ctx", {}).get("error")
            wrong.setdefault(key, _sentence(key, written[key], cause, typed))
        return {}, wrong
    return draft.model_dump(exclude_unset=True), {}


def _sentence(key: str, value: object, cause: object, typed: bool) -> str:
    if key not in ALLOWED:
        return unknown_key(key, KEYS)
    if isinstance(cause, Problem):
        return f"found {shown(value)}; {cause}"
    quoted = isinstance(value, str) and not typed and key in ("cpus", "sudo")
    return f"found {shown(value)}; {ALLOWED[key]}{', without quotes' if quoted else ''}"
