"""Who had which address when: statements of logs as sealed columns, and look-ups in them.

``<root>/<label>/<day>/<digest>.parquet``, sorted by address, then time; readable by their owner alone. A file is named
after its content, so that a run that was killed and comes again writes the same files once. Nothing is ever changed: a
Stop that arrives later is one more statement, and settling closes what it belongs to. Personal data: only what a label
allows for notices is read, and `expire` deletes the rest.
"""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sekisho.errors import ReadingError, StoreError
from sekisho.formats.assignment_index import (
    OUTCOMES,
    SILENCE,
    SKEW,
    AssignmentIndex,
    address_number,
)
from sekisho.formats.assignment_rows import ASSIGNMENT, FIXED, INSIDE, LEASED, network_text, rows_of
from sekisho.formats.assignment_settling import FOREVER, settle
from sekisho.language import Text
from sekisho.model.assignment import Answer, Assignment, Outcome
from sekisho.model.purpose import Label, Purpose, Receipt
from sekisho.stores.assignment_files import (
    META,
    Counted,
    Footed,
    counted,
    digest,
    folders,
    footed,
    label_file,
    label_of,
    read,
)
from sekisho.stores.durable import replace

_DAY, _HOUR = 86_400_000, 3_600_000
_ROWS = 1 << 20
_FEW = 1000
_MIXED = "mixed"
_PORTS = 65_535
# How often a look-up begins anew because files were put together under it.
_AGAIN = 5


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How logs are weighed, in milliseconds.

    :ivar skew: how far the clocks of two logs may be apart
    :ivar longest_open: how long a session without a Stop counts after it was seen last
    :ivar silence: how long a log may be silent and still count as covering that time
    :ivar batch_rows: statements that are sorted and written together (rows, not time)
    """

    skew: Annotated[int, msgspec.Meta(ge=0, le=_HOUR)] = SKEW
    longest_open: Annotated[int, msgspec.Meta(ge=0, le=3650 * _DAY)] = 7 * _DAY
    silence: Annotated[int, msgspec.Meta(ge=1000, le=3650 * _DAY)] = SILENCE
    batch_rows: int = _ROWS


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one look-up needs: the index and the statements behind it. ``faults`` counts what could not be used."""

    index: AssignmentIndex
    statements: pa.Table
    faults: dict[str, int]


class AssignmentStore:
    """The assignments in one folder (the port `Assignments`).

    ``label`` returns the label of what `add` takes in now; ``now`` returns milliseconds.
    """

    def __init__(
        self, root: Path, now: Callable[[], int], label: Callable[[], Label], settings: Settings = Settings()  # noqa: B008 - frozen
    ) -> None:  # fmt: skip
        self.root = root
        self.settings = settings
        self._now = now
        self._label = label

    def label(self) -> Label:
        """Return the label of what would be taken in now."""
        return self._label()

    def add(self, assignments: Iterable[Assignment]) -> int:
        """Take assignments; return how many. The same one twice is one.

        :raises StoreError: the disk is full or refuses, or an assignment that can't be
        """
        every = list(assignments)
        try:
            batch = rows_of(every)
        except ValueError as error:
            raise StoreError(
                Text(ja="割当の記録に誤りがある", en="an assignment that can't be"), str(error)
            ) from error
        return self.add_statements(iter([batch]))

    def add_statements(self, batches: Iterator[pa.RecordBatch]) -> int:
        """Take statements of a reader (ASSIGNMENT); return the rows. On the disk when this returns.

        What came before a fault or a kill stays, and harms nothing when it comes again.
        """
        label, held, count, total = self._label(), list[pa.RecordBatch](), 0, 0
        for batch in batches:
            held.append(batch)
            count += batch.num_rows
            if count >= self.settings.batch_rows:
                self._write(label, pa.Table.from_batches(held, ASSIGNMENT))
                held, count, total = [], 0, total + count
        self._write(label, pa.Table.from_batches(held, ASSIGNMENT))
        return total + count

    def look_up(self, asked: Sequence[tuple[str, int, int]]) -> Iterator[Answer]:
        """Answer (address, port, milliseconds) in order; port 0 when it is not known. Days are loaded one by one.

        Whoever calls this has gone through re-identification: the answers name people.

        :raises ReadingError: an address or a port that is none
        :raises StoreError: as `load`
        """
        answers: dict[int, Answer] = {}
        days: dict[int, list[int]] = {}
        for place, (address, port, moment) in enumerate(asked):
            _checked(address, port)
            days.setdefault(moment // _DAY, []).append(place)
        for day, places in sorted(days.items()):
            loaded = self.load(day * _DAY, (day + 1) * _DAY)
            near = _near(loaded.index, [asked[place][0] for place in places])
            for place in places:
                answers[place] = _answer(loaded, near, *asked[place])
        for place in range(len(asked)):
            yield answers[place]

    def load(self, begin: int, end: int) -> Loaded:
        """Return the index for moments from ``begin`` to ``end``: for questions by the million, as columns.

        :raises StoreError: a file is damaged or can't be read; an answer without it might name somebody else
        """
        for _ in range(_AGAIN):
            with contextlib.suppress(FileNotFoundError):
                return self._load(begin, end)
        return self._load(begin, end)

    def _load(self, begin: int, end: int) -> Loaded:
        files = self._readable()
        back = max([self.settings.longest_open, *(file.promise for file in files)]) + self.settings.silence
        ahead = end + self.settings.silence
        wanted = [file.path for file in files if file.begin <= ahead and file.reach >= begin - back]
        # Which file comes first may not matter: the name of a content is as good an order as any.
        tables = read(sorted(wanted, key=lambda one: one.name))
        table = pa.concat_tables(tables).unify_dictionaries() if tables else ASSIGNMENT.empty_table()
        intervals, faults = settle(table, longest_open=self.settings.longest_open)
        return Loaded(
            AssignmentIndex(intervals, skew=self.settings.skew, silence=self.settings.silence), table, faults
        )

    def compact(self, fewest: int = 2) -> int:
        """Put the files of each day together where there are ``fewest`` or more; return the files that went.

        Statements that came twice are kept once. A damaged file stays as it is, and so do those beside it.

        :raises StoreError: the disk is full or refuses; nothing is lost
        """
        gone = 0
        for label in folders(self.root):
            try:
                for day in sorted(one for one in label.iterdir() if one.is_dir()):
                    paths = sorted(day.glob("*.parquet"))
                    if len(paths) >= max(fewest, 2):
                        gone += self._put_together(day, paths)
            except OSError as error:
                raise _refused(label, error) from error
        return gone

    def _put_together(self, day: Path, paths: Sequence[Path]) -> int:
        try:
            table = pa.concat_tables(read(paths)).unify_dictionaries().cast(ASSIGNMENT)
        except (StoreError, FileNotFoundError):  # damaged: `load` names it; gone: somebody else is at it
            return 0
        names = [name for name in ASSIGNMENT.names if name not in {"line", "source"}]
        # Of a statement that stands in two logs, the place in one of them; never a line of one in the other.
        table = table.sort_by([("source", "ascending"), ("line", "ascending")])
        once = table.group_by(names, use_threads=False).aggregate([("line", "first"), ("source", "first")])
        kept = self._keep(
            day, once.rename_columns([*names, "line", "source"]).select(ASSIGNMENT.names).cast(ASSIGNMENT)
        )
        old = [path for path in paths if path != kept]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def due(self, now: int) -> tuple[Receipt, ...]:
        """Return what `expire` would delete. :raises StoreError: a label can't be read just now."""
        every = [(folder, label_of(folder)) for folder in folders(self.root)]
        return tuple(
            _receipt(counted(folder), label, now) for folder, label in every if _is_past(folder, label, now)
        )

    def expire(self, now: int) -> Iterator[Receipt]:
        """Delete what is past its expiry (and what has no good label); yield the receipt of each label's files.

        Deletes while it is iterated over; damaged files go like others, their rows uncounted.

        :raises StoreError: a label can't be read just now or the disk refuses; raised when all others were dealt with
        """
        fault: StoreError | None = None
        for folder in folders(self.root):
            try:
                label = label_of(folder)
                if not _is_past(folder, label, now):
                    continue
                receipt = _receipt(counted(folder), label, now)
                shutil.rmtree(folder)
            except StoreError as error:
                fault = error
                continue
            except OSError as error:
                fault = _refused(folder, error)
                continue
            yield receipt
        if fault:
            raise fault

    def held(self) -> dict[str, Any]:
        """Say what is held: rows, octets, files, damaged files, and each label with the same.

        :raises StoreError: a label can't be read just now
        """
        labels = [{"label": label_of(folder), **counted(folder)._asdict()} for folder in folders(self.root)]
        return {name: sum(one[name] for one in labels) for name in Counted._fields} | {"labels": labels}

    def _readable(self) -> list[Footed]:
        """Return the files under labels that allow notices now."""
        now = self._now()
        every = [(folder, label_of(folder)) for folder in folders(self.root)]
        return [
            file
            for folder, label in every
            if label is not None and label.allows(Purpose.NOTICE, now)
            for file in footed(folder)
        ]

    def _write(self, label: Label, table: pa.Table) -> None:
        if not table.num_rows:
            return
        encoded = msgspec.json.encode(label, order="sorted")
        folder = self.root / digest(encoded)
        days = np.maximum(table["begin"].to_numpy(), 0)
        days = np.where(days == 0, table["seen"].to_numpy(), days) // _DAY
        values, counts = np.unique(days, return_counts=True)
        usual = values[counts >= _FEW] if len(values) > 1 else values
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.root.chmod(0o700)
            if not label_file(folder).exists():
                replace(label_file(folder), encoded)
            for day in usual.tolist():
                name = datetime.fromtimestamp(day * _DAY // 1000, UTC).strftime("%Y%m%d")
                self._keep(folder / name, table.filter(pa.array(days == day)))
            rest = ~np.isin(days, usual)
            if rest.any():
                self._keep(folder / _MIXED, table.filter(pa.array(rest)))
        except OSError as error:
            raise _refused(folder, error) from error

    def _keep(self, folder: Path, table: pa.Table) -> Path:
        """Write one sorted file, named after its content, unless it is there; return it."""
        table = table.sort_by(
            [(name, "ascending") for name in ("network", "begin", "seen", "session", "state", "line")]
        )
        reach = np.maximum(table["end"].to_numpy(), table["seen"].to_numpy())
        state = table["state"].to_numpy()
        reach = np.where((state == FIXED) & (table["end"].to_numpy() == 0), FOREVER, reach)
        promise = np.where(state == LEASED, table["end"].to_numpy() - table["begin"].to_numpy(), 0)
        facts = (pc.min(table["begin"]).as_py(), int(reach.max()), int(promise.max()))
        meta = {name: str(value).encode() for name, value in zip(META, facts, strict=True)}
        out = io.BytesIO()
        pq.write_table(table.replace_schema_metadata(meta), out, compression="zstd")
        content = out.getvalue()
        path = folder / f"{digest(content)}.parquet"
        if not path.exists():
            folder.mkdir(exist_ok=True, mode=0o700)
            replace(path, content)
        return path


def _near(index: AssignmentIndex, addresses: Sequence[str]) -> Any:
    """Return the rows that hold any of the addresses, or an inside address behind them: each answer looks at few."""
    rows = _about(index, addresses)
    names = (index.accounts[int(code)].as_py() for code in np.unique(index.intervals.account[rows]))
    inner = [one.removeprefix(INSIDE).partition("/")[0] for one in names if one.startswith(INSIDE)]
    return np.union1d(rows, _about(index, inner)) if inner else rows


def _about(index: AssignmentIndex, addresses: Sequence[str]) -> Any:
    numbers = []
    for address in dict.fromkeys(addresses):
        with contextlib.suppress(ValueError):
            numbers.append(address_number(address))
    high = np.array([number >> 64 for number in numbers], np.uint64)
    return index.about(high, np.array([number & (1 << 64) - 1 for number in numbers], np.uint64))


def _answer(loaded: Loaded, near: Any, address: str, port: int, moment: int) -> Answer:
    number, index = address_number(address), loaded.index
    high, low = number >> 64, number & (1 << 64) - 1
    found = index.find(
        np.array([high], np.uint64),
        np.array([low], np.uint64),
        np.array([port]),
        np.array([moment], np.int64),
    )
    rows = index.candidates(high, low, port, moment, near).tolist()
    for row in list(rows):
        account = index.accounts[int(index.intervals.account[row])].as_py()
        if account.startswith(INSIDE):
            with contextlib.suppress(ValueError):
                inner = address_number(account.removeprefix(INSIDE).partition("/")[0])
                rows += index.candidates(inner >> 64, inner & (1 << 64) - 1, 0, moment, near).tolist()
    outcome = OUTCOMES[int(found.outcome[0])]
    who = int(found.account[0])
    candidates = tuple(_assignment(loaded, row) for row in dict.fromkeys(rows))
    return Answer(
        outcome, index.accounts[who].as_py() if who >= 0 else "", candidates,
        _because(outcome, candidates, port, moment, is_open=bool(found.open[0])),
    )  # fmt: skip


def _because(
    outcome: Outcome, candidates: Sequence[Assignment], port: int, moment: int, *, is_open: bool
) -> str:
    """Return the reason id: what decided, or what is missing."""
    if outcome is Outcome.FOUND:
        inside = any(one.begin <= moment and (not one.end or moment < one.end) for one in candidates)
        return "still-open" if is_open else "" if inside else "within-skew"
    if outcome is Outcome.AMBIGUOUS:
        blocks = any((one.port_begin, one.port_end) != (0, _PORTS) for one in candidates)
        return "port-needed" if blocks and not port else "two-accounts"
    return "nobody-had-it" if outcome is Outcome.GAP else "no-log"


def _assignment(loaded: Loaded, row: int) -> Assignment:
    every, statements = loaded.index.intervals, loaded.statements
    behind = int(every.row[row])
    octets = int(every.high[row]).to_bytes(8, "big") + int(every.low[row]).to_bytes(8, "big")
    source, line = statements["source"][behind].as_py(), statements["line"][behind].as_py()
    ends = 0 if every.open[row] or every.end[row] >= FOREVER else int(every.end[row])
    return Assignment(
        loaded.index.accounts[int(every.account[row])].as_py(), network_text(octets, int(every.length[row])),
        int(every.begin[row]), ends, int(every.first[row]), int(every.last[row]), f"{source}:{line}",
    )  # fmt: skip


def _checked(address: str, port: int) -> None:
    try:
        address_number(address)
    except ValueError:
        port = -1
    if not 0 <= port <= _PORTS:
        raise ReadingError(
            Text(ja="アドレスかポートの誤り", en="not an address, or not a port"), f"{address} {port}"
        )


def _is_past(folder: Path, label: Label | None, now: int) -> bool:
    """Say whether a folder is to be deleted. One without a label and without files is just being made."""
    return label.expires <= now if label else label_file(folder).exists() or any(folder.glob("*/*.parquet"))


def _receipt(held: Counted, label: Label | None, now: int) -> Receipt:
    return Receipt("assignments", held.rows, held.octets, "label" if label else "label-unreadable", now)


def _refused(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        Text(ja="割当の記録を書けない", en="assignments can't be written"),
        f"{error.filename or folder}: {error.strerror}",
    )
