"""`dayfly` as its users run it, over each way to a host: the demo's own server, a real OpenSSH, and none."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.client import Client, Ended
from tests.demo_host import DemoHost
from tests.fixtures.sshd import Sshd, StartSshd

__all__ = ["Dayfly", "Ended"]


@dataclass(slots=True, kw_only=True)
class Dayfly(Client):
    """Runs the command against the demo host, over some way to it."""

    demo: DemoHost
    sshd: Sshd | None = None


WAYS = ["demo", pytest.param("sshd", marks=pytest.mark.sshd), "local"]


@pytest.fixture(params=WAYS)
async def dayfly(request: pytest.FixtureRequest, demo: DemoHost, tmp_path: Path) -> AsyncIterator[Dayfly]:
    """The same over each way to a host."""
    place = tmp_path / "place"
    place.mkdir()
    env, sshd = dict(os.environ), None
    match request.param:
        case "demo":
            host = "demo"
        case "local":
            host, env = "local", env | demo.environment()
        case _:
            start: StartSshd = request.getfixturevalue("start_sshd")
            sshd = start(env=demo.own_environment())
            host, env = f"{sshd.user}@{sshd.address}:{sshd.port}", env | ssh_environment(sshd)
    dayfly = Dayfly(host=host, env=env, folder=place, demo=demo, sshd=sshd)
    yield dayfly
    await dayfly.end_all()


def only(way: str) -> pytest.MarkDecorator:
    """Only over this way."""
    return pytest.mark.parametrize("dayfly", [way], indirect=True)


def ssh_environment(sshd: Sshd) -> dict[str, str]:
    return {"DAYFLY_SSH_KEY": str(sshd.client_key), "DAYFLY_HOST_KEY": sshd.public_key()}
