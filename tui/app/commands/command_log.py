"""What can be done with the log of what was run on the hosts."""

from __future__ import annotations

from tui.app.commands.command import Command


class ShowRoutine(Command):
    """Show the commands that come every few seconds too, or hide them again."""

    TITLE = "Routine commands too"
    KEY, WORD, KEEP = "h", "Routine", 3


class CopyCommand(Command):
    """Copy the command as a line for your own shell."""

    TITLE = "Copy the command"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "y", "Copy", 3
