"""What can be done with hosts, wherever one is under the cursor."""

from __future__ import annotations

from textual import on

from tui.app.commands import hosts
from tui.app.screens.fleet_screen import FleetScreen
from tui.app.screens.pickers import AddHostDialog
from tui.model.hosts import HostEntry
from tui.model.spec import HostName


class HostCommandsScreen(FleetScreen):
    """Answers the commands about hosts."""

    @property
    def chosen_host(self) -> HostName | None:
        """The host that a command is about; None: none of them, or all."""
        return None

    @on(hosts.AddHost)
    def _add_host(self) -> None:
        def add(entry: HostEntry | None) -> None:
            if entry is not None:
                self.desk.fleet.add_host(entry)

        self.app.push_screen(AddHostDialog(self.desk), add)

    @on(hosts.Reconnect)
    def _reconnect(self) -> None:
        names = [self.chosen_host] if self.chosen_host else list(self.state.hosts)
        for name in names:
            self.desk.fleet.reconnect(name)
        self.notify(f"Connecting to {', '.join(names)}", markup=False)
