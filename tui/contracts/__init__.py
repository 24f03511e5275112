"""Every seam between the layers, as a Protocol. Siblings meet here and in wiring.py, nowhere else.

Calls go down, facts come up: the app and the command line call `Fleet`; the engine calls `Warden`,
`Driver` and `HostOpener`; the warden calls `Host`, which knows bytes and no VM.
"""

from tui.contracts.driver import Ability, Driver, Version
from tui.contracts.fleet import Fleet, Inside, LogChunk, LogReader, ParseHost, Terminal
from tui.contracts.history import (
    Difference,
    DiffSection,
    DiskRoom,
    DiskUse,
    History,
    PastRun,
    Pruned,
    RunDiff,
    RunRecord,
    Wanted,
)
from tui.contracts.host import Ask, Channel, Completed, Host, OnBytes, TerminalSize
from tui.contracts.profiles import ProfilePage, ProfileShelf, ProfileSource, TextFault
from tui.contracts.warden import HostOpener, HostParts, LogSink, OnCommand, Upkeep, Warden

__all__ = [
    "Ability",
    "Ask",
    "Channel",
    "Completed",
    "DiffSection",
    "Difference",
    "DiskRoom",
    "DiskUse",
    "Driver",
    "Fleet",
    "History",
    "Host",
    "HostOpener",
    "HostParts",
    "Inside",
    "LogChunk",
    "LogReader",
    "LogSink",
    "OnBytes",
    "OnCommand",
    "ParseHost",
    "PastRun",
    "ProfilePage",
    "ProfileShelf",
    "ProfileSource",
    "Pruned",
    "RunDiff",
    "RunRecord",
    "Terminal",
    "TerminalSize",
    "TextFault",
    "Upkeep",
    "Version",
    "Wanted",
    "Warden",
]
