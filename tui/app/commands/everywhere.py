"""What can be done wherever one is."""

from __future__ import annotations

from tui.app.commands.command import Command


class Back(Command):
    """Go back."""

    TITLE = "Back"
    KEY, WORD, KEEP, RARE = "escape", "Back", 4, True


class ToggleTheme(Command):
    """Change between dark and light."""

    TITLE = "Dark or light"
    KEY, WORD, SHOWN = "ctrl+t", "Dark or light", False


class Help(Command):
    """Show the keys of where you are."""

    TITLE = "Help"
    KEY, WORD, KEEP = "f1,question_mark", "Help", 4


class Quit(Command):
    """Leave dayfly: end what works and clean up, or leave it to finish."""

    TITLE = "Quit"
    KEY, WORD, SHOWN, PRIORITY, KEEP = "ctrl+q", "Quit", False, True, 4


class CopyOrQuit(Command):
    """Copy the selected text; where none is selected, leave dayfly."""

    TITLE = "Copy or quit"
    KEY, WORD, SHOWN, PRIORITY = "ctrl+c", "Copy or quit", False, True
