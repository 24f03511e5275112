"""Private keys: from files, or by content; passphrases are asked once and the opened key remembered.

An encrypted key is offered by its public half first; only if the server would take it, a person is
asked. What is opened stays in memory, nowhere else.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tui.contracts import Ask
from tui.model.errors import AuthRefused
from tui.model.hosts import HostEntry, Question, QuestionKind
from tui.transport.asyncssh_import import asyncssh
from tui.transport.faults import Peer

TRIES = 3
_DEFAULT_FILES = ("id_ed25519_sk", "id_ecdsa_sk", "id_ed25519", "id_ecdsa", "id_rsa")
_NEEDS_PASSPHRASE = "Passphrase must be specified"

Unlock = Callable[["Source"], Awaitable[asyncssh.SSHKey]]
"""Opens an encrypted key. Raises ValueError where nobody can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a private key comes from."""

    label: str
    """For people: the file, or `the given key`."""
    content: bytes = field(repr=False)
    file: Path | None = None
    wanted: bool = False
    """Named for this host: an error if it is unusable."""

    @property
    def digest(self) -> str:
        """What an opened key is remembered by: a replaced file is another key."""
        return hashlib.sha256(self.content).hexdigest()

    def is_locked(self) -> bool:
        """Whether it takes a passphrase. Raises KeyImportError if it is no private key."""
        try:
            asyncssh.import_private_key(self.content)
        except asyncssh.KeyImportError as error:
            if str(error).startswith(_NEEDS_PASSPHRASE):
                return True
            raise
        return False

    def public(self) -> asyncssh.SSHKey | None:
        """Its public half, where that can be had without a passphrase."""
        for read in (self._public_beside, lambda: asyncssh.import_public_key(self.content)):
            try:
                return read()
            except (OSError, asyncssh.KeyImportError):
                continue
        return None

    def _public_beside(self) -> asyncssh.SSHKey:
        if self.file is None:
            raise FileNotFoundError
        return asyncssh.read_public_key(f"{self.file}.pub")

    def certificate(self) -> asyncssh.SSHCertificate | None:
        """The certificate beside the file."""
        try:
            return asyncssh.read_certificate(f"{self.file}-cert.pub") if self.file else None
        except (OSError, asyncssh.KeyImportError):
            return None


@dataclass(slots=True)
class Offer:
    """The keys to offer to one host."""

    pairs: list[asyncssh.SSHKeyPair] = field(default_factory=list)
    identities: list[bytes] = field(default_factory=list)
    """Their public halves: with these alone the agent may help where no others are wanted."""
    labels: list[str] = field(default_factory=list)


class LockedKeyPair(asyncssh.SSHKeyPair):
    """A key whose public half is known and whose private one is opened when it has to sign."""

    def __init__(
        self,
        public: asyncssh.SSHKey,
        certificate: asyncssh.SSHCertificate | None,
        unlock: Callable[[], Awaitable[asyncssh.SSHKey]],
    ) -> None:
        names = public.algorithm, public.algorithm, public.sig_algorithms, public.sig_algorithms
        super().__init__(*names, public.public_data, public.get_comment_bytes(), certificate)
        self._unlock = unlock

    async def sign_async(self, data: bytes) -> bytes:
        """Sign `data`. Raises ValueError, which asyncssh takes for: try the next key."""
        key = await self._unlock()
        return key.sign(data, self.sig_algorithm)


class Keyring:
    """The keys opened so far. One for all hosts of a process: each passphrase is asked once."""

    def __init__(self) -> None:
        self._opened: dict[str, asyncssh.SSHKey] = {}
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def unlock(self, source: Source, ask: Ask, peer: Peer) -> asyncssh.SSHKey:
        """Open `source`, asking a person up to three times. Raises ValueError saying why not."""
        async with self._asking[source.digest]:
            key = self._opened.get(source.digest)
            if key is None:
                key = self._opened[source.digest] = await _ask_passphrase(source, ask, peer)
            return key


async def _ask_passphrase(source: Source, ask: Ask, peer: Peer) -> asyncssh.SSHKey:
    again = ""
    for _ in range(TRIES):
        question = Question(
            id=f"passphrase-{secrets.token_hex(4)}",
            host=peer.host,
            kind=QuestionKind.PASSPHRASE,
            text=f"{again}Passphrase of {source.label}, for {peer}",
        )
        reply = await ask(question)
        if reply is None:
            raise ValueError(f"{source.label} needs a passphrase and nobody gave it")
        try:
            return await asyncio.to_thread(asyncssh.import_private_key, source.content, reply)
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
            again = "That was wrong. "
    raise ValueError(f"the passphrase of {source.label} was wrong {TRIES} times")


def sources(entry: HostEntry, configured: Sequence[str] | None, peer: Peer) -> list[Source]:
    """The private keys for a host: its own, else the ssh config's, else the usual files. Blocks.

    Raises AuthRefused for a key file of the host's entry that cannot be read.
    """
    if entry.identity:
        content = entry.identity.replace("\r\n", "\n").strip() + "\n"
        return [Source(label=f"the key given for {entry.name}", content=content.encode(), wanted=True)]
    if entry.identity_file:
        file = Path(entry.identity_file).expanduser()
        try:
            return [Source(label=str(file), content=file.read_bytes(), file=file, wanted=True)]
        except OSError as error:
            raise AuthRefused(
                f"the key file {file} for {peer} cannot be read: {error.strerror}", host=peer.host
            ) from error
    files = configured if configured is not None else [f"~/.ssh/{name}" for name in _DEFAULT_FILES]
    return [source for name in files for source in _read_if_there(Path(name).expanduser())]


def _read_if_there(file: Path) -> list[Source]:
    """A key that isn't there may be in the agent: its public half is enough for that."""
    for candidate in (file, file.with_name(f"{file.name}.pub")):
        try:
            return [Source(label=str(file), content=candidate.read_bytes(), file=file)]
        except OSError:
            continue
    return []


async def offer(keys: Sequence[Source], unlock: Unlock) -> Offer:
    """What to offer of `keys`; encrypted ones are opened when it comes to that.

    Raises KeyImportError for a wanted one that is no key.
    """
    made = Offer()
    for source in keys:
        public = await asyncio.to_thread(source.public)
        try:
            pairs = await _pairs(source, public, unlock)
        except asyncssh.KeyImportError:
            if source.wanted:
                raise
            if public is None:
                continue
            pairs = []
        except ValueError:
            continue  # `unlock` has told why
        made.pairs += pairs
        made.labels.append(source.label)
        made.identities += [pair.public_data for pair in pairs]
        made.identities += [public.public_data] if public else []
    return made


async def _pairs(
    source: Source, public: asyncssh.SSHKey | None, unlock: Unlock
) -> Sequence[asyncssh.SSHKeyPair]:
    if not await asyncio.to_thread(source.is_locked):
        return await asyncio.to_thread(asyncssh.load_keypairs, str(source.file or "") or source.content)
    # An old format hides even its public half.
    public = public or await unlock(source)
    certificate = await asyncio.to_thread(source.certificate)
    certificates = [certificate, None] if certificate else [None]
    return [LockedKeyPair(public, each, partial(unlock, source)) for each in certificates]
