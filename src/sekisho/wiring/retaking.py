"""Undoes what `ingest` kept of files, so that they can be taken in anew with other options.

A row doesn't say which file it came from: the least that can be taken back is a label, which stands for what was taken in
within one hour with the same options. So all files below it are taken back together, and all of them must be named.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.ports.flows import Options
from sekisho.stores.records_duckdb import DuckRecords
from sekisho.wiring.announcing import Announcing
from sekisho.wiring.data_folder import DATASET
from sekisho.wiring.moment import milliseconds
from sekisho.workflows.ingest import FORGOTTEN, Taken, digests, stream_of

_LOCK = ".ingesting"
_NAMED = 5


def origin(options: Options, kind: str) -> str:
    """Return what a label says of files that are taken in with these options: others never share it."""
    if not options and not kind:
        return "file"
    told = msgspec.json.encode({"kind": kind, **options}, order="sorted")
    return f"file {sha256(told).hexdigest()[:8]}"


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
        try:
            fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(
                Text(
                    ja="別の取り込みが動いている間は、取り込み直せない",
                    en="nothing can be taken in anew while something else is taken in",
                ),
                str(folder),
                Text(ja="終わってから、もう一度行う", en="try again when that has ended"),
            ) from error
        yield
    finally:
        os.close(file)


def take_back(
    store: DuckRecords, folder: Path, taken: Mapping[str, Taken], files: Sequence[Path], who: str
) -> list[Taken]:
    """Delete what was kept of ``files``, announced before and with receipts; return what is to be remembered of each.

    :raises StoreError: it isn't known which rows those are, or other files' would go with them; nothing was deleted
    """
    named = {one for path in files if path.is_file() for one in digests(path)}
    mine = [one for digest, one in taken.items() if digest in named]
    places = {place for one in mine for place in one.places}
    others = [one.file for digest, one in taken.items() if digest not in named and places & set(one.places)]
    if others:
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
    if unknown := [one.file for one in mine if not one.places]:
        raise StoreError(
            Text(
                ja="どの行がこのファイルのものか分からない",
                en="it isn't known which rows came from this file",
            ),
            unknown[0],
            Text(
                ja="前の版が取り込んだか、取り込みが途中で止まった。別の --data に取り込む",
                en="an earlier version took it in, or that run was ended: take it into another --data",
            ),
        )
    if not mine:
        return []
    announce = Announcing(folder, None, who, "operator", milliseconds)
    store.drop(DATASET, places, [stream_of(one.digest) for one in mine], lambda due: announce([due]))
    return [msgspec.structs.replace(one, outcome=FORGOTTEN) for one in mine]
