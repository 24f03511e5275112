"""The engine: runs, links and the janitor, for as long as its scope is open.

    async with supervise(...) as fleet:
        await app.run_async()

The scope encloses the front end. When the front end ends, in whatever way, what is not pinned is cancelled
and seen absent before the scope closes, or until the patience is over: then the host does it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tui.contracts import Ask, HostOpener, LogReader
from tui.engine import narrate
from tui.engine.hooks import Hooks
from tui.engine.inside import VmInside
from tui.engine.janitor import Janitor
from tui.engine.ledger import Ledger, LedgerRow
from tui.engine.link import QUESTION_LIMIT_S, HostLink
from tui.engine.logs import RunLogReader
from tui.engine.outages import Outages
from tui.engine.questions import Questions
from tui.engine.recorder import Recorder
from tui.engine.run import Run
from tui.engine.sampler import Sampling
from tui.engine.store import Store
from tui.model.errors import DayflyError, UsageError
from tui.model.events import (
    Event,
    HostAdded,
    LinkChanged,
    Narrated,
    RunRecovered,
    RunSubmitted,
    UsePeaked,
    VmsListed,
    WorkEnded,
)
from tui.model.hosts import HostEntry
from tui.model.lease import Identity, LeaseReport
from tui.model.names import new_run_id, vm_name
from tui.model.settings import Notify
from tui.model.spec import HostName, PinPolicy, RunId, RunSpec
from tui.model.state import FleetState


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often, and how long; seconds."""

    beat_s: float = 2.0
    poll_s: float = 5.0
    sample_s: float = 5.0
    """How often VMs say what they use."""
    ask_s: float = QUESTION_LIMIT_S
    """How long a VM manager may take to list its VMs before it counts as silent."""
    leave_s: float = 600.0
    """How long to wait for the last cleanup when the front end has ended."""


@asynccontextmanager
async def supervise(
    ledger: Ledger,
    open_host: HostOpener,
    hosts: Mapping[HostName, HostEntry],
    identity: Identity,
    *,
    ask: Ask | None = None,
    pace: Pace = Pace(),
    notify: Notify = Notify(),  # noqa: B008 - frozen
) -> AsyncIterator[Supervisor]:
    """Run an engine. `ask` answers the hosts' questions in place of the front end."""
    async with asyncio.TaskGroup() as lasting:
        supervisor = Supervisor(
            ledger, open_host, hosts, identity, lasting, ask=ask, pace=pace, notify=notify
        )
        janitor = lasting.create_task(supervisor.janitor.serve(), name="janitor")
        sampling = lasting.create_task(supervisor.sampling.serve(), name="sampling")
        try:
            async with asyncio.TaskGroup() as runs:
                supervisor.begin(runs)
                try:
                    yield supervisor
                finally:
                    await supervisor.wind_up()
        finally:
            janitor.cancel()
            sampling.cancel()
            await supervisor.close()


class Supervisor:
    """A `contracts.Fleet`. Made by `supervise`."""

    def __init__(
        self,
        ledger: Ledger,
        open_host: HostOpener,
        hosts: Mapping[HostName, HostEntry],
        identity: Identity,
        lasting: asyncio.TaskGroup,
        *,
        ask: Ask | None,
        pace: Pace,
        notify: Notify,
    ) -> None:
        self.store = Store()
        self.hooks = Hooks(self.store, notify, lasting)
        self.janitor = Janitor(ledger, self.store)
        self.sampling = Sampling(self.store, self.link, every_s=pace.sample_s)
        self._ledger = ledger
        self._open_host = open_host
        self._entries = dict(hosts)
        self._identity = identity
        self._pace = pace
        self._recorder = Recorder(self.store)
        self._questions = Questions(self.store)
        Outages(self.store)
        self._ask = ask or self._questions.ask
        self._lasting = lasting
        self._link_tasks: list[asyncio.Task[None]] = []
        self._links: dict[HostName, HostLink] = {}
        self._runs: dict[RunId, Run] = {}
        self._insides: dict[RunId, VmInside] = {}
        self._run_group: asyncio.TaskGroup | None = None
        self._run_tasks: set[asyncio.Task[None]] = set()
        self._is_leaving = False
        self._abandoned = asyncio.Event()
        self.store.listen(self._show_runs_their_vms)

    @property
    def state(self) -> FleetState:
        """As it is now."""
        return self.store.state

    async def changed(self) -> FleetState:
        """Wait for the next change."""
        await self.store.changes.wait()
        return self.store.state

    # ---- runs

    def submit(self, spec: RunSpec) -> RunId:
        """Begin a run; returns at once. Raises UsageError for an unknown host."""
        run_id = new_run_id()
        run = self._make_run(run_id, spec)
        run.lock.take()
        self.store.apply(RunSubmitted(run=run_id, at=time.time(), vm=run.vm, spec=spec))
        self._start(run.carry_out(), run.vm)
        if spec.pin is PinPolicy.ALWAYS:
            self.pin(run_id, for_s=spec.pin_for_s)
        return run_id

    def recover(self, row: LedgerRow) -> bool:
        """Take up a run whose process died or left; False: a live process has it."""
        if row.run in self._runs:
            return True
        self.know(row.entry)
        run = self._make_run(row.run, row.spec)
        if not run.lock.take():
            del self._runs[row.run]
            return False
        at = time.time()
        self.store.apply(
            RunRecovered(run=row.run, at=at, vm=row.vm, spec=row.spec, submitted_at=row.submitted_at)
        )
        if row.outcome is not None:
            self.hooks.pass_over(row.run)
            self.store.apply(WorkEnded(run=row.run, at=at, outcome=row.outcome))
        if row.peak is not None:
            self.store.apply(UsePeaked(run=row.run, at=at, peak=row.peak))
        self._start(self._narrating(run, run.take_up(row)), f"take up {run.vm}")
        return True

    def adopt(self, run: RunId) -> None:
        """Take over an orphan, or a run that was left."""
        self._runs[run].adopt()

    def disown(self, run: RunId) -> None:
        """Leave an orphan to its host."""
        self._runs[run].disown()

    def cancel(self, run: RunId) -> None:
        """Stop the workload and delete the VM, pinned or not."""
        self._runs[run].cancel()

    def pin(self, run: RunId, *, for_s: int | None = None) -> None:
        """Keep the VM, for so long or until unpinned."""
        self._start(self._narrating(self._runs[run], self._runs[run].set_pin(True, for_s)), f"pin {run}")

    def unpin(self, run: RunId) -> None:
        """Let it go."""
        self._start(self._narrating(self._runs[run], self._runs[run].set_pin(False)), f"unpin {run}")

    def log(self, run: RunId) -> LogReader:
        """The run's log files."""
        return RunLogReader(self._ledger.run_folder(run))

    def inside(self, run: RunId) -> VmInside:
        """The inside of its VM."""
        if run not in self._insides:
            of = self._runs[run]
            self._insides[run] = VmInside(
                *(run, of.vm, of.spec, of.link), folder=of.folder, store=self.store, start=self._start
            )
        return self._insides[run]

    def shell_command(self, run: RunId) -> str:
        """How a person reaches the VM."""
        state = self.state.runs[run]
        link = self.link(state.host)
        return narrate.way_in(link.entry, link.driver.shell_command(state.vm))

    def fate(self, spec: RunSpec) -> str:
        """What happens to such a run if this client vanishes."""
        return narrate.fate(spec)

    # ---- hosts

    def link(self, host: HostName) -> HostLink:
        """The link to a host, made when it is first needed. Raises UsageError for an unknown host."""
        if host not in self._links:
            entry = self._entries.get(host)
            if entry is None:
                known = ", ".join(sorted(self._entries)) or "none"
                raise UsageError(f"no host is called {host!r}", hint=f"hosts known here: {known}")
            parts = self._open_host(entry, self._ask)
            pace = self._pace
            link = HostLink(parts, self.store, beat_s=pace.beat_s, poll_s=pace.poll_s, ask_s=pace.ask_s)
            self._links[host] = link
            self.show_host(host)
            for loop in (link.serve, link.watch, link.measure):
                self._link_tasks.append(self._lasting.create_task(loop(), name=f"{loop.__name__} {host}"))
        return self._links[host]

    def show_host(self, host: HostName) -> None:
        """Have a known host in the state before anything connects to it. Idempotent."""
        if host not in self.state.hosts:
            self.store.apply(HostAdded(host=host, at=time.time(), entry=self._entries[host]))

    def entries(self, only: str | None = None) -> dict[HostName, HostEntry]:
        """The hosts that are known here, or the one of that name."""
        return {name: entry for name, entry in self._entries.items() if only in (None, name)}

    def know(self, entry: HostEntry) -> HostLink:
        """The link to a host that may not be in the config any more."""
        self._entries.setdefault(entry.name, entry)
        return self.link(entry.name)

    def add_host(self, entry: HostEntry) -> None:
        """Make a host known and connect to it."""
        self._entries[entry.name] = entry
        self.link(entry.name)

    def reconnect(self, host: HostName) -> None:
        """Try again now."""
        self.link(host).reconnect()

    def refresh_images(self, host: HostName) -> None:
        """Ask the host what it can launch."""
        self._start(self._list_images(self.link(host)), f"images of {host}")

    def answer(self, question_id: str, reply: str | None) -> None:
        """Answer a question; None: no."""
        self._questions.answer(question_id, reply)

    async def sweep(self, host: HostName) -> tuple[LeaseReport, ...]:
        """All leases on a host, whoever's. Raises HostError and WardenError kinds."""
        link = self.link(host)
        await link.first_contact()
        return await link.say(link.warden.sweep, patience_s=60)

    # ---- leaving

    def leave(self, *, finish: bool = False) -> None:
        """Cancel what is not pinned, or leave it to its host to `finish`. Idempotent."""
        self._leave_each(lambda _: finish)

    def hang_up(self) -> None:
        """The person is gone: leave to finish what its spec lets finish, cancel the rest. Idempotent.

        Whoever was leaving before goes on as he said.
        """
        if not self._is_leaving:
            self._leave_each(lambda run: run.spec.finish)

    def _leave_each(self, may_finish: Callable[[Run], bool]) -> None:
        self._is_leaving = True
        for run in self._runs.values():
            if not run.state.phase.is_over:
                run.leave(finish=may_finish(run))

    def abandon(self) -> None:
        """Wait for no cleanup any more: the hosts do the rest."""
        self._abandoned.set()
        self.store.changes.fire()

    def begin(self, runs: asyncio.TaskGroup) -> None:
        """Runs are born in this group."""
        self._run_group = runs

    async def wind_up(self) -> None:
        """Leave, and wait until every VM is gone or kept, the patience is over, or somebody abandons."""
        for inside in self._insides.values():
            inside.end_shells()
        if not self._is_leaving:
            self.leave()
        try:
            async with asyncio.timeout(self._pace.leave_s) as patience:
                while self.state.unfinished and not self._abandoned.is_set():
                    if any(run.is_collecting for run in self.state.unfinished):  # has a limit of its own
                        patience.reschedule(asyncio.get_running_loop().time() + self._pace.leave_s)
                    await self.store.changes.wait()
        except TimeoutError:
            self._abandoned.set()
        for task in self._run_tasks:
            task.cancel()

    async def close(self) -> None:
        """Let go of everything; bounded to a few seconds, and ten more where a hook takes its time."""
        await self.hooks.finish()
        for task in self._link_tasks:
            task.cancel()
        for link in self._links.values():
            await link.close()
        for run in self._runs.values():
            run.logs.close()
            run.lock.release()

    # ---- its own

    def _make_run(self, run_id: RunId, spec: RunSpec) -> Run:
        run = Run(
            run_id,
            vm_name(spec.name, run_id),
            spec,
            self.link(spec.host),
            ledger=self._ledger,
            store=self.store,
            janitor=self.janitor,
            identity=self._identity,
            ask=self._ask,
        )
        self._runs[run_id] = run
        self._recorder.follow(run_id, run.folder, run.logs, run.lock)
        return run

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        assert self._run_group is not None  # supervise has begun us
        task = self._run_group.create_task(work, name=name)
        self._run_tasks.add(task)
        task.add_done_callback(self._run_tasks.discard)

    async def _narrating(self, run: Run, work: Awaitable[None]) -> None:
        """Do it; what the host refuses becomes a sentence of the run's narration."""
        try:
            await work
        except DayflyError as error:
            self.store.apply(Narrated(run=run.id, at=time.time(), text=error.message))

    async def _list_images(self, link: HostLink) -> None:
        try:
            await link.list_images()
        except DayflyError as error:
            host = self.state.hosts[link.name]
            self.store.apply(
                LinkChanged(
                    host=link.name,
                    at=time.time(),
                    health=host.health,
                    detail=error.message,
                    hint=error.hint,
                    heard_at=host.lost_since,
                )
            )

    def _show_runs_their_vms(self, event: Event) -> None:
        if not isinstance(event, VmsListed):
            return
        for run in list(self._runs.values()):
            if run.link.name == event.host and run.observe(event.vms):
                self._start(self._narrating(run, run.settle()), f"settle {run.vm}")
