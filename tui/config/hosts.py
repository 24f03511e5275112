"""From a host as it was typed to everything that is needed to reach it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tui.config.file import FINGERPRINT_OR_KEY, HOST_RULES, Config
from tui.files.toml import shown
from tui.model.errors import UsageError
from tui.model.hosts import DEMO, LOCAL, HostEntry
from tui.model.settings import KEY_VARIABLES
from tui.model.spec import HostName

# Each may be said in our word or in that of the flow which dayfly replaces; ours wins.
_HOST = ("DAYFLY_HOST", "MULTIPASS_HOST")
_USER = ("DAYFLY_SSH_USER", "MULTIPASS_SSH_USER")
_KEY = KEY_VARIABLES
_HOST_KEY = ("DAYFLY_HOST_KEY",)

_TYPED = re.compile(
    r"(?:(?P<user>[^@]+)@)?"
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?)\](?::(?P<port6>[0-9]{1,5}))?"
    r"|(?P<address>[^@:\[\]]+)(?::(?P<port>[0-9]{1,5}))?"
    r"|(?P<bare6>[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._-]+)?))"
)


def default_host(config: Config, environ: Mapping[str, str] = os.environ) -> HostName | None:
    """Where a run goes that names no host: the environment's, the config's, the only one in the config."""
    named = _first(environ, _HOST) or config.default_host
    if not named and len(config.hosts) == 1:
        named = next(iter(config.hosts))
    return HostName(named) if named else None


def default_host_variable(environ: Mapping[str, str] = os.environ) -> str:
    """The variable that names the host where a run goes that names none; empty: none does."""
    return next((name for name in _HOST if environ.get(name, "").strip()), "")


def host_entry(name: str, config: Config, environ: Mapping[str, str] = os.environ) -> HostEntry:
    """How to reach `demo`, `local`, a host of the config, `user@server[:port]`, or an alias of ~/.ssh/config.

    User and key of the environment fill what is not said otherwise, and win over the config for the
    environment's own host; its host key counts for that host alone, or, where it names none, for hosts
    that the config does not know. A key's content stays in memory. Raises UsageError.
    """
    if name == DEMO:
        return HostEntry(name=DEMO)
    if name == LOCAL:
        return config.hosts.get(LOCAL, HostEntry(name=LOCAL))
    known = config.hosts.get(HostName(name))
    return _with_environment(known or _typed(name), known is not None, environ)


def known_hosts(config: Config, environ: Mapping[str, str] = os.environ) -> dict[HostName, HostEntry]:
    """How to reach the hosts of the config; the default one as `host_entry` has it. Raises UsageError.

    So whoever names no host reaches the same one in the same way, whatever he does there.
    """
    default = default_host(config, environ)
    if default is None or default not in config.hosts:
        return dict(config.hosts)
    return {**config.hosts, default: host_entry(default, config, environ)}


def _typed(name: str) -> HostEntry:
    match = _TYPED.fullmatch(name)
    parts = match.groupdict() if match else {}
    address = parts.get("ipv6") or parts.get("address") or parts.get("bare6") or ""
    user = parts.get("user") or ""
    port = int(parts.get("port6") or parts.get("port") or 0) or None
    rules = HOST_RULES["address"].accepts(address) and (not user or HOST_RULES["user"].accepts(user))
    if not rules or (port and not HOST_RULES["port"].accepts(port)) or name.endswith(":0"):
        raise UsageError(
            f"{shown(name)} is not a host",
            hint="write demo, local, a name from config.toml or ~/.ssh/config, or user@server[:port]",
        )
    return HostEntry(name=HostName(name), address=address, user=user, port=port)


def _with_environment(entry: HostEntry, configured: bool, environ: Mapping[str, str]) -> HostEntry:
    own = _first(environ, _HOST)
    wins = configured and entry.name == own
    user = _first(environ, _USER)
    if user and not HOST_RULES["user"].accepts(user):
        raise UsageError(f"DAYFLY_SSH_USER: found {shown(user)}; {HOST_RULES['user'].allowed}")
    if user and (wins or not entry.user):
        entry = replace(entry, user=user)
    key = _first(environ, _KEY)
    if key and (wins or not entry.identity_file):
        entry = _with_key(entry, key)
    host_key = _first(environ, _HOST_KEY)
    if host_key and (entry.name == own or (not own and not configured)):
        entry = replace(entry, host_key=_valid_host_key(host_key))
    return entry


def _with_key(entry: HostEntry, key: str) -> HostEntry:
    """With a key given as content (on one line too, as some secret stores keep it) or as a path."""
    if "-----BEGIN" in key:
        content = key if "\n" in key else key.replace("\\n", "\n")
        return replace(entry, identity=content.strip() + "\n", identity_file="")
    if len(key) > 1000 or not HOST_RULES["identity_file"].accepts(key) or not _is_file(key):
        # Whatever it is, it may be a secret: it is not shown.
        raise UsageError(
            "DAYFLY_SSH_KEY (or MULTIPASS_SSH_PRIVATE_KEY) is neither a private key nor the path of one",
            hint="give the whole key, -----BEGIN line and all, or the path of a file that is there",
        )
    return replace(entry, identity_file=key, identity="")


def _is_file(path: str) -> bool:
    try:
        return Path(path).expanduser().is_file()
    except (OSError, RuntimeError):  # too long a name; no such user's home
        return False


def _valid_host_key(text: str) -> str:
    if not re.fullmatch(FINGERPRINT_OR_KEY, text):
        raise UsageError(f"DAYFLY_HOST_KEY: found {shown(text)}; {HOST_RULES['host_key'].allowed}")
    return text


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := environ.get(name, "").strip())), "")
