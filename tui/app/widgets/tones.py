"""From tones to the colours of the theme."""

from __future__ import annotations

from textual.app import App

from tui.app.present import Tone
from tui.app.themes import TONES


def tone_colours(app: App[object]) -> dict[Tone, str]:
    """The colour behind each tone, as Rich writes it."""
    variables = app.theme_variables
    return {tone: variables[variable] for tone, variable in TONES.items()}
