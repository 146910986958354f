"""An assessment's folder: a hash chain of events and blobs named by their SHA-256.

``chain.jsonl`` holds one event a line; the hash of each covers all of its fields and the hash before it,
so that one altered byte anywhere breaks it. ``evidence/`` holds transcripts and files, ``capture/`` packet
captures, ``reports/`` what was rendered; each is listed in the chain with its digest. A crash can leave
only a torn last line, which `EvidenceFolder.open` cuts off and records: nothing that was good is lost.

The chain shows alteration by anyone who can't rewrite all of it. Against someone who can, keep the chain
head (printed in every report) elsewhere and give it to ``sekisho verify --head``.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from sekisho.errors import EvidenceError, StoreError
from sekisho.language import Text
from sekisho.ports import Event

CHAIN = "chain.jsonl"
GENESIS = "0" * 64
# What lies beside the evidence and is none: the chain itself, the key of the redaction marks.
OWN = frozenset({CHAIN, "redaction.key"})
_FOLDERS = ("evidence", "capture", "reports")


class _Now(Protocol):
    def __call__(self) -> str: ...


def digest(content: bytes) -> str:
    """Return the SHA-256 of ``content`` in hex: the name of a blob."""
    return hashlib.sha256(content).hexdigest()


def seal(event: Event) -> str:
    """Return the hash of an event: SHA-256 over its canonical JSON without the hash itself."""
    return digest(msgspec.json.encode(msgspec.structs.replace(event, hash=""), order="sorted"))


class EvidenceFolder:
    """The folder opened for writing by exactly one run (an advisory lock says so)."""

    def __init__(self, path: Path, now: _Now, *, create: bool = False) -> None:
        """Open ``path``; ``now`` gives the time of day as ISO 8601 UTC."""
        self.path = path
        self._now = now
        if create:
            _make(path)
        elif not (path / CHAIN).is_file():
            raise _no_folder(path)
        self._file = os.open(path / CHAIN, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise EvidenceError(
                Text(ja="別の処理がこのフォルダーを使っている", en="another run is using this folder"),
                str(path),
            ) from None
        torn = self._cut_torn_tail()
        self._events = list(read_chain(path))
        self._blobs = {event.body.get("sha256") for event in self._events if event.kind == "blob"}
        self.head = self._events[-1].hash if self._events else GENESIS
        if torn:
            self.append("torn", {"bytes": torn})

    def append(self, kind: str, body: Mapping[str, Any]) -> Event:
        """Add an event and force it to the disk; on a full disk the half line is taken back."""
        event = Event(len(self._events), self._now(), kind, dict(body), self.head)
        event = msgspec.structs.replace(event, hash=seal(event))
        line = msgspec.json.encode(event, order="sorted") + b"\n"
        size = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, line)
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, size)
            raise _full(error, self.path) from error
        if written != len(line):
            os.ftruncate(self._file, size)
            raise _full(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), self.path)
        # What is remembered is what a reader of the file will see (JSON turns tuples into lists).
        self._events.append(msgspec.json.decode(line, type=Event))
        if kind == "blob":
            self._blobs.add(self._events[-1].body.get("sha256"))
        self.head = event.hash
        return event

    def keep(self, content: bytes, *, kind: str, name: str = "") -> str:
        """Keep a blob under its SHA-256 and list it; the same content is stored once."""
        identifier = digest(content)
        target = self.path / "evidence" / identifier
        try:
            if not target.exists():
                part = target.with_suffix(".part")
                with part.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                part.rename(target)
        except OSError as error:
            raise _full(error, target) from error
        if identifier not in self._blobs:
            self.append("blob", {"sha256": identifier, "size": len(content), "kind": kind, "name": name})
        return identifier

    def enlist(self, relative: str, kind: str, **more: str) -> Event:
        """List a finished file that somebody else wrote into the folder (a capture, a report)."""
        content = (self.path / relative).read_bytes()
        body = {"path": relative, "sha256": digest(content), "size": len(content), **more}
        return self.append(kind, body)

    def read(self, identifier: str) -> bytes:
        """Return the blob ``identifier``; a blob that doesn't match its name is an EvidenceError."""
        target = self.path / "evidence" / identifier
        try:
            content = target.read_bytes()
        except OSError as error:
            raise EvidenceError(
                Text(ja="証跡ファイルがない", en="a piece of evidence is missing"), str(target)
            ) from error
        if digest(content) != identifier:
            raise EvidenceError(
                Text(ja="証跡ファイルが改変されている", en="a piece of evidence was altered"), str(target)
            )
        return content

    def events(self) -> Iterable[Event]:
        """Return the events so far."""
        return tuple(self._events)

    def take_in(self) -> None:
        """After a run that died: list what it had written and not yet listed, drop what is half written.

        A blob whose name is its digest is whole; so is nothing else. Reports are made again and listed then,
        but those of the dead run may have gone out already: they stay, listed as left over.
        """
        listed = _listed(self._events)
        for file in sorted(self.path.joinpath("evidence").iterdir()):
            relative = file.relative_to(self.path).as_posix()
            if file.suffix == ".part" or (relative not in listed and digest(file.read_bytes()) != file.name):
                self.append("dropped", {"file": relative, "bytes": file.stat().st_size})
                file.unlink()
            elif relative not in listed:
                self.enlist(relative, "left-over")
        for file in sorted(self.path.joinpath("reports").rglob("*")):
            relative = file.relative_to(self.path).as_posix()
            if file.is_file() and relative not in listed:
                self.enlist(relative, "left-over")

    def close(self) -> None:
        """Release the lock."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _cut_torn_tail(self) -> int:
        """Cut a last line without its end (a crash while writing); return how many bytes went."""
        content = (self.path / CHAIN).read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.ftruncate(self._file, whole)
        return len(content) - whole


def read_chain(path: Path) -> Iterator[Event]:
    """Yield the events of a folder as they stand, checking only that each line is one of ours."""
    with (path / CHAIN).open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield msgspec.json.decode(line, type=Event)
            except msgspec.MsgspecError as error:
                raise EvidenceError(
                    Text(ja="証跡の鎖の行が読めない", en="a line of the evidence chain can't be read"),
                    f"{path / CHAIN}:{number}: {error}",
                    Text(ja="sekisho verify で全体を調べる", en="run sekisho verify on the folder"),
                ) from error


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong with a folder: ``kind`` is altered, missing, unlisted, interrupted, chain, torn or head."""

    kind: str
    where: str
    detail: str = ""


def verify(path: Path, head: str = "") -> tuple[int, list[Problem]]:
    """Check a folder without writing to it: (number of things checked, what is wrong).

    ``head`` is a hash printed in a report: it must be one of the chain's.
    """
    problems: list[Problem] = []
    if not (path / CHAIN).is_file():
        return 0, [Problem("missing", CHAIN)]
    listed: dict[str, str] = {}
    checked, seen = _walk_chain(path, listed, problems)
    for relative, expected in listed.items():
        file = path / relative
        checked += 1
        if not file.is_file():
            problems.append(Problem("missing", relative))
        elif digest(file.read_bytes()) != expected:
            problems.append(Problem("altered", relative))
    for file in sorted(path.rglob("*")):
        relative = file.relative_to(path).as_posix()
        if file.is_file() and relative not in listed and relative not in OWN:
            # A run that was killed leaves its capture unlisted; --resume lists it.
            kind = "interrupted" if relative.startswith("capture/") and not _ended(path) else "unlisted"
            problems.append(Problem(kind, relative))
    if head and head not in seen:
        problems.append(Problem("head", CHAIN, f"{head} is not in this chain"))
    if not seen:
        problems.append(Problem("chain", CHAIN, "empty"))
    return checked, problems


def _ended(path: Path) -> bool:
    """Return whether the last run came to its own end: its capture was ended after it began."""
    kinds = [event.kind for event in read_chain(path) if event.kind in {"capture-began", "capture-ended"}]
    return not kinds or kinds[-1] == "capture-ended"


def whole(path: Path) -> None:
    """Raise EvidenceError unless what is to be judged again is what was recorded."""
    if not (path / CHAIN).is_file():
        raise _no_folder(path)
    bad = [one for one in verify(path)[1] if one.kind in {"altered", "missing", "chain"}]
    if bad:
        raise EvidenceError(
            Text(ja="証跡が改変されているので使わない", en="the evidence was altered and is not used"),
            f"{path / bad[0].where} ({len(bad)})",
            Text(ja="sekisho verify で全体を調べる", en="run sekisho verify on the folder"),
        )


def _walk_chain(path: Path, listed: dict[str, str], problems: list[Problem]) -> tuple[int, set[str]]:
    before, seen, number = GENESIS, set[str](), 0
    for number, line in enumerate((path / CHAIN).read_bytes().splitlines(keepends=True), 1):
        where = f"{CHAIN}:{number}"
        if not line.endswith(b"\n"):
            problems.append(Problem("torn", where, f"{len(line)} bytes"))
            continue
        try:
            event = msgspec.json.decode(line, type=Event)
        except msgspec.MsgspecError as error:
            problems.append(Problem("altered", where, str(error)))
            continue
        canonical = msgspec.json.encode(event, order="sorted") + b"\n"
        if seal(event) != event.hash or canonical != line:
            problems.append(Problem("altered", where))
        if event.prev != before or event.seq != number - 1:
            problems.append(Problem("chain", where, "does not follow the line before"))
        before = event.hash
        seen.add(event.hash)
        listed.update(_listed((event,)))
    return number, seen


def _listed(events: Iterable[Event]) -> dict[str, str]:
    """Return path below the folder → SHA-256 of every file that the events list."""
    listed: dict[str, str] = {}
    for event in events:
        expected = str(event.body.get("sha256", ""))
        if event.kind == "blob":
            listed[f"evidence/{expected}"] = expected
        elif "path" in event.body:
            listed[str(event.body["path"])] = expected
    return listed


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, mode=0o700)
        for folder in _FOLDERS:
            (path / folder).mkdir(mode=0o700)
    except FileExistsError as error:
        raise EvidenceError(
            Text(ja="フォルダーが既にある", en="the folder exists already"),
            str(path),
            Text(ja="--resume で続けるか、別の名前にする", en="go on with --resume, or choose another name"),
        ) from error
    except OSError as error:
        raise _full(error, path) from error


def _no_folder(path: Path) -> EvidenceError:
    return EvidenceError(
        Text(
            ja="評価フォルダーではない（chain.jsonl がない）", en="not an assessment folder (no chain.jsonl)"
        ),
        str(path),
        Text(ja="assess が表示したフォルダーを指定する", en="name the folder that assess printed"),
    )


def _full(error: OSError, path: Path) -> StoreError:
    return StoreError(
        Text(ja="ディスクに書けない", en="can't write to the disk"),
        f"{path}: {error.strerror}",
        Text(
            ja="空きを作り --resume で続ける。ここまでの証跡は無事である",
            en="make room and go on with --resume; the evidence so far is good",
        ),
    )
