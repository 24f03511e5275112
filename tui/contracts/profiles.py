"""Profiles as the front ends see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tui.model.spec import RunSpec


class ProfileShelf(Protocol):
    """Profiles, and the fields of a form.

    A form has the keys of a profile file, each as typed text: `image`, `command`, `host`, `cpus`,
    `memory`, `disk`, `workdir`, `sudo` (`true` or `false`), `timeout`, `boot_timeout`, `grace`, `pin`,
    `pin_for`, `name`, `description`; an empty or missing one means its default.
    """

    def names(self) -> Sequence[str]:
        """Every profile that can be loaded, sorted."""

    def load(self, name: str) -> RunSpec:
        """Read one. Raises ProfileError with every fault."""

    def save(self, spec: RunSpec, name: str) -> Path:
        """Write it to the user's folder, replacing one of that name. Raises UsageError."""

    def validate_field(self, key: str, text: str) -> str | None:
        """What is wrong with one field, in a sentence; None: nothing."""

    def resolve_form(self, fields: Mapping[str, str], base: RunSpec | None = None) -> RunSpec:
        """The run spec that the form describes. Raises ProfileError with every fault.

        What no form has (inputs, artifacts, cloud-init, variables, secrets) is that of `base`.
        """
