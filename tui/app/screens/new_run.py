"""New run: a form that says at once what is wrong, what will happen, and how to do the same without it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from tui.app import editor, present, results, tables
from tui.app.commands import everywhere, form
from tui.app.commands.command import Command
from tui.app.present import Fact, Label
from tui.app.screens.dialogs import AskText, Confirm
from tui.app.screens.fleet_screen import Desk, FleetScreen
from tui.app.screens.pickers import ImagePicker
from tui.app.widgets.facts import Facts, Labels
from tui.app.widgets.run_form import LABELS, RunForm
from tui.model.errors import ProfileError, UsageError
from tui.model.spec import HostName, RunSpec
from tui.model.state import FleetState
from tui.model.text import clean, clean_line


class NewRunScreen(FleetScreen):
    """Dismissed with the run that was launched, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        form.Launch.binding(),
        form.PickImage.binding(),
        form.SaveProfile.binding(),
        form.EditCommand.binding(),
        everywhere.Back.binding(),
        Binding("tab", "app.focus_next", "Next", priority=True, tooltip="Go to the next field."),
        everywhere.Help.binding("f1"),
    ]

    def __init__(
        self,
        desk: Desk,
        host: HostName | None = None,
        *,
        spec: RunSpec | None = None,
        profile: str = "",
    ) -> None:
        """`spec`: what the form is filled in with, and what it carries along unshown.

        `profile`: one that is loaded at once.
        """
        super().__init__(desk)
        first = next(iter(desk.fleet.state.hosts), HostName(""))
        plain = tables.form_fields(tables.default_spec(host or first))
        self._first_texts = tables.form_fields(spec) if spec else {**plain, **desk.settings.defaults}
        self._first_profile = profile
        self._file: Path | None = None
        """What it was loaded from: saved, its comments stay."""
        if spec is not None and spec.host not in desk.fleet.state.hosts:
            self._first_texts["host"] = ""
        self._pristine: dict[str, str] = {}
        self._loaded = spec
        self._asked: set[HostName] = set()
        """Hosts that were asked for their images."""

    def compose_body(self) -> ComposeResult:
        """The form scrolls; what it means and the keys stay."""
        yield Labels(id="header")
        with VerticalScroll(id="form", can_focus=False):
            yield RunForm(self.desk.profiles.names(), list(self.state.hosts), self._first_texts)
            yield Facts(id="carried")
        yield Facts(id="consequences")
        yield self.footer()

    def on_mount(self) -> None:
        """The image is what has to be chosen first."""
        self._pristine = self._form.fields
        super().on_mount()
        self._form.focus_field("image")
        if self._first_profile:
            self._form.choose_profile(self._first_profile)

    @property
    def _form(self) -> RunForm:
        return self.query_one(RunForm)

    @property
    def _fields(self) -> dict[str, str]:
        return tables.merged_fields(self._form.fields, self._loaded)

    @property
    def _host(self) -> HostName:
        return HostName(self._form.fields["host"])

    @property
    def holds_text(self) -> bool:
        """Whether the form differs from what it began with."""
        return self.is_mounted and self._form.fields != self._pristine

    def show(self, state: FleetState, now: float) -> None:  # noqa: ARG002
        """Follow the hosts, and say what the form means."""
        self._form.show_hosts(list(state.hosts))
        self._ask_for_images()
        self._judge()

    def can(self, command: type[Command]) -> bool:
        """Images are a host's."""
        return command is not form.PickImage or not self.is_mounted or bool(self._host)

    @on(RunForm.Edited)
    def _edited(self) -> None:
        self.redraw()

    def _ask_for_images(self) -> None:
        host = self.state.hosts.get(self._host)
        if host is None:
            return
        if self._host not in self._asked:
            self._asked.add(self._host)
            self.desk.fleet.refresh_images(self._host)
        self._form.suggest_images([name for name, _ in present.image_rows(host)])

    # ---- what it means

    def _faults(self) -> dict[str, str]:
        texts = self._form.fields
        found = {key: self.desk.profiles.validate_field(key, text) for key, text in texts.items()}
        return {key: fault for key, fault in found.items() if fault}

    def _judge(self) -> None:
        faults = self._faults()
        typed = {key for key in faults if self._form.fields[key].strip()}
        self._form.mark(typed)
        spec, rest = self._resolve() if not faults else (None, ())
        word = _first_fault(faults, typed, rest)
        note = Label("changed", "warn") if self.holds_text else Label("", "muted")
        self.query_one("#header", Labels).show([Label(self._title()), note], word)
        self.query_one("#consequences", Facts).show(self._consequences(spec, word, faults, rest))
        carried = results.carried(self._loaded) if self._loaded else ()
        self.set_class(bool(carried), "-carries")
        self.query_one("#carried", Facts).show(carried)

    def _title(self) -> str:
        """Opened to edit a profile, it says so."""
        if self._first_profile and self._loaded:
            return f"Edit {clean_line(self._loaded.name)}"
        return "New run"

    def _consequences(
        self, spec: RunSpec | None, word: Label, faults: dict[str, str], rest: tuple[str, ...]
    ) -> list[Fact]:
        if spec is None:
            sentences = [f"{LABELS.get(key, key)}: {fault}" for key, fault in faults.items()]
            return [("Wanted", Label(self._fitting((*sentences, *rest)), word.tone))]
        return [
            ("Fate", Label(clean(f"{self.desk.fleet.fate(spec)} {results.fate(spec)}".strip()))),
            ("Same as", Label(tables.command_line(spec, self._loaded), "muted")),
        ]

    def _fitting(self, sentences: Sequence[str]) -> str:
        place = self.query_one("#consequences", Facts)
        return present.fitting(sentences, place.sentence_width, place.content_size.height)

    def _resolve(self) -> tuple[RunSpec | None, tuple[str, ...]]:
        try:
            return self.desk.profiles.resolve_form(self._fields, self._loaded), ()
        except ProfileError as error:
            return None, error.faults
        except UsageError as error:
            return None, (str(error),)

    # ---- what is done with it

    @on(form.Launch)
    def _launch(self) -> None:
        faults = self._faults()
        spec, rest = self._resolve()
        if spec is None:
            self._form.focus_field(next((key for key in LABELS if key in faults), "image"))
            self._refuse("Not launched", faults, rest)
            return
        try:
            self.dismiss(self.desk.fleet.submit(spec))
        except UsageError as error:
            self.notify(clean(str(error)), title="Not launched", severity="error", markup=False)

    def _refuse(self, what: str, faults: dict[str, str], rest: tuple[str, ...]) -> None:
        """Say in one line that it is not done; why is said below the form."""
        if faults:
            wanting = f"{len(faults)} fields want" if len(faults) > 1 else "1 field wants"
            why = f"{wanting} something"
        else:
            why = clean_line(rest[0])
        self.app.clear_notifications()
        self.notify(f"{what}: {why}", severity="error", markup=False)

    @on(form.PickImage)
    def _pick_image(self) -> None:
        def take(image: str | None) -> None:
            if image is not None:
                self._form.fill({**self._form.fields, "image": image})
                if not self._form.fields["command"].strip():
                    self._form.focus_field("command")

        self.desk.fleet.refresh_images(self._host)
        self.app.push_screen(ImagePicker(self.desk, self._host), take)

    @on(RunForm.ProfileChosen)
    def _load(self, event: RunForm.ProfileChosen) -> None:
        if event.name is None:
            self._loaded = self._file = None
            self._edited()
            return
        try:
            self._loaded = self.desk.profiles.load(event.name)
            self._file = self.desk.profiles.page(event.name).path
        except UsageError as error:
            self.notify(
                clean(str(error)), title=f"{event.name} is not usable", severity="error", markup=False
            )
            return
        self._form.fill(tables.form_fields(self._loaded))
        self._pristine = self._form.fields

    @on(form.SaveProfile)
    def _save(self) -> None:
        spec, rest = self._resolve()
        if spec is None:
            self._refuse("Not saved", self._faults(), rest)
            return
        text = "Name of the profile; one of that name in your folder is replaced."
        text += " The comments of what was loaded stay." if self._file else ""
        dialog = AskText("Save as a profile", text, self._loaded.name if self._loaded else "")
        self.app.push_screen(dialog, lambda name: self._save_as(spec, name))

    def _save_as(self, spec: RunSpec, name: str | None) -> None:
        if name is None:
            return
        try:
            path = self.desk.profiles.save(spec, name, like=self._file)
        except UsageError as error:
            self.notify(clean(str(error)), title="Not saved", severity="error", markup=False)
            return
        self._pristine = self._form.fields
        self.redraw()
        self.notify(f"Saved as {path}", markup=False)

    @on(form.EditCommand)
    def _edit_command(self) -> None:
        self._in_editor()

    @work(group="editor", exclusive=True)
    async def _in_editor(self) -> None:
        command = self._form.fields["command"]
        try:
            edited = await editor.edit_text(self.app, command, ".sh")
        except editor.NoEditor as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            # Editors end the last line.
            text = edited if command.endswith("\n") else edited.removesuffix("\n")
            self._form.fill({**self._form.fields, "command": text})
            self._form.focus_field("command")

    @on(everywhere.Back)
    def _back(self) -> None:
        if not self.holds_text:
            self.dismiss(None)
            return

        def leave(yes: bool | None) -> None:
            if yes:
                self.dismiss(None)

        dialog = Confirm("Leave the form?", ("What you typed is lost.",), yes="Leave it", no="Go on typing")
        self.app.push_screen(dialog, leave)


def _first_fault(faults: dict[str, str], typed: set[str], rest: tuple[str, ...]) -> Label:
    if typed:
        return Label("✘ not yet: see below", "bad")
    if faults or rest:
        return Label("◌ something is missing", "warn")
    return Label("✔ ready: F5 launches", "good")
