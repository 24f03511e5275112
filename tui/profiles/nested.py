"""What the tables of a profile may hold: inputs, artifacts, cloud-init, variables and secrets.

Local paths are taken from a folder, the one of the file they are written in, which comes as the
validation's context; what comes out is absolute.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from tui.model.spec import Artifact, CloudInit, Input, SecretRef, SecretSource
from tui.model.units import GIB, MIB, format_size
from tui.profiles import cloud_init, rules
from tui.profiles.rules import VARIABLE, Kept, Problem

MAX_ARTIFACTS = 50  # each is a job on the host
MAX_ENV_BYTES = MIB
MAX_PATH = 4096
SECRETS_HELP = (
    'secrets hold no values: write where to take it from, "env:NAME", "file:PATH", "cmd:COMMAND" or "prompt"'
)

_PROMPT = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,200}")
# Shells set these themselves, and some let nobody else do it.
_SHELLS_OWN = frozenset({"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID", "_"})


def _path(text: str) -> str:
    if not rules.without_nul(text):
        raise Problem("it is empty; write a path")
    if len(text.encode()) > MAX_PATH:
        raise Problem(f"write at most {MAX_PATH} bytes")
    return text


def local_path(text: str, folder: Path) -> Path:
    """A path of this machine, absolute: `~` is the home, and what is relative begins at `folder`."""
    try:
        return folder.absolute() / Path(_path(text)).expanduser()
    except RuntimeError as error:
        raise Problem("no such user's home here; write the whole path") from error


def _folder(info: ValidationInfo) -> Path:
    context: Mapping[str, Path] = info.context or {}
    return context["folder"]


def _source(text: str, info: ValidationInfo) -> str:
    folder = _folder(info)
    if glob.has_magic(text):  # what the folder is called is no pattern
        folder = Path(glob.escape(str(folder.absolute())))
    return str(local_path(text, folder))


def _target(text: str, info: ValidationInfo) -> str:
    return str(local_path(text, _folder(info))) if text else ""


def _below(text: str) -> str:
    """A place in the VM: nowhere above where it begins."""
    depth = 0
    for part in PurePosixPath(_no_tilde(text)).parts:
        depth += {"..": -1, "/": 0}.get(part, 1)
        if depth < 0:
            raise Problem("it climbs out with ..; write an absolute path, or one below the home")
    return text


def _no_tilde(text: str) -> str:
    if _path(text).startswith("~"):
        raise Problem("~ is not known in the VM; a relative path begins at its home: leave ~/ out")
    return text


def _pattern(text: str) -> str:
    if "**" in _no_tilde(text):
        raise Problem(
            "** is not known in the VM; write * for one level, such as out/*/*.xml, or name a folder,"
            " which comes home whole"
        )
    return text


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class InputTable(_Table):
    """One of `[[inputs]]`."""

    source: Annotated[str, AfterValidator(_source), Field(alias="from")]
    to: Annotated[str, AfterValidator(_below)] = "./"

    @property
    def value(self) -> Input:
        """What the spec holds."""
        return Input(self.source, self.to)


class ArtifactTable(_Table):
    """One of `[[artifacts]]`."""

    path: Annotated[str, AfterValidator(_pattern)]
    to: Annotated[str, AfterValidator(_target)] = ""
    max_size: Annotated[int, BeforeValidator(rules.size(1))] = 2 * GIB
    required: bool = False

    @property
    def value(self) -> Artifact:
        """What the spec holds."""
        return Artifact(path=self.path, to=self.to, max_size=self.max_size, required=self.required)


def _read(text: str, info: ValidationInfo) -> str:
    if text == "-":
        raise Problem("standard input is only for the command line: --cloud-init -")
    return cloud_init.from_file(local_path(text, _folder(info)))


def _user_data(text: str) -> str:
    cloud_init.check(rules.encodable(text))
    return text


def _stops(word: object) -> bool:
    if word not in ("go-on", "stop"):
        raise ValueError
    return word == "stop"


class CloudInitTable(_Table):
    """`[cloud_init]`; a bare string is its file."""

    file: Annotated[str, AfterValidator(_read)] = ""
    text: Annotated[str, AfterValidator(_user_data)] = ""
    on_failure: Annotated[bool, BeforeValidator(_stops)] = False

    @property
    def value(self) -> CloudInit:
        """What the spec holds."""
        return CloudInit(self.file or self.text, self.on_failure)


def _one_source(table: CloudInitTable) -> CloudInitTable:
    given = table.model_fields_set & {"file", "text"}
    if len(given) != 1:
        raise Problem(f"write {'file or text, not both' if given else 'file = ..., or text = ...'}")
    return table


def _as_table(value: object) -> object:
    return {"file": value} if isinstance(value, str) else value


def _variable(name: str) -> str:
    if not VARIABLE.fullmatch(name):
        raise Problem("it is no name for a variable; write letters, digits and _, such as API_URL")
    if name in _SHELLS_OWN:
        raise Problem("shells set it themselves; choose another name")
    return name


def _text(value: object) -> str:
    if isinstance(value, bool | int | float):
        written = str(value).lower() if isinstance(value, bool) else str(value)
        raise Problem(f'variables are text: write it in quotes, "{written}"')
    if not isinstance(value, str):
        raise ValueError
    if len(rules.without_nul(value).encode()) > rules.MAX_ARGUMENT:
        raise Problem(f"write at most {rules.MAX_ARGUMENT // 1000} kB; send more as a file, with inputs")
    return value


def _all_of_it(env: dict[str, str]) -> dict[str, str]:
    if sum(len(f"{name}={value}".encode()) for name, value in env.items()) > MAX_ENV_BYTES:
        raise Problem(f"all variables together may hold {format_size(MAX_ENV_BYTES)}")
    return env


def _reference(value: object, info: ValidationInfo) -> tuple[SecretSource, str]:
    try:
        return _where_from(value, _folder(info))
    except Problem as error:
        raise Kept(str(error)) from error


def _where_from(value: object, folder: Path) -> tuple[SecretSource, str]:
    kind, colon, detail = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind not in tuple(SecretSource) or (not colon and kind != SecretSource.PROMPT):
        raise Problem(SECRETS_HELP)
    source = SecretSource(kind)
    rules.without_nul(detail)
    match source:
        case SecretSource.ENV if not VARIABLE.fullmatch(detail):
            raise Problem("env: wants the name of a variable of yours, such as env:API_TOKEN")
        case SecretSource.FILE:
            return source, str(local_path(detail, folder))
        case SecretSource.CMD if not detail.strip():
            raise Problem("cmd: wants a command line that prints the secret, such as cmd:pass show token")
        case SecretSource.PROMPT if not _PROMPT.fullmatch(detail):
            raise Problem("prompt: wants one line to ask with, at most 200 characters")
    return source, detail


def _named(secrets: Mapping[str, tuple[SecretSource, str]]) -> dict[str, SecretRef]:
    return {name: SecretRef(name, source, detail) for name, (source, detail) in secrets.items()}


def _few(artifacts: list[ArtifactTable]) -> list[ArtifactTable]:
    if len(artifacts) > MAX_ARTIFACTS:
        raise Problem(f"write at most {MAX_ARTIFACTS}; a folder or a glob brings many files home")
    return artifacts


def _values(tables: list[InputTable] | list[ArtifactTable]) -> tuple[Input | Artifact, ...]:
    return tuple(table.value for table in tables)


Name = Annotated[str, AfterValidator(_variable)]
Inputs = Annotated[list[InputTable], AfterValidator(_values)]
Artifacts = Annotated[list[ArtifactTable], AfterValidator(_few), AfterValidator(_values)]
UserData = Annotated[
    CloudInitTable,
    BeforeValidator(_as_table),
    AfterValidator(_one_source),
    AfterValidator(lambda table: table.value),
]
Env = Annotated[dict[Name, Annotated[str, BeforeValidator(_text)]], AfterValidator(_all_of_it)]
Secrets = Annotated[
    dict[Name, Annotated[tuple[SecretSource, str], BeforeValidator(_reference)]], AfterValidator(_named)
]

_LOCAL = "write a path here, as a string, such as "
ALLOWED = {
    "inputs": 'write a table for each, [[inputs]], with from = "a path here" and to = "a path in the VM"',
    "inputs.from": f'{_LOCAL}"src" or "data/*.csv"',
    "inputs.to": 'write a path in the VM, as a string, such as "src/"',
    "artifacts": 'write a table for each, [[artifacts]], with path = "a path in the VM"',
    "artifacts.path": 'write a path or a glob in the VM, as a string, such as "out/*.xml"',
    "artifacts.to": f'{_LOCAL}"results"',
    "artifacts.max_size": "write a number with K, M or G, such as 512M or 1.5G",
    "artifacts.required": "write true or false",
    "cloud_init": 'write the path of a file, or a table: [cloud_init] with text = """#cloud-config ..."""',
    "cloud_init.file": f'{_LOCAL}"web.yaml"',
    "cloud_init.text": 'write a string that begins with "#cloud-config"',
    "cloud_init.on_failure": 'write "go-on" or "stop"',
    "env": 'write a table: [env] with NAME = "value"',
    "env.*": "write a string, in quotes",
    "secrets": SECRETS_HELP,
    "secrets.*": SECRETS_HELP,
}
"""What to write, by key; `*`: the name of a variable."""
KEYS = {
    "inputs": ("from", "to"),
    "artifacts": ("path", "to", "max_size", "required"),
    "cloud_init": ("file", "text", "on_failure"),
}
"""What each table may hold."""
