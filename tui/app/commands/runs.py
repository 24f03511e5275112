"""What can be done with one run."""

from __future__ import annotations

from tui.app.commands.command import Command


class NewRun(Command):
    """Choose an image, resources and a command, and launch."""

    TITLE = "New run"
    KEY, WORD, KEEP = "n", "New", 3


class OpenRun(Command):
    """Show this run: its phases, logs and VM."""

    TITLE = "Open the run"
    SCOPE = "chosen"
    KEY, WORD = "enter,l", "Open"


class PinRun(Command):
    """Keep this run's VM, or let it go again; possible until its deletion begins."""

    TITLE = "Pin or unpin the VM"
    SCOPE = "chosen"
    KEY, WORD = "p", "Pin"


class PinFor(Command):
    """Keep this run's VM for so long, or until it is unpinned."""

    TITLE = "Pin the VM for..."
    SCOPE = "chosen"
    KEY, WORD, SHOWN = "P", "Pin for", False


class TakeOver(Command):
    """Take over a run that goes on without a client: follow it and see it to its end."""

    TITLE = "Take over the run"
    SCOPE = "chosen"
    KEY, WORD, RARE = "T", "Take over", True


class LeaveAlone(Command):
    """Leave a run of an earlier session to its host, which ends it."""

    TITLE = "Leave the run to its host"
    SCOPE = "chosen"
    KEY, WORD, RARE = "L", "Leave", True


class EndAll(Command):
    """Wait for nothing to finish: stop what still works, and delete its VMs."""

    TITLE = "End all now"
    KEY, WORD, RARE = "e", "End all now", True


class CancelRun(Command):
    """Stop the run and delete its VM, after a question."""

    TITLE = "Cancel the run"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "x,ctrl+d", "Cancel", 3


class RunAgain(Command):
    """Launch the same once more."""

    TITLE = "Run again"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "r", "Again", 1


class CopyWayIn(Command):
    """Copy the command that opens a shell in the VM."""

    TITLE = "Copy the way in"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "y", "Copy", 0


class OpenResults(Command):
    """Open the folder of the results; where there is no desktop, copy its path."""

    TITLE = "Open the results"
    SCOPE = "chosen"
    KEY, WORD, RARE = "O", "Results", True
