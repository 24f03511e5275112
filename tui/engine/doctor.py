"""Whether a run can be guarded on a host: each thing that is needed, looked at or tried."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tui.contracts import HostParts
from tui.engine.ledger import Ledger, LedgerRow, RunLock
from tui.model.errors import DayflyError, ManagerMissing, ManagerRefused, Unguarded
from tui.model.hosts import DEMO, LOCAL
from tui.model.lease import Argv, LeasePhase, LeaseReport
from tui.model.spec import HostName
from tui.model.units import MIB, approximate_size
from tui.model.upkeep import HostFacts, SweepWay

LIMIT_S = 60.0
"""For each look; a host that is silent so long is a finding."""

_WATCH_S = 3.0
"""How long a process must outlive its login: what ends it does so at once."""
_LOOK_AGAIN_S = 0.5
_MANAGER_LIMIT_S = 20.0
_LITTLE_ROOM = 256 * MIB
_KEEP_PROCESSES = (
    "on the host: printf '[Login]\\nKillUserProcesses=no\\n'"
    " | sudo tee /etc/systemd/logind.conf.d/dayfly.conf && sudo systemctl restart systemd-logind"
)


class Verdict(StrEnum):
    """What a finding means for a run."""

    OK = "ok"
    WARN = "warn"
    """A run is guarded, but less than it could be."""
    FAIL = "fail"
    """No run can be guarded until this is mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    check: str
    verdict: Verdict
    text: str
    mend: str = ""
    """The command that mends it, or what to do."""


Findings = tuple[Finding, ...]


def has_failed(findings: Sequence[Finding]) -> bool:
    """Whether no run can be guarded."""
    return any(finding.verdict is Verdict.FAIL for finding in findings)


class Doctor:
    """Examines one host, over connections of its own. `open_parts` gives new ones each time."""

    def __init__(self, open_parts: Callable[[], HostParts], ledger: Ledger, client: str) -> None:
        self._parts = open_parts()
        self._login = open_parts()
        self._ledger = ledger
        self._client = client
        self._mark = ""

    @property
    def host(self) -> HostName:
        """Which host it is."""
        return self._parts.entry.name

    @property
    def _is_local(self) -> bool:
        return self.host == LOCAL

    async def examine(self) -> Findings:
        """Look at everything; a host that does not answer is a finding, too. Leaves no connection open."""
        try:
            first = await self._within("login", self._log_in())
            if has_failed(first):
                return first
            return first + await self._look_at_all()
        finally:
            await self._login.host.aclose()
            await self._parts.host.aclose()

    async def _look_at_all(self) -> Findings:
        async with asyncio.TaskGroup() as group:
            looks = [
                group.create_task(self._within(check, look))
                for check, look in (
                    ("host", self._look_at_host()),
                    ("logout", self._look_after_logout()),
                    ("manager", self._look_at_manager()),
                    ("leases", self._look_at_leases()),
                )
            ]
        return tuple(finding for look in looks for finding in look.result())

    async def _within(self, check: str, look: Awaitable[Findings]) -> Findings:
        try:
            async with asyncio.timeout(LIMIT_S):
                return await look
        except TimeoutError:
            text = f"{self.host} did not answer within {LIMIT_S:.0f} s."
            return (Finding(check=check, verdict=Verdict.FAIL, text=text),)
        except DayflyError as error:
            return (Finding(check=check, verdict=Verdict.FAIL, text=error.message, mend=error.hint),)

    # ---- a login, and what it leaves behind

    async def _log_in(self) -> Findings:
        """Log in, leave a process there, and drop the login whole, before there is another one."""
        parts = self._login
        await parts.host.connect()
        try:
            await parts.warden.install()
        except Unguarded as error:
            folder = parts.entry.state_dir or "~/.local/state/dayfly"
            mend = f"on the host: ls -ld {folder}; df -h {folder}; or name another state_dir in the config"
            text = f"{error.message} {error.hint}".strip()
            return (Finding(check="folder", verdict=Verdict.FAIL, text=text, mend=mend),)
        self._mark = await parts.upkeep.leave()
        parts.host.drop()
        text = f"{self.host} lets us in, and its sh runs our script."
        return (Finding(check="login", verdict=Verdict.OK, text=text),)

    async def _look_after_logout(self) -> Findings:
        """Look from another connection whether the process that the first one left is still there."""
        if not self._mark:
            return ()  # none could be told apart: that is a finding of its own
        loop = asyncio.get_running_loop()
        over = loop.time() + _WATCH_S
        while await self._parts.upkeep.lives(self._mark):
            if loop.time() > over:
                await self._parts.upkeep.dismiss(self._mark)
                text = (
                    f"A process that is left behind outlives its {'command' if self._is_local else 'login'}."
                )
                return (Finding(check="logout", verdict=Verdict.OK, text=text),)
            await asyncio.sleep(_LOOK_AGAIN_S)
        text = f"{self.host} ends what a login leaves behind: guards would die with their connection."
        return (Finding(check="logout", verdict=Verdict.FAIL, text=text, mend=_KEEP_PROCESSES),)

    # ---- the host itself

    async def _look_at_host(self) -> Findings:
        facts = await self._parts.upkeep.facts()
        found = (_of_folder(facts), _of_processes(facts), self._of_sweep(facts))
        if self._is_local and facts.kills and facts.user != "root":  # a logout cannot be tried here
            text = "A logout ends all processes of this account (KillUserProcesses): guards, too."
            return (*found, Finding(check="logind", verdict=Verdict.FAIL, text=text, mend=_KEEP_PROCESSES))
        return found

    def _of_sweep(self, facts: HostFacts) -> Finding:
        if facts.sweeps:
            text = f"{facts.sweep} wakes the guards after a reboot, and looks every 5 minutes."
            return Finding(check="sweep", verdict=Verdict.OK, text=text)
        if self.host == DEMO:
            text = "The demo host is no machine of its own: it needs no sweep."
            return Finding(check="sweep", verdict=Verdict.OK, text=text)
        text = "No sweep: rebooted, this host deletes what it owes only at the next contact of a dayfly."
        mend = f"dayfly hosts install-sweep {self.host}"
        if facts.sweep is not SweepWay.NONE:
            text = f"A sweep is installed, but {facts.sweep} does not run it."
        if facts.sweep is SweepWay.SYSTEMD and not facts.lingers:
            text = "The sweep runs only while somebody is logged in: not after a reboot."
            mend = f"on the host: sudo loginctl enable-linger {facts.user}"
        if facts.sweep is SweepWay.CRON:
            mend = "on the host: sudo systemctl enable --now cron (on some: crond)"
        return Finding(check="sweep", verdict=Verdict.WARN, text=text, mend=mend)

    # ---- the manager

    async def _look_at_manager(self) -> Findings:
        driver = self._parts.driver
        version = driver.parse_version(await self._ask(driver.version_argv()))
        vms = driver.parse_list(await self._ask(driver.list_argv()))
        text = f"{driver.name} {version.daemon or version.client} answers; VMs there: {len(vms)}."
        return (Finding(check="manager", verdict=Verdict.OK, text=text),)

    async def _ask(self, argv: Argv) -> bytes:
        done = await self._parts.warden.ask(argv, limit_s=_MANAGER_LIMIT_S)
        if done.status:
            sentence, hint = self._parts.driver.explain(done.stderr, done.status)
            raise (ManagerMissing if done.status == 127 else ManagerRefused)(f"{sentence}.", hint=hint)
        return done.stdout

    # ---- what is owed

    async def _look_at_leases(self) -> Findings:
        reports = await self._parts.warden.sweep()
        rows = await asyncio.to_thread(self._ledger.open_rows)
        left = [row for row in rows if row.entry.name == self.host and not self._is_carried(row)]
        owed = [row for row in left if row.pinned_at is None]
        text = _count_leases(reports, self._client)
        if not owed:
            return (Finding(check="leases", verdict=Verdict.OK, text=f"{text} Nothing is owed."),)
        text = f"{text} Of this client, {len(owed)} {_runs(len(owed))} left behind by a process that is gone."
        mend = f"dayfly reap --host {self.host}"
        return (Finding(check="leases", verdict=Verdict.WARN, text=text, mend=mend),)

    def _is_carried(self, row: LedgerRow) -> bool:
        """Whether a live process has the run."""
        return RunLock(self._ledger.run_folder(row.run)).is_taken()


def _of_folder(facts: HostFacts) -> Finding:
    room = f"{approximate_size(facts.free)} free" if facts.free is not None else "room unknown"
    if not facts.writable:
        text = f"Nothing can be written to {facts.folder} ({room})."
        mend = f"on the host: df -h {facts.folder}; make room, or name another state_dir in the config"
        return Finding(check="folder", verdict=Verdict.FAIL, text=text, mend=mend)
    if facts.free is not None and facts.free < _LITTLE_ROOM:
        text = f"{facts.folder} can be written, but there is little room: {room}."
        mend = f"on the host: du -sh {facts.folder}/*; df -h {facts.folder}"
        return Finding(check="folder", verdict=Verdict.WARN, text=text, mend=mend)
    return Finding(check="folder", verdict=Verdict.OK, text=f"{facts.folder} can be written; {room}.")


def _of_processes(facts: HostFacts) -> Finding:
    if facts.apart:
        text = f"Processes can be told apart, by {'/proc' if facts.apart == 'proc' else facts.apart}."
        return Finding(check="processes", verdict=Verdict.OK, text=text)
    text = "Processes cannot be told apart: no /proc, and no ps that says when they began."
    mend = "on the host: sudo mount -t proc proc /proc; or install ps (the package procps)"
    return Finding(check="processes", verdict=Verdict.FAIL, text=text, mend=mend)


def _count_leases(reports: Sequence[LeaseReport], client: str) -> str:
    there = [report for report in reports if report.phase is not LeasePhase.GONE]
    ours = [report for report in there if report.client == client]
    if not there:
        return "No lease is there."
    ending = sum(report.phase.is_ending for report in ours)
    pinned = sum(report.pinned for report in ours)
    return (
        f"Leases: {len(ours)} of this client ({ending} being paid, {pinned} pinned),"
        f" {len(there) - len(ours)} of others."
    )


def _runs(count: int) -> str:
    return "run was" if count == 1 else "runs were"
