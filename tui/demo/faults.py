"""What can be made to go wrong, by name.

Orders, one line each, given with `control(world, "...")` or to `multipass` on the demo host as
`multipass @control ...`:

    hang VERB [SECONDS [TIMES]]     the next calls say nothing for so long (default: until cleared)
    slow VERB SECONDS [TIMES]       they answer right, but late
    garbage VERB [TIMES]            they print nonsense and exit 0
    fail VERB [STATUS [TIMES]]      they fail, default 2
    drop VERB [TIMES]               the daemon closes the connection on them
    forget VERB [TIMES]             they say that all went well, and nothing was done
    wedge SECONDS                   the whole daemon answers nobody for so long
    reboot NAME, poweroff NAME      somebody does it inside the VM
    crash NAME                      the VM dies under everybody's hands
    delete NAME                     somebody deletes the VM by hand
    term, kill                      the daemon gets that signal; it is started again as systemd would
    clear                           no fault any more

Seconds are real ones, whatever the speed. A verb is one of `multipass`; `exec`, `shell` and `transfer`
ask the daemon for the VM's address first, which is where they are hit.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FOR_EVER_S = 86400.0


class Kind(StrEnum):
    """What happens to a call."""

    HANG = "hang"
    SLOW = "slow"
    GARBAGE = "garbage"
    FAIL = "fail"
    DROP = "drop"
    FORGET = "forget"


@dataclass(slots=True)
class Fault:
    """One order for the next calls of a verb."""

    kind: Kind
    verb: str
    amount: float
    """Seconds, or the exit status."""
    times: int


_WITH_AMOUNT = {Kind.HANG: FOR_EVER_S, Kind.SLOW: 1.0, Kind.FAIL: 2.0}
_EVERY_TIME = 1_000_000


class Faults:
    """The orders that wait for their calls."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def order(self, words: list[str]) -> bool:
        """Take an order about calls; False: it is not one. Raises ValueError for a bad number."""
        if words == ["clear"]:
            self._waiting.clear()
            return True
        if len(words) < 2 or words[0] not in set(Kind):
            return False
        kind, rest = Kind(words[0]), words[2:]
        amount = float(rest.pop(0)) if kind in _WITH_AMOUNT and rest else _WITH_AMOUNT.get(kind, 0.0)
        times = int(rest.pop(0)) if rest else (_EVERY_TIME if amount == FOR_EVER_S else 1)
        self._waiting.append(Fault(kind, words[1], amount, times))
        return True

    def take(self, verb: str) -> Fault | None:
        """What this call shall meet."""
        for fault in self._waiting:
            if fault.verb == verb:
                fault.times -= 1
                if not fault.times:
                    self._waiting.remove(fault)
                return fault
        return None
