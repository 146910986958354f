"""Deletion of what is past its expiry, with a receipt for each that outlives a crash.

A folder is first moved aside (nobody finds its rows any more), then counted, then deleted, then its receipt is added
to the list; whatever step a crash stops at, the next run goes on from there.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa

from sekisho.model.detection import Window
from sekisho.model.purpose import Label, LegalBasis, Receipt
from sekisho.stores.ledger import RECEIPTS, add, lines
from sekisho.stores.records_duckdb.compaction import rows_of
from sekisho.stores.records_duckdb.journal import HEADER, Piece, in_use, pieces, read_pieces, starts
from sekisho.stores.records_duckdb.layout import (
    EVERYTHING,
    HOUR,
    Part,
    cells,
    dataset_path,
    datasets,
    high,
    journals,
    labels,
    parts,
    sync,
    write_once,
)
from sekisho.stores.records_duckdb.settings import Settings
from sekisho.stores.records_duckdb.soundness import sorted_out
from sekisho.stores.records_duckdb.taken import taken_in

#: Why something was deleted.
LABEL, RETENTION, AGAIN = "label", "retention", "again"
_GONE = ".gone"
_RECEIPT = "receipt.json"


def due(root: Path, name: str, now: int, settings: Settings) -> Iterator[tuple[Path, str]]:
    """Yield the folders of a dataset that are past their time, and why.

    A label's expiry counts for all; `end_of` for the hours below it.
    """
    for path, label in labels(dataset_path(root, name)):
        if label is None:
            continue
        if label.expires <= now:
            yield path, LABEL
            continue
        hours = {cell.path.parent: cell.hour for cell in cells(path)}
        for folder, hour in sorted(hours.items()):
            if hour is not None and end_of(path, label, hour, settings) <= now:
                yield folder, RETENTION


def end_of(folder: Path, label: Label, hour: int, settings: Settings) -> int:
    """Return when rows of an hour below a label's folder go: both in milliseconds.

    Flows are kept for their time from their own hour on, not from the moment that somebody took them in. What was older
    by then stays for a moment, to be looked at, but never beyond the longest time of its stage. For what is nobody's
    communication only the label counts: an old public capture is not old data of a customer.
    """
    if label.basis is LegalBasis.NOT_COMMUNICATION:
        return label.expires
    end, over = label.expires, hour + HOUR
    kept = settings.kept.get(label.stage)
    # A label ends with a whole hour: what comes in as it happens ends with its label, not hour by hour before it.
    if kept is not None and over + HOUR + kept < label.expires:
        end = max(over + kept, taken_in(folder, label, kept) + settings.late.get(label.stage, 0))
    longest = settings.longest.get(label.stage)
    return min(end, label.expires, end if longest is None else over + longest)


def hour_over(folder: Path, label: Label | None, hour: int | None, now: int, settings: Settings) -> bool:
    """Say whether the rows of an hour are past their time although their label isn't."""
    if label is None or hour is None:
        return False
    return end_of(folder, label, hour, settings) <= now < label.expires


def begin_of(folder: Path, label: Label, now: int, settings: Settings) -> int | None:
    """Return the first start of a flow below a label's folder that is not past its time; None when all are within it.

    It is what `hour_over` says of all hours at once, those before it being over: the later a flow, the later it goes.
    """
    if label.basis is LegalBasis.NOT_COMMUNICATION or label.expires <= now:
        return None
    kept, longest = settings.kept.get(label.stage), settings.longest.get(label.stage)
    over = [] if longest is None else [now - longest]
    if kept is not None and taken_in(folder, label, kept) + settings.late.get(label.stage, 0) <= now:
        over.append(min(now - kept, label.expires - HOUR - kept - 1))
    return max(over) // HOUR * HOUR if over else None


def may_be_over(label: Label, start: int, now: int, settings: Settings) -> bool:
    """Say whether flows from ``start`` on may be past their time at all, from the settings alone."""
    times = (settings.kept.get(label.stage), settings.longest.get(label.stage))
    return any(one is not None and start < now - one for one in times)


def journal_over(journal: Path, begin: int | None) -> bool:
    """Say whether all rows of a journal are before ``begin``; in one that holds others as well they are left out."""

    def over(piece: Piece | None) -> bool:
        return begin is not None and piece is not None and piece.last < begin

    if begin is None:
        return False
    with contextlib.suppress(FileNotFoundError):  # compacted meanwhile, or expired
        with journal.open("rb") as file:
            first = Piece.unpack(file.read(HEADER), 0)
        # What comes in now is never over: its headers needn't all be read for each question.
        return over(first) and all(over(piece) for piece in pieces(journal)[0] if piece.rows)
    return False


def ends(root: Path, name: str, hours: Collection[int], settings: Settings) -> Iterator[int]:
    """Yield when what is held of some hours (their first milliseconds) goes, once for each of them below each label."""
    for path, label in labels(dataset_path(root, name)):
        if label is None:
            continue
        held = {cell.hour for cell in cells(path)}
        written = [piece for one in journals(path) for piece in pieces(one.path)[0] if piece.rows]
        for hour in hours:
            window = Window(hour, hour + HOUR)
            if hour in held or any(piece.meets(window) for piece in written):
                yield end_of(path, label, hour, settings)
            elif None in held:
                yield label.expires


def hidden(root: Path, name: str, now: int, settings: Settings, own: Collection[Path] = ()) -> bool:
    """Say whether journals hold rows that are past their time, and can be divided by hour now, which comes first.

    A journal that somebody writes can't be, nor what is younger below its label; those of ``own`` can.
    """
    return any(True for _ in _hidden(root, name, now, settings, own))


def hidden_counted(
    root: Path, name: str, now: int, settings: Settings, own: Collection[Path] = ()
) -> Iterator[Receipt]:
    """Yield a receipt for the rows of each journal that are past their time; its octets are their share of a piece."""
    for journal, piece, begin in _hidden(root, name, now, settings, own):
        good = sorted_out(journal, iter([piece]))[0]
        rows = sum(int((starts(batch) < begin).sum()) for batch in read_pieces(journal, good))
        if rows:
            yield Receipt(name, rows, piece.octets * rows // piece.rows, RETENTION, now)


def _hidden(
    root: Path, name: str, now: int, settings: Settings, own: Collection[Path]
) -> Iterator[tuple[Path, Piece, int]]:
    for path, label in labels(dataset_path(root, name)):
        if label is None or label.expires <= now or not (there := journals(path)):
            continue
        begin = begin_of(path, label, now, settings)
        for journal in there if begin is not None else ():
            with contextlib.suppress(FileNotFoundError):  # compacted meanwhile, or expired
                if journal.path not in own and in_use(journal.path):
                    break
                for piece in pieces(journal.path)[0]:
                    if begin is not None and piece.rows and piece.first < begin:
                        yield journal.path, piece, begin


def delete(root: Path, name: str, folder: Path, reason: str, now: int) -> Receipt:
    """Delete a folder of a dataset; return the receipt, which is also kept."""
    aside = dataset_path(root, name) / f"{_GONE}-{reason}-{now}-{secrets.token_hex(8)}"
    aside.mkdir()
    folder.rename(aside / "rows")
    sync(folder.parent)
    sync(aside)
    return _finish(root, name, aside)


def finish(root: Path) -> Iterator[Receipt]:
    """Go on with deletions that a crash stopped; yield their receipts."""
    for name in datasets(root):
        for aside in sorted(dataset_path(root, name).glob(f"{_GONE}-*")):
            yield _finish(root, name, aside)


def _finish(root: Path, name: str, aside: Path) -> Receipt:
    _, reason, now, token = aside.name.split("-")
    paper, rows = aside / _RECEIPT, aside / "rows"
    if not paper.exists():
        write_once(paper, msgspec.json.encode(counted(name, rows, reason, int(now))))
    receipt = msgspec.json.decode(paper.read_bytes(), type=Receipt)
    if rows.exists():
        shutil.rmtree(rows)
    kept = root / RECEIPTS
    if all(line.get("token") != token for line in lines(kept)):
        add(kept, {**msgspec.to_builtins(receipt), "token": token})
    shutil.rmtree(aside)
    return receipt


def _rows(part: Part) -> int:
    try:
        return rows_of(part)
    except (pa.ArrowException, OSError):  # damaged: it is deleted all the same, its octets are counted
        return 0


def counted(name: str, rows: Path, reason: str, now: int) -> Receipt:
    """Return the receipt for a folder of a label or of an hour: its rows and octets."""
    # A label's folder has cells two levels down and journals, an hour's folder has cells one level down.
    compacted = EVERYTHING if reason == RETENTION else high(rows)
    folders = {path.parent for path in rows.rglob("*.parquet")}
    count = sum(_rows(part) for folder in sorted(folders) for part in parts(folder, compacted))
    count += sum(piece.rows for one in journals(rows, compacted) for piece in pieces(one.path)[0])
    octets = sum(path.stat().st_size for path in rows.rglob("*") if path.is_file())
    return Receipt(name, count, octets, reason, now)
