"""The limit of requests a second, held by all workers together: a browser may meet any of them.

The buckets stand in memory that the workers share, one for each remainder of a keyed hash of the source. Two sources
that meet in one bucket share it, which is stricter, never laxer; the key is new with each start.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
from pathlib import Path
from threading import Lock

from sekisho.web.doors import Rate

_BUCKET = struct.Struct("<dq")
_KEY_OCTETS = 16


class SharedRate(Rate):
    """A `Rate` over a file that all workers map."""

    def __init__(self, file: Path, a_second: float, burst: float, most: int = 4096) -> None:
        super().__init__(a_second, burst, most)
        self._file = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        self._map = mmap.mmap(self._file, _KEY_OCTETS + most * _BUCKET.size)
        self._key = bytes(self._map[:_KEY_OCTETS])
        self._guard = Lock()

    @staticmethod
    def make(file: Path, most: int = 4096) -> None:
        """Make the file, before the workers begin."""
        file.write_bytes(os.urandom(_KEY_OCTETS) + bytes(most * _BUCKET.size))

    def allows(self, source: str, now: int) -> bool:
        """Take one from the bucket of a source at a moment in milliseconds; False when it is empty."""
        digest = hashlib.blake2b(source.encode(), key=self._key, digest_size=8).digest()
        place = _KEY_OCTETS + int.from_bytes(digest) % self._most * _BUCKET.size
        # The system frees the lock of a worker that dies; within one process threads need one of their own.
        with self._guard:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                left, at = _BUCKET.unpack_from(self._map, place)
                left = (
                    self._burst if not at else min(self._burst, left + max(0, now - at) / 1000 * self._rate)
                )
                _BUCKET.pack_into(self._map, place, left - 1 if left >= 1 else left, now)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)
        return left >= 1
