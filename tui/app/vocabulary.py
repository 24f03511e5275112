"""The words of the command line where one is: commands, places, profiles, themes, ports, runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tui.app import present
from tui.app.command_words import Word
from tui.app.commands import everywhere, files, places
from tui.app.commands.command import Command, command_of
from tui.app.screens.run_commands import RunCommandsScreen

if TYPE_CHECKING:
    from tui.app.app import DayflyApp

_NOT_TYPED: tuple[type[Command], ...] = (everywhere.CommandLine, everywhere.CopyOrQuit)
_SHORT: dict[str, str] = {"pin-run": "pin", "cancel-run": "cancel", "new-run": "new", "open-run": "open"}


def vocabulary(app: DayflyApp) -> tuple[Word, ...]:
    """Places first, then what can be done here, then where one can go by name."""
    return (*_places(app), *_with_a_value(app), *_ports(app), *_commands(app), *_runs(app))


def _alone(do: Callable[..., object], *given: object) -> Callable[[str], object]:
    """What a word does behind which nothing can stand."""
    return lambda _: do(*given)


def _places(app: DayflyApp) -> Iterator[Word]:
    for place in places.PLACES:
        yield Word(name=place.WORD.lower(), help=place.__doc__ or "", do=_alone(app.go, place))


def _with_a_value(app: DayflyApp) -> Iterator[Word]:
    names = tuple(app.desk.profiles.names())
    yield Word(
        name="run", help="Launch a run of this profile.", do=app.run_profile, takes="PROFILE", values=names
    )
    themes = tuple(sorted(app.available_themes))
    yield Word(name="theme", help="Change the colours.", do=app.take_theme, takes="THEME", values=themes)


def _ports(app: DayflyApp) -> Iterator[Word]:
    screen = app.screen
    if isinstance(screen, RunCommandsScreen) and screen.can(files.ForwardPort):
        yield Word(name="forward", help=files.ForwardPort.__doc__ or "", do=screen.forward, takes="PORT")


def _commands(app: DayflyApp) -> Iterator[Word]:
    seen: set[str] = set()
    for active in app.screen.active_bindings.values():
        command = command_of(active.binding.action)
        if command is None or not active.enabled or command in _NOT_TYPED or command.slug() in seen:
            continue
        does = _alone(app.call_later, app.run_action, active.binding.action, active.node)
        seen.add(command.slug())
        yield Word(name=command.slug(), help=command.__doc__ or "", do=does)
        if short := _SHORT.get(command.slug()):
            yield Word(name=short, help=command.__doc__ or "", do=does, is_short=True)


def _runs(app: DayflyApp) -> Iterator[Word]:
    newest = sorted(app.desk.fleet.state.runs.values(), key=lambda run: run.submitted_at, reverse=True)
    for run in newest:
        for name in (run.vm, run.id):
            words = f"Go to this run: {present.run_name(run)}."
            yield Word(name=name, help=words, do=_alone(app.open_run, run.id))
