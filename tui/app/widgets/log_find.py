"""Finding lines in a log that may be endless, window by window, from whichever thread one likes.

A window's bytes are searched as a whole; only lines in which something was found are looked at one by one,
as they would be shown. So colours, spinners and interrupted lines hide nothing, and speed is that of
`bytes.find`.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from tui.app.widgets.log_ansi import styled
from tui.app.widgets.log_rows import ROW_MAX, begins_line, first_cut
from tui.contracts import LogChunk, LogReader
from tui.model.errors import UsageError

WINDOW = 1024 * 1024
_PAD = 2 * ROW_MAX
_SAMPLE = 4096
_FOLDED = 64 * 1024
"""So many bytes are made lower case at once: more would cost fresh memory each time."""
_OVERLAP = 1024
"""What lies across the pieces of a long line is found if it is not longer."""
_STYLES = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-JL-~]")
_ACTS = re.compile(rb"[\x1b\x08]|\r(?!\n)|\xc2[\x80-\x9f]")
"""Once styles are gone: what has a line look other than its bytes say."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is looked for: a text, or a regular expression; no capital in it means that case is ignored."""

    text: str
    regex: re.Pattern[str]
    needle: bytes = b""
    """The text as bytes, where it can be looked for among them."""
    ignores_case: bool = False
    is_inverse: bool = False
    """Lines without it are meant."""

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where it is in a line as it is shown."""
        return [found.span() for found in self.regex.finditer(text) if found.end() > found.start()]

    def is_in(self, text: str) -> bool:
        """Whether a line as it is shown has it."""
        return self.regex.search(text) is not None


def parse_pattern(typed: str, *, may_invert: bool = False) -> Pattern:
    """`text`, `/regex/`, and where it may be, `!` before either. Raises UsageError."""
    is_inverse = may_invert and typed.startswith("!")
    text = typed[1:] if is_inverse else typed
    is_regex = len(text) > 2 and text.startswith("/") and text.endswith("/")
    words = text[1:-1] if is_regex else text
    letters = re.sub(r"\\.", "", words) if is_regex else words
    ignores_case = letters == letters.lower()
    try:
        # Many lines are searched at once: ^ and $ are the ends of each.
        flags = re.MULTILINE | (re.IGNORECASE if ignores_case else 0)
        regex = re.compile(words if is_regex else re.escape(words), flags)
    except re.error as error:
        raise UsageError(f"no regular expression: {error}") from error
    needle = b"" if is_regex or (ignores_case and not words.isascii()) else words.encode("utf-8", "replace")
    return Pattern(text, regex, needle, ignores_case, is_inverse)


@dataclass(frozen=True, slots=True)
class Found:
    """The hits of one window: offsets of rows."""

    offsets: list[int]
    end: int
    """Where the next window begins."""
    resume: int
    """Where to begin again when the log has grown: the last line may not have been whole."""


def find_in(reader: LogReader, job: str, skip: str, pattern: Pattern, start: int, end: int) -> Found:
    """The rows with `pattern` that begin from `start` to about `end`; blocks, so not for the event loop."""
    lead = reader.back(job, start, _PAD, skip)
    chunks = reader.read(job, lead, end - start + 2 * _PAD, skip, joined=True)
    size = reader.size(job, skip)
    reach = chunks[-1].offset + len(chunks[-1].data) if chunks else size
    is_last = reach >= size
    limit = reach if is_last else max(end, reach - _PAD)
    offsets, resume = [], limit
    for stream in {chunk.stream for chunk in chunks}:
        own = [chunk for chunk in chunks if chunk.stream == stream]
        is_cut = 0 < lead == own[0].offset or (lead > 0 and not begins_line(reader, job, own[0]))
        joined = _Joined(own, is_headless=is_cut)
        offsets += [hit for hit in joined.hits(pattern) if start <= hit < limit]
        resume = min(resume, joined.unfinished) if is_last else resume
    return Found(sorted(offsets), limit, max(start, resume) if is_last else limit)


class _Joined:
    """The bytes of one stream in a window."""

    def __init__(self, chunks: list[LogChunk], *, is_headless: bool) -> None:
        self._data = b"".join(chunk.data for chunk in chunks)
        self._is_headless = is_headless
        self._starts, self._offsets, length = [], [], 0
        for chunk in chunks:
            self._starts.append(length)
            self._offsets.append(chunk.offset)
            length += len(chunk.data)

    def _offset(self, position: int) -> int:
        index = bisect_left(self._starts, position + 1) - 1
        return self._offsets[index] + position - self._starts[index]

    @property
    def unfinished(self) -> int:
        """Offset of the line that has no end yet, or of the end."""
        return self._offset(self._data.rfind(b"\n") + 1)

    def hits(self, pattern: Pattern) -> Iterator[int]:
        """Offsets of the rows that are meant."""
        data = self._data
        for start, end in _lines_to_look_at(data, pattern):
            if start == 0 and self._is_headless and end - start < _PAD:
                continue  # the rest of a line that is another window's
            for first, last, offset in self._pieces(start, end):
                if self._has(first, last, end, pattern) is not pattern.is_inverse:
                    yield offset

    def _has(self, first: int, last: int, end: int, pattern: Pattern) -> bool:
        """Whether it begins in this piece of the line that goes on to `end`."""
        text = styled(self._data[first:last]).text
        if last == end or pattern.is_in(text):
            return pattern.is_in(text)
        longer = styled(self._data[first : min(end, last + _OVERLAP)]).text
        return any(start < len(text) for start, _ in pattern.spans(longer))

    def _pieces(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """A line as the rows in which it is shown: from where to where here, and the offset."""
        offset = self._offset(start)
        cut = first_cut(offset)
        if start == 0 and self._is_headless:
            cut = -(-offset // ROW_MAX) * ROW_MAX
        while end - start > ROW_MAX and start + cut - offset < end:
            yield start, start + cut - offset, offset
            start, offset = start + cut - offset, cut
            cut = offset + ROW_MAX
        yield start, end, offset


def _lines_to_look_at(data: bytes, pattern: Pattern) -> Iterator[tuple[int, int]]:
    """Where the lines begin and end that may be meant; no line that is meant is left out."""
    if not pattern.is_inverse:
        # A blank may come from a tab; any other character that is shown is there.
        if _lacks_a_byte(data, pattern.needle.replace(b" ", b""), ignores_case=pattern.ignores_case):
            return
        bare = _STYLES.sub(b"", data) if b"\x1b" in data else data
        if not _acts(bare):
            yield from _of_calm_lines(data, bare, pattern)
            return
    yield from _line_by_line(data, pattern)


def _acts(bare: bytes) -> bool:
    """Whether any line may look other than its bytes say; one byte is found fastest."""
    return any(byte in bare for byte in (b"\x1b", b"\x08", b"\r", b"\xc2")) and bool(_ACTS.search(bare))


def _of_calm_lines(data: bytes, bare: bytes, pattern: Pattern) -> Iterator[tuple[int, int]]:
    """The lines to be looked at where all look as `bare`, which is `data` without its styles."""
    is_in_place = bare is data
    if pattern.needle and not (b" " in pattern.needle and b"\t" in bare):
        found = ((at, at) for at in _positions(bare, pattern))
    else:
        text = bare.decode("utf-8", "replace")
        if not text.isascii() or "\t" in text or "\r" in text:
            text, is_in_place = text.replace("\r\n", "\n").expandtabs(8), False
        found = (hit.span() for hit in pattern.regex.finditer(text))
    if is_in_place:
        yield from _around(data, found)
    elif next(found, None):
        yield from _line_by_line(data, pattern)


def _lacks_a_byte(data: bytes, needle: bytes, *, ignores_case: bool) -> bool:
    """Whether a byte of the needle, one that is rare here, is nowhere: one byte is found fastest."""
    sample = data[:_SAMPLE].lower() if ignores_case else data[:_SAMPLE]
    for byte in {needle[at : at + 1] for at in range(len(needle))}:
        if byte not in sample:
            other = byte.upper() if ignores_case else byte
            return byte not in data and (other == byte or other not in data)
    return False


def _positions(data: bytes, pattern: Pattern) -> Iterator[int]:
    """Where the needle is, once a line at least."""
    needle = pattern.needle
    if not pattern.ignores_case:
        yield from _in_lines(data, needle)
        return
    for start in range(0, len(data), _FOLDED):
        part = data[start : start + _FOLDED + len(needle) - 1].lower()
        yield from (start + at for at in _in_lines(part, needle))


def _in_lines(hay: bytes, needle: bytes) -> Iterator[int]:
    at = hay.find(needle)
    while at >= 0:
        yield at
        newline = hay.find(b"\n", at)
        at = hay.find(needle, newline + 1) if newline >= 0 else -1


def _around(data: bytes, found: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The lines that these stretches touch, each once: what goes over a newline may hide a hit beyond it."""
    at = 0
    for first, last in found:
        at = max(at, data.rfind(b"\n", 0, first) + 1)
        while at <= last and at < len(data):
            newline = data.find(b"\n", at)
            end = len(data) if newline < 0 else newline
            yield at, end
            at = end + 1


def _line_by_line(data: bytes, pattern: Pattern) -> Iterator[tuple[int, int]]:
    start = 0
    for line in data.split(b"\n"):
        end = start + len(line)
        if (pattern.is_inverse or _may_have(line, pattern)) and (line or end < len(data)):
            yield start, end
        start = end + 1


def _may_have(line: bytes, pattern: Pattern) -> bool:
    needle = pattern.needle
    bare = (_STYLES.sub(b"", line) if b"\x1b" in line else line).rstrip(b"\r")
    if (bare.lower() if pattern.ignores_case else bare).find(needle) >= 0:
        return True
    return (b" " in needle and b"\t" in bare) or _ACTS.search(bare) is not None


class Hits:
    """Offsets of all rows that are meant, found window by window; at most `most` of them are kept."""

    def __init__(self, reader: LogReader, job: str, skip: str, pattern: Pattern, most: int) -> None:
        self.pattern = pattern
        self.scanned = 0
        """Up to here the log was searched."""
        self.skip = skip
        self._reader, self._job, self._most = reader, job, most
        self._offsets = array("Q")
        self._resume = 0

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, index: int) -> int:
        return self._offsets[index]

    @property
    def is_full(self) -> bool:
        """There may be more than are kept."""
        return len(self._offsets) >= self._most

    @property
    def is_behind(self) -> bool:
        """There is more of the log to be searched."""
        return not self.is_full and self.scanned < self._reader.size(self._job, self.skip)

    @property
    def share(self) -> float:
        """How much of the log was searched, from 0 to 1."""
        size = self._reader.size(self._job, self.skip)
        return min(1.0, self.scanned / size) if size else 1.0

    def index(self, offset: int) -> int:
        """How many lie before `offset`."""
        return bisect_left(self._offsets, offset)

    def step(self) -> None:
        """Search one window more; blocks for some milliseconds."""
        start = self._resume
        found = find_in(self._reader, self._job, self.skip, self.pattern, start, start + WINDOW)
        del self._offsets[self.index(start) :]
        self._offsets.extend(found.offsets[: self._most - len(self._offsets)])
        self._resume, self.scanned = found.resume, max(found.end, start)


@dataclass(frozen=True, slots=True)
class Place:
    """One log to be searched."""

    section: int
    reader: LogReader
    job: str
    skip: str

    @property
    def size(self) -> int:
        """Where it ends."""
        return self.reader.size(self.job, self.skip)


@dataclass(frozen=True, slots=True)
class Step:
    """How far a search from hit to hit is."""

    searched: int
    """Bytes, about."""
    section: int = -1
    offset: int = -1
    """The row that was found; -1: none yet."""
    wrapped: bool = False
    """It began again from the other end."""


def search(places: list[Place], pattern: Pattern, origin: tuple[int, int], *, down: bool) -> Iterator[Step]:
    """Look for the next row from `origin` (section, offset), once around; a step is a window."""
    searched = 0
    for place, start, end, wrapped in _stretches(places, origin, down=down):
        for hits in _windows(place, pattern, start, end, down=down):
            searched += WINDOW
            inside = [hit for hit in hits if start <= hit < end]
            if inside:
                yield Step(searched, place.section, inside[0] if down else inside[-1], wrapped)
                return
            yield Step(searched)


def _stretches(
    places: list[Place], origin: tuple[int, int], *, down: bool
) -> Iterator[tuple[Place, int, int, bool]]:
    """What is to be searched, in order: from the origin on, then from the other end up to it and with it."""
    section, offset = origin
    order = places if down else places[::-1]
    ahead = [place for place in order if (place.section > section if down else place.section < section)]
    behind = [place for place in order if (place.section < section if down else place.section > section)]
    here = [place for place in order if place.section == section]
    after = [(place, offset + 1, place.size) for place in here]
    before = [(place, 0, offset) for place in here]
    near, far = (after, before) if down else (before, after)
    for place, start, end in near:
        yield place, start, end, False
    for place in ahead:
        yield place, 0, place.size, False
    for place in behind:
        yield place, 0, place.size, True
    for place, start, end in far:
        yield place, start, end, True
    for place in here:
        yield place, offset, offset + 1, True


def _windows(place: Place, pattern: Pattern, start: int, end: int, *, down: bool) -> Iterator[list[int]]:
    at = start if down else end
    while (at < end) if down else (at > start):
        first = at if down else max(start, place.reader.back(place.job, at, WINDOW, place.skip))
        last = min(end, at + WINDOW) if down else at
        found = find_in(place.reader, place.job, place.skip, pattern, first, last)
        yield found.offsets
        at = max(found.end, last) if down else first
