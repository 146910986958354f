"""Undoes what `ingest` kept of files, so that they can be taken in anew with other options.

A row doesn't say which file it came from: the least that can be taken back is a label, which stands for what was taken in
within one hour with the same options. So all files below it are taken back together, and all of them must be named.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import msgspec

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.ports.flows import Options
from sekisho.stores.durable import replace, sync
from sekisho.stores.records_duckdb import DuckRecords
from sekisho.stores.records_duckdb.once import Lying
from sekisho.stores.records_duckdb.once import digest as digest_of
from sekisho.wiring.announcing import Announcing
from sekisho.wiring.data_folder import DATASET
from sekisho.wiring.moment import milliseconds
from sekisho.workflows.ingest import FORGOTTEN, Taken, digests, stream_of

_LOCK, _BEGUN, _FILE = ".ingesting", "taking-back.json", "file"
_NAMED = 5


def origin(options: Options, kind: str) -> str:
    """Return what a label says of files that are taken in with these options: others never share it."""
    if not options and not kind:
        return _FILE
    told = msgspec.json.encode({"kind": kind, **options}, order="sorted")
    return f"{_FILE} {sha256(told).hexdigest()[:8]}"


@contextmanager
def taking(folder: Path, *, alone: bool) -> Iterator[None]:
    """Let several take files into a folder at once, or only one that takes something back (``alone``).

    :raises StoreError: others are taking in, or one takes back; or the folder can't be written
    """
    try:
        file = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            Text(ja="データフォルダーに書けない", en="the data folder can't be written"),
            f"{folder}: {error.strerror}",
        ) from error
    try:
        if not _locked(file, alone=alone) or (not alone and begun(folder)):  # only who is alone may end that
            raise StoreError(
                Text(
                    ja="別の取り込みが動いている間は、取り込み直せない",
                    en="nothing can be taken in anew while something else is taken in",
                ),
                str(folder),
                Text(ja="終わってから、もう一度行う", en="try again when that has ended"),
            )
        yield
    finally:
        os.close(file)


def _locked(file: int, *, alone: bool) -> bool:
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Begun(msgspec.Struct, frozen=True):
    """What was begun to be taken back: the labels, the streams below them, and who wanted it."""

    places: tuple[str, ...]
    digests: tuple[str, ...]
    who: str


def begun(folder: Path) -> bool:
    """Say whether a taking back was ended before it was done: it must be finished before anything is taken in."""
    return (folder / _BEGUN).exists()


def finish(
    store: DuckRecords, folder: Path, taken: Mapping[str, Taken], forget: Callable[[Taken], None]
) -> list[Taken]:
    """Do what was begun to be taken back, whatever of it is done already; return what was taken back.

    Its note goes last: until then nothing of these files passes for taken.

    :raises StoreError: the note can't be read, or the disk refuses
    """
    file = folder / _BEGUN
    try:
        one = msgspec.json.decode(file.read_bytes(), type=_Begun)
        announce = Announcing(folder, None, one.who, "operator", milliseconds)
        streams = [stream_of(digest) for digest in one.digests]
        store.drop(DATASET, one.places, streams, lambda due: announce([due]))
        gone = [
            msgspec.structs.replace(taken[digest], outcome=FORGOTTEN)
            for digest in one.digests
            if digest in taken
        ]
        for each in gone:
            forget(each)
        file.unlink()
        sync(folder)
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(
            Text(ja="取り込み直しを終えられない", en="what was begun to be taken back can't be ended"),
            f"{file}: {error}",
        ) from error
    return gone


def take_back(
    store: DuckRecords,
    folder: Path,
    taken: Mapping[str, Taken],
    files: Sequence[Path],
    who: str,
    forget: Callable[[Taken], None],
    trial: Callable[[Path], None],
) -> None:
    """Delete what was kept of ``files``, announced before and with receipts.

    What the store says of each row's label counts, not what was noted of files: a note may be missing.

    :param forget: notes of a file that it was taken back
    :param trial: raises when a file can't be taken in with the options of now
    :raises StoreError: it isn't known which rows those are, or other files' would go with them; nothing was deleted
    :raises ReadingError: what ``trial`` raises; nothing was deleted
    """
    named = {digest: path for path in files for digest in _digests(path)}
    lying = store.lying(DATASET, [stream_of(one) for one in named])
    _check_told(store, lying, named)
    _check_alone(lying, taken)
    mine = [one for one in named if one in taken or store.kept(DATASET, stream_of(one)) is not None]
    if not mine:
        return
    for path in {named[one]: None for one in mine}:
        trial(path)
    note = _Begun(tuple(sorted(lying.labels)), tuple(sorted(mine)), who)
    try:
        replace(folder / _BEGUN, msgspec.json.encode(note))
    except OSError as error:
        raise StoreError(
            Text(ja="データフォルダーに書けない", en="the data folder can't be written"),
            f"{folder}: {error.strerror}",
        ) from error
    finish(store, folder, taken, forget)


def _digests(path: Path) -> set[str]:
    """Return the digests of a file; none of one that can't be read: taking it in says so."""
    with suppress(OSError):
        if path.is_file():
            return digests(path)
    return set()


def _check_told(store: DuckRecords, lying: Lying, named: Mapping[str, Path]) -> None:
    """Do nothing, if it is known where all rows of the files lie. :raises StoreError: it isn't."""
    # What came in live is never a file's.
    may_lie_there = [one for one in lying.untold if one is None or one.origin.startswith(_FILE)]
    doubtful = next(iter(named.values()), None) if lying.mixed else None
    if may_lie_there and not doubtful:
        for digest, path in named.items():
            position = store.kept(DATASET, stream_of(digest))
            # Rows that were kept at the first position lie together; those of a file searched anew may lie apart.
            if position is not None and (position or not store.lying(DATASET, [stream_of(digest)]).labels):
                doubtful = path
                break
    if doubtful:
        raise StoreError(
            Text(
                ja="どの行がこのファイルのものか分からない",
                en="it isn't known which rows came from this file",
            ),
            str(doubtful),
            Text(
                ja="前の版が取り込んだ。別の --data に取り込む",
                en="an earlier version took it in: take it into another --data",
            ),
        )


def _check_alone(lying: Lying, taken: Mapping[str, Taken]) -> None:
    """Do nothing, if nobody else's rows lie there. :raises StoreError: some do."""
    if not lying.others:
        return
    streams = {digest_of(stream_of(digest)): one.file for digest, one in taken.items()}
    others = sorted(streams[one] for one in lying.others if one in streams)
    if nameless := len(lying.others) - len(others):
        raise StoreError(
            Text(
                ja="一緒に取り込んだ、名前の記録がないファイルの分も消えるので、取り込み直せない",
                en="it can't be taken in anew: what was kept of files whose names weren't noted would go with it",
            ),
            f"× {nameless}",
            Text(
                ja="その頃に取り込んだファイルを、--again なしでもう一度取り込むと、名前が記録される",
                en="take the files of that time in once more without --again: then their names are noted",
            ),
        )
    raise StoreError(
        Text(
            ja="一緒に取り込んだ他のファイルの分も消えるので、取り込み直せない",
            en="it can't be taken in anew: what was kept of other files, taken in together, would go with it",
        ),
        "  ".join(others[:_NAMED]) + (f"  … ({len(others)})" if len(others) > _NAMED else ""),
        Text(
            ja="それらも全て指定する（同じ1時間に同じ指定で取り込んだもの）",
            en="name all of these as well (taken in within the same hour with the same options)",
        ),
    )
