"""Profiles as files on a shelf: looked at, faults and all, copied, saved over, deleted."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from tui import profiles
from tui.contracts import ProfilePage, ProfileSource, TextFault
from tui.files.plain import Unreadable, read_plain
from tui.files.toml import MAX_BYTES, shown_path
from tui.model.errors import ProfileError, UsageError
from tui.model.spec import RunSpec
from tui.model.text import clean_line
from tui.profiles import edit, places
from tui.profiles.places import Found
from tui.profiles.writing import write_text

_FAULT = re.compile(r":(\d+)(?::\d+)?: (.*)", re.DOTALL)


def pages(*, default_host: str | None) -> list[ProfilePage]:
    """Every profile by name, read anew."""
    return [_page(found, default_host) for found in places.names()]


def page(name: str, *, default_host: str | None) -> ProfilePage:
    """One of them. Raises UsageError where there is none of that name."""
    return _page(_found(name), default_host)


def save(spec: RunSpec, name: str, *, like: Path | None, default_host: str | None) -> Path:
    """Keep it under this name, replacing one; where `like` is a file, as that one changed to say it.

    Raises UsageError.
    """
    _check_name(name)
    if like is None or not like.is_file():
        return profiles.save(spec, name, replace=True)
    text = _like(like, replace(spec, name=name), default_host)
    return write_text(text, name, replace=True)


def duplicate(name: str, new: str, *, default_host: str | None) -> Path:
    """Copy one to the user's folder; a faulty one as it is. Raises UsageError where `new` is taken."""
    _check_name(new)
    if any(found.name == new for found in places.names()):
        raise UsageError(f"{new} exists already", hint="choose another name")
    source = _page(_found(name), default_host)
    if source.spec is None:
        return write_text(source.text, new, replace=False)
    text = _like(source.path, replace(source.spec, name=new), default_host)
    return write_text(text, new, replace=False)


def delete(name: str) -> None:
    """Delete a file of the user's own folder. Raises UsageError."""
    found = _found(name)
    if found.source != ProfileSource.YOURS:
        raise UsageError(f"{name} is not in your own folder", hint=f"it is {shown_path(found.path)}")
    try:
        found.path.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{shown_path(found.path)}: {error.strerror}") from error


def _like(path: Path, spec: RunSpec, default_host: str | None) -> str:
    try:
        text = _read(path).decode("utf-8-sig")
    except (Unreadable, UnicodeDecodeError) as error:
        raise UsageError(f"{shown_path(path)}: {error}") from error
    target = places.user_folder() / f"{spec.name}.toml"
    profiles.parsed(text.encode(), path, default_host=default_host)  # its faults are told as the file's own
    return edit.revised(edit.moved(text, path.parent, target.parent), target, spec, default_host=default_host)


def _page(found: Found, default_host: str | None) -> ProfilePage:
    raw, spec = b"", None
    faults: tuple[TextFault, ...] = ()
    try:
        raw = _read(found.path)
        spec = profiles.parsed(raw, found.path, default_host=default_host)
    except Unreadable as error:
        faults = (TextFault(0, str(error)),)
    except ProfileError as error:
        faults = tuple(_fault(found.path, line) for line in error.faults)
    return ProfilePage(
        name=found.name,
        source=ProfileSource(found.source),
        path=found.path.absolute(),
        text=raw.decode("utf-8-sig", "replace"),
        spec=spec,
        faults=faults,
    )


def _fault(path: Path, sentence: str) -> TextFault:
    rest = sentence.removeprefix(shown_path(path))
    match = _FAULT.fullmatch(rest)
    return TextFault(int(match[1]), match[2]) if match else TextFault(0, rest.removeprefix(": "))


def _read(path: Path) -> bytes:
    raw = read_plain(path, MAX_BYTES)
    if len(raw) > MAX_BYTES:
        raise Unreadable("is too large for a profile")
    return raw


def _found(name: str) -> Found:
    for found in places.names():
        if found.name == name:
            return found
    raise UsageError(f"no profile is called {clean_line(name)}", hint="it may have been deleted meanwhile")


def _check_name(name: str) -> None:
    fault = profiles.validate_field("name", name) if name.strip() else "give it a name"
    if fault:
        raise ProfileError((fault,))
