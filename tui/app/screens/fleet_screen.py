"""What all full screens have in common: the state, the clock, and commands that may make no sense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import ActiveBinding, Binding, BindingType
from textual.geometry import Size
from textual.reactive import reactive
from textual.screen import ModalScreen, Screen, ScreenResultType
from textual.widget import Widget
from textual.widgets import Static

from tui.app.commands.command import BY_NAME, Command, Scope, command_of
from tui.app.shells import Shells
from tui.app.widgets.fact_table import FactTable
from tui.app.widgets.key_footer import KeyFooter
from tui.contracts import Fleet, History, ParseHost, ProfileShelf
from tui.model.settings import Settings
from tui.model.spec import RunId
from tui.model.state import FleetState

_PALETTE_WIDTH = 100
_PALETTE_ROOM = 14
_FOOT: tuple[Scope, ...] = ("here", "chosen", "list", "everywhere")
MIN_WIDTH, MIN_HEIGHT = 60, 15
"""The smallest terminal, in cells, in which everything fits; the style sheet's breakpoints are the same."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a screen works with."""

    fleet: Fleet
    profiles: ProfileShelf
    parse_host: ParseHost
    clock: Callable[[], float]
    """Epoch seconds, as in the events."""
    history: History
    settings: Settings = field(default_factory=Settings)
    shells: Shells = field(default_factory=Shells)
    """Those open in VMs, whichever screen shows them."""


class TooSmall(Static):
    """Stands in for everything on a terminal in which nothing would fit."""

    def render(self) -> str:
        """Say what it would take."""
        width, height = self.app.size
        waits = "\na question waits" if self.screen.is_modal else ""
        return (
            f"terminal too small ({width}x{height})\n"
            f"need {MIN_WIDTH}x{MIN_HEIGHT} · dayfly keeps running{waits}"
        )


def is_too_small(size: Size) -> bool:
    """Whether nothing but that is shown on a terminal of `size`."""
    return size.width < MIN_WIDTH or size.height < MIN_HEIGHT


class Page(Screen[ScreenResultType]):
    """Closes once: a second key on its way out does nothing. Keeps its focus while it is too small.

    Tab is dealt with as it arrives, not when the focused widget comes to it: what is typed right behind it
    goes to the next field.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "Next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", "Previous", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._had_focus: Widget | None = None

    @on(events.DescendantFocus)
    def _remember_focus(self, event: events.DescendantFocus) -> None:
        if not is_too_small(self.app.size):
            self._had_focus = event.widget

    @on(events.Resize)
    def _come_back(self) -> None:
        self.call_after_refresh(self._restore_focus)

    def _restore_focus(self) -> None:
        """What is hidden loses the focus, and nobody gives it back."""
        if self.focused is None and self.app.app_focus and not is_too_small(self.app.size):
            had = self._had_focus
            self.set_focus(had if had in self.focus_chain else next(iter(self.focus_chain), None))

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close, with a result; nothing where something else is in front."""
        return super().dismiss(result) if self.is_current else AwaitComplete()


def _spared(active: ActiveBinding) -> tuple[bool, int]:
    """What the footer can do without comes first: what makes no sense now, then by the command."""
    command = command_of(active.binding.action)
    keep = command.KEEP if command else 1
    return active.enabled or keep > 3, keep


def _foot_order(active: ActiveBinding) -> int:
    """The footer begins with what is done here; what can be done everywhere is at its end."""
    command = command_of(active.binding.action)
    return _FOOT.index(command.SCOPE) if command else 0


class FleetScreen(Page[RunId | None]):
    """Shows `state`; redraws when it changes and once a second."""

    state: reactive[FleetState] = reactive(FleetState)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.set_reactive(FleetScreen.state, desk.fleet.state)
        self._footing: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """The screen's own widgets, and what replaces them on a tiny terminal."""
        yield from self.compose_body()
        yield TooSmall()

    def compose_body(self) -> ComposeResult:
        """The screen's own widgets."""
        yield from ()

    def footer(self) -> KeyFooter:
        """The keys; the palette's too where there is room."""
        return KeyFooter(show_command_palette=self._has_palette_room)

    @property
    def _has_palette_room(self) -> bool:
        return self.app.size.width >= _PALETTE_WIDTH

    def show(self, state: FleetState, now: float) -> None:
        """Draw `state` as of `now` (epoch seconds)."""

    def can(self, command: type[Command]) -> bool:  # noqa: ARG002
        """Whether `command` makes sense now."""
        return True

    def word(self, command: type[Command]) -> str:
        """The footer's word for `command` now."""
        return command.WORD

    @property
    def holds_text(self) -> bool:
        """Whether something was typed here that is lost when one leaves."""
        return False

    def on_mount(self) -> None:
        """Draw at once, and keep the ages moving."""
        self.redraw()
        self.set_interval(self.desk.settings.looks.refresh_s, self._keep_up)
        self.app.theme_changed_signal.subscribe(self, lambda _: self._keep_up())

    def on_resize(self) -> None:
        """Another width may show more."""
        for footer in self.query(KeyFooter):
            footer.show_command_palette = self._has_palette_room
        self.call_after_refresh(self._keep_up)

    @on(FactTable.Resized)
    def _table_resized(self) -> None:
        self._keep_up()

    @on(events.ScreenResume)
    def _seen_again(self) -> None:
        if self.is_mounted:
            self.redraw()

    def watch_state(self) -> None:
        """Draw what is new."""
        if self.is_mounted:
            self._keep_up()

    @property
    def is_seen(self) -> bool:
        """In front, or behind dialogs only."""
        full = [screen for screen in self.app.screen_stack if not screen.is_modal]
        return bool(full) and full[-1] is self

    def _keep_up(self) -> None:
        """Draw what can be seen: whatever a hidden screen paints has the whole one before it painted anew."""
        if self.is_seen:
            self.redraw()

    def redraw(self) -> None:
        """Draw the present state; tell the footer when other commands make sense."""
        self.show(self.state, self.desk.clock())
        words = ((self.can(command), self.word(command)) for command in BY_NAME.values())
        footing = (self.app.size.width, *words)
        if footing != self._footing:
            self._footing = footing
            self.refresh_bindings()

    def reword(self, found: dict[str, ActiveBinding]) -> dict[str, ActiveBinding]:
        """These bindings with the words of now."""
        for key, active in found.items():
            command = command_of(active.binding.action)
            if command is not None and (word := self.word(command)) != command.WORD:
                found[key] = active._replace(binding=replace(active.binding, description=word))
        return found

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """Of those that the footer has, as many as fit: the ones to be spared first are not shown."""
        found = dict(
            sorted(self.reword(super().active_bindings).items(), key=lambda item: _foot_order(item[1]))
        )
        room = self.app.size.width
        room -= _PALETTE_ROOM if room >= _PALETTE_WIDTH else 0
        shown = {active.binding.action: active for active in reversed(found.values()) if active.binding.show}
        for action in sorted(shown, key=lambda action: _spared(shown[action])):
            if sum(map(self._footer_width, shown.values())) <= room:
                break
            del shown[action]
        return {
            key: active._replace(
                binding=replace(active.binding, show=active.binding.show and active.binding.action in shown)
            )
            for key, active in found.items()
        }

    def _footer_width(self, active: ActiveBinding) -> int:
        key = self.app.get_key_display(active.binding)
        return cell_len(key) + cell_len(active.binding.description) + 3

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what makes no sense now; hide it where that is the rule."""
        if action == "do":
            command = BY_NAME[str(parameters[0])]
            if not self.can(command):
                return False if command.RARE else None
        return super().check_action(action, parameters)

    def action_do(self, name: str) -> None:
        """Turn a key into its command."""
        self.post_message(BY_NAME[name]())


class Dialog(Page[ScreenResultType], ModalScreen[ScreenResultType]):
    """A question in front of everything else."""

    def compose(self) -> ComposeResult:
        """The dialog's own widgets, and what replaces them on a tiny terminal."""
        yield from self.compose_body()
        yield TooSmall()

    def compose_body(self) -> ComposeResult:
        """The dialog's own widgets."""
        yield from ()
