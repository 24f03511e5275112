"""The files of a VM, and its ports: looking at them, and having them here."""

from __future__ import annotations

from tui.app.commands.command import Command


class OpenFiles(Command):
    """Look at the files of this run's VM, and fetch some."""

    TITLE = "Files of the VM"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "F", "Files", 1


class ForwardPort(Command):
    """Let a port of this machine lead to one of this run's VM: open what it serves in your browser."""

    TITLE = "Forward a port of the VM"
    SCOPE = "chosen"
    KEY, WORD, SHOWN = "u", "Port", False


class ClosePorts(Command):
    """End the forwarded ports of this run."""

    TITLE = "Close the forwarded ports"
    SCOPE = "chosen"
    KEY, WORD, SHOWN, RARE = "U", "Close ports", False, True


class OpenEntry(Command):
    """Go into this folder, or read this file."""

    TITLE = "Open the folder or file"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "enter,right,l", "Open", 3


class UpFolder(Command):
    """Go to the folder above."""

    TITLE = "Folder above"
    KEY, WORD, KEEP = "backspace,left,h", "Up", 3


class GoToPath(Command):
    """Go to a folder of the VM by its path."""

    TITLE = "Go to a path"
    KEY, WORD, PRIORITY = "g", "Go to", True


class LookAgain(Command):
    """Read it again from the VM."""

    TITLE = "Look again"
    KEY, WORD, KEEP = "r,f5", "Again", 0


class FetchFile(Command):
    """Bring this file or folder to this machine; nothing here is replaced."""

    TITLE = "Fetch it"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "ctrl+s", "Fetch", 3


class CopyFilePath(Command):
    """Copy the path of it in the VM."""

    TITLE = "Copy the path"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "y", "Copy path", 0


class FindInFile(Command):
    """Find words in this file."""

    TITLE = "Find in the file"
    KEY, WORD, KEEP = "slash", "Find", 3


class NextFound(Command):
    """Go to the next line that bears the words."""

    TITLE = "Next found"
    KEY, WORD, KEEP, RARE = "n", "Next", 2, True


class PreviousFound(Command):
    """Go to the line before that bears the words."""

    TITLE = "Found before"
    KEY, WORD, SHOWN, RARE = "N", "Before", False, True


class WrapFile(Command):
    """Wrap long lines, or cut them."""

    TITLE = "Wrap long lines"
    KEY, WORD, KEEP = "w", "Wrap", 1
