"""What all places have in common: their names in the head, a digit for each, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType

from tui.app.commands import everywhere, places
from tui.app.present import Label
from tui.app.screens.fleet_screen import FleetScreen
from tui.app.widgets.place_bar import PlaceHeader


class PlaceScreen(FleetScreen):
    """One of the places; its head is `header()`, filled by `show_header`."""

    HERE: ClassVar[type[places.Go]]
    """The command that leads here."""
    BINDINGS: ClassVar[list[BindingType]] = [
        *(place.binding() for place in places.PLACES),
        everywhere.Back.binding("escape,q"),
        everywhere.Help.binding("question_mark,f1"),
    ]

    def header(self) -> PlaceHeader:
        """What is to be composed first."""
        return PlaceHeader(self.HERE)

    def show_header(self, left: Sequence[Label], right: Label) -> None:
        """Put labels into the head, beside the places' names."""
        self.query_one(PlaceHeader).show(left, right)

    def compose_body(self) -> ComposeResult:
        """The head and the keys; what a place shows goes between them."""
        yield self.header()
        yield self.footer()

    @on(events.ScreenResume)
    def _catch_up(self) -> None:
        """While it was out of sight it was told nothing."""
        self.state = self.desk.fleet.state

    @on(everywhere.Back)
    def _back(self) -> None:
        self.dismiss(None)
