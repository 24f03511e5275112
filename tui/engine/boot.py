"""cloud-init in the VM: its log while it works, and what it says of itself in the end.

A VM manager that waits for cloud-init waits for its end alone: that a module or a command of the user data
failed, only cloud-init itself says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tui.model.lease import Argv
from tui.model.text import clean_line, decode_clean

LOG_TAIL, STATUS_TAIL = 256 * 1024, 64 * 1024
"""Bytes of what the job wrote that are looked at."""
_ABSENT = 127
_DEGRADED = 2
_MOST = 8
_LONGEST = 200

_SCRIPT = """\
log=/var/log/cloud-init-output.log
command -v cloud-init >/dev/null 2>&1 || { echo 'this VM has no cloud-init' >&2; exit 127; }
is_over() {
  if cd /run/cloud-init 2>/dev/null; then [ -e result.json ] || [ -e disabled ]; return; fi
  case $(cloud-init status 2>/dev/null) in *running*|*'not started'*|*'not run'*) return 1;; esac
}
until [ -r "$log" ] || is_over; do sleep 1; done
if [ -r "$log" ]; then
  exec 3<"$log"
  until is_over; do cat <&3; sleep 1; done
  cat <&3
else
  sudo -n cat "$log"
fi
told=$(cloud-init status --format json 2>/dev/null); status=$?
case $told in
'{'*) ;;
*) told=$(cloud-init status --long 2>&1); status=$?;;
esac
printf '%s\\n' "$told" >&2
exit $status
"""

# ('scripts_user', RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands'))
_PAIR = re.compile(r"\(['\"]([\w-]{1,64})['\"],\s*\w{1,64}\(['\"](.{0,400}?)['\"],?\)\)")
_MODULE = re.compile(r"Failed to run module ([\w-]{1,64})|Running module ([\w-]{1,64}) .{0,300}? failed")
_SCRIPT_FAILED = re.compile(r"Failed running (\S{1,200}) \[(-?\d{1,4})\]")
_GRAVE = ("ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How cloud-init went."""

    is_there: bool = True
    failures: tuple[str, ...] = ()
    """Each module or command that failed, and what it said; as text for people."""
    warnings: tuple[str, ...] = ()


def boot_argv() -> Argv:
    """In the VM: shows the log, and ends with cloud-init and its status; its last words on stderr."""
    return ("sh", "-c", _SCRIPT, "dayfly-boot")


def verdict(status: int, told: bytes, log: bytes) -> Verdict:
    """From the job's exit status, its stderr, and the end of its stdout; all of it is hostile."""
    if status == _ABSENT:
        return Verdict(is_there=False)
    said = decode_clean(told[-STATUS_TAIL:])
    facts = _facts(said)
    grave, light = _errors_in(said), list[str]()
    if facts is not None:
        grave = _texts(facts.get("errors"))
        for level, texts in _levels(facts.get("recoverable_errors")):
            (grave if level in _GRAVE or any(map(_MODULE.search, texts)) else light).extend(texts)
    failures = _named([*grave, *_errors_in(decode_clean(log[-LOG_TAIL:]))])
    if not failures and status not in (0, _DEGRADED):
        failures = [f"its status is {_status_in(said, facts) or status}"]
    return Verdict(failures=tuple(failures[:_MOST]), warnings=tuple(map(_short, light[:_MOST])))


def _facts(said: str) -> dict[str, Any] | None:
    try:
        facts = json.loads(said)
    except (ValueError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _levels(value: object) -> Iterator[tuple[str, list[str]]]:
    if isinstance(value, dict):
        for level, texts in value.items():
            yield str(level), _texts(texts)


def _errors_in(text: str) -> list[str]:
    """The lines that tell of a failure."""
    wanted = (_PAIR, _MODULE, _SCRIPT_FAILED)
    return [line for line in text.splitlines() if any(pattern.search(line[:2000]) for pattern in wanted)]


def _named(lines: Iterable[str]) -> list[str]:
    """Each failure once: its module, with what it said where that is known."""
    modules, others = dict[str, str](), list[str]()
    for line in lines:
        text = line[:2000]
        if pair := _PAIR.search(text):
            name = pair[1].replace("-", "_")
            modules[name] = modules.get(name) or pair[2]
        elif module := _MODULE.search(text):
            modules.setdefault((module[1] or module[2]).replace("-", "_"), "")
        elif script := _SCRIPT_FAILED.search(text):
            others.append(f"{script[1].rpartition('/')[2]} ended with status {script[2]}")
        else:
            others.append(text)
    named = [f"{name}: {text}" if text else name for name, text in modules.items()]
    return [_short(text) for text in dict.fromkeys((*named, *others))]


def _status_in(said: str, facts: dict[str, Any] | None) -> str:
    if facts is not None:
        return _short(str(facts.get("status", "")))
    found = re.search(r"^status: (.{1,60})$", said, re.MULTILINE)
    return _short(found[1]) if found else ""


def _short(text: str) -> str:
    line = " ".join(clean_line(text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
