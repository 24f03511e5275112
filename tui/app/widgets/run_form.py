"""The fields of a run. Holds what was typed and nothing else: what it means is said beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalGroup
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Label, Select, TextArea

from tui.app.widgets.choice import Choice
from tui.model.spec import PinPolicy

LABELS = {
    "profile": "Profile",
    "host": "Host",
    "image": "Image",
    "cpus": "CPUs",
    "memory": "Memory",
    "disk": "Disk",
    "command": "Command",
    "pin": "Pin the VM",
    "timeout": "Time limit",
    "grace": "Grace",
    "pin_for": "Pinned for",
    "workdir": "Folder",
    "sudo": "Runs as",
}
_PLACEHOLDERS = {
    "image": "F2: the host's list; or type any name, file or URL",
    "cpus": "1",
    "memory": "1G",
    "disk": "5G",
    "timeout": "none",
    "grace": "15m",
    "pin_for": "no end",
    "workdir": "the guest user's home",
}
_POLICIES: dict[str, str] = {
    PinPolicy.NEVER: "never",
    PinPolicy.ON_FAILURE: "if it fails",
    PinPolicy.ALWAYS: "always",
}
_USERS = {"false": "the guest's user", "true": "root (sudo)"}
_INPUTS = tuple(_PLACEHOLDERS)


class RunForm(VerticalGroup):
    """Everything that a run needs; `fields` are the texts as typed."""

    class Edited(Message):
        """Some field is another."""

    class ProfileChosen(Message):
        """A profile is to be loaded; None: none."""

        def __init__(self, name: str | None) -> None:
            super().__init__()
            self.name = name

    def __init__(self, profiles: Sequence[str], hosts: Sequence[str], texts: Mapping[str, str]) -> None:
        super().__init__()
        self._profiles = profiles
        self._hosts = hosts
        self._texts = dict(texts)

    def compose(self) -> ComposeResult:
        """Rows of labelled fields, in the order of the tab key."""
        texts = self._texts
        with Horizontal():
            yield from _labelled("profile", _select("profile", self._profiles, "none"))
            yield from _labelled("host", _select("host", self._hosts, "choose", texts["host"]))
        with Horizontal():
            yield from self._input("image")
        with Horizontal():
            yield from (part for key in ("cpus", "memory", "disk") for part in self._input(key))
        with Horizontal(id="command-row"):
            yield from _labelled("command", TextArea(texts["command"], id="command", compact=True))
        with Horizontal():
            yield from _labelled("pin", Choice(_POLICIES, texts["pin"], id="pin"))
        with Horizontal():
            yield from (part for key in ("timeout", "grace", "pin_for") for part in self._input(key))
        with Horizontal():
            yield from _labelled("sudo", Choice(_USERS, texts["sudo"], id="sudo"))
        with Horizontal():
            yield from self._input("workdir")

    def _input(self, key: str) -> Iterator[Widget]:
        return _labelled(key, Input(self._texts[key], _PLACEHOLDERS[key], id=key, compact=True))

    @property
    def fields(self) -> dict[str, str]:
        """Every field as it stands."""
        texts = {key: self.query_one(f"#{key}", Input).value for key in _INPUTS}
        texts |= {key: self.query_one(f"#{key}", Choice).value for key in ("pin", "sudo")}
        texts["command"] = self.query_one("#command", TextArea).text
        texts["host"] = _selected(self.query_one("#host", Select)) or ""
        return texts

    def fill(self, texts: Mapping[str, str]) -> None:
        """Put these texts into the fields."""
        for key in _INPUTS:
            self.query_one(f"#{key}", Input).value = texts[key]
        for key in ("pin", "sudo"):
            self.query_one(f"#{key}", Choice).value = texts[key]
        self.query_one("#command", TextArea).text = texts["command"]
        self.show_hosts((*self._hosts, texts["host"]))
        self.query_one("#host", Select).value = texts["host"]

    def show_hosts(self, hosts: Sequence[str]) -> None:
        """Offer these hosts, each once; the chosen one stays."""
        known = tuple(dict.fromkeys(host for host in hosts if host))
        if known != tuple(self._hosts):
            self._hosts = known
            select = self.query_one("#host", Select)
            chosen = _selected(select)
            select.set_options((host, host) for host in known)
            select.value = chosen if chosen in known else Select.NULL

    def suggest_images(self, images: Sequence[str]) -> None:
        """Complete an image's name while it is typed."""
        self.query_one("#image", Input).suggester = SuggestFromList(images)

    def mark(self, faulty: Collection[str]) -> None:
        """Mark the labels of these fields, and no others."""
        for key, label in LABELS.items():
            is_faulty = key in faulty
            widget = self.query_one(f"#label-{key}", Label)
            if widget.has_class("-faulty") is not is_faulty:
                widget.set_class(is_faulty, "-faulty")
                widget.update(f"✘ {label}" if is_faulty else label)

    def choose_profile(self, name: str) -> None:
        """Have a profile loaded, as if a person had chosen it."""
        if name in self._profiles:
            self.query_one("#profile", Select).value = name

    def focus_field(self, key: str) -> None:
        """Go to a field."""
        self.query_one(f"#{key}").focus()

    @on(Input.Changed)
    @on(TextArea.Changed)
    @on(Choice.Changed)
    @on(Select.Changed, "#host")
    def _edited(self, event: Message) -> None:
        event.stop()
        self.post_message(self.Edited())

    @on(Select.Changed, "#profile")
    def _profile_chosen(self, event: Message) -> None:
        event.stop()
        self.post_message(self.ProfileChosen(_selected(self.query_one("#profile", Select))))


def _labelled(key: str, field: Widget) -> Iterator[Widget]:
    yield Label(LABELS[key], id=f"label-{key}")
    yield field


def _select(key: str, names: Sequence[str], prompt: str, value: str = "") -> Select[str]:
    chosen = value if value in names else Select.NULL
    return Select([(name, name) for name in names], prompt=prompt, value=chosen, id=key, compact=True)


def _selected(select: Select[str]) -> str | None:
    return str(select.value) if select.value is not Select.NULL else None
