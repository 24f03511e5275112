"""Profiles: what there is, what each would do, its file with its faults, how its last runs went."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.widgets import DataTable

from tui.app import editor, results
from tui.app.commands import places, profiles, runs
from tui.app.commands.command import Command
from tui.app.present import Label
from tui.app.profile_pages import (
    RUNS_SHOWN,
    EarlierRun,
    faults_words,
    profile_facts,
    profiles_table,
    text_lines,
)
from tui.app.screens.dialogs import AskText, Confirm
from tui.app.screens.fleet_screen import Desk
from tui.app.screens.new_run import NewRunScreen
from tui.app.screens.place_screen import PlaceScreen
from tui.app.screens.run import RunScreen
from tui.app.widgets.fact_table import FactTable
from tui.app.widgets.facts import Facts
from tui.app.widgets.profile_text import ProfileText
from tui.app.widgets.sheet import Sheet
from tui.contracts import ProfilePage, ProfileSource
from tui.contracts.history import Wanted
from tui.model.errors import UsageError
from tui.model.spec import RunId
from tui.model.state import FleetState
from tui.model.text import clean, clean_line

_OF_ONE = (
    profiles.RunProfile,
    profiles.EditProfile,
    profiles.EditText,
    profiles.DuplicateProfile,
    profiles.DeleteProfile,
    profiles.CopyPath,
)
_NEEDS_A_SPEC = (profiles.RunProfile, profiles.EditProfile)


class ProfilesScreen(PlaceScreen):
    """Every profile that can be named here; the files are read anew whenever one comes back."""

    HERE = places.GoProfiles
    LIST, NOUN = "profiles", "Profiles"
    BINDINGS: ClassVar[list[BindingType]] = [
        profiles.RunProfile.binding(),
        profiles.EditProfile.binding(),
        profiles.EditText.binding(),
        profiles.DuplicateProfile.binding(),
        profiles.CopyPath.binding(),
        profiles.DeleteProfile.binding(),
        runs.NewRun.binding(),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._pages: dict[str, ProfilePage] = {}
        self._earlier: dict[str, tuple[EarlierRun, ...]] = {}
        """What the history knows, of the profiles that were looked at."""
        self._shown_page: tuple[ProfilePage | None, int] = (None, 0)

    def compose_body(self) -> ComposeResult:
        """Head, list, what a run would be, the file."""
        yield self.header()
        with Container(id="profiles-place"):
            with Vertical(id="profiles-left"):
                with Container(id="profiles-panel", classes="panel"):
                    yield FactTable(id="profiles")
                    yield Sheet(id="no-profiles")
                with VerticalScroll(id="profile-panel", classes="panel", can_focus=False) as panel:
                    panel.border_title = "A run of it"
                    yield Facts(id="profile")
            with VerticalScroll(id="profile-text-panel", classes="panel") as panel:
                panel.border_title = "File"
                yield ProfileText(id="profile-text")
        yield self.footer()

    def on_mount(self) -> None:
        """Read them."""
        self._pages = {page.name: page for page in self.desk.profiles.pages()}
        super().on_mount()

    @on(events.ScreenResume)
    @on(events.AppFocus)
    def _read(self) -> None:
        """Somebody may have changed a file meanwhile."""
        self._pages = {page.name: page for page in self.desk.profiles.pages()}
        if self.is_mounted:
            self.redraw()
            self._look_up()

    def show(self, state: FleetState, now: float) -> None:
        """Fill the list, and what is said of the one under the cursor."""
        faulty = sum(page.spec is None for page in self._pages.values())
        word = Label(f"✘ {faulty} not usable", "bad") if faulty else Label("all usable", "muted")
        self.show_header([Label("Profiles")], word)
        self.fill_list(profiles_table(list(self._pages.values()), self.list_width))
        self.set_class(not self._pages or bool(self.hides_all), "-no-profiles")
        self.query_one("#no-profiles", Sheet).put_text(self.hides_all or _NONE)
        page = self.chosen
        facts = profile_facts(page, self._runs_of(page.name, state), now) if page else []
        self.query_one("#profile", Facts).show(facts)
        self._show_text(page)

    def _show_text(self, page: ProfilePage | None) -> None:
        """Wrapping a long file takes a while: only when it is another one, or as wide as never before."""
        sheet = self.query_one(ProfileText)
        shown = (page, sheet.content_size.width)
        if shown == self._shown_page:
            return
        if page is None or self._shown_page[0] is None or page.name != self._shown_page[0].name:
            self.query_one("#profile-text-panel").scroll_home(animate=False)
        self._shown_page = shown
        sheet.show(text_lines(page) if page else [])
        title = f"{page.path.name} in {results.place(str(page.path.parent))}" if page else "File"
        self.query_one("#profile-text-panel").border_title = Text(clean_line(title)).markup

    @property
    def chosen(self) -> ProfilePage | None:
        """The profile under the cursor."""
        return self._pages.get(self.list_table.chosen or "")

    def can(self, command: type[Command]) -> bool:
        """One must be chosen; a faulty one cannot be run, and only one's own be deleted."""
        if not self.is_mounted or command not in _OF_ONE:
            return super().can(command)
        page = self.chosen
        if page is None or (command in _NEEDS_A_SPEC and page.spec is None):
            return False
        return command is not profiles.DeleteProfile or page.source is ProfileSource.YOURS

    # ---- earlier runs

    def _runs_of(self, name: str, state: FleetState) -> list[EarlierRun]:
        """Those that the history has seen end, and those of this session."""
        old = {run.run: run for run in self._earlier.get(name, ())}
        live = {
            run.id: EarlierRun(run.id, run.submitted_at, run.outcome)
            for run in state.runs.values()
            if run.spec.name == name
        }
        ended = {run: known for run, known in old.items() if known.outcome}
        return sorted({**old, **live, **ended}.values(), key=_submitted, reverse=True)

    def _look_up(self) -> None:
        if page := self.chosen:
            self._ask_history(page.name)

    @work(group="history", exclusive=True)
    async def _ask_history(self, name: str) -> None:
        wanted = Wanted(profile=name, newest=RUNS_SHOWN)
        try:
            past = await asyncio.to_thread(self.desk.history.runs, wanted)
        except OSError as error:
            self.notify(f"The history cannot be read: {error.strerror}", severity="warning", markup=False)
            return
        self._earlier[name] = tuple(
            EarlierRun(run.run, run.submitted_at, run.outcome, run.took_s) for run in past
        )
        self._keep_up()

    @on(DataTable.RowHighlighted)
    def _cursor_moved(self) -> None:
        self.redraw()
        self._look_up()

    # ---- what is done with one

    @on(profiles.RunProfile)
    def _run(self) -> None:
        page = self.chosen
        if page is None or page.spec is None:
            return
        try:
            run = self.desk.fleet.submit(page.spec)
        except UsageError as error:
            self._refuse("Not launched", error)
        else:
            self._open_run(run)

    def _open_run(self, run: RunId | None) -> None:
        if run is not None:
            self.app.push_screen(RunScreen(self.desk, run), self._open_run)

    @on(runs.NewRun)
    def _new(self) -> None:
        self.app.push_screen(NewRunScreen(self.desk), self._open_run)

    @on(profiles.EditProfile)
    def _edit(self) -> None:
        if page := self.chosen:
            self.app.push_screen(NewRunScreen(self.desk, profile=page.name), self._open_run)

    @on(profiles.EditText)
    def _edit_text(self) -> None:
        page = self.chosen
        if page is None:
            return
        if page.source is ProfileSource.SHIPPED:
            self.notify(
                f"{clean_line(page.name)} came with dayfly and stays so. Press c for a copy of your own.",
                severity="warning",
                markup=False,
            )
            return
        self._in_editor(page.name)

    @work(group="editor", exclusive=True)
    async def _in_editor(self, name: str) -> None:
        """Edit, look, and where something is wrong ask whether to go back to it."""
        page = self.desk.profiles.page(name)
        while True:
            line = next((fault.line for fault in page.faults if fault.line), 0)
            try:
                await editor.edit_file(self.app, page.path, line)
            except editor.NoEditor as error:
                self.notify(str(error), severity="error", markup=False)
                return
            self._read()
            page = self._pages.get(name, page)
            if not page.faults or not await self.app.push_screen_wait(_FaultsDialog(page)):
                return

    @on(profiles.DuplicateProfile)
    def _duplicate(self) -> None:
        page = self.chosen
        if page is None:
            return

        def copy(new: str | None) -> None:
            if new is None:
                return
            try:
                path = self.desk.profiles.duplicate(page.name, new)
            except UsageError as error:
                self._refuse("Not copied", error)
                return
            self._read()
            self.list_table.choose(new)
            self.notify(f"Copied to {path}", markup=False)

        text = "Name of the copy, in your own folder: lower-case letters, digits and dashes."
        self.app.push_screen(AskText(f"Duplicate {clean_line(page.name)}", text, f"{page.name}-2"), copy)

    @on(profiles.DeleteProfile)
    def _delete(self) -> None:
        page = self.chosen
        if page is None:
            return

        def delete(yes: bool | None) -> None:
            if not yes:
                return
            try:
                self.desk.profiles.delete(page.name)
            except UsageError as error:
                self._refuse("Not deleted", error)
            else:
                self.notify(f"Deleted {page.path}", markup=False)
            self._read()

        lines = (f"{page.path} is deleted for good.", "Its runs and their logs stay.")
        self.app.push_screen(Confirm("Delete the profile?", lines, yes="Delete it", no="Keep it"), delete)

    @on(profiles.CopyPath)
    def _copy_path(self) -> None:
        if page := self.chosen:
            self.app.copy_to_clipboard(str(page.path))
            self.notify(f"Copied: {clean_line(str(page.path))}", markup=False)

    def _refuse(self, what: str, error: UsageError) -> None:
        words = f"{error}\n{error.hint}".strip()
        self.notify(clean(words), title=what, severity="error", markup=False)


class _FaultsDialog(Confirm):
    """What is wrong with a file that was just edited."""

    variant = "warning"

    def __init__(self, page: ProfilePage) -> None:
        lines = [f"{page.path} is saved, and cannot be run like this:", ""]
        lines += [f"line {fault.line}: {fault.words}" if fault.line else fault.words for fault in page.faults]
        title = clean_line(f"{page.name}: {faults_words(page)}")
        super().__init__(title, lines, yes="Back to the editor", no="Leave it so")


def _submitted(run: EarlierRun) -> float:
    return run.at


_NONE = "No profiles. Press n to fill in a form; ctrl+s there saves it as a profile."
