"""Where a log is saved, and how."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Input, Static

from tui.app.screens.fleet_screen import Dialog
from tui.app.widgets.log_save import Saved, write_plain, write_raw
from tui.app.widgets.log_view import LogView
from tui.model.text import clean_line


class SaveLogDialog(Dialog[Saved | None]):
    """Asks for a path; what is there already is replaced only by a second word."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel", show=False)]

    def __init__(self, view: LogView, name: str) -> None:
        super().__init__()
        self._view = view
        self._name = name
        self._may_replace = ""

    def compose_body(self) -> ComposeResult:
        """The path, and the two ways to save."""
        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = "Save the log"
            yield Static("Plain: the lines as they are shown. Raw: every byte as it came.", classes="hint")
            yield Input(str(Path.cwd() / f"{self._name}.log"), compact=True, select_on_focus=False)
            yield Static("", id="fault", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Save raw", id="raw", compact=True)
                yield Button("Save plain", id="plain", compact=True)

    @on(Input.Changed)
    def _typed(self) -> None:
        self._may_replace = ""
        self.query_one("#fault", Static).update("")

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)

    @on(Input.Submitted)
    @on(Button.Pressed, "#plain")
    def _save_plain(self) -> None:
        self._save(is_raw=False)

    @on(Button.Pressed, "#raw")
    def _save_raw(self) -> None:
        self._save(is_raw=True)

    def _save(self, *, is_raw: bool) -> None:
        typed = self.query_one(Input).value.strip()
        if not typed:
            self._say("where to?")
            return
        self.run_worker(self._write(Path(typed).expanduser(), is_raw=is_raw), exclusive=True)

    async def _write(self, path: Path, *, is_raw: bool) -> None:
        write = write_raw if is_raw else write_plain
        self.query_one("#fault", Static).update("saving...")
        try:
            self.dismiss(await write(self._view, path, replace=self._may_replace == str(path)))
        except FileExistsError:
            self._may_replace = str(path)
            self._say("It is there already. Save once more to replace it.")
        except OSError as error:
            self._say(error.strerror or str(error))

    def _say(self, fault: str) -> None:
        self.query_one("#fault", Static).update(clean_line(f"✘ {fault}"))
