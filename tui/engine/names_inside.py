"""Which names of a tar may be used below a folder, and which place each of them gets there."""

from __future__ import annotations

import os
import unicodedata

Parts = tuple[bytes, ...]

_LONGEST_PART = 255
_LONGEST = 4096
_DEEPEST = 200


class NotInside(Exception):
    """This entry gets no place; the text says why."""


def split_name(name: bytes) -> Parts:
    """Its parts; none: the folder itself. Raises NotInside where it leads out or no disk takes it."""
    if name.startswith(b"/"):
        raise NotInside("an absolute name")
    if b"\0" in name:
        raise NotInside("a NUL in its name")
    parts = tuple(part for part in name.split(b"/") if part not in (b"", b"."))
    if b".." in parts:
        raise NotInside("its name leads out of the folder")
    if len(name) > _LONGEST or len(parts) > _DEEPEST or any(len(part) > _LONGEST_PART for part in parts):
        raise NotInside("its name is too long")
    return parts


def split_link(target: bytes, depth: int) -> bytes:
    """The target of a symbolic link at that depth, checked. Raises NotInside where it may lead out.

    It may climb only at its beginning, where the folders above are real: behind another link, `..` could be
    anywhere.
    """
    if target.startswith(b"/"):
        raise NotInside("a link to an absolute name")
    if not target or b"\0" in target or len(target) > _LONGEST:
        raise NotInside("a link to a name that is none")
    parts = [part for part in target.split(b"/") if part not in (b"", b".")]
    climbs = next((at for at, part in enumerate(parts) if part != b".."), len(parts))
    if climbs > depth or b".." in parts[climbs:]:
        raise NotInside("a link that may lead out of the folder")
    return target


class Names:
    """The places that are taken, folders too. Two names that a disk might take for one get two places."""

    def __init__(self, *, reserved: bytes) -> None:
        self._places: dict[Parts, Parts] = {(): ()}
        self._is_folder: dict[Parts, bool] = {(): True}
        self._taken: dict[str, int] = {_key((reserved,)): 1}

    def __len__(self) -> int:
        return len(self._taken)

    def next_tar(self) -> None:
        """Another tar comes into the same folder: its files get places of their own, folders are shared."""
        self._places = {name: place for name, place in self._places.items() if self._is_folder[name]}

    def place(self, name: Parts, *, is_folder: bool) -> Parts:
        """Where an entry goes; its folders get their places too. Raises NotInside."""
        for length in range(1, len(name)):
            self._take(name[:length], is_folder=True)
        return self._take(name, is_folder=is_folder)

    def known(self, name: Parts) -> Parts:
        """The place that a name got before. Raises NotInside."""
        if name not in self._places:
            raise NotInside("a link to something that is not here")
        return self._places[name]

    def _take(self, name: Parts, *, is_folder: bool) -> Parts:
        if name in self._places:
            if not is_folder:
                raise NotInside("the same name comes twice")
            if not self._is_folder[name]:
                raise NotInside("something that is no folder has the name of its folder")
            return self._places[name]
        place = self._free((*self._places[name[:-1]], name[-1]))
        self._places[name], self._is_folder[name] = place, is_folder
        return place

    def beside(self, place: Parts, suffix: bytes) -> Parts:
        """Another place, for what is left of a file that has that one."""
        return self._free((*place[:-1], place[-1][: _LONGEST_PART - 16] + suffix))

    def _free(self, place: Parts) -> Parts:
        """With ~2, ~3... at its end where another has it."""
        first, found = _key(place), place
        while _key(found) in self._taken:
            self._taken[first] += 1
            found = (*place[:-1], place[-1][: _LONGEST_PART - 8] + b"~%d" % self._taken[first])
        self._taken[_key(found)] = 1
        return found


def _key(place: Parts) -> str:
    """The same for names that some disks take for one."""
    text = os.fsdecode(b"/".join(place))
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
