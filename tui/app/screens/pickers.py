"""Dialogs that end in a choice: an image of a host, a new host."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.app import present
from tui.app.screens.fleet_screen import Desk, Dialog
from tui.model.errors import UsageError
from tui.model.hosts import DEMO, LOCAL, HostEntry
from tui.model.spec import HostName
from tui.model.text import clean


class ImagePicker(Dialog[str | None]):
    """The images that a host offers; what is typed narrows the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", show=False),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("pagedown", "move(10)", show=False, priority=True),
        Binding("pageup", "move(-10)", show=False, priority=True),
    ]

    def __init__(self, desk: Desk, host: HostName) -> None:
        super().__init__()
        self._desk = desk
        self._host = host
        self._rows: tuple[tuple[str, str], ...] = ()

    def compose_body(self) -> ComposeResult:
        """A field to narrow the list, and the list."""
        with VerticalScroll(classes="box tall", can_focus=False) as box:
            box.border_title = Text(f"Images of {clean(self._host)}").markup
            yield Input(placeholder="type to narrow", compact=True)
            yield OptionList(compact=True)
            yield Static("", id="fault", markup=False)
            yield Static("enter: take it · esc: back to typing one by hand", classes="hint")

    def on_mount(self) -> None:
        """Show what is known; the host was asked, and its answer may still come."""
        self.query_one(OptionList).can_focus = False
        self._refill()
        self.set_interval(0.5, self._refill)

    @on(Input.Changed)
    def _narrow(self) -> None:
        self._fill()

    @on(Input.Submitted)
    def _take(self) -> None:
        options = self.query_one(OptionList)
        typed = self.query_one(Input).value.strip()
        if options.highlighted is not None:
            self.dismiss(options.get_option_at_index(options.highlighted).id)
        elif typed:
            self.dismiss(typed)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def action_move(self, rows: int) -> None:
        """Move the highlight while the typing goes on above."""
        options = self.query_one(OptionList)
        if options.option_count:
            at = (options.highlighted or 0) + rows
            options.highlighted = min(max(at, 0), options.option_count - 1)

    def _refill(self) -> None:
        host = self._desk.fleet.state.hosts.get(self._host)
        rows = present.image_rows(host) if host else ()
        self.query_one("#fault", Static).update(present.unreachable(host) if host else "")
        if rows != self._rows or not rows:
            self._rows = rows
            self._fill()

    def _fill(self) -> None:
        typed = self.query_one(Input).value.lower()
        options = self.query_one(OptionList)
        options.clear_options()
        for name, words in dict(self._rows).items():
            if typed in f"{name} {words}".lower():
                line = Text(present.fit(clean(name), 24)).append(" " + present.fit(words, 40).rstrip(), "dim")
                options.add_option(Option(line, id=name))
        if options.option_count:
            options.highlighted = 0
        else:
            words = "no image matches" if self._rows else "the host has not said yet"
            hint = f"{words}: esc, then type it by hand{'; enter takes it as typed' if typed else ''}"
            options.add_option(Option(Text(hint, "dim"), disabled=True))


class AddHostDialog(Dialog[HostEntry | None]):
    """A host for this session; `dayfly hosts add` keeps one for good."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel", show=False)]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def compose_body(self) -> ComposeResult:
        """Address and name."""
        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = "Add a host"
            yield Static(
                "Where: an alias of ~/.ssh/config, user@server[:port], local or demo", classes="body"
            )
            yield Input(id="address", compact=True)
            yield Static("Call it (empty: the same)", classes="body")
            yield Input(id="name", compact=True)
            yield Static("", id="fault", markup=False)
            yield Static(
                "enter: connect · tab: next field · esc: cancel\n"
                "For this session; `dayfly hosts add` keeps a host for good.",
                classes="hint",
                markup=False,
            )

    @on(Input.Changed)
    def _check(self) -> None:
        name = self._typed("name")
        self._refuse(self._fault_of_name(name) if name else "")

    def _typed(self, part: str) -> str:
        return self.query_one(f"#{part}", Input).value.strip()

    def _fault_of_name(self, name: str) -> str:
        if name in self._desk.fleet.state.hosts:
            return f"{name} is the name of a host that is known already"
        return self._desk.profiles.validate_field("host", name) or ""

    @on(Input.Submitted)
    def _submitted(self) -> None:
        address, name = self._typed("address"), self._typed("name")
        try:
            entry = self._desk.parse_host(address)
        except UsageError as error:
            self._refuse(f"{error}\n{error.hint}")
            return
        fault = self._fault_of_name(name or entry.name)
        if not fault and name in (DEMO, LOCAL) and name != entry.name:
            fault = f"{name} is a host of its own; call this one otherwise"
        if fault:
            self._refuse(fault)
            return
        self.dismiss(replace(entry, name=HostName(name)) if name else entry)

    def _refuse(self, fault: str) -> None:
        self.query_one("#fault", Static).update(clean(f"✘ {fault.strip()}") if fault else "")
