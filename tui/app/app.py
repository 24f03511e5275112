"""The dashboard: one reader of the fleet's state. No VM's life hangs on it.

    async with fleet's own scope:
        summary = await DayflyApp(fleet, ...).run_async()

It reads `fleet.state` and calls the fleet's methods; the scope around it cleans up, however this ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, Literal

from textual import events, on
from textual.app import App
from textual.binding import BindingType
from textual.command import Provider
from textual.filter import LineFilter
from textual.widgets import TextArea

from tui.app import away, key_help, outside, present, results
from tui.app.alarm import Alarm
from tui.app.bridge import follow_fleet
from tui.app.commands import everywhere, inspect, places
from tui.app.commands.command import BY_NAME
from tui.app.commands.palette import CommandSearch
from tui.app.glyphs import AsciiOnly, needs_ascii
from tui.app.keeping import keep_within_limits
from tui.app.keys_in_turn import KeysInTurn
from tui.app.looks import clashes, keymap
from tui.app.places import SCREENS
from tui.app.screens.command_line import CommandLineDialog
from tui.app.screens.dialogs import question_dialog
from tui.app.screens.fleet_screen import (
    MIN_HEIGHT,
    MIN_WIDTH,
    Desk,
    Dialog,
    FleetScreen,
    is_too_small,
)
from tui.app.screens.help_dialog import HelpDialog
from tui.app.screens.home import HomeScreen
from tui.app.screens.inspect import InspectScreen
from tui.app.screens.leave_dialog import Leave, LeaveDialog
from tui.app.screens.leaving import LeavingScreen
from tui.app.screens.new_run import NewRunScreen
from tui.app.screens.orphans import OrphansDialog
from tui.app.screens.place_screen import PlaceScreen
from tui.app.screens.run import RunScreen
from tui.app.screens.run_commands import RunCommandsScreen
from tui.app.summary import Summary, summarise
from tui.app.themes import DARK, LIGHT, THEMES, variables_for
from tui.app.vocabulary import vocabulary
from tui.app.widgets.terminal import TerminalView
from tui.contracts import Fleet, History, ParseHost, ProfileShelf
from tui.model.errors import UsageError
from tui.model.phase import Phase
from tui.model.settings import Looks, Settings
from tui.model.spec import HostName, RunId
from tui.model.state import FleetState
from tui.model.text import clean, clean_line

_KEYS_OF_A_TINY_TERMINAL = ("ctrl+q", "ctrl+c", "f1", "question_mark")


class DayflyApp(App[Summary]):
    """The dashboard. Returns a Summary; None after an exception (`return_code` is 1 then).

    `start`: a host on which New run is opened at once.
    """

    TITLE = "dayfly"
    CSS_PATH = "app.tcss"
    NOTIFICATION_TIMEOUT = 4
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {CommandSearch}
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (MIN_WIDTH, "-narrow"), (120, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (MIN_HEIGHT, "-low"), (20, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        everywhere.Quit.binding(),
        everywhere.CopyOrQuit.binding(),
        everywhere.Help.binding(),
        everywhere.ToggleTheme.binding(),
    ]

    def __init__(
        self,
        fleet: Fleet,
        profiles: ProfileShelf,
        parse_host: ParseHost,
        *,
        history: History,
        start: str | None = None,
        settings: Settings = Settings(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self._ascii = AsciiOnly(needs_ascii(settings.looks.ascii))
        self.theme = DARK
        self._fleet = fleet
        self._desk = Desk(fleet, profiles, parse_host, clock, history, settings)
        self._alarm = Alarm(self, settings.notify)
        self._start = start
        self._shown = fleet.state
        self._asking: Dialog[str | None] | None = None
        self._asking_id = ""
        self._asked: set[str] = set()
        self._offered: set[RunId] = set()
        self._typed_lines: list[str] = []
        self._keys = KeysInTurn(self, self.post_message)
        self._leave_presses = 0
        self._confirming: LeaveDialog | None = None
        self._leaving: LeavingScreen | None = None

    def get_default_screen(self) -> HomeScreen:
        """Home is under everything."""
        return HomeScreen(self._desk)

    def on_mount(self) -> None:
        """Look and listen as the settings say; follow the fleet."""
        self._take_looks(self._desk.settings.looks)
        self.run_worker(follow_fleet(self._fleet, self._publish), name="bridge")
        tell = partial(self.notify, markup=False)
        self.run_worker(keep_within_limits(self._desk, tell), name="retention")
        if self._start is not None:
            home = self.screen_stack[0]
            assert isinstance(home, HomeScreen)
            self.push_screen(NewRunScreen(self._desk, HostName(self._start)), home.open_run)

    def _take_looks(self, looks: Looks) -> None:
        if looks.theme in self.available_themes:
            self.theme = looks.theme
        elif looks.theme:
            self.notify(f"There is no theme {clean_line(looks.theme)}.", severity="warning", markup=False)
        if not looks.animations:
            self.animation_level = "none"
        self.set_keymap(keymap(looks.keys))
        for words in clashes(looks.keys, (*SCREENS.values(), RunScreen, NewRunScreen)):
            self.notify(words, severity="warning", markup=False)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Glyphs that the terminal can show."""
        return [*super().get_line_filters(), *([self._ascii] if self._ascii.enabled else [])]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What no theme but ours has."""
        return variables_for(self.current_theme)

    def leave_now(self) -> None:
        """End at once, whatever is still owed; the summary says it."""
        self.exit(summarise(self._fleet, self._desk.clock()))

    async def on_event(self, event: events.Event) -> None:
        """Let no key do what cannot be seen on a terminal that is too small."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        is_known = isinstance(event, events.Key) and event.key in _KEYS_OF_A_TINY_TERMINAL
        if is_too_small(self.size) and not is_known:
            return
        if isinstance(self.focused, TerminalView):
            await super().on_event(event)
        elif not self._keys.holds(event):
            self._keys.follow(self.focused or self.screen)
            await super().on_event(event)

    @property
    def breakdown(self) -> str:
        """The exception that ended the app, in a few words; empty: none did."""
        error = self._exception
        return clean_line(f"{type(error).__name__}: {error}") if error else ""

    def _fatal_error(self) -> None:
        """End without Textual's traceback: its locals may hold secrets. The verb says what happened."""
        self.bell()
        self._close_messages_no_wait()

    # ---- facts come up

    def _publish(self, state: FleetState) -> None:
        if not self.is_running:
            return  # it ends: the screens are being taken down
        old, self._shown = self._shown, state
        for screen in self.screen_stack:
            if isinstance(screen, FleetScreen):
                screen.state = state
        self._tell(old, state)
        if self._leaving is None:
            self._alarm.ring(old, state)
        self._ask(state)
        self._offer(state)
        for sentence in self._desk.shells.follow(state):
            self.notify(sentence, severity="warning", markup=False)
        if self._leaving is not None and not _holds_up(state):
            self.leave_now()

    @on(events.AppBlur)
    def _looked_away(self) -> None:
        self._alarm.looked_away()

    def _tell(self, old: FleetState, new: FleetState) -> None:
        """Say what happened to runs that are not on the screen; the way out shows them all."""
        if self._leaving is not None:
            return
        shown = self.screen.chosen_run if isinstance(self.screen, RunScreen) else None
        for run, label in present.news(old, new):
            if shown is None or run != shown.id or label.tone == "warn":
                severity: Literal["warning", "information"]
                severity = "information" if label.tone == "good" else "warning"
                self.notify(label.text, severity=severity, markup=False)
        for label in away.host_news(old, new, self._desk.clock()):
            self.notify(
                label.text, severity="information" if label.tone == "good" else "warning", markup=False
            )

    def _ask(self, state: FleetState) -> None:
        """Put the first open question to the person; take back the one that needs no answer any more."""
        self._asked &= {question.id for question in state.questions}
        waiting = [question for question in state.questions if question.id not in self._asked]
        if self._asking is not None:
            if self._asking_id not in {question.id for question in state.questions}:
                self._asking.dismiss(None)
        elif waiting:
            question = waiting[0]
            self._asked.add(question.id)
            self._asking_id, self._asking = question.id, question_dialog(question)
            self.push_screen(self._asking, partial(self._answered, question.id))

    def _offer(self, state: FleetState) -> None:
        """Once for each: what is to become of the runs that an earlier session left over."""
        orphans = {run.id for run in state.orphans}
        if isinstance(self.screen, OrphansDialog):
            self._offered |= orphans
        elif orphans - self._offered and self._leaving is None and not self.screen.is_modal:
            self._offered |= orphans
            self.push_screen(OrphansDialog(self._desk))

    def _answered(self, question_id: str, reply: str | None) -> None:
        self._asking = None
        self._fleet.answer(question_id, reply)
        self._ask(self._fleet.state)

    # ---- places, and what is typed

    @property
    def desk(self) -> Desk:
        """What the screens work with."""
        return self._desk

    @on(places.GoRuns)
    @on(places.GoHosts)
    @on(places.GoProfiles)
    @on(places.GoHistory)
    @on(places.GoCommands)
    def _go(self, command: places.Go) -> None:
        self.go(type(command))

    def go(self, place: type[places.Go]) -> None:
        """Show a place over the runs, which are under everything; it is as one left it."""
        while not isinstance(self.screen, PlaceScreen):
            self.screen.dismiss(None)
        if self.screen.HERE is place:
            return
        if place is places.GoRuns:
            self.screen.dismiss(None)
            return
        if not self.is_screen_installed(place.__name__):
            self.install_screen(SCREENS[place](self._desk), place.__name__)
        if isinstance(self.screen, HomeScreen):
            self.push_screen(place.__name__)
        else:
            self.switch_screen(place.__name__)

    def open_run(self, run: RunId) -> None:
        """Show a run's own screen, over the list of all."""
        self.go(places.GoRuns)
        home = self.screen_stack[0]
        assert isinstance(home, HomeScreen)
        home.open_run(run)

    @on(everywhere.CommandLine)
    def _ask_for_command(self) -> None:
        def do(does: Callable[[], object] | None) -> None:
            if does is not None:
                does()

        self.push_screen(CommandLineDialog(vocabulary(self), self._typed_lines), do)

    def run_profile(self, name: str) -> None:
        """Launch a run of a profile, and show it."""
        try:
            run = self._fleet.submit(self._desk.profiles.load(name))
        except UsageError as error:
            self.notify(clean(f"{error}\n{error.hint}".strip()), severity="error", markup=False)
        else:
            self.open_run(run)

    def take_theme(self, name: str) -> None:
        """Change the colours."""
        self.theme = name

    # ---- inside a VM

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Every key is the guest's while a terminal has the focus."""
        is_guests = isinstance(self.focused, TerminalView)
        return False if is_guests else super().check_action(action, parameters)

    @on(inspect.OpenShell)
    def _open_shell(self) -> None:
        screen = self.screen
        if isinstance(screen, RunCommandsScreen) and (run := screen.chosen_run):
            self.push_screen(InspectScreen(self._desk, run.id))

    @on(inspect.OpenOutside)
    async def _open_outside(self) -> None:
        screen = self.screen
        if isinstance(screen, RunCommandsScreen) and (run := screen.chosen_run):
            await outside.run(self, self._fleet.shell_command(run.id))

    # ---- leaving

    @on(everywhere.Quit)
    def _leave(self) -> None:
        self._leave_presses += 1
        unfinished = self._fleet.state.unfinished
        loses = any(isinstance(screen, FleetScreen) and screen.holds_text for screen in self.screen_stack)
        if self._leaving is not None:
            self._insist()
        elif self._confirming is not None:
            self._confirming.dismiss(Leave.END)
        elif loses or any(run.phase is not Phase.DELETING and not run.is_pinned for run in unfinished):
            self._confirming = LeaveDialog(self._fleet.state, self._desk.clock(), loses_text=loses)
            self.push_screen(self._confirming, self._leave_confirmed)
        else:
            self._begin_to_leave()

    def _leave_confirmed(self, leave: Leave | None) -> None:
        self._confirming = None
        if leave in (Leave.END, Leave.FINISH):
            self._begin_to_leave(finish=leave is Leave.FINISH)
        else:
            self._leave_presses = 0

    def _begin_to_leave(self, *, finish: bool = False) -> None:
        self._fleet.leave(finish=finish)
        if not _holds_up(self._fleet.state):
            self.leave_now()
            return
        self._leaving = LeavingScreen(self._desk, finish=finish)
        self.push_screen(self._leaving)
        if self._leave_presses > 1:
            self.call_after_refresh(self._leaving.hurry)

    def _insist(self) -> None:
        """Pressed again while the cleanup goes on: the second time says what is owed, the third leaves."""
        assert self._leaving is not None
        if self._leave_presses > 2:
            self.leave_now()
        else:
            self._leaving.hurry()

    @on(everywhere.CopyOrQuit)
    def _copy_or_leave(self) -> None:
        focused = self.focused
        selected = focused.selected_text if isinstance(focused, TextArea) else self.screen.get_selected_text()
        if selected:
            self.copy_to_clipboard(selected)
            self.notify("Copied")
        else:
            self._leave()

    # ---- the rest

    @on(everywhere.Help)
    def _help(self) -> None:
        active = self.screen.active_bindings.values()
        self.push_screen(HelpDialog(key_help.groups(active, self.get_key_display)))

    @on(everywhere.ToggleTheme)
    def _toggle_theme(self) -> None:
        self.theme = LIGHT if self.current_theme.dark else DARK

    def action_do(self, name: str) -> None:
        """Turn a key into its command."""
        self.post_message(BY_NAME[name]())


def _holds_up(state: FleetState) -> bool:
    """Whether there is something to wait for on the way out."""
    return bool(state.unfinished or results.runs_coming(state))
