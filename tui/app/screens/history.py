"""History: every run of this installation, and all about the one under the cursor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.widgets import DataTable

from tui.app import past, present
from tui.app.commands import history, places, runs
from tui.app.commands.command import Command
from tui.app.lists import title, with_marks
from tui.app.present import Label
from tui.app.screens.dialogs import Confirm
from tui.app.screens.fleet_screen import Desk
from tui.app.screens.new_run import NewRunScreen
from tui.app.screens.past_run import PastRunScreen
from tui.app.screens.place_screen import PlaceScreen
from tui.app.screens.reading import DiffScreen, EventsScreen
from tui.app.screens.run import RunScreen
from tui.app.tables import Table, TableRow
from tui.app.widgets.disk_warning import DiskWarning
from tui.app.widgets.fact_table import FactTable
from tui.app.widgets.facts import Facts
from tui.app.widgets.sheet import Sheet
from tui.contracts import DiskUse, PastRun, RunRecord
from tui.model.errors import UsageError
from tui.model.spec import RunId, RunSpec
from tui.model.state import FleetState
from tui.model.text import clean, clean_line

MOST_SHOWN = 1000
"""Rows at once: older ones come up when the list is narrowed."""
_LOOK_S = 15.0
_OF_ONE = (runs.OpenRun, runs.RunAgain, history.RunChanged, history.ShowEvents, history.DeleteRecords)


class HistoryScreen(PlaceScreen):
    """What is known is read in a thread: when one comes here, and when a run has moved on."""

    HERE = places.GoHistory
    LIST, NOUN, MARKS = "past", "History", True
    BINDINGS: ClassVar[list[BindingType]] = [
        runs.OpenRun.binding(),
        runs.RunAgain.binding(),
        history.RunChanged.binding(),
        history.ShowEvents.binding(),
        history.CompareRuns.binding(),
        history.DeleteRecords.binding(),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._runs: Sequence[PastRun] | None = None
        self._searched: dict[RunId, TableRow] = {}
        self._disk: Mapping[RunId, DiskUse] = {}
        self._record: RunRecord | None = None
        self._standing: object = None
        self._drawn: object = None
        self._window: tuple[object, tuple[PastRun, ...]] = (None, ())

    def compose_body(self) -> ComposeResult:
        """Header, list, details, footer."""
        yield self.header()
        yield DiskWarning(self.desk.history)
        with Container(id="history"):
            with Container(id="past-panel", classes="panel"):
                yield FactTable(id="past")
                yield Sheet(id="no-past")
            with Container(id="record-panel", classes="panel"):
                yield Facts(id="record")
        yield self.footer()

    def on_mount(self) -> None:
        """Other processes make runs too."""
        super().on_mount()
        self.set_interval(_LOOK_S, lambda: self._load() if self.is_seen else None)

    @on(events.ScreenResume)
    def _look_again(self) -> None:
        if self.is_mounted:
            self._load()

    def show(self, state: FleetState, now: float) -> None:
        """Fill the list, and the details of what is under the cursor."""
        self.show_header([Label("dayfly")], Label(""))
        standing = [(run.id, present.run_label(run), run.outcome) for run in state.runs.values()]
        if standing != self._standing:
            self._standing = standing
            self._load()
        self._fill(now)
        self.set_class(not self._shown_keys, "-no-past")
        empty = "Reading..." if self._runs is None else "No runs yet. 1, then n, starts one."
        self.query_one("#no-past", Sheet).put_text(self.hides_all or empty)
        self._show_record(now)

    def _fill(self, now: float) -> None:
        """A long list is drawn only when something in it is another."""
        runs, columns, today = self._shown(), past.history_columns(self.list_width), time.localtime(now)[:3]
        drawn = (runs, columns, today, self._disk, self._standing, self._filter, frozenset(self._marks))
        if drawn != self._drawn:
            self._drawn = drawn
            table = past.history_table(runs, self.state.runs, self._disk, now, columns)
            self._show_table(table, len(self._runs or ()))

    def _show_table(self, table: Table, known: int) -> None:
        self._shown_keys = tuple(row.key for row in table.rows)
        self.list_table.fill(with_marks(table, self._marks))
        words = title(self.NOUN, len(table.rows), known, self._filter, len(self.marked))
        if len(table.rows) == MOST_SHOWN:
            words += f" · the newest {MOST_SHOWN} of them, / finds older ones"
        self.query_one("#past-panel").border_title = Text(clean_line(words)).markup

    def _shown(self) -> tuple[PastRun, ...]:
        """The newest of those that the filter takes."""
        key = (self._runs, self._filter)
        if key != self._window[0]:
            taken = [one for one in self._runs or () if self._takes(one)]
            self._window = (key, tuple(taken[:MOST_SHOWN]))
        return self._window[1]

    def _takes(self, one: PastRun) -> bool:
        return not self._filter.is_on or self._filter.takes(self._searched[one.run])

    # ---- reading

    @work(exclusive=True, group="list")
    async def _load(self) -> None:
        books = self.desk.history
        try:
            found = await asyncio.to_thread(books.runs)
            self._searched = await asyncio.to_thread(_searchable, found)
            self._runs = found
            self.redraw()
            shown = [one.run for one in self._shown()]
            self._disk = await asyncio.to_thread(books.disk_use, shown)
        except OSError as error:
            self.notify(clean(f"The history cannot be read: {error}"), severity="error", markup=False)
        self._look_at_chosen()
        self.redraw()

    @work(exclusive=True, group="record")
    async def _look_at_chosen(self) -> None:
        run = self.list_table.chosen
        if run is None:
            return
        try:
            self._record = await asyncio.to_thread(self.desk.history.record, RunId(run))
        except (KeyError, OSError):
            self._record = None  # somebody deleted it meanwhile
        self.redraw()

    @on(DataTable.RowHighlighted)
    def _cursor_moved(self) -> None:
        if self._record is None or self._record.past.run != self.list_table.chosen:
            self._look_at_chosen()

    def _show_record(self, now: float) -> None:
        record, facts, panel = self._record, self.query_one("#record", Facts), self.query_one("#record-panel")
        if record is None or record.past.run != self.list_table.chosen:
            if not self._shown_keys:
                panel.border_title = ""
                facts.show(())
            return
        panel.border_title = Text(clean_line(f"{record.past.name} {record.past.run}")).markup
        facts.show(past.record_facts(record, self.state.runs.get(record.past.run), now))

    # ---- what is chosen

    @property
    def _chosen(self) -> PastRun | None:
        key = self.list_table.chosen
        return next((one for one in self._shown() if one.run == key), None)

    @property
    def _meant(self) -> tuple[PastRun, ...]:
        """The marked runs, or the one under the cursor."""
        marked = set(self.marked)
        if marked:
            return tuple(one for one in self._shown() if one.run in marked)
        return (self._chosen,) if self._chosen else ()

    @property
    def _pair(self) -> tuple[PastRun, PastRun] | None:
        """The two to be compared, the older one first."""
        pair = {one.run: one for one in self._meant}
        if len(pair) == 1 and (chosen := self._chosen):
            pair[chosen.run] = chosen
        older = sorted(pair.values(), key=lambda one: one.submitted_at)
        return (older[0], older[1]) if len(older) == 2 else None

    def can(self, command: type[Command]) -> bool:
        """A run must be there; two, to be compared."""
        if not self.is_mounted:
            return True
        if command is history.CompareRuns:
            return self._pair is not None
        return self._chosen is not None if command in _OF_ONE else super().can(command)

    # ---- what is done

    @on(DataTable.RowSelected, "#past")
    def _row_opened(self) -> None:
        self.post_message(runs.OpenRun())

    @on(runs.OpenRun)
    def _open(self) -> None:
        if chosen := self._chosen:
            self._open_record(chosen)

    @work(exclusive=True, group="open")
    async def _open_record(self, one: PastRun) -> None:
        if one.run in self.desk.fleet.state.runs:
            self.open_run(one.run)
        elif record := await self._read(one):
            self.app.push_screen(PastRunScreen(self.desk, record), self.open_run)

    def open_run(self, run: RunId | None) -> None:
        """Show the screen of a run that goes on."""
        if run is not None:
            self.app.push_screen(RunScreen(self.desk, run), self.open_run)

    async def _read(self, one: PastRun) -> RunRecord | None:
        try:
            return await asyncio.to_thread(self.desk.history.record, one.run)
        except (KeyError, OSError):
            self.notify(f"{one.run} is not there any more", severity="warning", markup=False)
            self._load()
            return None

    @on(runs.RunAgain)
    @work(exclusive=True, group="open")
    async def _again(self) -> None:
        if (chosen := self._chosen) and (record := await self._read(chosen)):
            self._submit(record.spec)

    def _submit(self, spec: RunSpec) -> None:
        try:
            self.open_run(self.desk.fleet.submit(spec))
        except UsageError as error:
            self.notify(clean(str(error)), severity="error", markup=False)

    @on(history.RunChanged)
    @work(exclusive=True, group="open")
    async def _change(self) -> None:
        if (chosen := self._chosen) and (record := await self._read(chosen)):
            self.app.push_screen(NewRunScreen(self.desk, spec=record.spec), self.open_run)

    @on(history.ShowEvents)
    def _events(self) -> None:
        if chosen := self._chosen:
            self.app.push_screen(EventsScreen(self.desk, chosen.run, chosen.name))

    @on(history.CompareRuns)
    def _compare(self) -> None:
        if pair := self._pair:
            self.app.push_screen(DiffScreen(self.desk, *pair))

    @on(history.DeleteRecords)
    @work(exclusive=True, group="open")
    async def _ask_to_delete(self) -> None:
        """What goes, and what must stay, is looked up before it is asked."""
        meant = self._meant
        records = [record for one in meant if (record := await self._read(one))]
        disk = {record.past.run: record.disk for record in records}
        bound = {record.past.run: record.bound_by for record in records}
        going = [record.past.run for record in records if not record.bound_by]
        lines = past.deletion_lines([record.past for record in records], disk, bound, self.desk.clock())
        if not going:
            self.notify(lines[-1], severity="warning", markup=False)
            return
        dialog = Confirm("Delete records?", lines, yes="Delete", no="Cancel")

        def delete(yes: bool | None) -> None:
            if yes:
                self._delete(going)

        self.app.push_screen(dialog, delete)

    @work(group="delete")
    async def _delete(self, going: Sequence[RunId]) -> None:
        try:
            done = await asyncio.to_thread(self.desk.history.delete, going)
        except OSError as error:
            self.notify(clean(f"Not deleted: {error}"), severity="error", markup=False)
        else:
            self.notify(past.pruned_words(done), markup=False)
        self._marks.clear()
        self._load()


def _searchable(found: Sequence[PastRun]) -> dict[RunId, TableRow]:
    """All that a filter may look for in each, whatever columns there is room for."""
    return {
        one.run: TableRow(
            one.run,
            tuple(
                (Label(text),)
                for text in (
                    past.state_label(one, None).text,
                    *(one.run, one.vm, one.profile, one.image, one.host),
                    one.outcome.reason if one.outcome else "",
                )
            ),
        )
        for one in found
    }
