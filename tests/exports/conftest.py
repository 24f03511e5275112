"""What the exports are tried on: a demo host, reached by the real ssh; nothing of ours is left on it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest

from tests.demo_host import FOREIGN, DemoHost
from tests.exports.ssh import Place


@pytest.fixture
async def place(demo: DemoHost) -> AsyncIterator[Place]:
    if shutil.which("ssh") is None:
        pytest.skip("OpenSSH's ssh is not installed here")
    place = Place(demo)
    yield place
    for process in place.started:
        assert process.returncode is not None, "it has not ended"
    assert demo.vms() == FOREIGN
