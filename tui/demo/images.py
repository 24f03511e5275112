"""What can be launched: the catalogue of `find`, files and URLs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from tui.demo.world import GIB, World

REMOTES = ("", "release", "daily", "appliance", "core", "snapcraft")
BLUEPRINT_VERSION = "0.1"


class Refused(Exception):
    """Multipass says no; the text goes to stderr after `VERB failed: `."""

    def __init__(self, text: str, *, log: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.log = log
        """A line of the daemon's log that the client prints before."""


@dataclass(frozen=True, slots=True)
class Image:
    """One line of the catalogue."""

    name: str
    aliases: tuple[str, ...]
    release: str
    version: str
    remote: str = ""
    local: bool = False
    """On this host already: no download."""

    @property
    def key(self) -> str:
        """As `find` lists it."""
        return f"{self.remote}:{self.name}" if self.remote else self.name


CATALOGUE = (
    Image("core", ("core16",), "Core 16", "20261123"),
    Image("core18", (), "Core 18", "20261123"),
    Image("core20", (), "Core 20", "20261123"),
    Image("core22", (), "Core 22", "20261123"),
    Image("core24", (), "Core 24", "20261123"),
    Image("22.04", ("jammy",), "22.04 LTS", "20260516"),
    Image("24.04", ("lts", "noble"), "24.04 LTS", "20260520"),
    Image("ubuntu-lts-agent", ("agent",), "24.04 LTS with agent", "20261101", local=True),
    Image("25.10", ("questing", "devel"), "25.10", "20260521", "daily"),
    Image("adguard-home", (), "AdGuard Home Appliance", "20200812", "appliance"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """What a launch starts from."""

    key: str
    shown: str
    """As `list` shows it."""
    release: str
    image_release: str
    download_s: float
    """0: nothing to download."""
    minimum_disk: int
    missing: str = ""
    """Only found out while it is fetched: why it can't be had."""


def find(term: str) -> list[Image]:
    """The lines that `find TERM` shows; of one asked for by name, without its aliases. Raises Refused."""
    if term.endswith(":"):
        remote = _remote(term[:-1])
        return [image for image in CATALOGUE if image.remote == ("" if remote == "release" else remote)]
    if not term:
        return list(CATALOGUE)
    remote, _, name = term.rpartition(":")
    image = _lookup(remote, name)
    return [Image(name, (), image.release, image.version, image.remote)] if image else []


def resolve(image: str, world: World) -> Source:
    """What `launch IMAGE` starts from. Raises Refused for an alias that is unknown."""
    if image.startswith("file:"):
        path = urlsplit(image).path
        missing = "" if os.path.exists(path) else f"Custom image `{path}` does not exist."
        return _custom(image, missing, 0.0)
    if image.startswith(("http:", "https:")):
        return _custom(image, "", _download_s(image) if image not in world.cached_images else 0.0)
    remote, _, name = image.rpartition(":")
    found = _lookup(remote, name or "lts")
    if found is None:
        raise Refused(f'Unable to find an image matching "{name}" in remote "{remote}".')
    cached = found.local or found.key in world.cached_images
    release = found.release
    return Source(
        found.key, f"Ubuntu {release}", f"Ubuntu {release}", release, 0.0 if cached else 2.0, int(2.5 * GIB)
    )


def fetch_error(url: str) -> Refused | None:
    """Why a URL can't be downloaded; nothing is ever really fetched, so its name decides."""
    if not urlsplit(url).path.rpartition("/")[2].startswith("no-such"):
        return None
    why = f"Error transferring {url} - server replied: File not found"
    return Refused(
        f"failed to download from '{url}': {why}",
        log=f"[url downloader] Cannot retrieve headers for {url}: {why}",
    )


def _custom(image: str, missing: str, download_s: float) -> Source:
    return Source(
        image, "Not Available", "Debian GNU/Linux 12 (bookworm)", "", download_s, 2306867200, missing
    )


def _download_s(url: str) -> float:
    return 25.0 if "/slow/" in url else 2.0


def _remote(name: str) -> str:
    if name not in REMOTES:
        raise Refused(
            f"Remote '{name}' is not found. Please use `multipass find` for supported remotes and images."
        )
    return name


def _lookup(remote: str, name: str) -> Image | None:
    remote = _remote(remote)
    wanted = "" if remote == "release" else remote
    for image in CATALOGUE:
        if image.remote == wanted and name in (image.name, *image.aliases):
            return image
    return None
