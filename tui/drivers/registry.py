"""The drivers by name: our own, and those that others add by the entry-point group `dayfly.drivers`.

An entry point is a callable that takes the manager's command (or nothing, for its usual name) and
returns a `contracts.Driver`. Our own names cannot be taken over.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from tui.contracts import Driver
from tui.drivers.lxd import Lxd, incus
from tui.drivers.lxd_words import INCUS, LXD
from tui.drivers.multipass import Multipass
from tui.model.errors import UsageError

GROUP = "dayfly.drivers"

DriverFactory = Callable[..., Driver]

drivers: dict[str, DriverFactory] = {
    "multipass": Multipass,
    LXD.name: Lxd,
    INCUS.name: incus,
}
"""Those that come with dayfly."""


def names() -> tuple[str, ...]:
    """Every driver there is, without importing any."""
    return tuple(sorted({*drivers, *entry_points(group=GROUP).names}))


def load(name: str, manager: str = "") -> Driver:
    """The driver called `name`; `manager` is the command's name or path, empty for its usual name.

    Raises UsageError for an unknown driver, or one of others that cannot be imported.
    """
    factory = drivers.get(name) or _third_party(name)
    return factory(manager) if manager else factory()


def _third_party(name: str) -> DriverFactory:
    for entry in entry_points(group=GROUP, name=name):
        try:
            factory: DriverFactory = entry.load()
        except (ImportError, AttributeError) as error:
            raise UsageError(
                f"the driver {name!r} cannot be imported: {error}",
                hint=f"Install or repair the package that provides it ({entry.value}).",
            ) from error
        return factory
    raise UsageError(f"there is no driver called {name!r}", hint=f"There is: {', '.join(names())}.")
