"""What settings may name: every command there is, and every theme."""

from __future__ import annotations

import importlib
import pkgutil

from textual.theme import BUILTIN_THEMES

from tui.app import commands
from tui.app.commands.command import BY_NAME, Command
from tui.app.themes import THEMES


def all_commands() -> dict[str, type[Command]]:
    """Every command by its name in the config; those that only lend others their fields have no key."""
    for module in pkgutil.iter_modules(commands.__path__):
        importlib.import_module(f"{commands.__name__}.{module.name}")
    return {command.slug(): command for command in BY_NAME.values() if command.KEY}


def all_themes() -> frozenset[str]:
    """Every theme by its name: ours, and Textual's."""
    return frozenset({*BUILTIN_THEMES, *(theme.name for theme in THEMES)})
