"""The emulated `multipass` command: a thin client of the daemon.

Its start-up counts, because a host is polled with it: nothing is imported that every call does not need.
"""

from __future__ import annotations

import _socket
import os
import select
import signal
import sys
import time
from collections.abc import Sequence

from tui.demo import wire
from tui.demo.options import Line, Wrong, known, memory_size, parse, verbs
from tui.demo.wire import Message

CLEAR = b"\x1b[2K\x1b[0A\x1b[0E"
_FRAMES = b"/-\\|"
_FRAME_S = 0.1
_SOCKET = "multipass.sock"
_CANNOT_CONNECT = "cannot connect to the multipass socket"

COMMAND_FAILED = 2
TIMED_OUT = 5


class Spinner:
    """What the real one draws on stdout, pipe or not."""

    def __init__(self) -> None:
        self._turning = False
        self._turns = 0

    def start(self, text: str) -> None:
        """Show `text` and the first frame."""
        write(1, CLEAR + text.encode() + b"  ")
        self._turning, self._turns = True, 0
        self.turn()

    def turn(self) -> None:
        """The next frame."""
        if self._turning:
            write(1, b"\b" + _FRAMES[self._turns % 4 : self._turns % 4 + 1])
            self._turns += 1

    def stop(self) -> None:
        """Clear the line."""
        write(1, (b"\b " if self._turning else b"") + CLEAR)
        self._turning = False


class Command:
    """One call of `multipass` in one world."""

    def __init__(self, world: str) -> None:
        self.world = world

    def ask(self, message: Message) -> Message:
        """A question that is answered in one message; `error` in the answer: it was refused."""
        connection = self.connect(message)
        answer = wire.receive(connection) if connection else None
        return answer or {"error": _CANNOT_CONNECT}

    def connect(self, message: Message) -> _socket.socket | None:
        """A connection to the daemon with the message sent; None: there is no daemon."""
        connection = connect(self.world, _SOCKET)
        if connection is not None:
            try:
                wire.send(connection, message)
            except OSError:
                return None
        return connection

    def watch(self, message: Message, title: str, *, timeout_s: float = 0.0) -> Message:
        """A request that takes its time, with the spinner. The answer; `status` 5 in it: timed out."""
        spinner = Spinner()
        self.spinner = spinner
        if title:
            spinner.start(title)
        connection = self.connect(message)
        deadline = time.monotonic() + timeout_s if timeout_s else float("inf")
        while connection is not None:
            ready, _, _ = select.select([connection], [], [], _FRAME_S)
            if time.monotonic() > deadline:
                return {"status": TIMED_OUT, "error": ""}
            if not ready:
                spinner.turn()
                continue
            answer = _next(connection)
            if answer is None:
                break
            if "end" in answer:
                return answer
            self._show(answer, spinner)
        return {"error": _CANNOT_CONNECT}

    def _show(self, answer: Message, spinner: Spinner) -> None:
        if "spin" in answer:
            spinner.stop()
            spinner.start(answer["spin"])
        elif "progress" in answer:
            spinner.stop()
            write(1, b"\r" + str(answer["progress"]).encode())
        else:
            spinner.stop()
            write(1, str(answer["out"]).encode())


def connect(folder: str, name: str) -> _socket.socket | None:
    """Connect to a socket by a path short enough for any folder; None: nobody listens."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    back = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)
        connection.connect(name)
    except OSError:
        return None
    finally:
        os.fchdir(back)
        os.close(back)
    return connection


def _next(connection: _socket.socket) -> Message | None:
    try:
        return wire.receive(connection)
    except OSError:
        return None


def write(target: int, data: bytes) -> None:
    """Write all of it. Where our reader is gone, end as the real client does: by SIGPIPE."""
    try:
        while data:
            data = data[os.write(target, data) :]
    except BrokenPipeError:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)


def complain(text: str) -> None:
    """A line on stderr."""
    write(2, text.encode() + b"\n")


def stamp(what: str) -> str:
    """A log line's head."""
    now = time.time()
    second = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(now))
    return f"[{second}.{int(now % 1 * 1000):03d}] [error] {what}"


def finish(verb: str, answer: Message) -> int:
    """Print an answer; the exit status."""
    if answer.get("log"):
        complain(stamp(answer["log"]))
    if answer.get("unhandled"):
        complain(stamp(f"[client] Caught an unhandled exception: {answer['unhandled']}"))
        return 1
    if "error" in answer:
        if answer["error"]:
            complain(f"{verb} failed: {answer['error']}")
        return int(answer.get("status", COMMAND_FAILED))
    write(1, str(answer.get("out", "")).encode("utf-8", "surrogateescape"))
    return 0


# ---- the verbs


def _simple(line: Line, **more: object) -> Message:
    return {"verb": line.verb, "format": line.format(), "names": line.words, **more}


def _question(line: Line) -> Message:
    """The verbs that are one question and one answer, without a spinner."""
    if line.verb in ("delete", "recover") and not line.words and not line.has("all"):
        raise Wrong("Name argument or --all is required")
    if line.verb == "get" and not line.words and not line.has("keys"):
        raise Wrong("Need exactly one setting key.")
    first = "".join(line.words[:1])
    return _simple(
        line,
        term=first,
        key=first,
        name=first.partition(":")[0],
        keys=line.has("keys"),
        snapshots=line.has("snapshots"),
        runtime=not line.has("no-runtime-information"),
        purge=line.has("purge"),
    )


_DOING = {"start": "Starting", "stop": "Stopping", "suspend": "Suspending", "restart": "Restarting"}


def _power(command: Command, line: Line) -> int:
    names = line.words or ([] if line.has("all") else ["primary"])
    what = names[0] if len(names) == 1 else "requested instances" if names else "all instances"
    if line.has("time") and not line.given["time"].isdigit():
        raise Wrong(f"Time value '{line.given['time']}' is not a number")
    order = _simple(
        line,
        force=line.has("force"),
        cancel=line.has("cancel"),
        minutes=int(line.given.get("time", "0")),
    ) | {"names": names}
    answer = command.watch(order, f"{_DOING[line.verb]} {what}", timeout_s=_timeout(line))
    command.spinner.stop()
    if "error" in answer or line.verb not in ("stop", "suspend"):
        command.spinner.stop()
    if answer.get("status") == TIMED_OUT:
        complain(f"Timed out waiting for instance to {line.verb}.")
    return finish(line.verb, answer)


def _launch(command: Command, line: Line) -> int:
    order = _launch_order(line)
    answer = command.watch(order, "", timeout_s=_timeout(line))
    if "error" in answer:
        command.spinner.stop()
    if answer.get("status") == TIMED_OUT:
        complain("Timed out waiting for instance launch.")
        return TIMED_OUT
    command.spinner.stop()
    return finish("launch", answer)


def _launch_order(line: Line) -> Message:
    if len(line.words) > 1:
        raise Wrong("Too many arguments supplied")
    given = line.given
    if line.has("mem") and line.has("memory"):
        raise Wrong(
            'Error: invalid option(s) used for memory allocation. Please use "--memory" to specify '
            "amount of memory to allocate."
        )
    cpus = given.get("cpus", "1")
    if not cpus.isdigit() or int(cpus) < 1:
        raise Wrong(f"Error: invalid CPU count '{cpus}', need a positive integer value.")
    memory, disk = given.get("memory", given.get("mem", "1G")), given.get("disk", "5G")
    return {
        "verb": "launch",
        "image": line.words[0] if line.words else "lts",
        "name": given.get("name", ""),
        "cpus": int(cpus),
        "memory": _bytes(memory),
        "memory_text": memory,
        "disk": _bytes(disk),
        "disk_text": disk,
        "timeout": _timeout(line),
        "networks": given.get("network", ""),
        "cloud_init": _cloud_init(given.get("cloud-init", "")),
    }


def _bytes(text: str) -> int:
    try:
        return memory_size(text)
    except ValueError:
        raise Wrong(
            stamp(
                f"[client] Caught an unhandled exception: {text} is not a valid memory size - "
                "need a non-negative integer (in base 10) or a decimal followed by "
                "K, M, or G (e.g. 1234B, 42MiB, 0.5G)"
            )
        ) from None


def _timeout(line: Line) -> float:
    text = line.given.get("timeout", "")
    if line.has("timeout") and not (text.isdigit() and int(text)):
        raise Wrong("error: --timeout value has to be a positive integer")
    return float(text or 0)


def _cloud_init(path: str) -> str:
    if not path:
        return ""
    from tui.demo import user_data

    return user_data.read(path)


def _copies(command: Command, line: Line) -> int:
    """The verbs about snapshots, clones and mounts: a spinner, little behind it."""
    name, _, target = (line.words or ["primary"])[-1].partition(":")
    order: Message = {"verb": line.verb, "name": name, "target": target}
    title = ""
    match line.verb:
        case "snapshot":
            order |= {"snapshot": line.given.get("name", ""), "comment": line.given.get("comment", "")}
            title = "Taking snapshot"
        case "clone":
            order |= {"clone": line.given.get("name", "")}
            title = f"Cloning {name}"
        case "restore":
            order |= {"destructive": line.has("destructive")}
        case "mount":
            if not os.path.exists(line.words[0]):
                raise Wrong(f'Source path "{line.words[0]}" does not exist')
            order |= {"native": line.given.get("type") == "native"}
    answer = command.watch(order, title)
    command.spinner.stop()
    if "spin" in answer:
        command.spinner.start(answer["spin"])
        command.spinner.stop()
    if "error" in answer or answer.get("unhandled"):
        command.spinner.stop()
    status = finish(line.verb, answer)
    if not status and line.verb != "mount":
        write(1, CLEAR)
    return status


def _set(command: Command, line: Line) -> int:
    answer = command.ask({"verb": "set", "assignment": "=".join(line.words)})
    if line.words and line.words[0].startswith("local."):
        write(1, CLEAR)
    return finish("set", answer)


def _help() -> bytes:
    rows = "\n".join(f"  {verb}" for verb in verbs())
    return (
        "Usage: multipass [options] <command>\nCreate, control and connect to Ubuntu instances.\n\n"
        "This is the multipass of dayfly's demo host: an emulation.\n\n"
        f"Available commands:\n{rows}\n"
    ).encode()


def _run(world: str, argv: Sequence[str]) -> int:
    if not argv or argv[0] in ("help", "--help", "-h"):
        write(1, _help())
        return 0 if argv else COMMAND_FAILED
    verb, *rest = argv
    command = Command(world)
    if verb == "@control":
        return finish("control", command.ask({"verb": verb, "order": " ".join(rest)}))
    if not known(verb):
        write(
            1,
            f"Error: Unknown command or alias '{verb}' "
            '(try "multipass help" or "multipass aliases")\n'.encode(),
        )
        return 1
    line = parse(verb, rest)
    if line.has("help"):
        write(1, _help())
        return 0
    return _dispatch(command, line)


def _dispatch(command: Command, line: Line) -> int:
    if line.verb in _DOING:
        return _power(command, line)
    match line.verb:
        case "exec" | "shell":
            from tui.demo import session

            return session.exec_(command, line) if line.verb == "exec" else session.shell(command, line)
        case "transfer":
            from tui.demo import transfer

            return transfer.transfer(command, line)
        case "launch":
            return _launch(command, line)
        case "set":
            return _set(command, line)
        case "aliases":
            write(
                1,
                b'{\n    "active-context": "default",\n'
                b'    "contexts": {\n        "default": {\n        }\n    }\n}\n',
            )
            return 0
        case "snapshot" | "clone" | "restore" | "mount":
            return _copies(command, line)
    return finish(line.verb, command.ask(_question(line)))


def main(world: str) -> None:
    """`multipass ARGUMENTS` in that world; ends the process."""
    # SIGPIPE stays ignored, as Python has it: a daemon or a guest that hangs up must not end us.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        status = _run(world, sys.argv[1:])
    except Wrong as wrong:
        complain(wrong.text)
        status = wrong.status
    os._exit(status & 0xFF)
