"""TCP connections that the demo host makes for its clients: to its VMs, and to nothing else of this machine.

A sandboxed guest has no network: each that runs is given a small page on port 8080. A guest on the real shell
has this machine's: of that, only those ports are its own on which its own processes listen.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from html import escape
from pathlib import Path

import asyncssh

from tui.demo import kin
from tui.demo.guest import Guests
from tui.demo.world import VmState, World

WEB_PORT = 8080
_REQUEST_LIMIT = 64 * 1024
_LISTENING = "0A"
_PAGE = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>
<h1>{name}</h1>
<p>A VM of dayfly's demo host, at {ipv4}. It is a sandbox: this page is all that it serves.</p></html>
"""


def connection_to(
    world: Path, guests: Guests, address: str, port: int
) -> asyncssh.SSHTCPSession[bytes] | int:
    """Who answers there: a session, or a port of this machine. Raises ChannelOpenError."""
    vm = next((vm for vm in World.load(world).vms.values() if vm.ipv4 == address), None)
    if vm is None:
        raise asyncssh.ChannelOpenError(
            asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "the demo host reaches its VMs, and nothing else"
        )
    if vm.shown_state is not VmState.RUNNING:
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "No route to host")
    if guests is Guests.BASHKIT and port == WEB_PORT:
        return _Page(vm.name, address)
    if guests is Guests.SHELL and port in _listens_at(vm.pid):
        return port
    raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "Connection refused")


def _listens_at(pid: int) -> set[int]:
    """The ports on which a process or its descendants listen. Linux only: elsewhere none."""
    sockets = {socket for each in (pid, *kin.descendants(pid)) for socket in _sockets(each)}
    return {port for inode, port in _listening() if inode in sockets}


def _sockets(pid: int) -> set[str]:
    try:
        links = [os.readlink(entry) for entry in os.scandir(f"/proc/{pid}/fd")]
    except OSError:
        return set()
    return {link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:[")}


def _listening() -> Iterable[tuple[str, int]]:
    """The inode and the port of each socket that takes connections."""
    for table in ("tcp", "tcp6"):
        try:
            rows = Path("/proc/net", table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == _LISTENING:
                yield fields[9], int(fields[1].rpartition(":")[2], 16)


class _Page(asyncssh.SSHTCPSession[bytes]):
    """Answers one request with the same page, whatever it asks for."""

    def __init__(self, name: str, ipv4: str) -> None:
        self._page = _PAGE.format(name=escape(name), ipv4=escape(ipv4)).encode()
        self._asked = bytearray()

    def connection_made(self, chan: asyncssh.SSHTCPChannel[bytes]) -> None:
        self._channel = chan

    def data_received(self, data: bytes, _datatype: int | None) -> None:
        self._asked += data
        if b"\r\n\r\n" in self._asked or len(self._asked) > _REQUEST_LIMIT:
            head = (
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
                f"Content-Length: {len(self._page)}\r\nConnection: close\r\n\r\n"
            )
            self._channel.write(head.encode() + self._page)
            self._channel.close()

    def eof_received(self) -> bool:
        return False
