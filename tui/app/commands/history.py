"""What can be done with runs of the past."""

from __future__ import annotations

from tui.app.commands.command import Command


class RunChanged(Command):
    """Open New run, filled in as this run was, to launch it with changes."""

    TITLE = "Run again with changes"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "e,R", "Change", 1


class ShowEvents(Command):
    """Show what happened to this run, sentence by sentence."""

    TITLE = "Events of the run"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "v", "Events", 1


class CompareRuns(Command):
    """Show in what two marked runs differ, or one marked run and the one under the cursor."""

    TITLE = "Compare two runs"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "equals_sign", "Compare", 1


class DeleteRecords(Command):
    """Delete the records of marked runs, or of the one under the cursor: logs, events, results kept there."""

    TITLE = "Delete records"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "ctrl+d", "Delete", 2
