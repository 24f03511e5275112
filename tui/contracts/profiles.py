"""Profiles as the front ends see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from tui.model.spec import RunSpec


class ProfileSource(StrEnum):
    """Where a profile comes from."""

    HERE = "here"
    """`./profiles`: the project one is in."""
    YOURS = "yours"
    """The person's config folder, where a save goes."""
    SHIPPED = "shipped"
    """With dayfly itself; not to be changed."""


@dataclass(frozen=True, slots=True)
class TextFault:
    """What is wrong with a profile's text."""

    line: int
    """From 1; 0: something is missing, or it is nowhere in particular."""
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilePage:
    """One profile's file as it was read."""

    name: str
    source: ProfileSource
    path: Path
    text: str
    """As it stands in the file: hostile until it was through the sanitiser."""
    spec: RunSpec | None
    """What it says; None where it has faults."""
    faults: tuple[TextFault, ...] = ()


class ProfileShelf(Protocol):
    """Profiles, and the fields of a form.

    A form has the keys of a profile file, each as typed text: `image`, `command`, `host`, `cpus`,
    `memory`, `disk`, `workdir`, `sudo` (`true` or `false`), `timeout`, `boot_timeout`, `grace`, `pin`,
    `pin_for`, `name`, `description`; an empty or missing one means its default.
    """

    def names(self) -> Sequence[str]:
        """Every profile that can be loaded, sorted."""

    def pages(self) -> Sequence[ProfilePage]:
        """Every profile by name, faulty ones too, read anew: a few small files of this machine."""

    def page(self, name: str) -> ProfilePage:
        """One of them, read anew. Raises UsageError where there is none of that name."""

    def load(self, name: str) -> RunSpec:
        """Read one. Raises ProfileError with every fault."""

    def save(self, spec: RunSpec, name: str, *, like: Path | None = None) -> Path:
        """Write it to the user's folder, replacing one of that name.

        `like`: the file that it was loaded from; its comments, order, blank lines and spelling stay.
        Atomic. Raises UsageError, where that file has become faulty too.
        """

    def duplicate(self, name: str, new: str) -> Path:
        """Copy one, comments and all, to the user's folder. Raises UsageError where `new` is taken."""

    def delete(self, name: str) -> None:
        """Delete a file of the user's folder. Raises UsageError for a profile of another source."""

    def validate_field(self, key: str, text: str) -> str | None:
        """What is wrong with one field, in a sentence; None: nothing."""

    def resolve_form(self, fields: Mapping[str, str], base: RunSpec | None = None) -> RunSpec:
        """The run spec that the form describes. Raises ProfileError with every fault.

        What no form has (inputs, artifacts, cloud-init, variables, secrets) is that of `base`.
        """
