"""Our own pair of themes: quiet grounds, one accent, and colours that carry a meaning."""

from __future__ import annotations

from collections.abc import Sequence

from textual.color import Color
from textual.theme import Theme

from tui.app.present import Tone

DARK = "dayfly-dark"
LIGHT = "dayfly-light"

THEMES = (
    Theme(
        name=DARK,
        dark=True,
        primary="#7aa2c9",
        secondary="#5b6b7f",
        accent="#e0b062",
        foreground="#d5d9de",
        background="#14171b",
        surface="#1b1f25",
        panel="#242a32",
        success="#83b98a",
        warning="#d9a657",
        error="#e07a76",
        variables={
            "footer-background": "#1b1f25",
            "footer-key-foreground": "#e0b062",
            "footer-description-foreground": "#9aa4b0",
            "quiet": "#98a2ae",
            "busy": "#8ab4de",
            "pin": "#c99be0",
            "rule": "#333b45",
        },
    ),
    Theme(
        name=LIGHT,
        dark=False,
        primary="#2f5f8f",
        secondary="#6b7785",
        accent="#8a5a00",
        foreground="#22272d",
        background="#faf9f6",
        surface="#f1efea",
        panel="#e5e2da",
        success="#2c7a3f",
        warning="#8f6000",
        error="#b3322e",
        variables={
            "footer-background": "#f1efea",
            "footer-key-foreground": "#8a5a00",
            "footer-description-foreground": "#5b6570",
            "quiet": "#505a65",
            "busy": "#23568c",
            "pin": "#713896",
            "rule": "#cfcac0",
        },
    ),
)

TONES: dict[Tone, str] = {
    "text": "foreground",
    "muted": "quiet",
    "busy": "busy",
    "good": "good",
    "bad": "bad",
    "warn": "warn",
    "pin": "pin",
}
"""The theme variable behind each tone of `present`."""

CURSOR = 0.2
"""How much of the primary colour is in the ground under the cursor; the style sheet has the same."""
_ENOUGH = 4.5
"""What text must have against its ground, by WCAG 2."""
_ANSI = {
    "quiet": "ansi_bright_black",
    "busy": "ansi_blue",
    "good": "ansi_green",
    "bad": "ansi_red",
    "warn": "ansi_yellow",
    "pin": "ansi_magenta",
    "rule": "ansi_bright_black",
}


def contrast(one: Color, other: Color) -> float:
    """How well one is read on the other: from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def readable(colour: Color, grounds: Sequence[Color]) -> Color:
    """The nearest to `colour`, towards black or white, that is read on all these grounds."""
    end = max(Color(0, 0, 0), Color(255, 255, 255), key=lambda end: min(contrast(end, on) for on in grounds))
    steps = (colour.blend(end, step / 20) for step in range(21))
    return next((step for step in steps if min(contrast(step, on) for on in grounds) >= _ENOUGH), end)


def variables_for(theme: Theme) -> dict[str, str]:
    """What our style sheet asks for beyond what any theme has, from the colours of this one."""
    found = theme.to_color_system().generate()
    if not found["background"].startswith("#"):
        return dict(_ANSI)
    text, ground, primary = (Color.parse(found[name]) for name in ("foreground", "background", "primary"))
    cursor = ground.blend(primary, CURSOR)
    grounds = [*(Color.parse(found[name]) for name in ("background", "surface", "panel")), cursor]
    wanted = {
        "quiet": text.blend(ground, 0.35),
        "busy": primary,
        "good": Color.parse(found["success"]),
        "bad": Color.parse(found["error"]),
        "warn": Color.parse(found["warning"]),
        "pin": Color.parse(found["secondary"]),
    }
    tones = {name: readable(colour, grounds).hex for name, colour in wanted.items()}
    return {**tones, "rule": ground.blend(text, 0.2).hex}
