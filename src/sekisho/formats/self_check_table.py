"""Answers and items of a self-check as a table, in CSV or a workbook: one row an item; bad rows are refused with their line."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import NoReturn

from sekisho.errors import DescriptionError, ReadingError
from sekisho.formats.formula_cells import meant
from sekisho.formats.incident_words import REASONS
from sekisho.formats.japanese_time import read_day
from sekisho.formats.workbook import rows_of
from sekisho.language import Text
from sekisho.model.self_check import NETWORKS, Answer, CheckList, Item, Status

HEAD = ("list", "item", "status", "owner", "on", "evidence", "plan", "due")
_JAPANESE = {
    "表": "list", "項目": "item", "状態": "status", "担当": "owner", "日付": "on", "証拠": "evidence", "計画": "plan", "期限": "due",
    "番号": "item", "内容": "text", "措置": "text", "対策": "text",
    **{title.ja: name for name, title in NETWORKS.items()},
}  # fmt: skip
_STATUS = {
    **{one.value: one for one in Status},
    "済み": Status.DONE, "済": Status.DONE, "一部": Status.PARTLY, "不足": Status.GAP, "対象外": Status.NOT_APPLICABLE,
}  # fmt: skip
_OWN_WORDS = frozenset({"owner", "evidence", "plan"})
_LARGEST, _MOST_ITEMS, _LONGEST = 4_000_000, 5_000, 2_000
# Workbooks keep days as counts from here (the 1900 system; its day 60 never was, and no self-check is that old).
_FIRST_DAY, _SERIALS = date(1899, 12, 30), range(36_526, 73_051)
Row = tuple[str, list[str]]


def table_in(data: bytes) -> Iterator[Row]:
    """Yield rows with where they stand, of a CSV (UTF-8 or Shift_JIS) or of a workbook's first sheet.

    :raises ReadingError: too large, or in another encoding
    :raises DescriptionError: neither a CSV nor a workbook
    """
    if len(data) > _LARGEST:
        raise ReadingError(Text(ja="大きすぎる", en="too large"), f"{len(data):,}")
    if data.startswith(b"PK"):
        for number, cells in rows_of(data):
            yield f"row {number}", cells
        return
    reader = csv.reader(io.StringIO(_text(data)))
    try:
        for row in reader:
            if row and row[0].startswith("#"):  # what a saved table says of itself
                continue
            yield f"line {reader.line_num}", [*map(meant, row)]
    except csv.Error as error:
        raise DescriptionError(
            Text(ja="CSVの書式の誤り", en="not valid CSV"), f"line {reader.line_num}: {error}"
        ) from error


def _text(data: bytes) -> str:
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ReadingError(Text(ja="文字コードが読めない", en="not in a known encoding"))


def read_answers(rows: Iterable[Row], lists: Collection[str]) -> tuple[Answer, ...]:
    """Return the answers; rows without a status are not answered and left out.

    :raises DescriptionError: a line with an unknown list, status or day, or an item twice
    """
    found: dict[tuple[str, str], Answer] = {}
    for where, cells in _named(rows, {"list", "item", "status"}, {*HEAD, "text", *NETWORKS}):
        one = _answer(cells, lists, where)
        if one is None:
            continue
        if (one.list, one.item) in found:
            _refuse(Text(ja="項目が二度ある", en="an item twice"), f"{where}: {one.item}")
        found[one.list, one.item] = one
    return tuple(found.values())


def read_items(rows: Iterable[Row], lists: Collection[str]) -> tuple[Item, ...]:
    """Return the items of lists with their texts and their marks by class of network, as a user imports them.

    Columns: ``item``, ``text`` and one for each class; ``list`` may be left out (then ``reliability``).

    :raises DescriptionError: no such column or list, an item twice, too many
    """
    found: dict[tuple[str, str], Item] = {}
    for where, cells in _named(rows, {"item", "text"}, {*HEAD, "text", *NETWORKS}):
        name = cells.get("list") or "reliability"
        _known(name, lists, where)
        if not cells["item"]:
            _refuse(Text(ja="項目がない", en="no item"), where)
        if (name, cells["item"]) in found:
            _refuse(Text(ja="項目が二度ある", en="an item twice"), f"{where}: {cells['item']}")
        if len(found) >= _MOST_ITEMS:
            _refuse(Text(ja="項目が多すぎる", en="too many items"), where)
        marks = {one: cells[one][:8] for one in NETWORKS if cells.get(one)}
        found[name, cells["item"]] = Item(name, cells["item"][:_LONGEST], cells["text"][:_LONGEST], marks)
    return tuple(found.values())


def _named(rows: Iterable[Row], needed: set[str], known: set[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows under the heading by the names of its columns."""
    names: list[str] = []
    for where, row in rows:
        cells = [unicodedata.normalize("NFKC", cell).strip() for cell in row]
        if not any(cells):
            continue
        if not names:
            while cells and not cells[-1]:
                cells.pop()
            names = [_JAPANESE.get(cell, cell.lower()) for cell in cells]
            if not needed <= set(names) <= known or len(set(names)) != len(names):
                _refuse(Text(ja="見出しが違う", en="another heading"), f"{where}: {', '.join(names)[:200]}")
            continue
        if len(cells) < len(names) or any(cells[len(names) :]):
            _refuse(Text(ja="列の数が見出しと違う", en="another number of columns than the heading"), where)
        named = dict(zip(names, cells, strict=False))
        # What people write in their own words stays as they wrote it.
        own = {name: cell.strip() for name, cell in zip(names, row, strict=False) if name in _OWN_WORDS}
        yield where, {**named, **own}


def _known(name: str, lists: Collection[str], where: str) -> None:
    if name not in lists:
        _refuse(Text(ja="その表はない", en="there is no such list"), f"{where}: {name} ({', '.join(lists)})")


def _answer(cells: Mapping[str, str], lists: Collection[str], where: str) -> Answer | None:
    _known(cells["list"], lists, where)
    if not cells["item"]:
        _refuse(Text(ja="項目がない", en="no item"), where)
    if not cells["status"]:
        return None
    status = _STATUS.get(cells["status"])
    if status is None:
        _refuse(Text(ja="その状態はない", en="there is no such status"), f"{where}: {cells['status']}")
    days = {name: _day(cells.get(name, ""), f"{where}: {name}") for name in ("on", "due")}
    texts = {name: cells.get(name, "")[:_LONGEST] for name in ("owner", "evidence", "plan")}
    return Answer(
        cells["list"], cells["item"][:_LONGEST], status, texts["owner"], days["on"], texts["evidence"], texts["plan"],
        days["due"],
    )  # fmt: skip


def _day(text: str, where: str) -> date | None:
    if not text:
        return None
    if text.isascii() and text.isdecimal() and len(text) == len("45000") and int(text) in _SERIALS:
        return _FIRST_DAY + timedelta(days=int(text))
    try:
        return read_day(text)
    except ValueError as error:
        _refuse(REASONS[str(error)], f"{where}: {text[:60]}")


def template(lists: Iterable[CheckList], items: Iterable[Item] = ()) -> str:
    """Return a CSV to fill in: every known item, nothing answered."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    for one in lists:
        writer.writerows((one.id, item, *[""] * 6) for item in one.items)
    writer.writerows((one.list, one.item, *[""] * 6) for one in items)
    return out.getvalue()


def _refuse(what: Text, where: str) -> NoReturn:
    raise DescriptionError(what, where)
