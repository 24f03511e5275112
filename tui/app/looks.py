"""What the settings say of looks and keys, as Textual takes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from textual.binding import Binding
from textual.screen import Screen

_TWINS = {"back": ("show-all", "escape"), "show-all": ("back", "escape,q")}
"""Textual takes a whole key away from whoever moves: who shares it with them keeps it."""


def keymap(keys: Mapping[str, str]) -> dict[str, str]:
    """From commands' names to keys, as the settings have it."""
    kept = dict(_TWINS[name] for name in keys if name in _TWINS)
    return {**kept, **keys}


def clashes(keys: Mapping[str, str], screens: Iterable[type[Screen[Any]]]) -> tuple[str, ...]:
    """Which keys are taken from which commands, because both are offered on the same screen."""
    takers = {key: name for name, taken in keys.items() for key in taken.split(",")}
    words: set[str] = set()
    for screen in screens:
        found = set(_offered(screen))
        here = {name for name, _ in found}
        words |= {
            f"{key} is {takers[key]} now, no longer {name}"
            for name, key in found
            if key in takers and takers[key] in here and name not in keys
        }
    return tuple(sorted(words))


def _offered(screen: type[Screen[Any]]) -> Iterator[tuple[str, str]]:
    """Every command of a screen and its keys, as they are without settings."""
    for owner in screen.__mro__:
        for binding in vars(owner).get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.id:
                yield from ((binding.id, key) for key in binding.key.split(","))
