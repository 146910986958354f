"""Which method has looked at which time: without that, "no detections" would say nothing.

One JSON line for each stretch of time that is over and was looked at as a whole; append-only, no subscriber in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.model.detection import Window

_HOUR = 3_600_000


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    method: str
    begin: int
    end: int


class LookLog:
    """The log in one file; several processes may add to it."""

    def __init__(self, file: Path) -> None:
        """Name the file; it is made with the first look."""
        self._file = file
        self._added: set[_Line] = set()

    def add(self, methods: Iterable[str], window: Window) -> None:
        """Note that each of ``methods`` has looked at the whole of ``window``.

        :raises StoreError: the disk refuses
        """
        new = {_Line(method, window.begin, window.end) for method in methods} - self._added
        if not new or window.begin >= window.end:
            return
        # A line break first: a killed writer's half line stays half and harms nobody.
        text = b"".join(b"\n" + msgspec.json.encode(one) + b"\n" for one in sorted(new, key=repr))
        try:
            with os.fdopen(os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as out:
                out.write(text)
        except OSError as error:
            raise StoreError(
                Text(ja="見た範囲を書けない", en="what was looked at can't be written"),
                f"{self._file}: {error.strerror}",
            ) from error
        self._added |= new

    def hours(self, methods: Iterable[str], window: Window) -> list[int]:
        """Return the beginnings of the hours in ``window`` that every one of ``methods`` has wholly looked at."""
        stretches = self._stretches()
        every = [_whole_hours(stretches.get(method, []), window) for method in dict.fromkeys(methods)]
        return sorted(set.intersection(*every)) if every else []

    def _stretches(self) -> dict[str, list[tuple[int, int]]]:
        found: dict[str, list[tuple[int, int]]] = {}
        for line in self._file.read_bytes().split(b"\n") if self._file.exists() else ():
            try:
                one = msgspec.json.decode(line, type=_Line)
            except msgspec.DecodeError:
                continue
            found.setdefault(one.method, []).append((one.begin, one.end))
        return found


def _whole_hours(stretches: list[tuple[int, int]], window: Window) -> set[int]:
    """Return the hours inside the union of ``stretches``."""
    hours: set[int] = set()
    low = high = 0
    for begin, end in [*sorted(stretches), (window.end, window.end)]:
        if begin <= high:
            high = max(high, end)
            continue
        hours.update(
            range(-(-max(low, window.begin) // _HOUR) * _HOUR, min(high, window.end) - _HOUR + 1, _HOUR)
        )
        low, high = begin, end
    return hours
