"""The verb take assignments: logs of who had which address go into their store.

A file is noted by its digest when it was taken to its end. A run that was killed, a log that has grown and a file that
is given twice are taken again without harm: the same statement is one, however often it comes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pyarrow as pa

from sekisho.errors import ReadingError, SekishoError
from sekisho.formats.compression import unpacked
from sekisho.language import Language, Text
from sekisho.model.tallies import Counted, Counting
from sekisho.ports.flows import Options

_HEAD = 65_536
_BLOCK = 1 << 20


class Keeper(Protocol):
    """What takes statements."""

    def add_statements(self, batches: Iterator[pa.RecordBatch]) -> int:
        """Keep them; return how many."""
        ...


class LogTaken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of one log.

    ``outcome`` is ``taken``, ``again`` (taken earlier), ``empty``, ``rejected`` (nothing in it was good) or ``failed``.
    """

    file: str
    reader: str
    outcome: str
    rows: int = 0
    counted: Counted = Counted()
    fault: str = ""
    digest: str = ""


def take_assignments(
    files: Sequence[Path],
    readers: Mapping[str, Any],
    keeper: Keeper,
    taken: Mapping[str, str],
    remember: Callable[[LogTaken], None],
    options: Options,
    *,
    kind: str = "",
    language: Language,
) -> Iterator[LogTaken]:
    """Take ``files`` one after the other; yield what became of each. A bad file doesn't stop the rest.

    :param taken: digest → reader of what was taken earlier
    :param kind: the reader's name, or empty to let the file tell
    """
    for path in files:
        try:
            digest = _digest(path, options)
            if digest in taken:
                yield LogTaken(str(path), taken[digest], "again", digest=digest)
                continue
            done = _take(path, digest, readers, keeper, options, kind)
        except (SekishoError, OSError) as error:
            fault = error.explain(language) if isinstance(error, SekishoError) else str(error)
            yield LogTaken(str(path), kind, "failed", fault=fault)
            continue
        if done.outcome == "taken":
            remember(done)
        yield done


def _take(
    path: Path, digest: str, readers: Mapping[str, Any], keeper: Keeper, options: Options, kind: str
) -> LogTaken:
    name, tally = kind or _reader_of(path, readers), Counting()
    if name not in readers:
        raise ReadingError(
            Text(ja="その形式の読み手はない", en="there is no such reader"), name,
            Text(ja=f"あるもの：{'、'.join(readers)}", en=f"there are: {', '.join(readers)}"),
        )  # fmt: skip
    if unknown := sorted(set(options) - set(readers[name].options)):
        raise ReadingError(
            Text(ja="その読み手にない指定", en="an option that this reader does not have"),
            f"{name}: {', '.join(unknown)}",
            Text(ja=f"あるもの：{'、'.join(readers[name].options)}", en=f"there are: {', '.join(readers[name].options)}"),
        )  # fmt: skip
    with path.open("rb") as raw:
        stream = unpacked(io.BufferedReader(raw, _BLOCK), tally.reject)
        rows = keeper.add_statements(readers[name].read(stream, tally, {**options, "source": path.name}))
    counted = tally.counted()
    outcome = "taken" if rows else "rejected" if counted.rejected else "empty"
    return LogTaken(str(path), name, outcome, rows, counted, digest=digest)


def _reader_of(path: Path, readers: Mapping[str, Any]) -> str:
    with path.open("rb") as raw:
        head = unpacked(raw).read(_HEAD)
    for name, reader in readers.items():
        if head and reader.detect(
            head, path.name.removesuffix(".gz").removesuffix(".xz").removesuffix(".zst")
        ):
            return name
    raise ReadingError(
        Text(ja="どの形式か分からないファイル", en="no reader knows this file"),
        str(path),
        Text(
            ja=f"--kind で形式を指定する：{'、'.join(readers)}",
            en=f"name its kind with --kind: {', '.join(readers)}",
        ),
    )


def _digest(path: Path, options: Options) -> str:
    """Return what tells this file, read with these options, from others."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(msgspec.json.encode(dict(options), order="sorted"))
    return digest.hexdigest()
