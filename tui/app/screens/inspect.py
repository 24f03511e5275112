"""Inside a VM: its shells as tabs. All keys are the guest's but ctrl+], which takes them back."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from tui.app import present
from tui.app.commands import everywhere, inspect, runs
from tui.app.commands.command import BY_NAME, Command
from tui.app.present import Label
from tui.app.screens.fleet_screen import Desk
from tui.app.screens.run_commands import RunCommandsScreen
from tui.app.shells import Shell, ShellState, may_enter
from tui.app.widgets.facts import Labels
from tui.app.widgets.shell_tabs import ShellTabs
from tui.app.widgets.terminal import TerminalView
from tui.model.phase import Phase
from tui.model.spec import RunId
from tui.model.state import FleetState, RunState
from tui.model.text import clean_line

_ALWAYS = (inspect.TakeKeys,)
"""What can be done while the keys are the guest's."""
_NEEDS_A_SHELL = (
    inspect.CloseShell,
    inspect.ZoomShell,
    inspect.ScrollBack,
    inspect.ScrollForward,
    inspect.CopyText,
)
_MORE = "←→ 1-9 switch  y copy command  ] send ^]"
"""What the menu has no room for on a terminal of 80 columns."""


class InspectScreen(RunCommandsScreen):
    """The shells of one run's VM; opens the first one by itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        inspect.TakeKeys.binding(),
        inspect.GiveKeys.binding(),
        inspect.NewShell.binding(),
        inspect.ReopenShell.binding(),
        inspect.Detach.binding(),
        inspect.CloseShell.binding(),
        inspect.ScrollBack.binding(),
        inspect.ScrollForward.binding(),
        inspect.ZoomShell.binding(),
        runs.PinRun.binding(),
        runs.CopyWayIn.binding(),
        inspect.CopyText.binding(),
        inspect.SendKey.binding(),
        inspect.NextShell.binding(),
        inspect.PreviousShell.binding(),
        *(command.binding() for command in inspect.NUMBERED),
        everywhere.Help.binding("question_mark,f1"),
    ]

    def __init__(self, desk: Desk, run: RunId) -> None:
        super().__init__(desk)
        self._run = run
        self._at = 0

    @property
    def chosen_run(self) -> RunState | None:
        """The run whose VM this is."""
        return self.state.runs.get(self._run)

    @property
    def _shells(self) -> tuple[Shell, ...]:
        return tuple(self.desk.shells.of(self._run))

    @property
    def _shell(self) -> Shell | None:
        shells = self._shells
        return shells[min(self._at, len(shells) - 1)] if shells else None

    @property
    def has_menu(self) -> bool:
        """Whether the keys are ours, not the guest's."""
        return not (self.is_mounted and self.query_one(TerminalView).has_focus)

    def compose_body(self) -> ComposeResult:
        """Head, tabs, the terminal, a word on it, footer."""
        yield Labels(id="header")
        yield ShellTabs(id="shell-tabs")
        yield TerminalView(id="terminal")
        yield Static("", id="shell-state", markup=False)
        yield self.footer()

    def on_mount(self) -> None:
        """The terminal has the keys at once."""
        super().on_mount()
        self.query_one(TerminalView).focus()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if self._shells:
            self._turn_to(len(self._shells) - 1)
        else:
            self._open()

    # ---- what is seen

    def show(self, state: FleetState, now: float) -> None:
        """The run's name, VM and pin; the shells."""
        run = state.runs.get(self._run)
        if run is None:
            return
        left = [Label(clean_line(run.vm), "text"), Label(f"on {clean_line(run.host)}", "muted")]
        pin = present.pin_label(run, now)
        left += [pin] if pin.text else []
        ends_at = run.ends_at if run.ends_at is not None else _time_limit(run)
        left += [Label(f"ends in {present.age(ends_at - now)}", "warn")] if ends_at is not None else []
        self.query_one("#header", Labels).show(left, present.run_label(run))
        self._show_shell()

    def _show_shell(self) -> None:
        view, shell, shells = self.query_one(TerminalView), self._shell, self._shells
        titles = [_title(each) for each in shells]
        self.query_one(ShellTabs).show(titles, shells.index(shell) if shell else 0, self._right(shell))
        note = self.query_one("#shell-state", Static)
        words = self._words(shell) if shell is not None else ""
        note.display = bool(words)
        if words and str(note.content) != words:
            note.update(words)
        if shell is not None and not shell.is_open and view.has_focus:
            self.query_one(ShellTabs).focus()
        self.set_class(self.has_menu, "-menu")

    def _words(self, shell: Shell) -> str:
        if shell.is_open:
            return shell.words
        again = "r tries again" if shell.state is ShellState.LOST else "r opens another"
        ways = (again if self.can(inspect.ReopenShell) else "", "k closes it", "d goes back")
        return " · ".join(part for part in (shell.words, *ways) if part)

    def _right(self, shell: Shell | None) -> str:
        if shell is None:
            return ""
        if shell.emulator.scrolled_back:
            return f"■ {shell.emulator.scrolled_back} rows back"
        if self.has_menu and shell.is_open:
            return _MORE
        columns, rows = shell.emulator.size
        return f"{columns}x{rows}"

    # ---- who has the keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is ours while the guest has the keys, but the key that takes them back."""
        if not self.has_menu and BY_NAME.get(str(parameters[0]) if parameters else "") not in _ALWAYS:
            return False
        return super().check_action(action, parameters)

    def can(self, command: type[Command]) -> bool:
        """What makes sense with the shells that there are."""
        shell, run = self._shell, self.chosen_run
        if command in _NEEDS_A_SHELL:
            return shell is not None
        if command in (inspect.GiveKeys, inspect.SendKey):
            return shell is not None and shell.is_open and self.has_menu
        if command is inspect.TakeKeys:
            return not self.has_menu
        if command is inspect.ReopenShell:
            return shell is not None and not shell.is_open and run is not None and may_enter(run)
        if command is inspect.NewShell:
            return run is not None and may_enter(run)
        if command in (inspect.NextShell, inspect.PreviousShell):
            return len(self._shells) > 1
        if issubclass(command, inspect.ShowShell):
            return len(self._shells) >= command.NUMBER
        return super().can(command)

    @on(inspect.TakeKeys)
    def _take_keys(self) -> None:
        self.query_one(ShellTabs).focus()

    @on(inspect.GiveKeys)
    def _give_keys(self) -> None:
        if self._shell is not None and self._shell.is_open:
            self.query_one(TerminalView).focus()

    @on(inspect.SendKey)
    def _send_key(self) -> None:
        if self._shell is not None:
            self._shell.press("ctrl+right_square_bracket")
        self._give_keys()

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def _focus_moved(self) -> None:
        self.call_after_refresh(self._refocused)

    def _refocused(self) -> None:
        if self.is_mounted:
            self.redraw()
            self.refresh_bindings()

    # ---- shells come and go

    def _open(self) -> None:
        run, view = self.chosen_run, self.query_one(TerminalView)
        if run is None or not may_enter(run):
            self.notify("The VM is not running: there is nothing to look into.", severity="warning")
            return
        shell = Shell(run.id, self.desk.fleet.inside(run.id), view.terminal_size)
        self.desk.shells.add(shell)
        self.app.run_worker(shell.run(), name="shell", group="shells")
        self._turn_to(len(self._shells) - 1)
        view.focus()

    def _turn_to(self, at: int) -> None:
        self._at = at % max(1, len(self._shells))
        self.query_one(TerminalView).shell = self._shell
        self.redraw()
        self.refresh_bindings()

    def _drop(self, shell: Shell) -> None:
        self.desk.shells.remove(shell)
        if self._shells:
            self._turn_to(min(self._at, len(self._shells) - 1))
            self._give_keys()
        else:
            self.query_one(TerminalView).shell = None
            self.dismiss(None)

    @on(TerminalView.Changed)
    def _shell_changed(self) -> None:
        shell = self._shell
        if shell is not None and shell.state is ShellState.ENDED and shell.was_left:
            self.notify(clean_line(shell.words))
            self._drop(shell)
        else:
            self.redraw()

    @on(inspect.NewShell)
    def _new(self) -> None:
        self._open()

    @on(inspect.ReopenShell)
    def _again(self) -> None:
        if shell := self._shell:
            self.desk.shells.remove(shell)
            self._open()

    @on(inspect.CloseShell)
    def _close(self) -> None:
        if shell := self._shell:
            self._drop(shell)

    @on(inspect.NextShell)
    def _next(self) -> None:
        self._turn_to(self._at + 1)

    @on(inspect.PreviousShell)
    def _previous(self) -> None:
        self._turn_to(self._at - 1)

    @on(inspect.ShowShell)
    def _numbered(self, command: inspect.ShowShell) -> None:
        self._turn_to(command.NUMBER - 1)
        self._give_keys()

    @on(ShellTabs.Picked)
    def _picked(self, event: ShellTabs.Picked) -> None:
        self._turn_to(event.at)
        self._give_keys()

    @on(inspect.Detach)
    def _detach(self) -> None:
        self.dismiss(None)

    # ---- looking

    @on(inspect.ZoomShell)
    def _zoom(self) -> None:
        self.toggle_class("-zoomed")
        self._give_keys()

    @on(inspect.ScrollBack)
    def _back(self) -> None:
        self._scroll(-1)

    @on(inspect.ScrollForward)
    def _forward(self) -> None:
        self._scroll(1)

    def _scroll(self, pages: int) -> None:
        view = self.query_one(TerminalView)
        view.scroll_past(pages * max(1, view.content_size.height - 1))

    @on(inspect.CopyText)
    def _copy_text(self) -> None:
        text = self.get_selected_text() or self.query_one(TerminalView).text
        self.app.copy_to_clipboard(text)
        self.notify(f"Copied {len(text.splitlines())} lines")

    def open_run(self, run: RunId | None) -> None:
        """Nothing is launched from here."""


def _time_limit(run: RunState) -> float | None:
    """When its workload is stopped, and the VM goes if it is not pinned; None: nobody set a limit."""
    if run.phase is not Phase.WORKING or run.spec.timeout_s is None or run.is_pinned:
        return None
    return run.entered[-1][1] + run.spec.timeout_s


def _title(shell: Shell) -> str:
    return shell.emulator.title or ("shell" if shell.is_open else "ended")
