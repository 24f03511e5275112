from __future__ import annotations

from pathlib import Path

import pytest

from tui.drivers import registry
from tui.drivers.multipass import Multipass
from tui.model.errors import UsageError


def install(folder: Path, entry: str) -> None:
    """Make `folder` look like a site-packages with one package that brings a driver."""
    metadata = folder / "potato-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: potato\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{entry}\n")
    (folder / "potato_driver.py").write_text(
        "from tui.drivers.multipass import Multipass\n\n\nclass Potato(Multipass):\n    name = 'potato'\n"
    )


def test_multipass_by_its_usual_name_or_a_path() -> None:
    assert registry.load("multipass") == Multipass("multipass")
    assert registry.load("multipass", "/snap/bin/multipass") == Multipass("/snap/bin/multipass")


def test_unknown_driver_lists_what_there_is() -> None:
    with pytest.raises(UsageError, match="'multipas'") as refused:
        registry.load("multipas")
    assert "multipass" in refused.value.hint


def test_driver_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "potato = potato_driver:Potato")
    monkeypatch.syspath_prepend(tmp_path)
    assert registry.names() == ("incus", "lxd", "multipass", "potato")
    driver = registry.load("potato", "/opt/potato")
    assert driver.name == "potato"
    assert driver.version_argv()[0] == "/opt/potato"


@pytest.mark.parametrize("target", ["no_such_module_at_all:Potato", "potato_driver:Carrot"])
def test_driver_that_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    install(tmp_path, f"carrot = {target}")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="carrot") as refused:
        registry.load("carrot")
    assert target in refused.value.hint


def test_our_own_names_cannot_be_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "multipass = potato_driver:Potato")
    monkeypatch.syspath_prepend(tmp_path)
    assert type(registry.load("multipass")) is Multipass
