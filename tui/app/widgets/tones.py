"""From tones to the colours of the theme."""

from __future__ import annotations

from functools import lru_cache

from textual.app import App
from textual.color import Color

from tui.app.present import Tone
from tui.app.themes import TONES


def tone_colours(app: App[object]) -> dict[Tone, str]:
    """The colour behind each tone, as Rich writes it."""
    variables = app.theme_variables
    return {tone: _in_rich(variables[variable]) for tone, variable in TONES.items()}


@lru_cache(maxsize=64)
def _in_rich(colour: str) -> str:
    """The terminal's own colours have other names there."""
    return Color.parse(colour).rich_color.name
