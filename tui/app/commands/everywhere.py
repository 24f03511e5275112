"""What can be done wherever one is."""

from __future__ import annotations

from tui.app.commands.command import Command


class Back(Command):
    """Go back."""

    TITLE = "Back"
    SCOPE = "everywhere"
    KEY, WORD, KEEP, RARE = "escape", "Back", 4, True


class ToggleTheme(Command):
    """Change between dark and light."""

    TITLE = "Dark or light"
    SCOPE = "everywhere"
    KEY, WORD, SHOWN = "ctrl+t", "Dark or light", False


class CommandLine(Command):
    """Type what is to be done: a command, a place, the name of a run. Tab completes."""

    TITLE = "Command line"
    SCOPE = "everywhere"
    KEY, WORD, KEEP = "colon", "Command", 1


class Help(Command):
    """Show the keys of where you are."""

    TITLE = "Help"
    SCOPE = "everywhere"
    KEY, WORD, KEEP = "f1,question_mark", "Help", 4


class Quit(Command):
    """Leave dayfly: end what works and clean up, or leave it to finish."""

    TITLE = "Quit"
    SCOPE = "everywhere"
    KEY, WORD, SHOWN, PRIORITY, KEEP = "ctrl+q", "Quit", False, True, 4


class CopyOrQuit(Command):
    """Copy the selected text; where none is selected, leave dayfly."""

    TITLE = "Copy or quit"
    SCOPE = "everywhere"
    KEY, WORD, SHOWN, PRIORITY = "ctrl+c", "Copy or quit", False, True
