"""Detections as they were found: one JSON line each, append-only, under the label of their stage.

The same detection found again (a look at an hour that is not over yet) has the same id; the last one counts. Pseudonyms
only: nothing in it names a subscriber.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

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
        """Yield each detection that has not expired once, as it was found last.

        :raises PurposeError: the label of one of them doesn't allow ``purpose``; the refusal is logged
        """
        last: dict[str, Logged] = {}
        for one in self._lines():
            if one.label.expires <= now:
                continue
            if not one.label.allows(purpose, now):
                refuse(self._refusals, "detections", purpose, "purpose", now, one.label, who)
            last[one.detection.id] = one
        yield from last.values()

    def held(self, subscriber: int) -> tuple[Logged, ...]:
        """Return what is kept of one line, expired or not, without its evidence: to count, not to use.

        :raises StoreError: the log can't be read
        """
        last = {one.detection.id: one for one in self._lines() if one.detection.subscriber == subscriber}
        return tuple(
            msgspec.structs.replace(one, detection=msgspec.structs.replace(one.detection, evidence=()))
            for one in last.values()
        )

    def due(self, now: int) -> tuple[Receipt, ...]:
        """Return what `expire` would delete. :raises StoreError: the log can't be read."""
        past = [one for one in self._lines() if one.label.expires <= now]
        octets = sum(len(msgspec.json.encode(one)) + 1 for one in past)
        return (Receipt("detections", len(past), octets, "label", now),) if past else ()

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
        with self._locked() as held:
            last: dict[str, Logged] = {}
            count = 0
            for one in self._lines():
                count += one.label.expires <= now
                if one.label.expires > now:
                    last.pop(one.detection.id, None)  # in the order of writing: readers go on from a time
                    last[one.detection.id] = one
            before = os.fstat(held).st_size
            if not count:
                return ()
            kept = b"".join(msgspec.json.encode(one) + b"\n" for one in last.values())
            replace(self.file, kept)
        return (Receipt("detections", count, before - len(kept), "label", now),)

    def _lines(self) -> Iterator[Logged]:
        try:
            content = self.file.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(
                Text(ja="検出の記録を読めない", en="the detections can't be read"),
                f"{self.file}: {error.strerror}",
            ) from error
        for line in content.split(b"\n"):
            try:
                yield msgspec.json.decode(line, type=Logged)
            except msgspec.DecodeError:
                continue

    def _locked(self) -> _Locked:
        return _Locked(self.file)

    def _refused(self, error: OSError) -> StoreError:
        return StoreError(
            Text(ja="検出を書けない", en="detections can't be written"), f"{self.file}: {error.strerror}"
        )


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
