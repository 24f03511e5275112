"""The emulated multipassd: a process of its own that answers on a socket in the world's folder.

Like the real one it does most things in one thread: a command that waits there makes everybody wait.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio import StreamReader, StreamWriter, TaskGroup
from contextlib import suppress
from pathlib import Path

from tui.demo import faults, streams, wire
from tui.demo.answers import Answers
from tui.demo.faults import Fault, Faults, Kind
from tui.demo.guest import LIFELINE_FD, Guests
from tui.demo.images import Refused
from tui.demo.launch import Launches
from tui.demo.power import Pace, Power
from tui.demo.wire import Message
from tui.demo.world import World

SOCKET = "multipass.sock"
"""In the world's folder."""
HOST_SOCKET = "host.sock"
"""Beside it: where the demo host itself takes orders."""
RESTART_STATUS = 42
"""How the daemon ends when a `local.*` setting was changed."""
CANNOT_CONNECT = "cannot connect to the multipass socket"
_SUSPEND_S = 2.0


class Reply:
    """The way back to one client."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def is_gone(self) -> bool:
        """Whether the client died."""
        return self._reader.at_eof() or self._writer.is_closing()

    def spin(self, text: str) -> None:
        """Show what goes on, with a spinner."""
        self._send({"spin": text})

    def progress(self, text: str) -> None:
        """Show how far a download is."""
        self._send({"progress": text})

    def say(self, text: str) -> None:
        """Print."""
        self._send({"out": text})

    def end(self, answer: Message) -> None:
        """The last word."""
        self._send({"end": True, **answer})

    def drop(self) -> None:
        """Say nothing more."""
        self._writer.close()

    def _send(self, message: Message) -> None:
        if not self.is_gone:
            self._writer.write(wire.pack(message))


class Daemon:
    """One life of the daemon."""

    def __init__(self, root: Path, pace: Pace, guests: Guests, tasks: TaskGroup) -> None:
        self._world = World.load(root)
        self._world.save()
        self._tasks = tasks
        self._faults = Faults(root)
        self._power = Power(self._world, pace, guests, LIFELINE_FD, tasks, self._faults)
        self._launches = Launches(self._world, self._power, pace, self._faults)
        self._answers = Answers(self._world, self._power, pace, tasks)
        self._thread = asyncio.Lock()
        """Whoever holds it is served; all others wait."""
        self._pace = pace

    async def run(self) -> int:
        """Serve until TERM, a changed setting, or the end of the demo host; the exit status."""
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, over.set)
        loop.add_reader(LIFELINE_FD, lambda: os._exit(0))
        await self._power.recover_from_predecessor()
        server = await asyncio.start_unix_server(self._serve, f"{SOCKET}.{os.getpid()}")
        os.replace(f"{SOCKET}.{os.getpid()}", SOCKET)
        await self._first_of(over, self._answers.setting_changed)
        server.close()
        with suppress(FileNotFoundError):
            os.unlink(SOCKET)
        self._power.freeze_all()
        await self._pace.sleep(_SUSPEND_S)
        return 0 if over.is_set() else RESTART_STATUS

    async def _first_of(self, *events: asyncio.Event) -> None:
        waits = [self._tasks.create_task(event.wait()) for event in events]
        _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in pending:
            wait.cancel()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        reply = Reply(reader, writer)
        try:
            message = await streams.read(reader)
            if message is not None:
                await self._answer(message, reply)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    async def _answer(self, message: Message, reply: Reply) -> None:
        verb: str = message["verb"]
        if verb == "@control":
            reply.end(await self._control(message["order"]))
            return
        names: list[str] = message.get("names") or [message.get("name", "")]
        fault = self._faults.take(verb, names)
        if fault is not None and await self._play(fault, f"{verb}.{'.'.join(names)}", reply):
            return
        try:
            if verb == "launch":
                reply.end(await self._launch(message, reply))
            else:
                reply.end(await self._answers.answer(message, self._thread))
        except Refused as refused:
            reply.end({"error": refused.text, "log": refused.log})

    async def _launch(self, message: Message, reply: Reply) -> Message:
        """Goes on to its end whatever becomes of the client, except during a download."""
        async with self._thread:
            name, source = self._launches.reserve(message)
        work = self._tasks.create_task(self._finish_launch(message, name, source, reply))
        return await work

    async def _finish_launch(self, message: Message, name: str, source: object, reply: Reply) -> Message:
        try:
            await self._launches.carry_out(message, name, source, reply)  # type: ignore[arg-type]
        except Refused as refused:
            return {"error": refused.text, "log": refused.log}
        return {}

    # ---- faults

    async def _play(self, fault: Fault, mark: str, reply: Reply) -> bool:
        """Let a fault happen to a call; True: that was all it gets."""
        await self._faults.hold(fault, mark)
        match fault.kind:
            case Kind.GARBAGE:
                reply.end({"out": '\x00\x1b[31m{"list": [[\xff ,,\n'})
            case Kind.FAIL:
                reply.end({"error": "an error that was ordered", "status": int(fault.amount)})
            case Kind.DROP:
                reply.drop()
            case Kind.FORGET:
                reply.end({})
            case _:
                return False
        return True

    async def _control(self, order: str) -> Message:
        words = order.split()
        try:
            if self._faults.order(words):
                return {}
            match words:
                case ["wedge", seconds]:
                    self._tasks.create_task(self._wedge(float(seconds)))
                case [("term" | "kill") as name]:
                    os.kill(os.getpid(), signal.SIGTERM if name == "term" else signal.SIGKILL)
                case ["hangup"]:
                    return await _tell_host(order)
                case ["sshd", seconds] if float(seconds) >= 0:
                    return await _tell_host(order)
                case [("fill" | "free") as what, name]:
                    await self._disk(what, name)
                case [what, name]:
                    await self._answers.by_hand(what, name)
                case _:
                    raise ValueError(order)
        except (ValueError, OSError, Refused) as error:
            return {"error": f"no such order: {error}"}
        return {}

    async def _disk(self, what: str, name: str) -> None:
        folder = self._world.root / "home" if name == "home" else self._world.folder(name)
        if what == "fill":
            await asyncio.to_thread(faults.fill, folder, self._world.root)
        else:
            faults.free(folder)

    async def _wedge(self, seconds: float) -> None:
        async with self._thread:
            await asyncio.sleep(seconds)


async def _tell_host(order: str) -> Message:
    """Pass on what is an affair of the host's SSH server."""
    reader, writer = await asyncio.open_unix_connection(HOST_SOCKET)
    writer.write(wire.pack({"order": order}))
    answer = await streams.read(reader)
    writer.close()
    return answer or {"error": "the host does not answer"}


async def _run(root: Path, speed: float, guests: Guests) -> int:
    async with TaskGroup() as tasks:
        status = await Daemon(root, Pace(speed), guests, tasks).run()
        # Launches and machines are not waited for: the process ends, as the real one does.
        sys.stdout.flush()
        os._exit(status)


def main() -> None:
    """`daemon.py WORLD SPEED GUESTS`, with the lifeline as its stdin."""
    root, speed, guests = Path(sys.argv[1]), float(sys.argv[2]), Guests(sys.argv[3])
    os.chdir(root)
    asyncio.run(_run(root, speed, guests))
