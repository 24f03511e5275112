"""Secrets of a run: taken from where they are just before they are used, and never shown."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from tui.contracts import Ask
from tui.engine.logs import RunLogs
from tui.model import spec as specs
from tui.model.errors import UsageError
from tui.model.hosts import Question, QuestionKind
from tui.model.spec import RunSpec, SecretRef, SecretSource
from tui.model.units import MIB

_LIMIT = MIB
_COMMAND_LIMIT_S = 120.0
_TRUST_FILE = "trusted-commands"


class Secret:
    """Bytes that no repr, traceback or dump shows."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written down")

    def reveal(self) -> bytes:
        """The bytes themselves; keep them in no variable that outlives their use."""
        return self._value


class TrustedCommands:
    """Which commands a person has allowed to run here for a secret; each for one profile, as it was then.

    Only hashes are kept, in a file of the state folder. A profile that changed is asked about again.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _TRUST_FILE

    def allows(self, spec: RunSpec, command: str) -> bool:
        """Whether somebody has said yes."""
        try:
            return _fingerprint(spec, command) in self._path.read_text().splitlines()
        except FileNotFoundError:
            return False

    def allow(self, spec: RunSpec, command: str) -> None:
        """Remember it."""
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, f"{_fingerprint(spec, command)}\n".encode())
        finally:
            os.close(file)

    def allow_all(self, spec: RunSpec) -> None:
        """Remember it for every command that this profile takes a secret from."""
        for ref in spec.secrets:
            if ref.source is SecretSource.CMD and not self.allows(spec, ref.detail):
                self.allow(spec, ref.detail)


def _fingerprint(spec: RunSpec, command: str) -> str:
    text = f"{command}\0{specs.dumps(spec)}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def check(refs: Iterable[SecretRef]) -> None:
    """Look whether what needs no person can be had. Raises UsageError with a hint."""
    for ref in refs:
        match ref.source:
            case SecretSource.ENV if ref.detail not in os.environ:
                raise UsageError(
                    f"secret {ref.name}: there is no variable {ref.detail} here",
                    hint=f"set it: {ref.detail}=... dayfly run ...",
                )
            case SecretSource.FILE if not os.access(_path(ref), os.R_OK) or not _path(ref).is_file():
                raise UsageError(
                    f"secret {ref.name}: {ref.detail} is not a file that can be read",
                    hint="check its path and mode",
                )


class SecretSources:
    """The secrets of one run. What a person types is asked once, and kept in memory until it is used."""

    def __init__(self, spec: RunSpec, *, ask: Ask, trusted: TrustedCommands) -> None:
        self._spec = spec
        self._ask = ask
        self._trusted = trusted
        self._typed: dict[str, Secret] = {}

    async def prepare(self) -> None:
        """Have a person say what only a person can, while nothing waits for it. Raises UsageError."""
        await asyncio.to_thread(check, self._spec.secrets)
        for ref in self._spec.secrets:
            if ref.source is SecretSource.CMD:
                await self._confirm(ref)
            elif ref.source is SecretSource.PROMPT and ref.name not in self._typed:
                self._typed[ref.name] = await self._type(ref)

    async def resolve(self) -> dict[str, Secret]:
        """All of them, by the variable's name; what was typed is forgotten here. Raises UsageError."""
        await self.prepare()
        values = {ref.name: await self._take(ref) for ref in self._spec.secrets}
        self._typed.clear()
        return values

    async def resolve_alone(self) -> tuple[dict[str, Secret], list[str]]:
        """Those that need no person, and the names of the others."""
        values, missing = dict[str, Secret](), list[str]()
        for ref in self._spec.secrets:
            try:
                await asyncio.to_thread(check, [ref])
                await asyncio.to_thread(self._need_nobody, ref)
                values[ref.name] = await self._take(ref)
            except UsageError:
                missing.append(ref.name)
        return values, missing

    def _need_nobody(self, ref: SecretRef) -> None:
        is_trusted = ref.source is not SecretSource.CMD or self._trusted.allows(self._spec, ref.detail)
        if ref.source is SecretSource.PROMPT or not is_trusted:
            raise UsageError(f"secret {ref.name}: nobody is there to ask")

    async def _take(self, ref: SecretRef) -> Secret:
        match ref.source:
            case SecretSource.ENV:
                value = Secret(os.environb.get(os.fsencode(ref.detail), b""))
            case SecretSource.FILE:
                value = await asyncio.to_thread(_read, ref)
            case SecretSource.CMD:
                value = await _print_of(ref)
            case SecretSource.PROMPT:
                value = self._typed[ref.name]
        if b"\0" in value.reveal():
            raise UsageError(f"secret {ref.name} has a NUL byte, which no variable can hold")
        return value

    async def _confirm(self, ref: SecretRef) -> None:
        if await asyncio.to_thread(self._trusted.allows, self._spec, ref.detail):
            return
        text = f"The secret {ref.name} is what this command prints on this machine:\n  {ref.detail}\nRun it?"
        if await self._ask(self._question(ref, QuestionKind.CONFIRM, text)) != "yes":
            raise UsageError(
                f"secret {ref.name}: nobody has allowed its command",
                hint="look at it, then allow it: --allow-cmd",
            )
        await asyncio.to_thread(self._trusted.allow, self._spec, ref.detail)

    async def _type(self, ref: SecretRef) -> Secret:
        text = ref.detail or f"{ref.name}:"
        reply = await self._ask(self._question(ref, QuestionKind.SECRET, text))
        if reply is None:
            raise UsageError(
                f"secret {ref.name}: nobody has typed it",
                hint="run it on a terminal, or take the secret from env: or file:",
            )
        return Secret(os.fsencode(reply))

    def _question(self, ref: SecretRef, kind: QuestionKind, text: str) -> Question:
        return Question(
            id=f"{kind}-{ref.name}-{id(self)}",
            host=self._spec.host,
            kind=kind,
            text=text,
            hidden=kind is QuestionKind.SECRET,
        )


async def mask_alone(logs: RunLogs, spec: RunSpec, trusted: TrustedCommands) -> list[str]:
    """Have stars in the logs for the secrets that need no person; the names of the others."""
    if not (spec.mask and spec.secrets):
        return []
    values, missing = await SecretSources(spec, ask=_nobody, trusted=trusted).resolve_alone()
    logs.mask(value.reveal() for value in values.values())
    return missing


async def _nobody(_question: Question) -> None:
    """There is no person."""


def _path(ref: SecretRef) -> Path:
    return Path(ref.detail).expanduser()


def _read(ref: SecretRef) -> Secret:
    try:
        with _path(ref).open("rb") as file:
            return Secret(_within_limit(ref, file.read(_LIMIT + 1)))
    except OSError as error:
        raise UsageError(f"secret {ref.name}: {ref.detail}: {error.strerror}") from None


def _within_limit(ref: SecretRef, value: bytes) -> bytes:
    if len(value) > _LIMIT:
        raise UsageError(f"secret {ref.name} is larger than any variable can be")
    return value.removesuffix(b"\n")


async def _print_of(ref: SecretRef) -> Secret:
    """What the command prints. What it says on stderr might tell something: it is not kept."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", ref.detail),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_COMMAND_LIMIT_S):
            value = Secret(await process.stdout.read(_LIMIT + 1))
            while (more := await process.stdout.read(_LIMIT)) and len(value.reveal()) <= _LIMIT:
                value = Secret(value.reveal() + more)
            status = await process.wait()
    except TimeoutError:
        raise UsageError(f"secret {ref.name}: its command did not end in {_COMMAND_LIMIT_S:.0f} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if status:
        raise UsageError(
            f"secret {ref.name}: its command failed with status {status}",
            hint=f"try it by hand: {ref.detail}",
        )
    return Secret(_within_limit(ref, value.reveal()))
