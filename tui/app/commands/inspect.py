"""Shells in a VM: opening one, and all that can be done around it once ctrl+] took the keys back."""

from __future__ import annotations

from typing import ClassVar

from tui.app.commands.command import Command


class OpenShell(Command):
    """Open a terminal in this run's VM, here in the dashboard."""

    TITLE = "Open a shell"
    SCOPE = "chosen"
    KEY, WORD, KEEP = "s", "Shell", 3


class OpenOutside(Command):
    """Open a shell in this run's VM on the whole terminal, without the dashboard, until it ends."""

    TITLE = "Open a shell outside"
    SCOPE = "chosen"
    KEY, WORD, SHOWN, RARE = "S", "Shell outside", False, True


class TakeKeys(Command):
    """Take the keys back from the guest: what can be done is in the line below then."""

    TITLE = "Menu"
    KEY, WORD, PRIORITY, KEEP, RARE = "ctrl+right_square_bracket", "Menu", True, 5, True


class GiveKeys(Command):
    """Give the keys to the guest again."""

    TITLE = "Back to the shell"
    KEY, WORD, KEEP, RARE = "escape,enter", "Type", 4, True


class NewShell(Command):
    """Open another shell in this VM."""

    TITLE = "New shell"
    KEY, WORD, KEEP = "n", "New", 3


class NextShell(Command):
    """Show the next shell."""

    TITLE = "Next shell"
    KEY, WORD, SHOWN, KEEP = "right", "Next", False, 1


class PreviousShell(Command):
    """Show the shell before."""

    TITLE = "Shell before"
    KEY, WORD, SHOWN = "left", "Before", False


class Detach(Command):
    """Go back and leave the shells open: they are here when one comes again."""

    TITLE = "Detach"
    KEY, WORD, KEEP = "d,q", "Detach", 4


class CloseShell(Command):
    """Close this shell; what runs in it gets a hangup."""

    TITLE = "Close the shell"
    KEY, WORD, KEEP = "k", "Close", 3


class ReopenShell(Command):
    """Open a new shell in place of the one that was lost or has ended."""

    TITLE = "Open it again"
    KEY, WORD, KEEP, RARE = "r", "Again", 4, True


class ZoomShell(Command):
    """Give the shell the whole terminal, or not."""

    TITLE = "Zoom the shell"
    KEY, WORD = "z", "Zoom"


class ScrollBack(Command):
    """Look further back at what has scrolled away."""

    TITLE = "Scroll back"
    KEY, WORD = "left_square_bracket,pageup", "Past"


class ScrollForward(Command):
    """Look further forward, to the present at last."""

    TITLE = "Scroll forward"
    KEY, WORD, SHOWN = "pagedown", "Forward", False


class CopyText(Command):
    """Copy the selected text; where none is selected, what is on the screen."""

    TITLE = "Copy the text"
    KEY, WORD, KEEP = "c", "Copy", 1


class SendKey(Command):
    """Send ctrl+] to the guest."""

    TITLE = "Send ctrl+]"
    KEY, WORD, KEEP = "right_square_bracket", "Send ^]", 1


class ShowShell(Command):
    """Show the shell of this number."""

    NUMBER: ClassVar[int] = 1
    TITLE = "Show a shell"
    KEY, WORD, SHOWN, RARE = "", "", False, True


NUMBERED: tuple[type[ShowShell], ...] = tuple(
    type(
        f"ShowShell{number}",
        (ShowShell,),
        {
            "__doc__": f"Show shell {number}.",
            "__module__": __name__,
            "NUMBER": number,
            "TITLE": f"Shell {number}",
            "KEY": str(number),
            "WORD": str(number),
        },
    )
    for number in range(1, 10)
)
"""A digit for each of the first nine."""
