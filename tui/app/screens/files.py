"""The files of a run's VM: folder by folder, looked at in place, fetched to this machine."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.widgets import DataTable
from textual.worker import Worker

from tui.app import file_pages, present, results
from tui.app.commands import everywhere, files, lists
from tui.app.commands.command import Command
from tui.app.lists import Filter, filtered
from tui.app.present import Label, Tone
from tui.app.screens.bottom_line import FilterLine
from tui.app.screens.dialogs import AskText
from tui.app.screens.file_view import FileScreen
from tui.app.screens.fleet_screen import Desk, FleetScreen
from tui.app.shells import may_enter
from tui.app.widgets.fact_table import FactTable
from tui.app.widgets.facts import Labels
from tui.app.widgets.sheet import Sheet
from tui.app.widgets.tones import tone_colours
from tui.contracts import Inside
from tui.model.errors import DayflyError
from tui.model.files import Fetched, FileEntry, FileKind, Folder
from tui.model.phase import Phase
from tui.model.spec import RunId
from tui.model.state import FleetState, RunState
from tui.model.text import clean_line
from tui.model.units import approximate_size

_OF_AN_ENTRY: tuple[type[Command], ...] = (files.OpenEntry, files.FetchFile, files.CopyFilePath)
_OF_THE_VM: tuple[type[Command], ...] = (
    *(files.OpenEntry, files.UpFolder, files.GoToPath, files.LookAgain, files.FetchFile),
)
_SHOW_EVERY_S = 0.1


class FilesScreen(FleetScreen):
    """Begins in the home of the VM's user."""

    BINDINGS: ClassVar[list[BindingType]] = [
        files.OpenEntry.binding(),
        files.UpFolder.binding(),
        files.FetchFile.binding(),
        files.GoToPath.binding(),
        lists.FilterList.binding(),
        files.CopyFilePath.binding(),
        files.LookAgain.binding(),
        everywhere.Back.binding("escape,q"),
        everywhere.CommandLine.binding(),
        everywhere.Help.binding("question_mark,f1"),
    ]

    def __init__(self, desk: Desk, run: RunId) -> None:
        super().__init__(desk)
        self._run = run
        self._inside: Inside = desk.fleet.inside(run)
        self._folder: Folder | None = None
        self._filter = Filter()
        self._note = Label("")
        """What goes on, or went wrong; until something else is done."""
        self._fetching: Worker[None] | None = None
        self._fetched = 0

    @property
    def chosen_run(self) -> RunState | None:
        """The run whose VM it is."""
        return self.state.runs.get(self._run)

    def compose_body(self) -> ComposeResult:
        """Head, list, a line of what goes on, keys."""
        yield Labels(id="header")
        with Container(id="files-panel", classes="panel"):
            yield FactTable(id="files")
            yield Sheet(id="no-files")
        yield Sheet(id="files-note")
        yield self.footer()

    def on_mount(self) -> None:
        """Look into the home."""
        super().on_mount()
        self.query_one(FactTable).focus()
        self._look("")

    # ---- drawing

    def show(self, state: FleetState, now: float) -> None:
        """Draw the folder as it was read."""
        run = state.runs.get(self._run)
        if run is None:
            return
        where = Label(f"{clean_line(run.vm)} on {clean_line(run.host)}", "muted")
        pin = present.pin_label(run, now)
        left = [Label("Files"), where, *([pin] if pin.text else [])]
        self.query_one("#header", Labels).show(left, present.run_label(run))
        self._show_note(self._telling(run))
        table, empty = self.query_one("#files", FactTable), self._empty()
        if self._folder is not None:
            table.fill(
                filtered(file_pages.files_table(self._folder, table.content_size.width - 1), self._filter)
            )
        if self.has_class("-no-files") and not empty:
            self.call_after_refresh(table.focus)  # hidden, it lost the focus
        self.set_class(bool(empty), "-no-files")
        self.query_one("#no-files", Sheet).put_text(empty)
        title = Text(self._title()).markup
        if (panel := self.query_one("#files-panel")).border_title != title:
            panel.border_title = title

    def _show_note(self, note: Label) -> None:
        """In full, on as many lines as it takes."""
        sheet = self.query_one("#files-note", Sheet)
        text = Text(note.text, tone_colours(self.app)[note.tone], overflow="fold")
        lines = text.wrap(self.app.console, max(1, sheet.content_size.width))
        sheet.put(list(lines) if note.text else [])

    def _title(self) -> str:
        if self._folder is None:
            return "The VM's files"
        if not self._filter.is_on:
            return file_pages.folder_title(self._folder)
        words = clean_line(self._filter.text.strip())
        return f"{file_pages.folder_title(self._folder, self._shown)} · /{words}"

    def _empty(self) -> str:
        """What to say in place of an empty list."""
        if self._folder is None:
            return "" if self._note.tone == "bad" else "Looking into the VM..."
        if not self._folder.entries:
            return "This folder is empty. Backspace goes up."
        if self._filter.is_on and not self._shown:
            return f"Nothing here matches /{clean_line(self._filter.text.strip())}. Esc shows all of it."
        return ""

    @property
    def _shown(self) -> int:
        """How many entries the filter leaves."""
        table = file_pages.files_table(self._folder, 80) if self._folder else None
        return len(filtered(table, self._filter).rows) if table else 0

    def _telling(self, run: RunState) -> Label:
        if run.phase in (Phase.DELETING, Phase.GONE):
            fate = "is gone" if run.phase is Phase.GONE else "is being deleted"
            return Label(f"✘ The VM {fate}: this is what was there. Esc goes back.", "warn")
        if not may_enter(run):
            return Label("✘ The VM does not run now: this is what was there.", "warn")
        return self._note

    def _tell(self, text: str, tone: Tone = "muted") -> None:
        self._note = Label(clean_line(text), tone)
        self.redraw()

    # ---- what makes sense

    @property
    def chosen(self) -> FileEntry | None:
        """The entry under the cursor."""
        key = self.query_one("#files", FactTable).chosen
        return next((entry for entry in self._entries if entry.name == key), None)

    @property
    def _entries(self) -> tuple[FileEntry, ...]:
        return self._folder.entries if self._folder else ()

    def can(self, command: type[Command]) -> bool:
        """The VM must be there to be looked into."""
        if not self.is_mounted:
            return True
        if command in _OF_AN_ENTRY and self.chosen is None:
            return False
        if command is files.UpFolder and (self._folder is None or self._folder.path == "/"):
            return False
        if command is files.FetchFile and self._fetching is not None:
            return False
        run = self.chosen_run
        return command not in _OF_THE_VM or (run is not None and may_enter(run))

    def word(self, command: type[Command]) -> str:
        """What escape does now."""
        if command is everywhere.Back and self._fetching is not None:
            return "Stop fetching"
        return super().word(command)

    @on(DataTable.RowHighlighted)
    def _cursor_moved(self) -> None:
        self.redraw()

    # ---- going about

    @on(DataTable.RowSelected)
    def _row_selected(self) -> None:
        self.post_message(files.OpenEntry())

    @on(files.OpenEntry)
    def _open(self) -> None:
        entry = self.chosen
        if entry is None or self._folder is None:
            return
        path = file_pages.joined(self._folder.path, entry.name)
        if entry.is_folder:
            self._look(path)
        elif entry.kind is FileKind.OTHER:
            self._tell(f"{entry.name} is neither a file nor a folder: there is nothing to be read", "warn")
        else:
            self._read(path, entry.size)

    @on(files.UpFolder)
    def _up(self) -> None:
        if self._folder is not None:
            path = self._folder.path
            self._look(file_pages.parent(path), choose=file_pages.base(path))

    @on(files.GoToPath)
    def _ask_where(self) -> None:
        here = file_pages.copyable(self._folder.path) if self._folder else "~"
        text = "A folder of the VM. Without a / at its beginning it is below the home of the VM's user."
        self.app.push_screen(AskText("Go to", text, here), self._go)

    def _go(self, path: str | None) -> None:
        if path is not None:
            self._look(path.strip())

    @on(files.LookAgain)
    def _look_again(self) -> None:
        chosen = self.chosen
        self._look(self._folder.path if self._folder else "", choose=chosen.name if chosen else "")

    @work(exclusive=True, group="look")
    async def _look(self, path: str, *, choose: str = "") -> None:
        """Show a folder; what cannot be shown is told, and the list stays as it was."""
        self._tell(f"Looking into {path or 'the home'}...")
        try:
            folder = await self._inside.list_folder(path)
        except DayflyError as error:
            self._fail(error)
            return
        if self._folder is None or self._folder.path != folder.path:
            self._filter = Filter()
        self._folder = folder
        self._tell("")
        table = self.query_one("#files", FactTable)
        if choose:
            table.choose(choose)
        self.redraw()

    @work(exclusive=True, group="look")
    async def _read(self, path: str, size: int) -> None:
        self._tell(f"Reading {path}...")
        try:
            data = await self._inside.read_file(path, file_pages.READ_AT_MOST)
        except DayflyError as error:
            self._fail(error)
            return
        self._tell("")
        self.app.push_screen(FileScreen(self.desk, path, data, size))

    def _fail(self, error: DayflyError) -> None:
        self._tell(" · ".join(part for part in (f"✘ {error.message}", error.hint) if part), "bad")

    # ---- the list

    @on(lists.FilterList)
    def _ask_for_filter(self) -> None:
        self.app.push_screen(FilterLine(self._filter.text, self._narrow))

    def _narrow(self, text: str) -> None:
        self._filter = Filter(text)
        self.redraw()

    @on(files.CopyFilePath)
    def _copy_path(self) -> None:
        if self._folder is not None and (entry := self.chosen):
            path = file_pages.copyable(file_pages.joined(self._folder.path, entry.name))
            self.app.copy_to_clipboard(path)
            self.notify(f"Copied: {clean_line(path)}", markup=False)

    # ---- fetching

    @on(files.FetchFile)
    def _ask_to_fetch(self) -> None:
        entry = self.chosen
        if entry is None or self._folder is None:
            return
        path = file_pages.joined(self._folder.path, entry.name)
        size = f", {file_pages.amount(entry.size)}," if entry.kind is FileKind.FILE else ""
        text = f"{clean_line(path)}{size} comes into this folder of this machine. Nothing there is replaced."
        dialog = AskText("Fetch it to where?", text, results.place(str(Path.cwd())))
        self.app.push_screen(dialog, partial(self._begin_to_fetch, path))

    def _begin_to_fetch(self, path: str, folder: str | None) -> None:
        if folder is not None and folder.strip() and self._fetching is None:
            self._fetched = 0
            self._fetching = self._fetch(path, Path(folder.strip()).expanduser().absolute())

    @work(group="fetch")
    async def _fetch(self, path: str, target: Path) -> None:
        name = file_pages.base(path)
        try:
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(self._tell_how_far(name))
                try:
                    self._end_fetching(await self._inside.fetch(path, target, self._count))
                except DayflyError as error:
                    self._fail(error)
                finally:
                    telling.cancel()
        except asyncio.CancelledError:
            self._tell(f"{name} was not fetched; nothing of it is kept.")
            raise
        finally:
            self._fetching = None
            self.redraw()

    def _count(self, size: int) -> None:
        self._fetched = size

    async def _tell_how_far(self, name: str) -> None:
        while True:
            so_far = f": {approximate_size(self._fetched)} so far" if self._fetched else "..."
            self._tell(f"Fetching {name}{so_far} · esc stops it", "busy")
            await asyncio.sleep(_SHOW_EVERY_S)

    def _end_fetching(self, came: Fetched) -> None:
        words = f"✔ Fetched {file_pages.amount(came.size)}: {results.place(str(came.path))}"
        if came.left_out:
            more = f" and {len(came.left_out) - 1} more" if len(came.left_out) > 1 else ""
            self._tell(f"{words}; without {came.left_out[0]}{more}", "warn")
        else:
            self._tell(words, "good")

    @on(everywhere.Back)
    def _back(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
        elif self._filter.is_on:
            self._narrow("")
        else:
            self.dismiss(None)
