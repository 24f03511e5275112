"""What can be done with the list of a place: narrow it, and mark what is meant."""

from __future__ import annotations

from tui.app.commands.command import Command


class FilterList(Command):
    """Show only the rows that bear these words; ! before a word: only those without it."""

    TITLE = "Filter the list"
    SCOPE = "list"
    KEY, WORD, RARE, KEEP = "slash", "Filter", True, 1


class ShowAll(Command):
    """Take every mark away; where none is, show the whole list again."""

    TITLE = "Unmark, or show all"
    SCOPE = "list"
    KEY, WORD, RARE, KEEP = "escape", "Clear", True, 4


class MarkRow(Command):
    """Mark the row under the cursor, or unmark it: what is done next is done to all that are marked."""

    TITLE = "Mark or unmark"
    SCOPE = "list"
    KEY, WORD, SHOWN, RARE = "space", "Mark", False, True


class MarkAll(Command):
    """Mark every row that is shown; where all are marked, none."""

    TITLE = "Mark all or none"
    SCOPE = "list"
    KEY, WORD, SHOWN, RARE = "asterisk", "Mark all", False, True
