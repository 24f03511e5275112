"""Whether a host key is right: known_hosts decides, or the one key that we were told to expect.

A host is looked up as `[name]:port`, then as plain `name`: a key found there is trusted, but another
one there does not make the shown one a changed key. ssh does the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tui.model.errors import HostError, HostKeyChanged, HostKeyUnknown
from tui.transport.asyncssh_import import asyncssh
from tui.transport.faults import Peer
from tui.transport.known_hosts import SSH_PORT, Entry, key_line, key_type, known_name, look_up

_PREFERRED = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_CERTIFIED = tuple(f"{algorithm}-cert-v01@openssh.com" for algorithm in _PREFERRED)
_FINGERPRINT = "SHA256:"


class Trust:
    """What we hold to be one host's key. `shown` is what it showed us and we did not accept."""

    def __init__(
        self, peer: Peer, host: str, port: int, entries: Iterable[Entry], *, expected: str = ""
    ) -> None:
        """`expected`: a fingerprint or key line; then no file counts. Raises HostError if it is neither."""
        self._peer = peer
        self._name = known_name(host, port)
        self._expected = _expectation(expected, peer) if expected else ""
        entries = () if expected else tuple(entries)
        self._known = look_up(entries, self._name)
        self._by_name = look_up(entries, host) if port != SSH_PORT else self._known
        self._taken: list[asyncssh.SSHKey] = []
        self.shown: list[asyncssh.SSHKey] = []
        self.seen: asyncssh.SSHKey | None = None
        """The right one, once it was shown."""

    def accepts(self, key: asyncssh.SSHKey) -> bool:
        """Whether `key` is the host's."""
        trusted = [known for known, _ in (*self._known.keys, *self._by_name.keys)]
        right = key in (*trusted, *self._taken) or key.get_fingerprint() == self._expected
        if right:
            self.seen = key
        else:
            self.shown.append(key)
        return right

    def take(self, key: asyncssh.SSHKey) -> str:
        """Hold `key` to be right from now on; gives the line of known_hosts that says so."""
        self._taken.append(key)
        self.shown.clear()
        return key_line(self._name, key)

    def for_asyncssh(self) -> tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey], list[asyncssh.SSHKey]]:
        """What asyncssh checks itself: no keys, but authorities and what is revoked."""
        return [], [*self._known.authorities, *self._by_name.authorities], [*self._known.revoked]

    def algorithms(self) -> list[str]:
        """What to ask the server for: types we know first, none that we have been shown in vain."""
        known = [known for known, _ in (*self._known.keys, *self._by_name.keys)]
        wanted = [algorithm.decode() for key in known for algorithm in key.sig_algorithms]
        certified = _CERTIFIED if self.for_asyncssh()[1] else ()
        refused = {algorithm.decode() for key in self.shown for algorithm in key.sig_algorithms}
        unique = dict.fromkeys((*certified, *wanted, *_PREFERRED))
        return [algorithm for algorithm in unique if algorithm not in refused]

    @property
    def may_show_another(self) -> bool:
        """The expected key may be one of another type that the host has, too."""
        return bool(self._expected and self.algorithms())

    def refusal(self) -> HostError:
        """Why the key that was shown last is not accepted."""
        if not self.shown:
            return HostKeyChanged(
                f"{self._peer} shows a host key or certificate that is revoked or not trusted",
                host=self._peer.host,
                hint="ask the host's administrator; the known_hosts files say what is trusted",
            )
        key = self.shown[-1]
        if self._expected:
            return self._unexpected()
        if self._known.keys:
            return self._changed(key, [entry for _, entry in self._known.keys])
        return HostKeyUnknown(
            f"the host key of {self._peer} is not known: {key_type(key)} {key.get_fingerprint()}",
            host=self._peer.host,
            key_line=key_line(self._name, key),
            fingerprint=key.get_fingerprint(),
        )

    def _unexpected(self) -> HostKeyChanged:
        shown = ", ".join(f"{key_type(key)} {key.get_fingerprint()}" for key in self.shown)
        return HostKeyChanged(
            f"{self._peer} IS NOT THE EXPECTED HOST: it shows {shown}, not {self._expected}",
            host=self._peer.host,
            hint="somebody may be in between; ask its administrator for `ssh-keygen -lf` of its host keys",
        )

    def _changed(self, key: asyncssh.SSHKey, entries: list[Entry]) -> HostKeyChanged:
        where = ", ".join(dict.fromkeys(map(str, entries)))
        return HostKeyChanged(
            f"THE HOST KEY OF {self._peer} HAS CHANGED: it shows {key_type(key)} {key.get_fingerprint()}, "
            f"but {where} knows another. Somebody may be listening in",
            host=self._peer.host,
            hint="ask its administrator; only if the change is real, forget the old key with "
            f"`ssh-keygen -R '{self._name}' -f {entries[0].file}`",
        )


def question_text(peer: Peer, key: asyncssh.SSHKey, file: Path) -> str:
    """What a person needs to decide on an unknown host key."""
    return (
        f"{peer} shows a host key that is not known yet:\n"
        f"    {key_type(key)} {key.get_fingerprint()}\n"
        "Compare it with what the host itself says, on its console or from its administrator:\n"
        "    for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done\n"
        f"Is it the same? `yes` writes it to {file}."
    )


def _expectation(text: str, peer: Peer) -> str:
    """A fingerprint as it is; a key or a line of known_hosts as its fingerprint."""
    text = text.strip()
    if text.startswith(_FINGERPRINT) and len(text.split()) == 1:
        return text.rstrip("=")
    for line in (text, text.partition(" ")[2]):
        try:
            return asyncssh.import_public_key(line).get_fingerprint()
        except asyncssh.KeyImportError:
            continue
    raise HostError(
        f"the expected host key of {peer} is neither a fingerprint nor a key: {text[:60]!r}",
        host=peer.host,
        hint=f"write {_FINGERPRINT}... as `ssh-keygen -lf` prints it, or a line of known_hosts",
    )
