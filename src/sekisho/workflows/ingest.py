"""The verb ingest: files of flow records go through the privacy door into the record store.

A file is taken whole or not at all, and once: the store keeps its digest together with its rows. A run that was killed
is started again with the same files; a file that it stopped in begins anew, without a row doubled. ``taken`` remembers
what became of each file for longer than its rows are kept.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec
import pyarrow as pa

from sekisho.errors import ReadingError, SekishoError
from sekisho.formats.compression import unpacked
from sekisho.formats.pseudonyms import Pseudonyms
from sekisho.language import Language, Text
from sekisho.model.detection import Window
from sekisho.model.purpose import Label
from sekisho.model.tallies import Counted, Counting
from sekisho.ports.flows import Damage, Once, Options, Reader, RecordStore

HEAD = 65_536
_BLOCK = 1 << 20
TOO_OLD, IN_THE_FUTURE, LEFT_OUT, REJECTED = "too-old", "in-the-future", "left-out", "rejected"
EMPTY, FOREIGN = "empty", "foreign"
OTHERWISE, FORGOTTEN = "otherwise", "forgotten"
Progress = Callable[[str, int, int], None]


class Taken(msgspec.Struct, frozen=True):
    """What became of one file.

    ``outcome`` is ``taken``, ``partly`` (the file is torn: its rest could not be read), ``again`` (it was taken earlier),
    ``otherwise`` (earlier, and with other options: ``options`` then, ``asked`` now; nothing was done), ``empty`` (read, and there is no flow in it), ``foreign`` (flows, none of them of a watched line), ``rejected`` (nothing in it was good), ``left-out`` (all of ours in it is
    past its time, or far in the future) or ``failed``. A file that was ``rejected``, ``left-out`` or ``failed`` is not
    remembered: it may be tried again, with other options too. ``before`` is what a file taken ``again`` became then;
    ``read`` are the rows that the reader gave and that weren't held already: each is ``kept`` (with a watched line),
    ``elsewhere`` (without) or of a time that isn't kept; what the reader rejected is none of them. ``span`` is the time of
    all that the reader gave. ``customers`` are the prefixes whose lines it was searched for: when others are added,
    what was nobody's then is taken now. ``late`` counts those kept that were past their usual time already: they stay for a
    moment only. One that was taken back is ``forgotten``.
    """

    file: str
    reader: str
    outcome: str
    read: int = 0
    kept: int = 0
    elsewhere: int = 0
    begin: int = 0
    end: int = 0
    counted: Counted = Counted()
    fault: str = ""
    digest: str = ""
    before: str = ""
    span: tuple[int, int] = (0, 0)
    customers: tuple[str, ...] = ()
    late: int = 0
    options: dict[str, str] | None = None
    asked: dict[str, str] | None = None


class Source(msgspec.Struct, frozen=True):
    """What `ingest` is married with: readers by name, the door, the store, the label, what was taken already by digest.

    ``times`` bounds the flows that may be kept; None when their time says nothing (nobody's communication); what
    begins earlier than ``late`` is past its usual time. ``customers`` are the prefixes of ``door``, ``ever`` counts those
    that there ever were (it only grows), and ``earlier`` makes the door of the prefixes of an earlier time.
    """

    readers: Mapping[str, Reader]
    door: Pseudonyms
    store: RecordStore
    label: Label
    dataset: str
    taken: Mapping[str, Taken]
    remember: Callable[[Taken], None]
    times: Window | None = None
    customers: tuple[str, ...] = ()
    ever: int = 0
    earlier: Callable[[tuple[str, ...]], Pseudonyms] | None = None
    late: int = 0


def lost(taken: Iterable[Taken]) -> Iterator[Damage]:
    """Yield the files of which flows could not be taken, each with the time in which they may have been.

    Of a file that is torn that is up to an hour after what could be read of it: a file of flows seldom holds more.
    """
    for one in taken:
        count = sum(many for reason, many in one.counted.rejected.items() if reason not in _NO_FLOWS)
        if count:
            begin, end = one.span if one.span[1] else (one.begin, one.end)
            later = HOUR if _CUT & one.counted.rejected.keys() else 0
            yield Damage(f"{Path(one.file).name}: {count:,}", Window(begin, end + later) if end else None)


def ingest(
    files: Sequence[Path],
    source: Source,
    options: Options,
    progress: Progress,
    *,
    kind: str = "",
    language: Language,
) -> Iterator[Taken]:
    """Take ``files`` one after the other; yield what became of each. A file that can't be read doesn't stop the rest.

    :param kind: the reader's name, or empty to let the file tell
    :param progress: told the file, the octets read and the octets in all
    """
    for path in files:
        shown = _text(path)
        try:
            if path.is_dir():
                raise ReadingError(
                    Text(ja="フォルダーにファイルが一つもない", en="there is no file in this folder"), shown
                )
            if not path.is_file():
                raise ReadingError(Text(ja="普通のファイルではない", en="this is no regular file"), shown)
            packed = _digest(path)
            digest = _content(path) or packed
            then = source.taken.get(digest) or source.taken.get(packed)
            if then is not None and (asked := _otherwise(then, source, options, kind)) is not None:
                yield Taken(
                    shown, then.reader, OTHERWISE, counted=then.counted, digest=digest, before=then.outcome,
                    elsewhere=0, options=then.options, asked=asked,
                )  # fmt: skip
                continue
            if then is not None and _nobodys(then, source):
                done = _take(path, digest, source, options, progress, kind, then)
            elif then is not None:
                yield Taken(
                    shown, then.reader, "again", counted=then.counted, digest=digest, before=then.outcome
                )
                continue
            elif any(
                source.store.kept(source.dataset, stream_of(one)) is not None for one in {digest, packed}
            ):
                # The run before was killed when the rows were kept and not yet noted.
                name = kind or reader_of(path, source.readers)
                done = Taken(shown, name, "again", digest=digest, customers=source.customers)
            else:
                done = _take(path, digest, source, options, progress, kind)
        except (SekishoError, OSError) as error:
            told = error.explain(language) if isinstance(error, SekishoError) else str(error)
            fault = "\n".join(_printable(line) for line in told.splitlines())
            yield Taken(shown, kind, "failed", fault=fault)
            continue
        if done.outcome not in {LEFT_OUT, REJECTED}:
            source.remember(done)
        yield done


def _otherwise(then: Taken, source: Source, options: Options, kind: str) -> dict[str, str] | None:
    """Return the options of now when a file was taken with others; None when they are the same, or weren't noted."""
    if then.options is None:
        return None
    asked = _noted(_told(source.readers[then.reader], options) if then.reader in source.readers else options)
    if kind and kind != then.reader:
        asked["kind"] = kind
    return None if asked == then.options else asked


def _noted(options: Options) -> dict[str, str]:
    return {name: str(value) for name, value in options.items()}


def _told(reader: Reader, options: Options) -> Options:
    """Return the options without a zone for a reader of files that state their times themselves."""
    return {key: value for key, value in options.items() if key != "zone" or key in reader.options}


def _nobodys(then: Taken, source: Source) -> bool:
    """Say whether rows of a file that were nobody's when it was taken may be a line's by now."""
    if source.earlier is None or not then.elsewhere or set(source.customers) <= set(then.customers):
        return False
    # What was taken before the prefixes were noted can be taken again without doubt only when nothing was kept of it.
    return bool(then.customers) or not then.kept


def reader_of(path: Path, readers: Mapping[str, Reader]) -> str:
    """Return the name of the reader that knows ``path``.

    :raises ReadingError: when none does, naming those that there are
    """
    with path.open("rb") as raw:
        head = unpacked(raw).read(HEAD)
    if not head:
        raise ReadingError(Text(ja="空のファイル", en="the file is empty"), _text(path))
    for name, reader in readers.items():
        if reader.detect(head, path.name):
            return name
    raise ReadingError(
        Text(ja="どの形式か分からないファイル", en="no reader knows this file"),
        _text(path),
        Text(
            ja=f"--kind で形式を指定する：{'、'.join(readers)}（CSVは csv_flows と対応表）",
            en=f"name its kind with --kind: {', '.join(readers)} (a CSV of your own: csv_flows with a mapping)",
        ),
    )


class _NothingGood(Exception):
    """Nothing of a file is kept, and the store doesn't note it as taken."""


class _Watched:
    """Passes batches through the door and counts; the store pulls from it, so nothing piles up."""

    def __init__(
        self, batches: Iterator[pa.RecordBatch], source: Source, tally: Counting, then: Taken | None
    ) -> None:
        self._batches = batches
        # Rows that were a line's under the earlier prefixes are in the store.
        self._held = source.earlier(then.customers) if then and then.customers and source.earlier else None
        self._door = source.door
        self._times = source.times
        self._tally = tally
        self._untimely = 0
        self.begun = self.given = False
        self.read = self.elsewhere = self.kept = self.late = 0
        self._late = source.late
        self.begin, self.end = 0, 0
        self.span = (0, 0)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        import pyarrow.compute as pc

        self.begun = True
        for batch in self._batches:
            if batch.num_rows:
                self.given = True
                self._spans(pc.min_max(batch["flowStartMilliseconds"]).as_py())
            unheld = self._held.strangers(batch) if self._held else batch
            self.read += unheld.num_rows
            watched, dropped = self._door.watch(unheld)
            self.elsewhere += dropped
            if self._times is not None and watched.num_rows:
                watched = self._timely(watched, self._times)
            self.kept += watched.num_rows
            if watched.num_rows:
                first = pc.min(watched["flowStartMilliseconds"]).as_py()
                last = pc.max(watched["flowStartMilliseconds"]).as_py()
                self.begin = min(self.begin or first, first)
                self.end = max(self.end, last + 1)
                yield watched
        if not self.kept and (self._untimely or (not self.given and self._tally.counted().rejected)):
            raise _NothingGood

    def _spans(self, found: Mapping[str, int]) -> None:
        begin, end = self.span
        self.span = (min(begin or found["min"], found["min"]), max(end, found["max"] + 1))

    def _timely(self, batch: pa.RecordBatch, times: Window) -> pa.RecordBatch:
        """Leave out what would be deleted at once, and what no clock that is right can have seen; count it."""
        import pyarrow.compute as pc

        starts = batch["flowStartMilliseconds"]
        old, late = pc.less(starts, times.begin), pc.greater_equal(starts, times.end)
        for reason, which in ((TOO_OLD, old), (IN_THE_FUTURE, late)):
            if count := pc.sum(which).as_py() or 0:
                self._tally.reject(reason, count=count)
                self._untimely += count
        kept = batch.filter(pc.invert(pc.or_(old, late)))
        self.late += pc.sum(pc.less(kept["flowStartMilliseconds"], self._late)).as_py() or 0
        return kept


class _Counted(io.RawIOBase):
    """A file that tells how far it was read."""

    def __init__(self, raw: BinaryIO, tell: Callable[[int], None]) -> None:
        self._raw = raw
        self._tell = tell

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        self._tell(self._raw.tell())
        return len(data)


def _take(
    path: Path,
    digest: str,
    source: Source,
    options: Options,
    progress: Progress,
    kind: str,
    then: Taken | None = None,
) -> Taken:
    name, options = _chosen(path, source.readers, options, kind)
    size, tally = path.stat().st_size, Counting()
    with path.open("rb") as raw:
        counted = io.BufferedReader(_Counted(raw, lambda at: progress(str(path), at, size)), _BLOCK)
        watched = _Watched(source.readers[name].read(unpacked(counted), tally, options), source, tally, then)
        once = Once(stream_of(digest), source.ever if then else 0)
        with suppress(_NothingGood):
            source.store.append(source.dataset, iter(watched), source.label, once)
    progress(str(path), size, size)
    if then is not None and then.kept and not watched.kept:
        # Nothing more is ours by the prefixes of now; what was taken earlier stands.
        return msgspec.structs.replace(then, outcome="again", before=then.outcome, customers=source.customers)
    if not watched.begun:
        # Another run took it while this one waited for its turn; what became of it is in that run's memory.
        return Taken(_text(path), name, "again", digest=digest, customers=source.customers)
    return Taken(
        _text(path), name, _outcome(watched, tally.counted()), watched.read, watched.kept, watched.elsewhere,
        watched.begin, watched.end, tally.counted(), digest=digest, span=watched.span, customers=source.customers,
        late=watched.late, options=_noted(options),
    )  # fmt: skip


def _chosen(path: Path, readers: Mapping[str, Reader], options: Options, kind: str) -> tuple[str, Options]:
    """Return the reader of a file and those of ``options`` that it is told. :raises ReadingError: they are wrong."""
    name = kind or reader_of(path, readers)
    if name not in readers:
        raise ReadingError(
            Text(ja="その形式の読み手はない", en="there is no such reader"), name,
            Text(ja=f"あるもの：{'、'.join(readers)}", en=f"there are: {', '.join(readers)}"),
        )  # fmt: skip
    options = _told(readers[name], options)
    if unknown := [option for option in options if option not in readers[name].options]:
        raise ReadingError(
            Text(ja="その読み手にない指定", en="the reader has no such option"), f"{name}: {', '.join(unknown)}",
            Text(
                ja=f"使える指定：{'、'.join(readers[name].options)}",
                en=f"options: {', '.join(readers[name].options)}",
            ),
        )  # fmt: skip
    return name, options


def trial(path: Path, readers: Mapping[str, Reader], options: Options, kind: str) -> None:
    """Read a file and keep nothing, so that it is known that it can be read. :raises ReadingError: it can't."""
    name, options = _chosen(path, readers, options, kind)
    given, tally = 0, Counting()
    with path.open("rb") as raw:
        for batch in readers[name].read(unpacked(raw), tally, options):
            given += batch.num_rows
    if not given and tally.counted().rejected:
        raise ReadingError(
            Text(ja="この指定では一つも読めない", en="nothing in it can be read with these options"),
            f"{_text(path)}: {', '.join(tally.counted().rejected)}",
        )


# After these a reader can't find its way in the rest of a file.
HOUR = 3_600_000
# What is left out for these reasons is no flow, or would be deleted at once.
_NO_FLOWS = frozenset({"not-ip", "record-without-flow", TOO_OLD})
_CUT = frozenset({"packet-length", "packet-torn", "block-torn", "block-length", "torn"})


def _outcome(watched: _Watched, counted: Counted) -> str:
    if counted.rejected and not watched.given:
        return REJECTED
    if not watched.kept and {TOO_OLD, IN_THE_FUTURE} & counted.rejected.keys():
        return LEFT_OUT
    if _CUT & counted.rejected.keys():
        return "partly"
    if watched.kept:
        return "taken"
    return FOREIGN if watched.elsewhere else EMPTY


def _text(path: Path) -> str:
    """Return a file's name that any terminal and any JSON can take: odd octets and control signs are replaced."""
    return _printable(os.fsencode(path).decode("utf-8", "replace"))


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def stream_of(digest: str) -> str:
    """Return what the store calls a file's rows, of which it keeps each once."""
    return f"file {digest}"


def digests(path: Path) -> set[str]:
    """Return the digests by which a file may be remembered: as it is, and unpacked. OSError: it can't be read."""
    return {_digest(path), _content(path)} - {""}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _content(path: Path) -> str:
    """Return the digest of what a compressed file holds, so that it is the same file unpacked; "" of any other, or a torn one."""
    with path.open("rb") as raw:
        plain = unpacked(raw)
        if plain is raw:
            return ""
        found = hashlib.sha256()
        with suppress(ReadingError, OSError, EOFError, ValueError):
            while part := plain.read(_BLOCK):
                found.update(part)
            return found.hexdigest()
    return ""
