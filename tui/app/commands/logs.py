"""Which log of a run is shown, and how."""

from __future__ import annotations

from tui.app.commands.command import Command


class ShowLaunch(Command):
    """Show what the launch said."""

    TITLE = "Log of the launch"
    KEY, WORD, SHOWN = "1", "Launch", False


class ShowWork(Command):
    """Show what the command prints."""

    TITLE = "Log of the work"
    KEY, WORD, SHOWN = "2", "Work", False


class ShowCleanup(Command):
    """Show what dayfly did, step by step, down to the deletion."""

    TITLE = "Log of the cleanup"
    KEY, WORD, SHOWN = "3", "Cleanup", False


class ShowResults(Command):
    """Show what came home: how far it is, how big, where it is."""

    TITLE = "Results"
    KEY, WORD, SHOWN, RARE = "4", "Results", False, True


class ShowBoot(Command):
    """Show what the VM said while it booted."""

    TITLE = "Log of the boot"
    KEY, WORD, SHOWN, RARE = "5", "Boot", False, True


class ShowSend(Command):
    """Show what the sending of the inputs said."""

    TITLE = "Log of the sending"
    KEY, WORD, SHOWN, RARE = "6", "Send", False, True


class ShowUnpack(Command):
    """Show what the unpacking of the inputs said."""

    TITLE = "Log of the unpacking"
    KEY, WORD, SHOWN, RARE = "7", "Unpack", False, True


class NextLog(Command):
    """Show the next log."""

    TITLE = "Next log"
    KEY, WORD, KEEP = "right_square_bracket,right", "Next log", 1


class PreviousLog(Command):
    """Show the log before."""

    TITLE = "Log before"
    KEY, WORD, SHOWN = "left_square_bracket,left", "Log before", False
