"""The keys of where one is, in groups: pure functions from bindings to lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from textual.binding import ActiveBinding, Binding

from tui.app.commands.command import Scope, command_of

_TITLES: dict[Scope, str] = {
    "here": "Here",
    "chosen": "With what is chosen",
    "list": "In the list",
    "everywhere": "Everywhere",
}
_MOVING = "Moving"


@dataclass(frozen=True, slots=True)
class HelpLine:
    """One thing to do."""

    keys: str
    words: str
    is_possible: bool


HelpGroup = tuple[str, tuple[HelpLine, ...]]
"""A title and what stands under it."""


def groups(active: Iterable[ActiveBinding], shown: Callable[[Binding], str]) -> tuple[HelpGroup, ...]:
    """Every group that has lines, under its title. `shown`: how a key is written."""
    found: dict[str, dict[str, tuple[list[str], bool]]] = {
        title: {} for title in (*_TITLES.values(), _MOVING)
    }
    for entry in active:
        binding = entry.binding
        title, words = _place(entry)
        if not words:
            continue
        keys, is_possible = found[title].get(words, ([], False))
        found[title][words] = ([*keys, shown(binding)], is_possible or entry.enabled)
    return tuple((title, tuple(map(_line, lines.items()))) for title, lines in found.items() if lines)


def _place(entry: ActiveBinding) -> tuple[str, str]:
    """The group of a binding and what it does; no words for what goes without saying."""
    command, binding = command_of(entry.binding.action), entry.binding
    if command or binding.tooltip:
        return _TITLES[command.SCOPE if command else "everywhere"], binding.tooltip
    is_our_widget = type(entry.node).__module__.startswith("tui.app.widgets")
    return _MOVING, binding.description if is_our_widget else ""


def _line(item: tuple[str, tuple[list[str], bool]]) -> HelpLine:
    words, (keys, is_possible) = item
    return HelpLine(" ".join(dict.fromkeys(keys)), words, is_possible)
