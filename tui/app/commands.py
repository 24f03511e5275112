"""What a person can do: one class is message, key, footer word, palette entry and help.

The docstring is what the palette and the help say of it. A screen lists its commands in BINDINGS by
`Command.binding()` and answers the message; `can` says whether it makes sense just now.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.message import Message


class Command(Message):
    """Something to do, chosen by key, mouse or palette."""

    TITLE: ClassVar[str]
    """What the palette calls it."""
    KEY: ClassVar[str]
    """Textual's name of the key; more than one by commas."""
    WORD: ClassVar[str]
    """The footer's word for it."""
    SHOWN: ClassVar[bool] = True
    """Whether the footer has it."""
    PRIORITY: ClassVar[bool] = False
    """Whether it comes before what the focused widget would do with the key."""
    KEEP: ClassVar[int] = 2
    """On a narrow terminal the footer does without the low ones first; from 4 on they are always shown."""
    RARE: ClassVar[bool] = False
    """Whether it is hidden, not only dimmed, where it makes no sense."""

    @classmethod
    def binding(cls, key: str = "", word: str = "") -> Binding:
        """Its key binding on a screen; `key` and `word` replace its own."""
        return Binding(
            key or cls.KEY,
            f"do('{cls.__name__}')",
            word or cls.WORD,
            show=cls.SHOWN or bool(key),
            priority=cls.PRIORITY,
            tooltip=cls.__doc__ or "",
        )


class NewRun(Command):
    """Choose an image, resources and a command, and launch."""

    TITLE = "New run"
    KEY, WORD, KEEP = "n", "New", 3


class OpenRun(Command):
    """Show this run: its phases, logs and VM."""

    TITLE = "Open the run"
    KEY, WORD = "enter", "Open"


class PinRun(Command):
    """Keep this run's VM, or let it go again; possible until its deletion begins."""

    TITLE = "Pin or unpin the VM"
    KEY, WORD = "p", "Pin"


class PinFor(Command):
    """Keep this run's VM for so long, or until it is unpinned."""

    TITLE = "Pin the VM for..."
    KEY, WORD, SHOWN = "P", "Pin for", False


class TakeOver(Command):
    """Take over a run that goes on without a client: follow it and see it to its end."""

    TITLE = "Take over the run"
    KEY, WORD, RARE = "t", "Take over", True


class LeaveAlone(Command):
    """Leave a run of an earlier session to its host, which ends it."""

    TITLE = "Leave the run to its host"
    KEY, WORD, RARE = "l", "Leave", True


class EndAll(Command):
    """Wait for nothing to finish: stop what still works, and delete its VMs."""

    TITLE = "End all now"
    KEY, WORD, RARE = "e", "End all now", True


class CancelRun(Command):
    """Stop the run and delete its VM, after a question."""

    TITLE = "Cancel the run"
    KEY, WORD, KEEP = "x", "Cancel", 3


class RunAgain(Command):
    """Launch the same once more."""

    TITLE = "Run again"
    KEY, WORD, KEEP = "r", "Again", 1


class CopyWayIn(Command):
    """Copy the command that opens a shell in the VM."""

    TITLE = "Copy the way in"
    KEY, WORD, KEEP = "y", "Copy", 0


class AddHost(Command):
    """Make a host known and connect to it."""

    TITLE = "Add a host"
    KEY, WORD, KEEP = "a", "Host", 1


class Reconnect(Command):
    """Try to reach the hosts again now, without waiting."""

    TITLE = "Reconnect"
    KEY, WORD, SHOWN = "ctrl+r", "Reconnect", False


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


class OpenResults(Command):
    """Open the folder of the results; where there is no desktop, copy its path."""

    TITLE = "Open the results"
    KEY, WORD, RARE = "o", "Results", True


class NextLog(Command):
    """Show the next log."""

    TITLE = "Next log"
    KEY, WORD, KEEP = "right_square_bracket,right", "Next log", 1


class PreviousLog(Command):
    """Show the log before."""

    TITLE = "Log before"
    KEY, WORD, SHOWN = "left_square_bracket,left", "Log before", False


class Back(Command):
    """Go back."""

    TITLE = "Back"
    KEY, WORD, KEEP = "escape", "Back", 4


class ToggleTheme(Command):
    """Change between dark and light."""

    TITLE = "Dark or light"
    KEY, WORD, SHOWN = "ctrl+t", "Dark or light", False


class Help(Command):
    """Show the keys of where you are."""

    TITLE = "Help"
    KEY, WORD, KEEP = "f1,question_mark", "Help", 4


class Quit(Command):
    """Leave dayfly: end what works and clean up, or leave it to finish."""

    TITLE = "Quit"
    KEY, WORD, SHOWN, PRIORITY, KEEP = "ctrl+q", "Quit", False, True, 4


class CopyOrQuit(Command):
    """Copy the selected text; where none is selected, leave dayfly."""

    TITLE = "Copy or quit"
    KEY, WORD, SHOWN, PRIORITY = "ctrl+c", "Copy or quit", False, True


BY_NAME: dict[str, type[Command]] = {command.__name__: command for command in Command.__subclasses__()}


class CommandSearch(Provider):
    """The palette: everything that can be done on the screen below it."""

    async def discover(self) -> Hits:
        """All of it, in the order of the keys."""
        for entry in self._entries():
            yield DiscoveryHit(entry.title, entry.callback, entry.title, entry.help)

    async def search(self, query: str) -> Hits:
        """What matches the words typed."""
        matcher = self.matcher(query)
        for entry in self._entries():
            if score := matcher.match(f"{entry.title} {entry.help}"):
                yield Hit(score, matcher.highlight(entry.title), entry.callback, entry.title, entry.help)

    def _entries(self) -> Iterator[SystemCommand]:
        seen = {CopyOrQuit.binding().action}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if active.enabled and binding.tooltip and binding.action not in seen:
                seen.add(binding.action)
                run = partial(self.app.run_action, binding.action, active.node)
                yield SystemCommand(_title(binding), binding.tooltip, run)


def _title(binding: Binding) -> str:
    name = binding.action.removeprefix("do('").removesuffix("')")
    return BY_NAME[name].TITLE if name in BY_NAME else binding.description
