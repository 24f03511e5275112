"""Which log of a run is shown, and how."""

from __future__ import annotations

from tui.app.commands.command import Command


class ShowAllLogs(Command):
    """Show all logs below one another, each phase under a head that folds."""

    TITLE = "All logs"
    KEY, WORD, SHOWN = "0", "All", False


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


class FollowLog(Command):
    """Show the end of the log and follow it."""

    TITLE = "Follow the log"
    KEY, WORD, SHOWN = "f", "Follow", False


class WrapLog(Command):
    """Show long lines whole, or cut them."""

    TITLE = "Wrap long lines"
    KEY, WORD, KEEP = "w", "Wrap", 0


class TimesOfLog(Command):
    """Show when each line came: by the clock, since the start, how long ago, or not at all."""

    TITLE = "Times of the lines"
    KEY, WORD, KEEP = "t", "Times", 0


class StreamsOfLog(Command):
    """Show stdout alone, stderr alone, or both."""

    TITLE = "Stdout, stderr or both"
    KEY, WORD, SHOWN = "o", "Streams", False


class FindInLog(Command):
    """Find a text in the log, or a /regular expression/."""

    TITLE = "Find in the log"
    KEY, WORD, KEEP = "slash", "Find", 2


class NextMatch(Command):
    """Go to the next line that was found."""

    TITLE = "Next match"
    KEY, WORD, SHOWN = "n", "Next match", False


class PreviousMatch(Command):
    """Go to the line before that was found."""

    TITLE = "Match before"
    KEY, WORD, SHOWN = "N", "Match before", False


class FilterLog(Command):
    """Keep only the lines with a text or a /regular expression/; with ! before it, those without."""

    TITLE = "Filter the log"
    KEY, WORD, KEEP = "ampersand", "Filter", 1


class MoreContext(Command):
    """Show one line more around each line that the filter keeps."""

    TITLE = "More around each line"
    KEY, WORD, SHOWN = "plus", "More around", False


class LessContext(Command):
    """Show one line less around each line that the filter keeps."""

    TITLE = "Less around each line"
    KEY, WORD, SHOWN = "minus", "Less around", False


class JumpToTime(Command):
    """Go to the line that came at a time: 12:01:09, -5m before the end, +90s after the start."""

    TITLE = "Jump to a time"
    KEY, WORD, SHOWN = "at", "Jump", False


class SelectLines(Command):
    """Select lines with the arrows; c copies them. The mouse selects them, too."""

    TITLE = "Select lines"
    KEY, WORD, SHOWN = "v", "Select", False


class CopyLines(Command):
    """Copy the selected lines; where none are, those that are seen."""

    TITLE = "Copy lines of the log"
    KEY, WORD, SHOWN = "c", "Copy lines", False


class CopyLastLines(Command):
    """Copy the last lines of the log, as many as you say."""

    TITLE = "Copy the last lines"
    KEY, WORD, SHOWN = "Y", "Copy last", False


class SaveLog(Command):
    """Save the log as a file: as it is shown, or byte for byte."""

    TITLE = "Save the log"
    KEY, WORD, SHOWN = "ctrl+s", "Save", False


class OpenInPager(Command):
    """Open the log in $PAGER."""

    TITLE = "Open in the pager"
    KEY, WORD, SHOWN, RARE = "vertical_line", "Pager", False, True


class ZoomLog(Command):
    """Give the log the whole screen, or show the rest again."""

    TITLE = "Zoom the log"
    KEY, WORD, KEEP = "z", "Zoom", 0


class FoldPhase(Command):
    """Fold or unfold the phase at the top of the log."""

    TITLE = "Fold or unfold the phase"
    KEY, WORD, SHOWN, RARE = "enter", "Fold", False, True


class NextPhase(Command):
    """Go to the next phase."""

    TITLE = "Next phase"
    KEY, WORD, SHOWN, RARE = "right_curly_bracket", "Next phase", False, True


class PreviousPhase(Command):
    """Go to the phase before."""

    TITLE = "Phase before"
    KEY, WORD, SHOWN, RARE = "left_curly_bracket", "Phase before", False, True


class TileRuns(Command):
    """Show the logs of several runs side by side: those that are marked, or those that work."""

    TITLE = "Runs side by side"
    KEY, WORD, SHOWN = "m", "Tile", False
