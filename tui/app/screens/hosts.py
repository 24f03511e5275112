"""The hosts: what each has, how quickly it answers, whose VMs are on it, and what it owes us."""

from __future__ import annotations

import shlex
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll
from textual.widgets import DataTable

from tui.app import host_pages, present
from tui.app.commands import hosts, places, runs
from tui.app.commands.command import Command
from tui.app.present import Label
from tui.app.screens.fleet_screen import Desk
from tui.app.screens.host_commands import HostCommandsScreen
from tui.app.screens.new_run import NewRunScreen
from tui.app.screens.place_screen import PlaceScreen
from tui.app.screens.run import RunScreen
from tui.app.widgets.fact_table import FactTable
from tui.app.widgets.facts import Facts
from tui.app.widgets.sheet import Sheet
from tui.model.hosts import Health
from tui.model.spec import HostName, RunId
from tui.model.state import FleetState, HostState
from tui.model.text import clean_line

_ABOUT_ONE = (hosts.Reconnect, hosts.AskForImages, hosts.CheckHost, runs.NewRun)


class HostsScreen(PlaceScreen, HostCommandsScreen):
    """Every host at a glance, and all about the one under the cursor."""

    HERE = places.GoHosts
    LIST, NOUN = "all-hosts", "Hosts"
    BINDINGS: ClassVar[list[BindingType]] = [
        runs.NewRun.binding(),
        hosts.AddHost.binding(),
        hosts.Reconnect.binding("ctrl+r"),
        hosts.AskForImages.binding(),
        hosts.CheckHost.binding(),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._asked: set[HostName] = set()
        """Whose images were asked for, as they were looked at."""

    def compose_body(self) -> ComposeResult:
        """Head, the list, the host under the cursor."""
        yield self.header()
        with Container(id="hosts-place"):
            with Container(id="all-hosts-panel", classes="panel"):
                yield FactTable(id="all-hosts")
                yield Sheet(id="no-hosts")
            with VerticalScroll(id="host-panel", classes="panel"):
                yield Facts(id="host")
        yield self.footer()

    def show(self, state: FleetState, now: float) -> None:
        """Fill the table, and the details of what is under the cursor."""
        ready = sum(host.health is Health.READY for host in state.hosts.values())
        words = f"{ready} of {len(state.hosts)} ready"
        self.show_header([Label("Hosts")], Label(words, "muted"))
        self.fill_list(host_pages.hosts_table(state, now, self.list_width))
        self.set_class(not state.hosts or bool(self.hides_all), "-no-hosts")
        empty = "No hosts yet. Press a to add one; type demo there to try dayfly without one."
        self.query_one("#no-hosts", Sheet).put_text(self.hides_all or empty)
        self._show_details(self.chosen, state, now)
        self._look_at_images()

    def _show_details(self, host: HostState | None, state: FleetState, now: float) -> None:
        panel = self.query_one("#host-panel")
        title = Text(f"Host {clean_line(host.entry.name)}" if host else "Host").markup
        if panel.border_title != title:
            panel.border_title = title
        self.query_one("#host", Facts).show(host_pages.host_facts(state, host, now) if host else ())

    def _look_at_images(self) -> None:
        """Once for each host; later only when told to."""
        host = self.chosen
        if host is not None and host.health is Health.READY and host.entry.name not in self._asked:
            self._asked.add(host.entry.name)
            if not host.images:
                self.desk.fleet.refresh_images(host.entry.name)

    @property
    def chosen(self) -> HostState | None:
        """The host under the cursor."""
        key = self.list_table.chosen if self.is_mounted else None
        return self.state.hosts.get(HostName(key)) if key else None

    @property
    def chosen_host(self) -> HostName | None:
        """Its name."""
        chosen = self.chosen
        return chosen.entry.name if chosen else None

    def can(self, command: type[Command]) -> bool:
        """Some need a host, and its images one that answers."""
        if self.is_mounted and command in _ABOUT_ONE:
            chosen = self.chosen
            if command is hosts.AskForImages:
                return chosen is not None and not present.unreachable(chosen)
            return chosen is not None or command is runs.NewRun
        return super().can(command)

    @on(DataTable.RowHighlighted)
    def _cursor_moved(self) -> None:
        self.redraw()

    @on(hosts.AskForImages)
    def _ask_for_images(self) -> None:
        if name := self.chosen_host:
            self.desk.fleet.refresh_images(name)
            self.notify(f"Asking {clean_line(name)} what it offers", markup=False)

    @on(hosts.CheckHost)
    def _check(self) -> None:
        if name := self.chosen_host:
            line = f"dayfly doctor {shlex.quote(name)}"
            self.app.copy_to_clipboard(line)
            self.notify(f"Copied: {line}\nIn another terminal it says what is wrong there.", markup=False)

    @on(runs.NewRun)
    def _new(self) -> None:
        self.app.push_screen(NewRunScreen(self.desk, self.chosen_host), self._open_run)

    def _open_run(self, run: RunId | None) -> None:
        if run is not None:
            self.app.push_screen(RunScreen(self.desk, run), self._open_run)
