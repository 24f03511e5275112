"""From a host's entry to an authenticated connection: jump hosts, host key, login."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from tui.contracts import Ask
from tui.model.errors import HostError, HostKeyUnknown
from tui.model.hosts import HostEntry, Question, QuestionKind
from tui.transport import identity, known_hosts
from tui.transport.asyncssh_import import asyncssh
from tui.transport.faults import CONNECT_ERRORS, connect_error
from tui.transport.link import SshLink
from tui.transport.login import CONNECT_TIMEOUT_S, Login
from tui.transport.route import Route, resolve
from tui.transport.trust import Trust, question_text

KEEPALIVE_S = 15
KEEPALIVES = 3
MAX_JUMPS = 8
MAX_KEYS = 8
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
"""The cheapest first: two thirds of the work of ssh's own first choice, on both ends."""


@dataclass(frozen=True, slots=True)
class Step:
    """One connection on the way to a host."""

    connection: asyncssh.SSHClientConnection
    login: Login


class Dialler:
    """Makes connections to one host. Asks what only a person can answer; retries nothing."""

    def __init__(self, ask: Ask, keyring: identity.Keyring) -> None:
        self._ask = ask
        self._keyring = keyring

    async def dial(self, entry: HostEntry, config: tuple[str, ...], on_lost: Callable[[], None]) -> SshLink:
        """Connect to `entry`; `on_lost` is called when that connection has ended.

        Raises HostUnreachable, AuthRefused, HostKeyUnknown, HostKeyChanged, HostError. Cancelled, it
        leaves no connection behind.
        """
        route = await resolve(entry, config)
        steps = await self._walk(route, MAX_JUMPS)
        link = SshLink(
            route.peer,
            [step.connection for step in steps],
            attended=any(step.login.attended for step in steps),
            on_lost=on_lost,
        )
        steps[-1].login.on_lost = link.lost
        return link

    async def accept_key(self, entry: HostEntry, config: tuple[str, ...]) -> None:
        """Add the host's key to known_hosts if it is the one that `entry` expects. Logs in to nothing.

        Raises HostKeyChanged if it isn't, or if known_hosts has another; and what `dial` raises.
        """
        route = await resolve(entry, config)
        files = await asyncio.to_thread(known_hosts.read, route.known_hosts())
        known = Trust(route.peer, route.known_as, route.options.port, files)
        steps = await self._walk_to(route, MAX_JUMPS)
        try:
            key = await self._look(route, steps[-1].connection if steps else None)
        finally:
            _abort(steps)
        if known.accepts(key):
            return
        if not isinstance(refusal := known.refusal(), HostKeyUnknown):
            raise refusal
        await self._remember(route, known, key)

    async def _walk(self, route: Route, jumps: int) -> list[Step]:
        """All connections to a host, those to its jump hosts first."""
        steps = await self._walk_to(route, jumps)
        with ExitStack() as undo:
            undo.callback(_abort, steps)
            last = await self._step(route, steps[-1].connection if steps else None)
            undo.pop_all()
        return [*steps, last]

    async def _walk_to(self, route: Route, jumps: int) -> list[Step]:
        """The connections to the jump hosts of a host; the first of them may have its own."""
        if jumps <= 0:
            raise HostError(
                f"{route.peer} has too many jump hosts", host=route.peer.host, hint="look at ProxyJump"
            )
        steps: list[Step] = []
        with ExitStack() as undo:
            undo.callback(_abort, steps)
            for hop in route.jump_hosts():
                through = await resolve(hop, route.config, hop=True)
                if steps:
                    steps.append(await self._step(through, steps[-1].connection))
                else:
                    steps += await self._walk(through, jumps - 1)
            undo.pop_all()
        return steps

    async def _step(self, route: Route, tunnel: asyncssh.SSHClientConnection | None) -> Step:
        """Connect and log in. Each further round has a key accepted, or asks for one of another type."""
        trust = await self._trust(route)
        for _ in range(MAX_KEYS):
            login = Login(route.peer, trust, self._ask, self._keyring)
            try:
                return Step(await self._connect(route, login, tunnel), login)
            except asyncssh.HostKeyNotVerifiable:
                if not _may_try_another(route, trust):
                    await self._ask_about_key(route, trust)
        raise trust.refusal()

    async def _look(self, route: Route, tunnel: asyncssh.SSHClientConnection | None) -> asyncssh.SSHKey:
        """The expected host key, once the host has shown it."""
        trust = await self._trust(route)
        for _ in range(MAX_KEYS):
            login = Login(route.peer, trust, self._ask, self._keyring, only_look=True)
            try:
                (await self._connect(route, login, tunnel)).abort()
            except asyncssh.HostKeyNotVerifiable:
                if trust.seen is not None:
                    return trust.seen
                if not _may_try_another(route, trust):
                    break
        raise trust.refusal()

    async def _trust(self, route: Route) -> Trust:
        expected = route.entry.host_key
        entries = await asyncio.to_thread(known_hosts.read, [] if expected else route.known_hosts())
        return Trust(route.peer, route.known_as, route.options.port, entries, expected=expected)

    async def _connect(
        self, route: Route, login: Login, tunnel: asyncssh.SSHClientConnection | None
    ) -> asyncssh.SSHClientConnection:
        """One attempt. Raises HostError kinds, and HostKeyNotVerifiable for the caller to look at."""
        agent = not route.entry.identity
        offered = identity.Offer()
        try:
            if not login.only_look:
                offered = await self._offer(route, login)
            async with login.clock(route.options.connect_timeout or CONNECT_TIMEOUT_S):
                return await asyncssh.connect(
                    route.entry.address,
                    tunnel=tunnel,
                    client_factory=lambda: login,
                    **_options(route, login.trust, offered),
                )
        except asyncssh.HostKeyNotVerifiable:
            raise
        except asyncssh.PermissionDenied as error:
            user = route.options.username
            raise login.refusal(user, offered, agent=agent and _has_agent(route)) from error
        except CONNECT_ERRORS as error:
            if login.trust.shown:  # it has no key of the other types that we asked for
                raise login.trust.refusal() from error
            raise connect_error(error, route.peer) from error

    async def _offer(self, route: Route, login: Login) -> identity.Offer:
        configured = route.words("IdentityFile")
        keys = await asyncio.to_thread(identity.sources, route.entry, configured, route.peer)
        return await identity.offer(keys, login.unlock)

    async def _ask_about_key(self, route: Route, trust: Trust) -> None:
        """Have a person accept the key that was shown last. Raises why it isn't accepted."""
        refusal = trust.refusal()
        if not isinstance(refusal, HostKeyUnknown):
            raise refusal
        key = trust.shown[-1]
        question = Question(
            id=f"host-key-{token_hex(4)}",
            host=route.entry.name,
            kind=QuestionKind.HOST_KEY,
            text=question_text(route.peer, key, _key_file(route)),
            hidden=False,
        )
        if await self._ask(question) != "yes":
            refusal.hint = _how_to_accept(route, refusal.fingerprint)
            raise refusal
        await self._remember(route, trust, key)

    async def _remember(self, route: Route, trust: Trust, key: asyncssh.SSHKey) -> None:
        file = _key_file(route)
        try:
            await asyncio.to_thread(known_hosts.append, file, trust.take(key))
        except OSError as error:
            sentence = f"the host key of {route.peer} cannot be written to {file}: {error.strerror}"
            raise HostError(sentence, host=route.entry.name) from error


def _abort(steps: Sequence[Step]) -> None:
    for step in reversed(steps):
        step.connection.abort()


def _may_try_another(route: Route, trust: Trust) -> bool:
    """Whether the host may have the expected key in another type."""
    return trust.may_show_another and not route.is_set("HostKeyAlgorithms")


def _key_file(route: Route) -> Path:
    return next(iter(route.user_known_hosts()), Path.home() / ".ssh" / "known_hosts")


def _plain_name(entry: HostEntry) -> str:
    """A name that the config takes."""
    plain = re.sub(r"[^A-Za-z0-9.-]", "-", entry.name if entry.name.isascii() else entry.address)
    return plain if plain == entry.name else f"host-{re.sub('[^A-Za-z0-9]', '-', entry.address)}"


def _how_to_accept(route: Route, fingerprint: str) -> str:
    entry = route.entry
    if route.peer.hop:
        return f"connect to it once by hand, and compare: ssh {entry.address}"
    user = f"{entry.user}@" if entry.user else ""
    port = f":{entry.port}" if entry.port else ""
    return (
        f"compare it with `ssh-keygen -lf` on the host, then set DAYFLY_HOST_KEY={fingerprint}, or: "
        f"dayfly hosts add {_plain_name(entry)} {user}{entry.address}{port} --accept-key {fingerprint}"
    )


def _has_agent(route: Route) -> bool:
    return bool(route.words("IdentityAgent") or os.environ.get("SSH_AUTH_SOCK"))


def _options(route: Route, trust: Trust, offered: identity.Offer) -> dict[str, object]:
    """What we hold fixed; all else is as in the ssh config, or asyncssh's default."""
    entry = route.entry
    only_these = bool(entry.identity or entry.identity_file) or route.is_set("IdentitiesOnly")
    options: dict[str, object] = {
        "config": list(route.config),
        "known_hosts": trust.for_asyncssh(),
        "client_keys": offered.pairs,
        "agent_identities": (offered.identities or [b""]) if only_these else None,
        "agent_forwarding": False,
        "compression_algs": ["none"],
        "connect_timeout": None,  # the login's clock knows when a person is thinking
        "login_timeout": 0,
        "keepalive_interval": KEEPALIVE_S,
        "keepalive_count_max": KEEPALIVES,
        "command": None,
        "env": None,
        "send_env": None,
        "request_pty": False,
    }
    if entry.port:
        options["port"] = entry.port
    if entry.user:
        options["username"] = entry.user
    if entry.identity:
        options["agent_path"] = None
    if not route.is_set("Ciphers"):
        options["encryption_algs"] = list(_CIPHERS)
    if not route.is_set("HostKeyAlgorithms"):
        options["server_host_key_algs"] = trust.algorithms()
    return options
