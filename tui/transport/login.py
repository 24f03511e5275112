"""One login: its clock, what it asks of a person, and what is told when it is refused."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from tui.contracts import Ask
from tui.model.errors import AuthRefused
from tui.model.hosts import Question, QuestionKind
from tui.model.text import clean, clean_line
from tui.transport.asyncssh_import import asyncssh
from tui.transport.faults import Peer
from tui.transport.identity import Keyring, Offer, Source
from tui.transport.trust import Trust

CONNECT_TIMEOUT_S = 15.0
LOGIN_TIMEOUT_S = 60.0
_QUICK_PACKETS = 64
"""Enough for the login and the first command."""


class Login(asyncssh.SSHClient):
    """What asyncssh tells us and asks us while it connects to one peer."""

    def __init__(
        self, peer: Peer, trust: Trust, ask: Ask, keyring: Keyring, *, only_look: bool = False
    ) -> None:
        """`only_look`: end once the host's key was seen, before anybody logs in."""
        self.attended = False
        self._has_tried_kbdint = False
        """A password or one-time password was typed."""
        self.on_lost: Callable[[], None] = lambda: None
        self._peer = peer
        self.trust = trust
        self.only_look = only_look
        self._ask = ask
        self._keyring = keyring
        self._clock: asyncio.Timeout | None = None
        self._troubles: list[str] = []
        self._methods: dict[str, None] = {}
        self._connection: asyncssh.SSHClientConnection | None = None

    @asynccontextmanager
    async def clock(self, connect_timeout_s: float) -> AsyncIterator[None]:
        """Bound what is inside: first the way there, then the login. Raises TimeoutError."""
        try:
            async with asyncio.timeout(connect_timeout_s) as self._clock:
                yield
        finally:
            self._clock = None

    async def ask(self, question: Question) -> str | None:
        """Ask a person; our clock stands still until the answer."""
        loop, clock = asyncio.get_running_loop(), self._clock
        left = (clock.when() or 0) - loop.time() if clock else 0
        if clock:
            clock.reschedule(None)
        try:
            return await self._ask(question)
        finally:
            if clock and clock is self._clock and not clock.expired():
                clock.reschedule(loop.time() + left)

    async def unlock(self, source: Source) -> asyncssh.SSHKey:
        """Open a key. Raises ValueError, noted for the refusal."""
        try:
            return await self._keyring.unlock(source, self.ask, self._peer)
        except ValueError as error:
            self._troubles.append(str(error))
            raise

    def refusal(self, user: str, offered: Offer, *, agent: bool) -> AuthRefused:
        """Why nothing we have was taken."""
        tried = [*offered.labels, *(["the agent's keys"] if agent else [])]
        sentence = f"{self._peer} refuses {user}"
        if self._methods:
            sentence += f": it takes {', '.join(self._methods)}"
        sentence += f"; tried {', '.join(tried)}" if tried else "; there was no key to try"
        if self._troubles:
            sentence += f" ({'; '.join(self._troubles)})"
        hint = "is the user right, and is the public key in its ~/.ssh/authorized_keys there?"
        if self._troubles:
            hint = "`ssh-add` gives a key to the agent, which then needs no passphrase"
        return AuthRefused(sentence, host=self._peer.host, hint=hint)

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        """The way there is found; now the login."""
        self._connection = conn
        _quicken(conn)
        if self._clock and not self._clock.expired():
            self._clock.reschedule(asyncio.get_running_loop().time() + LOGIN_TIMEOUT_S)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """The connection has ended."""
        self.on_lost()

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Whether `key` is the host's."""
        del host, addr, port
        return self.trust.accepts(key) and not self.only_look

    def public_key_auth_requested(self) -> None:
        """Every key was refused."""
        self._note_methods()

    async def password_auth_requested(self) -> str | None:
        """Ask for the password, once."""
        self._note_methods()
        if self.attended:
            return None
        return await self._secret("Password", hidden=True)

    def kbdint_auth_requested(self) -> str | None:
        """Take the challenge, once: a server that refuses without one would count each try."""
        self._note_methods()
        if self.attended or self._has_tried_kbdint:
            return None
        self._has_tried_kbdint = True
        return ""

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        """Ask each prompt of a challenge."""
        del lang
        preface = "\n".join(clean(part).strip() for part in (name, instructions) if part.strip())
        replies = []
        for prompt, echo in prompts:
            text = clean_line(prompt).strip().rstrip(":") or "Reply"
            reply = await self._secret(f"{preface}\n{text}".strip(), hidden=not echo)
            if reply is None:
                return None
            replies.append(reply)
        return replies

    async def _secret(self, text: str, *, hidden: bool) -> str | None:
        question = Question(
            id=f"password-{secrets.token_hex(4)}",
            host=self._peer.host,
            kind=QuestionKind.PASSWORD,
            text=f"{text}, for {self._peer}",
            hidden=hidden,
        )
        reply = await self.ask(question)
        self.attended = True
        if reply is None:
            self._troubles.append(f"nobody answered: {text}")
        return reply

    def _note_methods(self) -> None:
        if self._connection:
            self._methods |= dict.fromkeys(self._connection.get_server_auth_methods())


def _quicken(connection: asyncssh.SSHClientConnection) -> None:
    """Acknowledge the first packets at once: sshd holds its next ones back until then, 40 ms in all.

    Linux forgets the option by itself, so it is set again at each of them. Best effort.
    """
    sock: socket.socket | None = connection.get_extra_info("socket")
    if sock is None or not hasattr(socket, "TCP_QUICKACK"):
        return
    receive = connection.data_received
    left = _QUICK_PACKETS

    def receive_quickly(data: bytes, datatype: int | None = None) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            connection.data_received = receive  # type: ignore[method-assign]
        with suppress(OSError):  # no TCP, or gone already
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        receive(data, datatype)

    connection.data_received = receive_quickly  # type: ignore[method-assign]
