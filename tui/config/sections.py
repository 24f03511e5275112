"""The sections of config.toml other than hosts: what each key may hold, and the Settings that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from tui.config import rules
from tui.config.rules import Rule
from tui.model.settings import Looks, Notify, Retention, Settings, TellOf
from tui.model.spec import PinPolicy
from tui.model.units import MIB, format_size, parse_size


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section."""

    rule: Rule
    means: str
    """For `dayfly config show` and its docs."""


SECTIONS: Mapping[str, Mapping[str, Key]] = {
    "looks": {
        "theme": Key(rules.THEME, "the colours of the dashboard"),
        "ascii": Key(rules.FLAG, "plain ASCII glyphs; without it: where the terminal shows nothing else"),
        "animations": Key(rules.FLAG, "whether anything moves that need not"),
        "refresh": Key(rules.SECONDS, "seconds between two looks at the clock: ages and graphs"),
    },
    "notify": {
        "of": Key(rules.one_of(TellOf), "which ends of runs are told"),
        "bell": Key(rules.FLAG, "ring the terminal's bell"),
        "terminal": Key(rules.FLAG, "the terminal's own notification (OSC 9), while you look elsewhere"),
        "command": Key(rules.COMMAND, "run here, with the run as JSON on its stdin"),
        "webhook": Key(rules.WEBHOOK, "posted the same JSON"),
    },
    "history": {
        "days": Key(rules.whole(1, 36500), "how long logs and results of ended runs are kept"),
        "size": Key(rules.size(MIB), "how much of them is kept"),
    },
    "defaults": {
        "image": Key(rules.WORD, "the image of a new run"),
        "cpus": Key(rules.whole(1, 512), "its CPUs"),
        "memory": Key(rules.size(128 * MIB), "its memory"),
        "disk": Key(rules.size(512 * MIB), "its disk"),
        "timeout": Key(rules.DURATION, "the time limit of its command"),
        "grace": Key(rules.GRACE, "how long its host waits for a word from us"),
        "pin": Key(rules.one_of(PinPolicy), "whether its VM outlives it"),
        "pin_for": Key(rules.DURATION, "how long a pin holds"),
        "workdir": Key(rules.GUEST_PATH, "where in the VM its command starts"),
        "sudo": Key(rules.FLAG, "run its command as root"),
    },
}
"""Every section whose keys are fixed; `[keys]` has a key for each command."""
KEYS = "keys"
NAMES = (*SECTIONS, KEYS)


def settings_of(data: Mapping[str, Any]) -> Settings:
    """The settings that a checked file holds; what it leaves out has its default."""
    looks, notify, history = (data.get(name, {}) for name in ("looks", "notify", "history"))
    defaults = {key: _typed(value) for key, value in data.get("defaults", {}).items()}
    return Settings(
        looks=replace(
            Looks(),
            **{("refresh_s" if key == "refresh" else key): value for key, value in looks.items()},
            keys=MappingProxyType(dict(data.get(KEYS, {}))),
        ),
        notify=replace(Notify(), **{key: _NOTIFY.get(key, _same)(value) for key, value in notify.items()}),
        retention=replace(
            Retention(), **{key: _HISTORY.get(key, _same)(value) for key, value in history.items()}
        ),
        defaults=MappingProxyType(defaults),
    )


def effective(settings: Settings) -> Iterator[tuple[str, str, object]]:
    """Section, key and value of every setting as it counts, as the file would have it; None: no value."""
    looks, notify, retention = settings.looks, settings.notify, settings.retention
    values: dict[str, Mapping[str, object]] = {
        "looks": {
            "theme": looks.theme or None,
            "ascii": looks.ascii,
            "animations": looks.animations,
            "refresh": looks.refresh_s,
        },
        "notify": {
            "of": notify.of.value,
            "bell": notify.bell,
            "terminal": notify.terminal,
            "command": list(notify.command) or None,
            "webhook": notify.webhook or None,
        },
        "history": {"days": retention.days, "size": format_size(retention.size)},
        "defaults": {key: settings.defaults.get(key) for key in SECTIONS["defaults"]},
        KEYS: settings.looks.keys,
    }
    for section, keys in values.items():
        yield from ((section, key, value) for key, value in keys.items())


def _argv(value: str | list[str]) -> tuple[str, ...]:
    return ("sh", "-c", value) if isinstance(value, str) else tuple(value)


def _typed(value: object) -> str:
    """As it would be typed into the form."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _same(value: Any) -> Any:  # noqa: ANN401  whatever the key holds
    return value


_NOTIFY: Mapping[str, Callable[[Any], Any]] = {"of": TellOf, "command": _argv}
_HISTORY: Mapping[str, Callable[[Any], Any]] = {"size": parse_size}
