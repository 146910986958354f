"""A log that somebody is still writing: whole lines only; the half line at its end waits for the next run."""

from __future__ import annotations

from typing import BinaryIO

_READ = 4 << 20


class WholeLines:
    """A stream without what follows the last ``end`` (a newline, or the empty line between records).

    ``half`` holds the octets that were left when the stream has been read to its end.
    """

    def __init__(self, source: BinaryIO, end: bytes = b"\n") -> None:
        self._source = source
        self._end = end
        self._held = b""
        self.half = b""

    def read(self, size: int = _READ) -> bytes:
        """Return about ``size`` octets that end with a whole line; empty at the end of the stream."""
        while True:
            more = self._source.read(size)
            text = self._held + more
            if not more:
                self._held, self.half = b"", text
                return b""
            cut = text.rfind(self._end)
            # A line without an end can't fill the memory: what comes of it is somebody else's to reject.
            if cut < 0 and len(text) < 1 << 22:
                self._held = text
                continue
            cut = len(text) if cut < 0 else cut + len(self._end)
            self._held = text[cut:]
            return text[:cut]
