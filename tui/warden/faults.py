"""What the exit statuses of the script's raw verbs mean."""

from __future__ import annotations

from tui.model.errors import LeaseClosing, NoSuchLease, NotOurs, Unguarded, WardenError
from tui.model.text import clean_bytes

_FOLLOW_FAULTS: dict[int, tuple[type[WardenError], str]] = {
    65: (NoSuchLease, "The host knows no such lease."),
    66: (WardenError, "The host knows no such job."),
    67: (WardenError, "The job's first bytes were fetched before and are gone from the host."),
    68: (NotOurs, "The lease belongs to another client."),
    69: (WardenError, "The host kept what the job wrote for as long as it promised; it is gone."),
}
_PUT_AGAIN = (0, 67, 137)
"""All was taken; it had another size; another writer came, or the lease winds down: ask for the size."""
_PUT_FAULTS: dict[int, tuple[type[WardenError], str]] = {
    65: (NoSuchLease, "The host knows no such lease."),
    68: (NotOurs, "The lease belongs to another client."),
    69: (LeaseClosing, "The host refused: the lease is closing."),
}


def check_follow(status: int) -> None:
    """Raises WardenError kinds where there is nothing to follow, and never will be."""
    if status in _FOLLOW_FAULTS:
        fault, text = _FOLLOW_FAULTS[status]
        raise fault(text)


def check_put(status: int, said: bytes) -> None:
    """Raises LeaseClosing and WardenError kinds where it is of no use to go on sending."""
    if status in _PUT_FAULTS:
        fault, text = _PUT_FAULTS[status]
        raise fault(text)
    if status not in _PUT_AGAIN:
        raise Unguarded("The host cannot keep what is sent to it.", hint=last_line(said))


def last_line(stderr: bytes) -> str:
    """The end of what it said; safe to show."""
    lines = clean_bytes(stderr[-500:]).strip()
    return lines or "nothing"
