"""The places and their screens. A place stays as one left it: the app makes each once and keeps it.

A screen of a place is a `PlaceScreen`; a line here and the command's name in `commands.places.PLACES` are all
that a new one needs.
"""

from __future__ import annotations

from tui.app.commands import places
from tui.app.screens.commands_log import CommandsScreen
from tui.app.screens.history import HistoryScreen
from tui.app.screens.home import HomeScreen
from tui.app.screens.hosts import HostsScreen
from tui.app.screens.place_screen import PlaceScreen
from tui.app.screens.profiles import ProfilesScreen

SCREENS: dict[type[places.Go], type[PlaceScreen]] = {
    places.GoRuns: HomeScreen,
    places.GoHosts: HostsScreen,
    places.GoHistory: HistoryScreen,
    places.GoProfiles: ProfilesScreen,
    places.GoCommands: CommandsScreen,
}
