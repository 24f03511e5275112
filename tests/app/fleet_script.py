"""A fleet that does only what a script tells it: events go through the real `reduce`, calls are kept."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tui.contracts import LogChunk, ProfilePage, ProfileSource
from tui.model.errors import ProfileError, UsageError
from tui.model.events import (
    CommandRan,
    Event,
    HostAdded,
    ImagesListed,
    LinkChanged,
    Narrated,
    PhaseEntered,
    PinChanged,
    QuestionAsked,
    QuestionClosed,
    ResultsChanged,
    RunAdopted,
    RunLeft,
    RunOrphaned,
    RunRecovered,
    RunSubmitted,
    VmObserved,
    WorkEnded,
)
from tui.model.hosts import DEMO, Health, HostEntry, ImageInfo, Question
from tui.model.phase import Outcome, Phase, Pin
from tui.model.results import Result
from tui.model.spec import HostName, PinPolicy, RunId, RunSpec, VmName
from tui.model.state import FleetState, reduce
from tui.model.units import GIB, parse_duration, parse_size
from tui.model.use import HostCommand

NOW = 1_800_000_000.0

SPEC = RunSpec(
    image="24.04", command="make test", host=DEMO, name="hello", cpus=2, memory=4 * GIB, disk=10 * GIB
)

BLANK = RunSpec(image="", command="", host=DEMO)


class ScriptedLog:
    """A log in memory."""

    def __init__(self) -> None:
        self.chunks: dict[str, list[LogChunk]] = {}
        self.reads = 0
        self.largest_read = 0

    def add(self, job: str, data: bytes, stream: str = "stdout", *, at: float = NOW) -> None:
        chunks = self.chunks.setdefault(job, [])
        end = chunks[-1].offset + len(chunks[-1].data) if chunks else 0
        chunks.append(LogChunk(job, stream, at, data, end))

    def _kept(self, job: str, skip: str) -> list[LogChunk]:
        return [chunk for chunk in self.chunks.get(job, []) if chunk.stream != skip]

    def size(self, job: str, skip: str = "") -> int:
        kept = self._kept(job, skip)
        return kept[-1].offset + len(kept[-1].data) if kept else 0

    def read(
        self, job: str, offset: int, length: int, skip: str = "", *, joined: bool = False
    ) -> Sequence[LogChunk]:
        del joined
        self.reads += 1
        self.largest_read = max(self.largest_read, length)
        found = []
        for chunk in self._kept(job, skip):
            past = max(0, offset - chunk.offset)
            data = chunk.data[past : past + max(0, length)]
            if data:
                found.append(LogChunk(job, chunk.stream, chunk.at, data, chunk.offset + past))
                length -= len(data)
        return found

    def back(self, job: str, offset: int, length: int, skip: str = "") -> int:
        for chunk in reversed(self._kept(job, skip)):
            here = min(len(chunk.data), offset - chunk.offset)
            if here >= length:
                return chunk.offset + here - length
            length -= max(0, here)
        return 0

    def arrived(self, job: str, at: float) -> int:
        later = (chunk.offset for chunk in self.chunks.get(job, []) if chunk.at >= at)
        return next(later, self.size(job))

    def path(self, job: str, stream: str) -> Path:
        return Path(f"{job}.{stream}")


class ScriptedFleet:
    """A `contracts.Fleet`."""

    def __init__(self) -> None:
        self.state = FleetState()
        self.calls: list[tuple[object, ...]] = []
        self.logs: dict[RunId, ScriptedLog] = {}
        self.now = NOW
        self.refuses_pins = False
        self._changed = asyncio.Event()

    def emit(self, *events: Event) -> None:
        for event in events:
            self.state = reduce(self.state, event)
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> FleetState:
        await self._changed.wait()
        return self.state

    # ---- short hands of the script

    def add_demo(self) -> None:
        self.emit(
            HostAdded(host=DEMO, at=NOW, entry=HostEntry(name=DEMO, images=(("agent", "ubuntu-lts-agent"),))),
            LinkChanged(host=DEMO, at=NOW, health=Health.READY, version="1.16.2"),
            ImagesListed(
                host=DEMO,
                at=NOW,
                images=(
                    ImageInfo("24.04", ("noble", "lts"), "Ubuntu 24.04 LTS"),
                    ImageInfo("22.04", ("jammy",), "Ubuntu 22.04 LTS"),
                ),
            ),
        )

    def begin(self, spec: RunSpec = SPEC, *phases: Phase) -> RunId:
        run = RunId(f"r{len(self.state.runs) + 1:07d}")
        self.emit(RunSubmitted(run=run, at=self.now, vm=VmName(f"df-{spec.name or 'run'}-{run}"), spec=spec))
        for phase in phases:
            self.enter(run, phase)
        return run

    def leave_over(self, spec: RunSpec = SPEC, phase: Phase = Phase.WORKING, *, for_s: float = 840) -> RunId:
        """A run of an earlier process, which its host ends in `for_s`."""
        run = RunId(f"r{len(self.state.runs) + 1:07d}")
        vm = VmName(f"df-{spec.name or 'run'}-{run}")
        self.emit(
            RunRecovered(run=run, at=self.now, vm=vm, spec=spec, submitted_at=self.now - 300),
            PhaseEntered(run=run, at=self.now, phase=phase),
            RunOrphaned(run=run, at=self.now, ends_at=self.now + for_s),
        )
        return run

    def link(self, host: HostName, health: Health, heard_at: float | None = None) -> None:
        self.emit(LinkChanged(host=host, at=self.now, health=health, heard_at=heard_at))

    def enter(self, run: RunId, phase: Phase) -> None:
        self.emit(PhaseEntered(run=run, at=self.now, phase=phase))

    def say(self, run: RunId, text: str) -> None:
        self.emit(Narrated(run=run, at=self.now, text=text))

    def boot(self, run: RunId) -> None:
        self.emit(VmObserved(run=run, at=self.now, state="Running", ipv4=("10.7.0.4",)))

    def end(self, run: RunId, outcome: Outcome) -> None:
        self.emit(WorkEnded(run=run, at=self.now, outcome=outcome))

    def ran(self, *lines: str, status: int | None = 0, took_s: float = 0.2, is_routine: bool = False) -> None:
        """Commands of the demo host, each ended now."""
        for line in lines:
            command = HostCommand(
                at=self.now,
                argv=tuple(shlex.split(line)),
                took_s=took_s,
                status=status,
                is_routine=is_routine,
            )
            self.emit(CommandRan(host=DEMO, at=self.now, command=command))

    def bring(self, run: RunId, *results: Result) -> None:
        self.emit(ResultsChanged(run=run, at=self.now, results=results))

    def ask(self, question: Question) -> None:
        self.emit(QuestionAsked(host=DEMO, at=self.now, question=question))

    # ---- contracts.Fleet

    def submit(self, spec: RunSpec) -> RunId:
        if spec.host not in self.state.hosts:
            raise UsageError(f"no host called {spec.host}")
        self.calls.append(("submit", spec))
        return self.begin(spec)

    def cancel(self, run: RunId) -> None:
        self.calls.append(("cancel", run))
        self.enter(run, Phase.DELETING)

    def pin(self, run: RunId, *, for_s: int | None = None) -> None:
        self.calls.append(("pin", run, for_s))
        pin = Pin.REFUSED if self.refuses_pins else Pin.ON
        reason = "deletion had begun" * self.refuses_pins
        until = None if for_s is None else self.now + for_s
        self.emit(PinChanged(run=run, at=self.now, pin=pin, reason=reason, until=until))

    def unpin(self, run: RunId) -> None:
        self.calls.append(("unpin", run))
        self.emit(PinChanged(run=run, at=self.now, pin=Pin.OFF))

    def add_host(self, entry: HostEntry) -> None:
        self.calls.append(("add_host", entry))
        self.emit(HostAdded(host=entry.name, at=self.now, entry=entry))

    def reconnect(self, host: HostName) -> None:
        self.calls.append(("reconnect", host))

    def refresh_images(self, host: HostName) -> None:
        self.calls.append(("refresh_images", host))

    def answer(self, question_id: str, reply: str | None) -> None:
        self.calls.append(("answer", question_id, reply))
        self.emit(QuestionClosed(host=DEMO, at=self.now, question_id=question_id))

    def log(self, run: RunId) -> ScriptedLog:
        return self.logs.setdefault(run, ScriptedLog())

    def shell_command(self, run: RunId) -> str:
        return f"ssh -t demo multipass shell {self.state.runs[run].vm}"

    def fate(self, spec: RunSpec) -> str:
        if spec.pin is PinPolicy.ALWAYS:
            return f"If this client vanishes, the VM stays on {spec.host}."
        when = f"{spec.grace_s} s after it last heard from us"
        return f"If this client vanishes, {spec.host} deletes the VM {when}."

    def adopt(self, run: RunId) -> None:
        self.calls.append(("adopt", run))
        self.emit(RunAdopted(run=run, at=self.now))

    def disown(self, run: RunId) -> None:
        self.calls.append(("disown", run))
        ends_at = self.state.runs[run].ends_at
        self.emit(RunLeft(run=run, at=self.now, ends_at=ends_at))

    def leave(self, *, finish: bool = False) -> None:
        self.calls.append(("leave", finish))
        for run in self.state.unfinished:
            if run.is_pinned:
                self.enter(run.id, Phase.KEPT)
            elif not finish:
                self.enter(run.id, Phase.DELETING)
            elif run.phase is Phase.WORKING:
                self.let_go(run.id)

    def let_go(self, run: RunId) -> None:
        finish_s = self.state.runs[run].spec.finish_s
        self.emit(RunLeft(run=run, at=self.now, ends_at=self.now + finish_s))

    def called(self, name: str) -> list[tuple[object, ...]]:
        return [call[1:] for call in self.calls if call[0] == name]


class ScriptedShelf:
    """A `contracts.ProfileShelf` in memory."""

    def __init__(self) -> None:
        self.profiles = {"hello": SPEC}
        self.saved: list[tuple[str, RunSpec]] = []

    def names(self) -> Sequence[str]:
        return sorted(self.profiles)

    def load(self, name: str) -> RunSpec:
        return self.profiles[name]

    def pages(self) -> Sequence[ProfilePage]:
        return [self.page(name) for name in self.names()]

    def page(self, name: str) -> ProfilePage:
        path = Path(f"/shelf/{name}.toml")
        return ProfilePage(
            name=name, source=ProfileSource.YOURS, path=path, text=f"# {name}\n", spec=self.profiles[name]
        )

    def save(self, spec: RunSpec, name: str, *, like: Path | None = None) -> Path:  # noqa: ARG002
        if " " in name:
            raise UsageError(f"{name!r} is no name for a profile")
        self.saved.append((name, spec))
        return Path(f"{name}.toml")

    def validate_field(self, key: str, text: str) -> str | None:
        if key in ("image", "command", "host") and not text.strip():
            return "missing"
        if key == "host" and " " in text:
            return f"{text!r} has a space"
        try:
            if text and key in ("memory", "disk"):
                parse_size(text)
            if text and key in ("timeout", "grace", "boot_timeout", "pin_for") and text != "finish":
                parse_duration(text)
            if text and key == "cpus":
                int(text)
        except ValueError as error:
            return str(error)
        return None

    def resolve_form(self, fields: Mapping[str, str], base: RunSpec | None = None) -> RunSpec:
        faults = [f"{key}: {fault}" for key in fields if (fault := self.validate_field(key, fields[key]))]
        if faults:
            raise ProfileError(tuple(faults))
        return replace(
            base or BLANK,
            image=fields["image"],
            command=fields["command"],
            host=HostName(fields["host"]),
            name=fields.get("name", ""),
            cpus=int(fields["cpus"] or "1"),
            memory=parse_size(fields["memory"] or "1G"),
            disk=parse_size(fields["disk"] or "5G"),
            workdir=fields["workdir"],
            sudo=fields["sudo"] == "true",
            timeout_s=parse_duration(fields["timeout"]) if fields["timeout"] else None,
            grace_s=parse_duration("15m" if fields["grace"] in ("", "finish") else fields["grace"]),
            finish=fields["grace"] == "finish",
            pin=PinPolicy(fields["pin"]),
            pin_for_s=parse_duration(fields["pin_for"]) if fields["pin_for"] else None,
        )


def parse_host(text: str) -> HostEntry:
    if not text or " " in text:
        raise UsageError(f"{text!r} is not a host", hint="write user@server")
    user, _, address = text.rpartition("@")
    return HostEntry(name=HostName(text), address=address, user=user)
