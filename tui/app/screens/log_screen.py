"""What can be done with the log on a screen, whichever pane shows it."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import SuspendNotSupported
from textual.binding import BindingType

from tui.app import outside
from tui.app.commands import logs
from tui.app.commands.command import Command
from tui.app.screens.fleet_screen import FleetScreen
from tui.app.screens.log_line import LogLine
from tui.app.screens.save_log import SaveLogDialog
from tui.app.widgets.log_find import Pattern, parse_pattern
from tui.app.widgets.log_pane import LogPane, Look
from tui.app.widgets.log_save import Saved, write_plain
from tui.app.widgets.log_selection import last_lines, selected
from tui.app.widgets.log_times import HELP, Times, parse_time
from tui.model.errors import UsageError
from tui.model.text import clean_line

OF_A_LOG: tuple[type[Command], ...] = (
    logs.FindInLog,
    logs.NextMatch,
    logs.PreviousMatch,
    logs.FilterLog,
    logs.MoreContext,
    logs.LessContext,
    logs.JumpToTime,
    logs.FollowLog,
    logs.WrapLog,
    logs.TimesOfLog,
    logs.StreamsOfLog,
    logs.SelectLines,
    logs.CopyLines,
    logs.CopyLastLines,
    logs.SaveLog,
    logs.OpenInPager,
    logs.ZoomLog,
)
LOG_BINDINGS: list[BindingType] = [command.binding() for command in OF_A_LOG]
_STREAM_WORDS = {"": "stdout and stderr", "stderr": "stdout alone", "stdout": "stderr alone"}
_FOLDS = (logs.FoldPhase, logs.NextPhase, logs.PreviousPhase)


class LogScreen(FleetScreen):
    """A screen on which a log is shown."""

    _log_commands: ClassVar[tuple[type[Command], ...]] = OF_A_LOG

    @property
    def log_pane(self) -> LogPane | None:
        """The pane that is meant; None: no log is shown."""
        return None

    @property
    def _shown(self) -> Look | None:
        pane = self.log_pane if self.is_mounted else None
        return pane.look if pane is not None else None

    def can(self, command: type[Command]) -> bool:
        """A log must be shown, and something be looked for to be gone to."""
        if command not in (*OF_A_LOG, *_FOLDS):
            return super().can(command)
        look = self._shown
        if look is None:
            return False
        if command in (logs.NextMatch, logs.PreviousMatch):
            return look.search.pattern is not None
        if command in (logs.MoreContext, logs.LessContext):
            return look.search.filter is not None
        if command is logs.OpenInPager:
            return outside.may_run(self.app) and bool(_pager())
        return command not in _FOLDS or bool(look.view.heads)

    def get_selected_text(self) -> str | None:
        """The lines that are selected in the log, too."""
        look = self._shown
        if look is not None and look.selection is not None:
            return "\n".join(selected(look.view, look.selection))
        return super().get_selected_text()

    # ---- find, filter, jump

    @on(logs.FindInLog)
    def _ask_to_find(self) -> None:
        pane, look = self.log_pane, self._shown
        if pane is None or look is None:
            return
        before = look.search.pattern

        def typed(text: str) -> None:
            pane.find(parse_pattern(text) if text else None)

        def take(text: str) -> None:
            pane.find(parse_pattern(text) if text else before)
            pane.go(down=not look.view.is_following)

        hint = "text, or /regular expression/ · n next, N before"
        self.app.push_screen(LogLine(_find_label, hint, take, typed=typed))

    @on(logs.NextMatch)
    def _next_match(self) -> None:
        if self.log_pane is not None:
            self.log_pane.go(down=True)

    @on(logs.PreviousMatch)
    def _previous_match(self) -> None:
        if self.log_pane is not None:
            self.log_pane.go(down=False)

    @on(logs.FilterLog)
    def _ask_to_filter(self) -> None:
        pane, look = self.log_pane, self._shown
        if pane is None or look is None:
            return
        now = look.search.filter
        value = "" if now is None else f"{'!' * now.is_inverse}{now.text}"

        def take(text: str) -> None:
            pane.keep_only(
                parse_pattern(text, may_invert=True) if text.strip("!") else None, look.search.context
            )

        hint = "text, /regular expression/, !without · empty: all lines"
        self.app.push_screen(LogLine(_filter_label, hint, take, value=value))

    @on(logs.MoreContext)
    def _more_context(self) -> None:
        self._widen(1)

    @on(logs.LessContext)
    def _less_context(self) -> None:
        self._widen(-1)

    def _widen(self, lines: int) -> None:
        pane, look = self.log_pane, self._shown
        if pane is not None and look is not None:
            pane.keep_only(look.search.filter, look.search.context + lines)

    @on(logs.JumpToTime)
    def _ask_for_time(self) -> None:
        pane, look = self.log_pane, self._shown
        if pane is None or look is None:
            return

        def take(text: str) -> None:
            if text.strip():
                look.view.show_time(parse_time(text, pane.span.began, pane.span.ended or pane.clock()))
                pane.read()

        self.app.push_screen(LogLine(lambda _: "go to ", HELP, take))

    # ---- how it is shown

    @on(logs.FollowLog)
    def _follow(self) -> None:
        if self.log_pane is not None:
            self.log_pane.action_follow()

    @on(logs.WrapLog)
    def _wrap(self) -> None:
        if self.log_pane is not None:
            self.log_pane.wrap()

    @on(logs.TimesOfLog)
    def _times(self) -> None:
        if self.log_pane is not None:
            times = self.log_pane.turn_times()
            self.notify(f"Times: {times}" if times is not Times.OFF else "No times", timeout=2, markup=False)

    @on(logs.StreamsOfLog)
    def _streams(self) -> None:
        if self.log_pane is not None:
            words = _STREAM_WORDS[self.log_pane.turn_streams()]
            self.notify(words.capitalize(), timeout=2, markup=False)

    @on(logs.ZoomLog)
    def _zoom(self) -> None:
        if self.log_pane is not None:
            self.log_pane.is_zoomed = not self.log_pane.is_zoomed
            self.log_pane.read()
            self.redraw()

    @on(logs.FoldPhase)
    def _fold(self) -> None:
        if self.log_pane is not None:
            self.log_pane.fold()

    @on(logs.NextPhase)
    def _next_phase(self) -> None:
        if self.log_pane is not None:
            self.log_pane.turn_phase(1)

    @on(logs.PreviousPhase)
    def _previous_phase(self) -> None:
        if self.log_pane is not None:
            self.log_pane.turn_phase(-1)

    # ---- out of here

    @on(logs.SelectLines)
    def _select(self) -> None:
        if self.log_pane is not None:
            self.log_pane.select()

    @on(LogPane.CopyAsked)
    @on(logs.CopyLines)
    def _copy_lines(self) -> None:
        pane, look = self.log_pane, self._shown
        if pane is None or look is None:
            return
        lines = selected(look.view, look.selection) if look.selection else pane.seen_lines()
        look.selection = None
        pane.read()
        self._to_clipboard(lines)

    @on(logs.CopyLastLines)
    def _ask_how_many(self) -> None:
        look = self._shown
        if look is None:
            return

        def take(text: str) -> None:
            if not text.strip().isdecimal() or not int(text):
                raise UsageError(f"{text.strip()!r} is no number of lines")
            self._to_clipboard(last_lines(look.view, int(text)))

        self.app.push_screen(LogLine(lambda _: "copy the last lines ", "how many", take, value="50"))

    def _to_clipboard(self, lines: Sequence[str]) -> None:
        self.app.copy_to_clipboard("\n".join(lines))
        count = len(lines)
        self.notify(f"Copied {count:,} {'line' if count == 1 else 'lines'}", markup=False)

    @on(logs.SaveLog)
    def _ask_where(self) -> None:
        look = self._shown
        if look is None:
            return

        def tell(saved: Saved | None) -> None:
            if saved is not None:
                self.notify(f"Saved {saved.lines:,} lines: {clean_line(str(saved.path))}", markup=False)

        self.app.push_screen(SaveLogDialog(look.view, self.log_name), tell)

    @property
    def log_name(self) -> str:
        """What a file with this log is called, unless one types something else."""
        return "log"

    @on(logs.OpenInPager)
    def _open_in_pager(self) -> None:
        self.run_worker(self._page(), group="pager", exclusive=True)

    async def _page(self) -> None:
        look, words = self._shown, _pager()
        if look is None or not words:
            return
        with tempfile.TemporaryDirectory(prefix="dayfly-") as folder:
            path = Path(folder) / f"{self.log_name}.log"
            try:
                await write_plain(look.view, path)
                await outside.run(self.app, shlex.join([*words, str(path)]))
            except (SuspendNotSupported, OSError) as error:
                self.notify(clean_line(f"{words[0]}: {error}"), severity="error", markup=False)


def _pager() -> list[str]:
    """The words of the person's pager; empty: there is none."""
    words = shlex.split(os.environ.get("PAGER", "")) or ["less"]
    return words if shutil.which(words[0]) else []


def _find_label(typed: str) -> str:
    return f"find {_kind(typed)}/ "


def _filter_label(typed: str) -> str:
    return f"{'without' if typed.startswith('!') else 'only'} {_kind(typed.removeprefix('!'))}& "


def _kind(typed: str) -> str:
    try:
        pattern: Pattern | None = parse_pattern(typed)
    except UsageError:
        return "regex "
    if pattern is None or not typed:
        return ""
    kind = "regex" if not pattern.needle and typed.startswith("/") else "text"
    return f"{kind}{'' if pattern.ignores_case else ', case'} "
