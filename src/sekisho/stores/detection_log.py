"""Detections as they were found: one JSON line each, append-only, under the label of their stage.

The same detection found again (a look at an hour that is not over yet) has the same id; the last one counts. Pseudonyms
only: nothing in it names a subscriber.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.model.detection import Detection
from sekisho.model.purpose import Label, Purpose, Receipt
from sekisho.stores.durable import add_lines, replace
from sekisho.stores.ledger import REFUSALS
from sekisho.stores.purpose_gate import refuse


class Logged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line: a detection, when it was found (milliseconds) and under which label it is kept."""

    at: int
    label: Label
    detection: Detection


class Torn(msgspec.Struct, frozen=True):
    """A line that is no detection: its number from 1, and the time of the newest whole line before it (0: none)."""

    line: int
    after: int


class Read(msgspec.Struct, frozen=True):
    """What a reading gave: each detection once, as it was found last; the ids of those past their time; torn lines."""

    logged: tuple[Logged, ...] = ()
    past: frozenset[str] = frozenset()
    torn: tuple[Torn, ...] = ()


class DetectionLog:
    """The log in one file; several processes may add to it. Refusals are logged beside it."""

    def __init__(self, file: Path) -> None:
        """Name the file; it is made with the first detection."""
        self.file = file
        self._refusals = file.parent / REFUSALS

    def add(self, detections: Sequence[Detection], label: Label, at: int) -> None:
        """Add detections; they are on the disk when this returns.

        :raises StoreError: the disk is full or refuses; what was there stays good
        """
        lines = b"".join(msgspec.json.encode(Logged(at, label, one)) + b"\n" for one in detections)
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._locked() as out:
                add_lines(out, lines)
        except OSError as error:
            raise self._refused(error) from error

    def found(self, purpose: Purpose, now: int, who: str = "") -> Iterator[Logged]:
        """Yield each detection that has not expired once, as it was found last; `read` says what was torn.

        :raises PurposeError: the label of one of them doesn't allow ``purpose``; the refusal is logged
        """
        yield from self.read(purpose, now, who).logged

    def read(self, purpose: Purpose, now: int, who: str = "") -> Read:
        """Return the detections, and what of the log is no longer one.

        :raises PurposeError: the label of one of them doesn't allow ``purpose``; the refusal is logged
        :raises StoreError: the log can't be read
        """
        last: dict[str, Logged] = {}
        past: set[str] = set()
        torn: list[Torn] = []
        for one in self._lines():
            if isinstance(one, _Bad):
                torn.append(Torn(one.number, one.after))
                continue
            if one.label.expires <= now:
                past.add(one.detection.id)
                continue
            if not one.label.allows(purpose, now):
                refuse(self._refusals, "detections", purpose, "purpose", now, one.label, who)
            last[one.detection.id] = one
        return Read(tuple(last.values()), frozenset(past - set(last)), tuple(torn))

    def held(self, subscriber: int) -> tuple[Logged, ...]:
        """Return what is kept of one line, expired or not, without its evidence: to count, not to use.

        :raises StoreError: the log can't be read
        """
        last = {one.detection.id: one for one in self._whole() if one.detection.subscriber == subscriber}
        return tuple(
            msgspec.structs.replace(one, detection=msgspec.structs.replace(one.detection, evidence=()))
            for one in last.values()
        )

    def due(self, now: int) -> tuple[Receipt, ...]:
        """Return what `expire` would delete. :raises StoreError: the log can't be read."""
        _, past, torn = self._sorted(now)
        return _receipts(past, torn, now)

    def expire(self, now: int) -> tuple[Receipt, ...]:
        """Delete what is past its expiry, and what a later line has replaced; return a receipt when anything was.

        :raises StoreError: the disk refuses; nothing is deleted then
        """
        if not self.file.exists():
            return ()
        try:
            return self._expire(now)
        except OSError as error:
            raise self._refused(error) from error

    def _expire(self, now: int) -> tuple[Receipt, ...]:
        with self._locked():
            kept, past, torn = self._sorted(now)
            if past or torn:
                replace(self.file, b"".join(line + b"\n" for line in kept))
        return _receipts(past, torn, now)

    def _sorted(self, now: int) -> tuple[list[bytes], list[int], list[int]]:
        """Return the lines to keep, and the octets of each line to delete: past its time, and torn.

        A torn line has no label that could be read. It goes with what was written behind it; at the end of the log with
        what is before it.
        """
        kept: dict[str, bytes] = {}
        past: list[int] = []
        torn: list[int] = []
        waiting: list[_Bad] = []
        keeps = True  # nothing is known of a log that is torn from its beginning
        for one in self._lines():
            if isinstance(one, _Bad):
                waiting.append(one)
                continue
            keeps = one.label.expires > now
            torn += _laid(waiting, kept, keeps=keeps)
            line = msgspec.json.encode(one)
            if keeps:
                kept.pop(one.detection.id, None)  # in the order of writing: readers go on from a time
                kept[one.detection.id] = line
            else:
                past.append(len(line) + 1)
        torn += _laid(waiting, kept, keeps=keeps)
        return list(kept.values()), past, torn

    def _whole(self) -> Iterator[Logged]:
        yield from (one for one in self._lines() if isinstance(one, Logged))

    def _lines(self) -> Iterator[Logged | _Bad]:
        try:
            content = self.file.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(
                Text(ja="検出の記録を読めない", en="the detections can't be read"),
                f"{self.file}: {error.strerror}",
            ) from error
        after = 0
        for number, line in enumerate(content.split(b"\n"), 1):
            if not line:
                continue
            try:
                one = msgspec.json.decode(line, type=Logged)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                yield _Bad(number, after, line)
            else:
                after = max(after, one.at)
                yield one

    def _locked(self) -> _Locked:
        return _Locked(self.file)

    def _refused(self, error: OSError) -> StoreError:
        return StoreError(
            Text(ja="検出を書けない", en="detections can't be written"), f"{self.file}: {error.strerror}"
        )


class _Bad(NamedTuple):
    number: int
    after: int
    octets: bytes


def _laid(waiting: list[_Bad], kept: dict[str, bytes], *, keeps: bool) -> list[int]:
    """Lay torn lines among those that are kept, or return their octets; ``waiting`` is empty then."""
    gone = []
    for one in waiting:
        if keeps:
            kept[f"torn {one.number}"] = one.octets
        else:
            gone.append(len(one.octets) + 1)
    waiting.clear()
    return gone


def _receipts(past: Sequence[int], torn: Sequence[int], now: int) -> tuple[Receipt, ...]:
    every = (
        Receipt("detections", len(past), sum(past), "label", now),
        Receipt("detections", len(torn), sum(torn), "label-unreadable", now),
    )
    return tuple(one for one in every if one.rows)


class _Locked:
    """The file open for reading and writing, and nobody else's until closed.

    Expiry replaces the file, so who waited for the lock looks whether it still holds the file of that name.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._held = -1

    def __enter__(self) -> int:
        while True:
            self._held = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._held, fcntl.LOCK_EX)
            try:
                if os.fstat(self._held).st_ino == self._file.stat().st_ino:
                    return self._held
            except FileNotFoundError:
                pass
            os.close(self._held)

    def __exit__(self, *_: object) -> None:
        os.close(self._held)
