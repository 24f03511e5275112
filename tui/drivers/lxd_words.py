"""In what LXD and Incus differ, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One of the two, as people meet it."""

    name: str
    """In a host's entry."""
    title: str
    command: str
    """The client's name on the host."""
    oldest: tuple[int, int]
    group: str
    """Whose members may use it."""
    setup: str
    """Makes a first storage pool and network."""
    restart: str
    install: str
    update: str
    log: str
    """Shows what the daemon says."""
    image: str
    """An image of a remote, for an example."""


LXD = Tool(
    name="lxd",
    title="LXD",
    command="lxc",
    oldest=(5, 0),
    group="lxd",
    setup="lxd init --auto",
    restart="sudo snap restart lxd, or sudo systemctl restart lxd",
    install="sudo snap install lxd, or sudo apt install lxd",
    update="sudo snap refresh lxd",
    log="journalctl -u lxd -u snap.lxd.daemon",
    image="ubuntu:24.04",
)
INCUS = Tool(
    name="incus",
    title="Incus",
    command="incus",
    oldest=(6, 0),
    group="incus-admin",
    setup="incus admin init --auto",
    restart="sudo systemctl restart incus",
    install="sudo apt install incus",
    update="sudo apt install incus",
    log="journalctl -u incus",
    image="images:debian/12",
)
