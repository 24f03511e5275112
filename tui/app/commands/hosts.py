"""What can be done with hosts."""

from __future__ import annotations

from tui.app.commands.command import Command


class AddHost(Command):
    """Make a host known and connect to it."""

    TITLE = "Add a host"
    KEY, WORD, KEEP = "a", "Host", 1


class Reconnect(Command):
    """Try to reach the hosts again now, without waiting."""

    TITLE = "Reconnect"
    KEY, WORD, SHOWN = "ctrl+r", "Reconnect", False


class AskForImages(Command):
    """Ask this host what it can launch."""

    TITLE = "Images of the host"
    SCOPE = "chosen"
    KEY, WORD = "o", "Images"


class CheckHost(Command):
    """Copy the command that looks for what is wrong with this host, and says how to mend it."""

    TITLE = "Check the host"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "c", "Check", 1
