"""What each key of a profile may hold. The only module that imports pydantic; loaded when a profile is.

Every key is optional here: a profile may leave to a flag what a flag may leave to the profile. The
defaults are those of RunSpec.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tui.files.toml import ONE_WORD, ONE_WORD_HELP, KeyPath, shown, unknown_key
from tui.model.spec import HostName, Kind, PinPolicy
from tui.model.units import DURATION_HELP, MIB, SIZE_HELP
from tui.profiles import nested
from tui.profiles.rules import MAX_ARGUMENT, Kept, Problem, duration, matching, size, without_nul

MAX_CPUS = 512
MIN_MEMORY = 128 * MIB  # Multipass takes no less
MIN_DISK = 512 * MIB  # nor less of this
MIN_GRACE_S = 5
MIN_PIN_S = 60
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")

_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*")


def _command(value: object) -> str | tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not words:
        raise ValueError
    checked = tuple(_argument(word) for word in words)
    if not checked[0].strip():
        raise Problem("it is empty; write what the VM is to run")
    if sum(len(word.encode()) for word in checked) > MAX_ARGUMENT:
        raise Problem(f"write at most {MAX_ARGUMENT // 1000} kB; let it fetch a longer script")
    return checked[0] if isinstance(value, str) else checked


def _argument(word: object) -> str:
    if not isinstance(word, str):
        raise Problem(f"every item of the list must be a string, in quotes; {shown(word)} is not")
    return without_nul(word)


def _grace(value: object) -> int | str:
    if isinstance(value, str) and value.strip().lower() == "finish":
        return "finish"
    return duration(MIN_GRACE_S)(value)


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


def _kind(value: object) -> Kind:
    word = value.strip().lower() if isinstance(value, str) else value
    if word in tuple(Kind):
        return Kind(str(word))
    raise ValueError


Word = Annotated[str, AfterValidator(matching(ONE_WORD, 500))]


class Draft(BaseModel):
    """A profile, or the flags, as written: checked, but with keys still missing."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    name: Annotated[str, AfterValidator(matching(NAME, 40))] = ""
    description: Annotated[str, AfterValidator(matching(_LINE, 500))] = ""
    image: Word = ""
    command: Annotated[str | tuple[str, ...], BeforeValidator(_command)] = ""
    workdir: Annotated[str, AfterValidator(matching(re.compile(rf"/{_LINE.pattern}"), 1000))] = ""
    sudo: bool = False
    kind: Annotated[Kind | None, BeforeValidator(_kind)] = None
    cpus: Annotated[int, Field(ge=1, le=MAX_CPUS)] = 0
    memory: Annotated[int, BeforeValidator(size(MIN_MEMORY))] = 0
    disk: Annotated[int, BeforeValidator(size(MIN_DISK))] = 0
    host: Annotated[HostName, AfterValidator(matching(ONE_WORD, 250))] = HostName("")
    timeout: Annotated[int, BeforeValidator(duration(1, "; without a limit, leave it out"))] = 0
    boot_timeout: Annotated[int, BeforeValidator(duration(10))] = 0
    grace: Annotated[int | str, BeforeValidator(_grace)] = 0
    pin: Annotated[PinPolicy, BeforeValidator(_pin)] = PinPolicy.NEVER
    pin_for: Annotated[int, BeforeValidator(duration(MIN_PIN_S))] = 0
    inputs: nested.Inputs = []
    artifacts: nested.Artifacts = []
    collect_timeout: Annotated[int, BeforeValidator(duration(1))] = 0
    cloud_init: nested.UserData | None = None
    env: nested.Env = {}
    secrets: nested.Secrets = {}
    mask: bool = True


ALLOWED = {
    "name": "write lower-case letters, digits and dashes, at most 40, such as nightly-build",
    "description": "write one line of text",
    "image": f"{ONE_WORD_HELP}, such as lts, 24.04 or a URL",
    "command": 'write a string for bash, such as "make test", or a list of strings',
    "workdir": "write a path in the VM that begins with /, such as /home/ubuntu",
    "sudo": "write true or false",
    "kind": 'write "vm" or "container"',
    "cpus": f"write a whole number from 1 to {MAX_CPUS}",
    "memory": f"write {SIZE_HELP}",
    "disk": f"write {SIZE_HELP}",
    "host": f"{ONE_WORD_HELP}, such as demo, local or user@server",
    "timeout": f"write {DURATION_HELP}",
    "boot_timeout": f"write {DURATION_HELP}",
    "grace": f'write {DURATION_HELP}, or "finish" to let the work end by itself',
    "pin": 'write "never", "on-failure" or "always"',
    "pin_for": f"write {DURATION_HELP}",
    "collect_timeout": f"write {DURATION_HELP}",
    "mask": "write true or false",
    **nested.ALLOWED,
}
_KNOWN = {"": tuple(Draft.model_fields), **nested.KEYS}
"""What each table may hold; the profile itself is the one without a name."""


def from_text(key: str, text: str) -> object:
    """What a flag or a field of a form means; text that makes no sense stays as it is, to be refused."""
    if key == "cpus" and re.fullmatch(r"[+-]?[0-9]{1,18}", text.strip()):
        return int(text)
    if key == "sudo":
        return {"true": True, "yes": True, "false": False, "no": False}.get(text.strip().lower(), text)
    return text


def check(
    written: Mapping[str, object], *, folder: Path, typed: bool = False
) -> tuple[dict[str, Any], dict[KeyPath, str]]:
    """What is right of `written`, and a sentence for each key that is wrong; one of the two is empty.

    Local paths begin at `folder`. `typed`: it comes from a command line or a form, where nothing is quoted.
    """
    try:
        draft = Draft.model_validate(dict(written), context={"folder": folder})
    except ValidationError as error:
        wrong: dict[KeyPath, str] = {}
        for detail in error.errors(include_url=False, include_input=False):
            path, value = _found(written, detail["loc"])
            cause = detail.get("ctx", {}).get("error")
            wrong.setdefault(path, _sentence(path, value, cause, typed))
        return {}, wrong
    return {key: getattr(draft, key) for key in draft.model_fields_set}, {}


_NOTHING = object()


def _found(written: Mapping[str, object], loc: KeyPath) -> tuple[KeyPath, object]:
    """The keys that a person wrote, of where pydantic found a fault, and what stands there."""
    value: Any = written
    path: KeyPath = ()
    for key in loc:
        listed = isinstance(value, list | tuple) and isinstance(key, int)
        if listed or (isinstance(value, Mapping) and key in value):
            value = value[key]
        elif isinstance(value, Mapping) and key != "[key]":
            return (*path, key), _NOTHING
        else:
            return path, path[-1] if key == "[key]" else value
        path = (*path, key)
    return path, value


def _sentence(path: KeyPath, value: object, cause: object, typed: bool) -> str:
    names = [key for key in path if isinstance(key, str)]
    rule = f"{names[0]}.*" if len(names) > 1 and names[0] in ("env", "secrets") else ".".join(names)
    if rule not in ALLOWED:
        return unknown_key(names[-1], _KNOWN[".".join(names[:-1])])
    if value is _NOTHING:
        return f"missing; {ALLOWED[rule]}"
    if isinstance(cause, Kept) or names[0] == "secrets":
        return str(cause) if isinstance(cause, Problem) else ALLOWED[rule]
    if isinstance(cause, Problem):
        return f"found {shown(value)}; {cause}"
    quoted = isinstance(value, str) and not typed and names[-1] in ("cpus", "sudo", "mask", "required")
    return f"found {shown(value)}; {ALLOWED[rule]}{', without quotes' if quoted else ''}"
