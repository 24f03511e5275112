"""Going from place to place: a digit for each, on every place's own screen."""

from __future__ import annotations

from typing import ClassVar

from tui.app.commands.command import Command


class Go(Command):
    """Go to another place."""

    TITLE: ClassVar[str] = "Go"
    KEY: ClassVar[str] = ""
    WORD: ClassVar[str] = ""
    SHOWN = False
    SCOPE = "everywhere"


class GoRuns(Go):
    """Go to the runs."""

    TITLE = "Go to the runs"
    KEY, WORD = "1", "Runs"


class GoHosts(Go):
    """Go to the hosts."""

    TITLE = "Go to the hosts"
    KEY, WORD = "2", "Hosts"


class GoProfiles(Go):
    """Go to the profiles."""

    TITLE = "Go to the profiles"
    KEY, WORD = "3", "Profiles"


class GoHistory(Go):
    """Go to the runs of the past."""

    TITLE = "Go to the history"
    KEY, WORD = "4", "History"


class GoCommands(Go):
    """Go to the log of what was run on the hosts."""

    TITLE = "Go to the command log"
    KEY, WORD = "5", "Commands"


PLACES: tuple[type[Go], ...] = (GoRuns, GoHosts, GoProfiles, GoHistory, GoCommands)
"""Those there are; `tui.app.places` names the screen of each."""
