"""A port of this machine that leads to one of a VM: asked for, opened, told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Label, Static

from tui.app.screens.fleet_screen import Dialog
from tui.model.errors import DayflyError
from tui.model.state import RunState
from tui.model.text import clean, clean_line

if TYPE_CHECKING:
    from tui.app.screens.fleet_screen import FleetScreen

_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class PortPair:
    """A port of the VM, and the one here that is to lead there; 0: any."""

    port: int
    local_port: int = 0


def parse_ports(text: str) -> PortPair:
    """From `8080` or `80:8080`. Raises ValueError with a sentence."""
    there, colon, here = (part.strip() for part in text.partition(":"))
    port = _port(there)
    if not port:
        raise ValueError("the port in the VM cannot be 0")
    return PortPair(port, _port(here) if colon else 0)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= _LAST_PORT):
        raise ValueError(f"{text or 'nothing'} is no port: they go from 1 to {_LAST_PORT}")
    return int(text)


class PortDialog(Dialog[PortPair | None]):
    """Which port; the one here may be left to us."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel", show=False)]

    def __init__(self, run: RunState) -> None:
        super().__init__()
        self._run = run

    def compose_body(self) -> ComposeResult:
        """Two fields."""
        vm = clean(f"{self._run.vm} on {self._run.host}")
        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = "Forward a port"
            body = f"A port of this machine leads to one of {vm} until you close it or the VM goes."
            yield Static(Text(body), classes="body")
            with Horizontal(classes="port-row"):
                yield Label("In the VM")
                yield Input(placeholder="8080", compact=True, id="port")
            with Horizontal(classes="port-row"):
                yield Label("Here")
                yield Input(placeholder="the same, if it is free", compact=True, id="local-port")
            yield Static("", id="fault", markup=False)
            yield Static("tab: next field · enter: open · esc: cancel", classes="hint")

    @on(Input.Changed)
    def _typed(self) -> None:
        self.query_one("#fault", Static).update("")

    @on(Input.Submitted)
    def _submitted(self) -> None:
        port, here = (self.query_one(field, Input).value.strip() for field in ("#port", "#local-port"))
        try:
            self.dismiss(parse_ports(f"{port}:{here or 0}"))
        except ValueError as error:
            self.query_one("#fault", Static).update(clean(f"✘ {error}"))


def ask_for_port(screen: FleetScreen, run: RunState) -> None:
    """Ask which, then open it."""

    def chosen(pair: PortPair | None) -> None:
        if pair is not None:
            begin(screen, run, pair)

    screen.app.push_screen(PortDialog(run), chosen)


def begin(screen: FleetScreen, run: RunState, pair: PortPair) -> None:
    """Open it, whatever is on the screen meanwhile; its URL is told and copied."""
    screen.app.run_worker(_open(screen, run, pair), name=f"port {pair.port} of {run.vm}", exit_on_error=True)


async def _open(screen: FleetScreen, run: RunState, pair: PortPair) -> None:
    app = screen.app
    try:
        here = await screen.desk.fleet.inside(run.id).forward(pair.port, pair.local_port)
    except DayflyError as error:
        words = "\n".join(part for part in (error.message, error.hint) if part)
        app.notify(clean(words), severity="error", markup=False, timeout=8)
        return
    app.copy_to_clipboard(url(here))
    app.notify(f"Copied: {url(here)} leads to port {pair.port} of {clean_line(run.vm)}", markup=False)


def url(local_port: int) -> str:
    """What a browser is given."""
    return f"http://127.0.0.1:{local_port}"
