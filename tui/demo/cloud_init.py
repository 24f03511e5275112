"""cloud-init in a guest: what it does at a first boot, its log, and what it says of itself, as 25.1 says it.

Its answers lie rendered in a folder, so that a guest's `cloud-init status` needs nothing but to read them:
`tabular`, `long`, `json`, `state` (running or done) and `status`, the exit status.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

USER_DATA = "user-data"
"""In the VM's folder; there where the VM was launched with some."""
LOG = "/var/log/cloud-init-output.log"
VERSION = "25.1.4-0ubuntu0~24.04.1"
RUNNING, DONE = "running", "done"
_SOURCE = "DataSourceNoCloud [seed=/dev/sr0]"
_STAGES = ("init-local", "init", "modules-config", "modules-final")
_SCRIPTS = "/var/lib/cloud/instance/scripts"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An entry of `write_files`."""

    path: str
    content: bytes
    mode: int = 0o644
    append: bool = False


@dataclass(slots=True, kw_only=True)
class Plan:
    """What is to be done at a first boot."""

    files: list[File] = field(default_factory=list)
    scripts: dict[str, str] = field(default_factory=dict)
    """`bootcmd` and `runcmd`, as text for sh."""
    faults: dict[str, str] = field(default_factory=dict)
    """By module: what is wrong with its part of the user data."""
    warnings: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Keys that a real cloud-init would act on, and this one does not."""


class Hands(Protocol):
    """What it works with in its guest."""

    def write(self, file: File) -> None:
        """Put a file into its place. Raises OSError."""

    def run(self, name: str, script: str) -> int:
        """Run a script, its output into the log; its exit status."""

    def log(self, text: str) -> None:
        """Append to its log."""


class Status:
    """What it says of itself, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._began = time.time()
        self.errors: list[str] = []
        self.warnings: list[str] = []

    @property
    def is_known(self) -> bool:
        """Whether it ran, or runs, in this guest."""
        return (self._folder / "state").exists()

    def save(self, state: str) -> None:
        """Render it; `state` is RUNNING or DONE."""
        facts = self._facts(state)
        code = 1 if self.errors else 2 if self.warnings else 0
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, text in (
            ("tabular", f"status: {facts['status']}\n"),
            ("long", _long(facts)),
            ("json", json.dumps(facts, indent=2, sort_keys=True) + "\n"),
            ("status", f"{code}\n"),
            ("state", f"{state}\n"),
        ):
            (self._folder / f"{name}.new").write_text(text)
            os.replace(self._folder / f"{name}.new", self._folder / name)

    def _facts(self, state: str) -> dict[str, Any]:
        status, extended = state, state
        if self.errors:
            status, extended = "error", f"error - {state}"
        elif self.warnings:
            extended = f"degraded {state}"
        recoverable = {"WARNING": self.warnings} if self.warnings else {}
        stages: dict[str, Any] = {
            stage: {
                "errors": self.errors if stage == "modules-final" else [],
                "finished": None if state == RUNNING and stage == "modules-final" else time.time(),
                "recoverable_errors": recoverable if stage == "modules-final" else {},
                "start": self._began,
            }
            for stage in _STAGES
        }
        return {
            "boot_status_code": "enabled-by-generator",
            "datasource": "nocloud",
            "detail": _SOURCE,
            "errors": self.errors,
            "extended_status": extended,
            "last_update": time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime()),
            "recoverable_errors": recoverable,
            "stage": "modules-final" if state == RUNNING else None,
            "status": status,
            **stages,
        }


def _long(facts: dict[str, Any]) -> str:
    errors = "".join(f"\n\t- {each}" for each in facts["errors"]) or " []"
    recoverable = "".join(
        f"\n{level}:" + "".join(f"\n\t- {each}" for each in told)
        for level, told in facts["recoverable_errors"].items()
    )
    return (
        f"status: {facts['status']}\nextended_status: {facts['extended_status']}\n"
        f"boot_status_code: {facts['boot_status_code']}\nlast_update: {facts['last_update']}\n"
        f"detail: {facts['detail']}\nerrors:{errors}\nrecoverable_errors:{recoverable or ' {}'}\n"
    )


def carry_out(plan: Plan, hands: Hands, status: Status) -> None:
    """Do what the user data asks for, as a first boot does: a failure is told, and the rest goes on."""
    for stage in ("init-local", "init", "modules:config", "modules:final"):
        hands.log(f"Cloud-init v. {VERSION} running '{stage}' at {_now()}.\n")
        match stage:
            case "init-local":
                for warning in plan.warnings:
                    _warn(hands, status, "util.py", warning)
                for module, fault in plan.faults.items():
                    _fail(hands, status, module, fault)
            case "init":
                _prepare(plan, hands, status)
            case "modules:final":
                _finish(plan, hands, status)
    if plan.left_out:
        hands.log(f"(A demo guest: {', '.join(plan.left_out)} was not acted on.)\n")
    hands.log(f"Cloud-init v. {VERSION} finished at {_now()}. Datasource {_SOURCE}.\n")


def _prepare(plan: Plan, hands: Hands, status: Status) -> None:
    if script := plan.scripts.get("bootcmd"):
        code = hands.run("bootcmd", script)
        if code:
            _fail(hands, status, "bootcmd", f"RuntimeError('bootcmd ended with status {code}')")
    for file in plan.files:
        try:
            hands.write(file)
        except OSError as error:
            _fail(hands, status, "write_files", f"OSError({str(error)!r})")
            return


def _finish(plan: Plan, hands: Hands, status: Status) -> None:
    script = plan.scripts.get("runcmd")
    if not script:
        return
    code = hands.run("runcmd", script)
    if code:
        _warn(hands, status, "subp.py", f"Failed running {_SCRIPTS}/runcmd [{code}]", counts=False)
        _warn(
            hands, status, "cc_scripts_user.py", f"Failed to run module scripts_user (scripts in {_SCRIPTS})"
        )
        told = "RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands')"
        _fail(hands, status, "scripts_user", told)


def _fail(hands: Hands, status: Status, module: str, error: str) -> None:
    status.errors.append(f"('{module}', {error})")
    place = f"/usr/lib/python3/dist-packages/cloudinit/config/cc_{module}.py"
    _warn(
        hands,
        status,
        "log_util.py",
        f"Running module {module} (<module 'cloudinit.config.cc_{module}' from '{place}'>) failed",
    )


def _warn(hands: Hands, status: Status, source: str, text: str, *, counts: bool = True) -> None:
    hands.log(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())},000 - {source}[WARNING]: {text}\n")
    if counts:
        status.warnings.append(text)


def _now() -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())


# ---- the command of that name


COMMAND = f"""\
answers=${{0%/*}}/../share/cloud-init form=tabular long='' wait=''
case $1 in --version|-v) echo "/usr/bin/cloud-init {VERSION}"; exit;; status) ;; *) exit 0;; esac
while shift && [ $# -gt 0 ]; do
  case $1 in
  --long|-l) long=long;;
  --wait|-w) wait=1;;
  --format) form=$2; shift;;
  --format=*) form=${{1#*=}};;
  esac
done
while [ "$wait" ] && [ "$(cat "$answers/state")" = {RUNNING} ]; do sleep 0.2; done
case $form in tabular) cat "$answers/${{long:-tabular}}";; *) cat "$answers/json";; esac
exit "$(cat "$answers/status")"
"""


def wanted(argv: Sequence[str]) -> str:
    """Which answer a `cloud-init status` is to give."""
    if any(word.partition("=")[2] in ("json", "yaml") or word in ("json", "yaml") for word in argv):
        return "json"
    return "long" if {"--long", "-l"} & set(argv) else "tabular"


def awaits(argv: Sequence[str]) -> bool:
    """Whether it is to wait for the end."""
    return bool({"--wait", "-w"} & set(argv))
