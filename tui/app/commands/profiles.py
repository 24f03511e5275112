"""What can be done with profiles."""

from __future__ import annotations

from tui.app.commands.command import Command


class RunProfile(Command):
    """Launch a run of this profile."""

    TITLE = "Run the profile"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "enter,r", "Run", 3


class EditProfile(Command):
    """Open this profile in the form; saved from there, its comments stay."""

    TITLE = "Edit in the form"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "e", "Edit", 3


class EditText(Command):
    """Open this profile's file in your editor ($VISUAL, $EDITOR), then say what is wrong with it."""

    TITLE = "Edit the file"
    SCOPE = "chosen"
    KEY, WORD = "E", "Editor"


class DuplicateProfile(Command):
    """Copy this profile, comments and all, to a new one of your own."""

    TITLE = "Duplicate the profile"
    SCOPE = "chosen"
    KEY, WORD = "c", "Copy as"


class DeleteProfile(Command):
    """Delete the file of this profile, after a question; only one of your own folder."""

    TITLE = "Delete the profile"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "ctrl+d", "Delete", 1


class CopyPath(Command):
    """Copy the path of this profile's file."""

    TITLE = "Copy the path"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "y", "Path", 0
