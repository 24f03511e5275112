"""How many lines there are, counted a slice at a time."""

from __future__ import annotations

from tui.contracts import LogReader

_SLICE = 2 * 1024 * 1024


class LineCount:
    """Lines of a log from an offset on, without the stream `skip`."""

    def __init__(self, reader: LogReader, job: str, start: int, skip: str = "") -> None:
        self.lines = 0
        self.is_whole = False
        """Whether everything was counted when it was last advanced."""
        self._reader, self._job, self._skip, self._at = reader, job, skip, start

    def advance(self) -> bool:
        """Count at most one slice more: 1 ms. Whether there is more to count."""
        if self._at < self._reader.size(self._job, self._skip):
            for chunk in self._reader.read(self._job, self._at, _SLICE, self._skip, joined=True):
                self.lines += chunk.data.count(b"\n")
                self._at = chunk.offset + len(chunk.data)
        self.is_whole = self._at >= self._reader.size(self._job, self._skip)
        return not self.is_whole
