"""What can be done with one run, wherever it is chosen: pin, cancel, take over, launch again, and more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from textual import on
from textual.binding import ActiveBinding

from tui.app import away, opener, outside, present, results
from tui.app.commands import files, inspect, runs
from tui.app.commands.command import Command, command_of
from tui.app.present import Label
from tui.app.screens import ports
from tui.app.screens.bulk import cancel_all_dialog, unpin_all_dialog
from tui.app.screens.dialogs import Confirm
from tui.app.screens.files import FilesScreen
from tui.app.screens.fleet_screen import FleetScreen
from tui.app.screens.pin_for import PinForDialog, PinTerm
from tui.app.shells import may_enter
from tui.model.errors import UsageError
from tui.model.phase import Phase, Pin
from tui.model.spec import RunId
from tui.model.state import RunState
from tui.model.text import clean_line

_OF_A_RUN = (
    runs.OpenRun,
    runs.PinRun,
    runs.PinFor,
    runs.CancelRun,
    runs.TakeOver,
    runs.LeaveAlone,
    runs.RunAgain,
    runs.CopyWayIn,
    runs.OpenResults,
    inspect.OpenShell,
    inspect.OpenOutside,
    files.OpenFiles,
    files.ForwardPort,
    files.ClosePorts,
)
_CONDITIONS: dict[type[Command], Callable[[RunState], bool]] = {
    runs.PinRun: present.may_pin,
    runs.PinFor: present.may_pin,
    runs.CancelRun: present.may_cancel,
    runs.TakeOver: away.may_take_over,
    runs.LeaveAlone: lambda run: run.orphaned,
    runs.CopyWayIn: present.has_way_in,
    runs.OpenResults: lambda run: bool(results.folder(run)),
    inspect.OpenShell: may_enter,
    inspect.OpenOutside: may_enter,
    files.OpenFiles: may_enter,
    files.ForwardPort: may_enter,
    files.ClosePorts: lambda run: bool(run.forwards),
}
_CROWDED: tuple[type[Command], ...] = (runs.RunAgain, runs.CopyWayIn)
_BULK: tuple[type[Command], ...] = (runs.PinRun, runs.CancelRun)
"""What is done to all that are marked at once."""
_WORDED: tuple[type[Command], ...] = (runs.PinRun, runs.CancelRun)


class RunCommandsScreen(FleetScreen):
    """A screen on which one run is chosen."""

    @property
    def chosen_run(self) -> RunState | None:
        """The run that the commands mean."""
        return None

    @property
    def chosen_runs(self) -> tuple[RunState, ...]:
        """The runs that are marked; where none is, the one that is chosen."""
        return (self.chosen_run,) if self.chosen_run else ()

    def unmark(self) -> None:
        """What was marked has been dealt with."""

    def open_run(self, run: RunId | None) -> None:
        """Show a run's own screen."""

    def can(self, command: type[Command]) -> bool:
        """A run must be there, and not be over, to be acted upon."""
        if command not in _OF_A_RUN:
            return True
        if command is inspect.OpenOutside and not outside.may_run(self.app):
            return False
        condition = _CONDITIONS.get(command, lambda _: True)
        meant = self.chosen_runs if command in _BULK else filter(None, [self.chosen_run])
        return any(map(condition, meant))

    def word(self, command: type[Command]) -> str:
        """What the two keys that change with the run do now."""
        if command not in _WORDED or not self.is_mounted or not (run := self.chosen_run):
            return super().word(command)
        if (several := len(self.chosen_runs)) > 1:
            return f"{command.WORD} {several}"
        if command is runs.PinRun:
            return "Unpin" if run.is_pinned else command.WORD
        if run.orphaned:
            return "End"
        return "Delete" if run.phase is Phase.KEPT else command.WORD

    def fate_of(self, run: RunState, now: float) -> Label:
        """What becomes of a run: without us now, or if we vanished."""
        fleet = self.desk.fleet
        if silence := away.silence(run, self.state.hosts.get(run.host), now):
            return Label(silence, "warn")
        if run.orphaned:
            return Label(away.orphan_sentence(run, fleet.log(run.id).size("work"), now), "warn")
        if run.left:
            return Label(away.left_sentence(run, now), "pin")
        fate = present.vanishing(run, fleet.fate(run.spec))
        may_come = any(not result.state.is_final for result in results.of(run))
        waits = results.fate(run.spec) if may_come and not run.phase.is_over and not run.is_pinned else ""
        return Label(f"{fate} {waits}".strip(), "muted")

    def reword(self, found: dict[str, ActiveBinding]) -> dict[str, ActiveBinding]:
        """With the words of now; the footer makes room for what may be done with a run on its own."""
        run = self.chosen_run if self.is_mounted else None
        if run is not None and away.may_take_over(run):
            for key, active in found.items():
                if command_of(active.binding.action) in _CROWDED:
                    found[key] = active._replace(binding=replace(active.binding, show=False))
        return super().reword(found)

    @on(runs.PinRun)
    def _pin(self) -> None:
        several, run, fleet = self.chosen_runs, self.chosen_run, self.desk.fleet
        if len(several) > 1:
            self._pin_all([run for run in several if present.may_pin(run)])
            return
        run = several[0] if several else run
        if run is None:
            return
        if run.pin not in (Pin.ON, Pin.ASKED):
            fleet.pin(run.id)
        elif run.phase is Phase.KEPT:
            self._ask_to_unpin(run)
        else:
            fleet.unpin(run.id)

    def _pin_all(self, several: Sequence[RunState]) -> None:
        """Pin those that are not; where all are, let all go."""
        fleet = self.desk.fleet
        loose = [run for run in several if run.pin not in (Pin.ON, Pin.ASKED)]
        if loose:
            self._do_all(fleet.pin, loose)
        elif any(run.phase is Phase.KEPT for run in several):
            unpin = partial(self._do_all, fleet.unpin, several)
            self.app.push_screen(unpin_all_dialog(several), lambda yes: unpin() if yes else None)
        else:
            self._do_all(fleet.unpin, several)

    def _do_all(self, do: Callable[[RunId], None], several: Sequence[RunState]) -> None:
        for run in several:
            do(run.id)
        self.unmark()

    def _ask_to_unpin(self, run: RunState) -> None:
        lines = (f"The work is over: without its pin {run.vm} on {run.host} is deleted now.",)
        dialog = Confirm("Unpin and delete?", lines, yes="Delete it", no="Keep it")
        self.app.push_screen(dialog, lambda yes: self.desk.fleet.unpin(run.id) if yes else None)

    @on(runs.PinFor)
    def _pin_for(self) -> None:
        run = self.chosen_run
        if run is None:
            return

        def pin(chosen: PinTerm | None) -> None:
            if chosen is not None:
                self.desk.fleet.pin(run.id, for_s=chosen.for_s)

        self.app.push_screen(PinForDialog(run), pin)

    @on(runs.TakeOver)
    def _take_over(self) -> None:
        if run := self.chosen_run:
            self.desk.fleet.adopt(run.id)

    @on(runs.LeaveAlone)
    def _leave_alone(self) -> None:
        if run := self.chosen_run:
            self.desk.fleet.disown(run.id)

    @on(runs.CancelRun)
    def _cancel(self) -> None:
        several = [run for run in self.chosen_runs if present.may_cancel(run)]
        if several:
            dialog = cancel_dialog(several[0]) if len(several) == 1 else cancel_all_dialog(several)
            cancel = partial(self._do_all, self.desk.fleet.cancel, several)
            self.app.push_screen(dialog, lambda yes: cancel() if yes else None)

    @on(runs.RunAgain)
    def _again(self) -> None:
        run = self.chosen_run
        if run is None:
            return
        try:
            self.open_run(self.desk.fleet.submit(run.spec))
        except UsageError as error:
            self.notify(str(error), severity="error", markup=False)

    @on(runs.CopyWayIn)
    def _copy(self) -> None:
        if run := self.chosen_run:
            command = self.desk.fleet.shell_command(run.id)
            self.app.copy_to_clipboard(command)
            self.notify(f"Copied: {command}", markup=False)

    @on(files.OpenFiles)
    def _open_files(self) -> None:
        if run := self.chosen_run:
            self.app.push_screen(FilesScreen(self.desk, run.id))

    @on(files.ForwardPort)
    def _forward_port(self) -> None:
        if run := self.chosen_run:
            ports.ask_for_port(self, run)

    def forward(self, text: str) -> None:
        """Forward a port as typed: `8080`, or `80:8080` for another one here."""
        try:
            pair = ports.parse_ports(text)
        except ValueError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        if run := self.chosen_run:
            ports.begin(self, run, pair)

    @on(files.ClosePorts)
    def _close_ports(self) -> None:
        if run := self.chosen_run:
            for port, _ in run.forwards:
                self.desk.fleet.inside(run.id).close_forward(port)

    @property
    def results_folder(self) -> str:
        """Where the results are that are meant; empty: none came home."""
        return results.folder(self.chosen_run) if self.chosen_run else ""

    @on(runs.OpenResults)
    async def _open_results(self) -> None:
        folder = self.results_folder
        if not folder:
            return
        if await opener.open_folder(folder):
            self.notify(f"Opened: {results.place(folder)}", markup=False)
        else:
            self.app.copy_to_clipboard(folder)
            self.notify(f"Copied: {clean_line(folder)}", markup=False)


def cancel_dialog(run: RunState) -> Confirm:
    """The question before a run is stopped or a kept VM deleted."""
    if run.phase is Phase.KEPT:
        lines = (f"The work is over: {run.vm} on {run.host} is deleted now, its pin notwithstanding.",)
        return Confirm("Delete the VM?", lines, yes="Delete it", no="Keep it")
    pinned = ("It is pinned: it will not be kept.",) if run.is_pinned else ()
    lines = (f"This stops {present.run_name(run)} and deletes {run.vm} on {run.host}.", *pinned)
    return Confirm("Stop and delete?", lines, yes="Stop and delete", no="Leave it alone")
