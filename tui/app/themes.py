"""Our own pair of themes: quiet grounds, one accent, and colours that carry a meaning."""

from __future__ import annotations

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
            "quiet": "#8b95a1",
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
            "quiet": "#626c77",
            "busy": "#2a63a0",
            "pin": "#7b3fa0",
            "rule": "#cfcac0",
        },
    ),
)

TONES: dict[Tone, str] = {
    "text": "foreground",
    "muted": "quiet",
    "busy": "busy",
    "good": "success",
    "bad": "error",
    "warn": "warning",
    "pin": "pin",
}
"""The theme variable behind each tone of `present`."""
