"""When a line arrived, as it is shown beside it and as a person asks for it."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from enum import StrEnum

from tui.model.errors import UsageError

HELP = "12:01:09 · -5m before the end · +90s after the start"
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
_AWAY = re.compile(r"([+-])\s*(\d+(?:\.\d+)?)\s*([smhd]?)")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DAY_S = 86400


class Times(StrEnum):
    """How the times of lines are shown."""

    OFF = "off"
    CLOCK = "by the clock"
    SINCE = "since the start"
    AGO = "ago"

    @property
    def next(self) -> Times:
        """What comes after it, round and round."""
        order = list(Times)
        return order[(order.index(self) + 1) % len(order)]


def stamp(times: Times, at: float, began: float, now: float) -> str:
    """The time of a line, eight cells wide; nothing where nobody knows it."""
    if not at:
        return " " * 8
    if times is Times.CLOCK:
        return time.strftime("%H:%M:%S", time.localtime(at))
    if times is Times.SINCE:
        return f"{'+' if at >= began else '-'}{_short(abs(at - began))}".rjust(8)
    return f"{_short(max(0.0, now - at))}".rjust(8)


def _short(seconds: float) -> str:
    """`00:12`, `1:02:03`, `2d 03h`."""
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60:02d}:{whole % 60:02d}"
    if whole < _DAY_S:
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{min(whole // _DAY_S, 999)}d {whole // 3600 % 24:02d}h"


def parse_time(typed: str, began: float, ended: float) -> float:
    """Epoch seconds of `12:01:09`, `-5m` or `+90s` in a log that spans this time. Raises UsageError."""
    if away := _AWAY.fullmatch(typed.strip()):
        seconds = float(away[2]) * _UNITS[away[3]]
        return began + seconds if away[1] == "+" else ended - seconds
    if clock := _CLOCK.fullmatch(typed.strip()):
        hour, minute, second = (int(part or 0) for part in clock.groups())
        if hour < 24 and minute < 60 and second < 60:
            return _on_the_day(began, ended, hour, minute, second)
    raise UsageError(f"{typed.strip()!r} is no time", hint=f"write {HELP}")


def _on_the_day(began: float, ended: float, hour: int, minute: int, second: int) -> float:
    """That hour on the last day of the log on which it was; the nearest one where it never was."""
    last = datetime.fromtimestamp(ended).replace(hour=hour, minute=minute, second=second, microsecond=0)  # noqa: DTZ006
    if last.timestamp() > ended and (before := last - timedelta(days=1)).timestamp() >= began - 1:
        return before.timestamp()
    return last.timestamp()
