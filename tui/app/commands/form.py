"""What can be done in the form of a new run."""

from __future__ import annotations

from tui.app.commands.command import Command


class PickImage(Command):
    """Choose from the images that the host offers."""

    TITLE = "Images of the host"
    KEY, WORD, PRIORITY, KEEP = "f2", "Images", True, 1


class Launch(Command):
    """Launch the run that the form describes."""

    TITLE = "Launch"
    KEY, WORD, PRIORITY, KEEP = "f5,ctrl+j", "Launch", True, 3


class SaveProfile(Command):
    """Save the form as a profile."""

    TITLE = "Save as a profile"
    KEY, WORD, PRIORITY = "ctrl+s", "Save", True


class EditCommand(Command):
    """Edit the command in your editor ($VISUAL, $EDITOR)."""

    TITLE = "Command in the editor"
    KEY, WORD, PRIORITY, KEEP = "ctrl+e", "Editor", True, 1
