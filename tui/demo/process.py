"""Find the demo host, start it where it is not running, end it. One a user; it survives its clients."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from tui.demo import kin
from tui.demo.guest import Guests
from tui.files import folders
from tui.model.errors import HostUnreachable, UsageError

__all__ = ["DemoAddress", "Guests", "control", "ensure", "running", "stop"]

_PROJECT = Path(__file__).parents[2]
_FOUND_BY = "demo.json"
_START_LOCK = "start.lock"
_LOG = "host.log"
_START_LIMIT_S = 30.0
_STOP_LIMIT_S = 10.0
_POLL_S = 0.02
IDLE_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoAddress:
    """How to get into the demo host."""

    host: str
    port: int
    user: str
    key: str = field(repr=False)
    """The private key's text."""
    host_key: str
    """The public key line."""
    world: Path
    pid: int
    pid_started: str


async def ensure(
    state_dir: Path | None = None,
    *,
    speed: float | None = None,
    guests: Guests = Guests.BASHKIT,
    idle_s: float = IDLE_S,
) -> DemoAddress:
    """The running demo host, started if need be; two callers at once get the same one.

    A running one keeps its speed and guests. Raises UsageError where bashkit is not installed or the
    speed is none, HostUnreachable where it does not start.
    """
    speed = speed if speed is not None else _speed()
    if guests is Guests.BASHKIT and find_spec("bashkit") is None:
        raise UsageError(
            "The demo host needs bashkit, which is not installed.", hint="pip install 'dayfly[demo]'"
        )
    folder = _folder(state_dir)
    async with _locked(folder):
        found = _found(folder)
        if found is None:
            await _start(folder, speed, guests, idle_s)
            found = await _until_found(folder)
    return found


async def running(state_dir: Path | None = None) -> DemoAddress | None:
    """The demo host if there is one. A file left by a dead one is none."""
    return _found(_folder(state_dir))


async def stop(state_dir: Path | None = None) -> None:
    """End the demo host and every process it ever started. Its world stays on disk. Idempotent."""
    folder = _folder(state_dir)
    async with _locked(folder):
        found = _found(folder)
        if found is not None:
            os.kill(found.pid, signal.SIGTERM)
            await _until_gone(found)
        await asyncio.to_thread(kin.end, kin.marked(folder / "world"))
        (folder / _FOUND_BY).unlink(missing_ok=True)


async def control(world: Path, order: str) -> None:
    """Order a fault of that world's host: see `faults`. Raises UsageError for one that does not exist."""
    asked = await asyncio.create_subprocess_exec(
        world / "bin" / "multipass", "@control", order, stderr=asyncio.subprocess.PIPE
    )
    _, stderr = await asked.communicate()
    if asked.returncode and order not in ("kill", "term"):
        raise UsageError(stderr.decode().strip())


def _speed() -> float:
    text = os.environ.get("DAYFLY_DEMO_SPEED", "1")
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise UsageError(f"DAYFLY_DEMO_SPEED is {text!r}; it must be a number greater than 0.")
    return speed


def _folder(state_dir: Path | None) -> Path:
    folder = (state_dir or folders.state_dir()).absolute() / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


@asynccontextmanager
async def _locked(folder: Path) -> AsyncIterator[None]:
    """Only one client starts or stops at a time."""
    lock = os.open(folder / _START_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _START_LIMIT_S + _STOP_LIMIT_S
    try:
        while not _try_lock(lock):
            if time.monotonic() > deadline:
                raise HostUnreachable("Another dayfly is starting the demo host and does not get on.")
            await asyncio.sleep(_POLL_S)
        yield
    finally:
        os.close(lock)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _found(folder: Path) -> DemoAddress | None:
    try:
        data = json.loads((folder / _FOUND_BY).read_text())
    except (FileNotFoundError, ValueError):
        return None
    if not kin.is_alive(data["pid"], data["pid_started"]):
        return None
    return DemoAddress(
        host="127.0.0.1",
        port=data["port"],
        user=data["user"],
        key=data["key"],
        host_key=data["host_key"],
        world=Path(data["world"]),
        pid=data["pid"],
        pid_started=data["pid_started"],
    )


async def _start(folder: Path, speed: float, guests: Guests, idle_s: float) -> None:
    code = f"import sys; sys.path[:0] = [{str(_PROJECT)!r}]; from tui.demo.host import main; main()"
    with (folder / _LOG).open("wb") as log:
        started = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-c", code, str(folder), str(speed), guests, str(idle_s)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    await started.wait()


async def _until_found(folder: Path) -> DemoAddress:
    deadline = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < deadline:
        found = _found(folder)
        if found is not None:
            return found
        await asyncio.sleep(_POLL_S)
    last = (folder / _LOG).read_text(errors="replace").strip().rpartition("\n")[2]
    raise HostUnreachable(f"The demo host does not start: {last}", hint=f"see {folder / _LOG}")


async def _until_gone(found: DemoAddress) -> None:
    deadline = time.monotonic() + _STOP_LIMIT_S
    while kin.is_alive(found.pid, found.pid_started):
        if time.monotonic() > deadline:
            os.kill(found.pid, signal.SIGKILL)
        await asyncio.sleep(_POLL_S)
