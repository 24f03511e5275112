"""The command log: everything that was run on a host, when, for how long, and how it ended."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll
from textual.widgets import DataTable

from tui.app.command_log import Entry, command_facts, commands_table, key_of, shell_line
from tui.app.commands import command_log, places
from tui.app.commands.command import Command
from tui.app.present import Label
from tui.app.screens.fleet_screen import Desk
from tui.app.screens.place_screen import PlaceScreen
from tui.app.widgets.fact_table import FactTable
from tui.app.widgets.facts import Facts
from tui.app.widgets.sheet import Sheet
from tui.model.hosts import HostEntry
from tui.model.state import FleetState


class CommandsScreen(PlaceScreen):
    """What dayfly does on the hosts, command by command."""

    HERE = places.GoCommands
    LIST, NOUN = "commands", "Commands"
    BINDINGS: ClassVar[list[BindingType]] = [
        command_log.ShowRoutine.binding(),
        command_log.CopyCommand.binding(),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._shows_routine = False

    def compose_body(self) -> ComposeResult:
        """Head, the list, the command under the cursor in full."""
        yield self.header()
        with Container(id="commands-panel", classes="panel"):
            yield FactTable(id="commands")
            yield Sheet(id="no-commands")
        with VerticalScroll(id="command-panel", classes="panel", can_focus=False) as panel:
            panel.border_title = "This command"
            yield Facts(id="command")
        yield self.footer()

    def show(self, state: FleetState, now: float) -> None:  # noqa: ARG002 - nothing here ages
        """Draw what was run."""
        entries = self._entries(state)
        hidden = len(state.commands) - len(entries)
        routine = Label(f"{hidden} routine ones hidden" if hidden else "all shown", "muted")
        self.show_header([Label("Command log")], routine)
        self.fill_list(commands_table(entries, self.list_width))
        is_empty = not entries or bool(self.hides_all)
        self.set_class(is_empty, "-no-commands")
        self.query_one("#no-commands", Sheet).put_text(self.hides_all or _empty(hidden))
        chosen = self.chosen
        self.query_one("#command", Facts).show(command_facts(chosen, self._host(chosen)) if chosen else ())

    def _entries(self, state: FleetState) -> list[Entry]:
        return [entry for entry in state.commands if self._shows_routine or not entry[1].is_routine]

    def _host(self, entry: Entry) -> HostEntry:
        host = self.state.hosts.get(entry[0])
        return host.entry if host else HostEntry(name=entry[0])

    @property
    def chosen(self) -> Entry | None:
        """The command under the cursor."""
        key = self.list_table.chosen
        return next((entry for entry in self.state.commands if key_of(entry) == key), None)

    def can(self, command: type[Command]) -> bool:
        """One must be chosen to be copied."""
        if self.is_mounted and command is command_log.CopyCommand:
            return self.chosen is not None
        return super().can(command)

    def word(self, command: type[Command]) -> str:
        """What `h` does now."""
        if command is command_log.ShowRoutine and self._shows_routine:
            return "Hide routine"
        return super().word(command)

    @on(DataTable.RowHighlighted)
    def _cursor_moved(self) -> None:
        self.redraw()

    @on(command_log.ShowRoutine)
    def _toggle_routine(self) -> None:
        self._shows_routine = not self._shows_routine
        self.redraw()

    @on(command_log.CopyCommand)
    def _copy(self) -> None:
        if chosen := self.chosen:
            line = shell_line(self._host(chosen), chosen[1])
            self.app.copy_to_clipboard(line)
            self.notify(f"Copied: {line}", markup=False)


def _empty(hidden: int) -> str:
    if hidden:
        return f"Only routine commands so far. Press h to see {'it' if hidden == 1 else f'all {hidden}'}."
    return "Nothing was run on a host yet. Every command that is will be here, to be seen and copied."
