"""Answers of a self-check as CSV: one row an item. A row that can't be read is refused with its line."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Collection, Iterable
from datetime import date
from typing import NoReturn

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.self_check import Answer, CheckList, Status

HEAD = ("list", "item", "status", "owner", "on", "evidence", "plan", "due")
_JAPANESE = {
    "表": "list",
    "項目": "item",
    "状態": "status",
    "担当": "owner",
    "日付": "on",
    "証拠": "evidence",
    "計画": "plan",
    "期限": "due",
}
_STATUS = {
    **{one.value: one for one in Status},
    "済み": Status.DONE, "済": Status.DONE, "一部": Status.PARTLY, "不足": Status.GAP, "対象外": Status.NOT_APPLICABLE,
}  # fmt: skip


def read_answers(text: str, lists: Collection[str]) -> tuple[Answer, ...]:
    """Return the answers; rows without a status are not answered and left out.

    :raises DescriptionError: a line with an unknown list, status or day, or an item twice
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    names: list[str] = []
    found: dict[tuple[str, str], Answer] = {}
    try:
        for row in reader:
            where = f"line {reader.line_num}"
            cells = [unicodedata.normalize("NFKC", cell).strip() for cell in row]
            if not any(cells):
                continue
            if not names:
                names = [_JAPANESE.get(cell, cell.lower()) for cell in cells]
                if not {"list", "item", "status"} <= set(names) <= set(HEAD):
                    _refuse(Text(ja="見出しが違う", en="another heading"), f"{where}: {', '.join(names)}")
                continue
            if len(cells) != len(names):
                _refuse(
                    Text(ja="列の数が見出しと違う", en="another number of columns than the heading"), where
                )
            one = _answer(dict(zip(names, cells, strict=True)), lists, where)
            if one is None:
                continue
            if (one.list, one.item) in found:
                _refuse(Text(ja="項目が二度ある", en="an item twice"), f"{where}: {one.item}")
            found[one.list, one.item] = one
    except csv.Error as error:
        raise DescriptionError(
            Text(ja="CSVの書式の誤り", en="not valid CSV"), f"line {reader.line_num}: {error}"
        ) from error
    return tuple(found.values())


def _answer(cells: dict[str, str], lists: Collection[str], where: str) -> Answer | None:
    if cells["list"] not in lists:
        _refuse(
            Text(ja="その表はない", en="there is no such list"),
            f"{where}: {cells['list']} ({', '.join(lists)})",
        )
    if not cells["item"]:
        _refuse(Text(ja="項目がない", en="no item"), where)
    if not cells["status"]:
        return None
    status = _STATUS.get(cells["status"])
    if status is None:
        _refuse(Text(ja="その状態はない", en="there is no such status"), f"{where}: {cells['status']}")
    days = {name: _day(cells.get(name, ""), f"{where}: {name}") for name in ("on", "due")}
    return Answer(
        cells["list"], cells["item"], status, cells.get("owner", ""), days["on"], cells.get("evidence", ""),
        cells.get("plan", ""), days["due"],
    )  # fmt: skip


def _day(text: str, where: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text.replace("/", "-"))
    except ValueError:
        _refuse(Text(ja="日付として読めない", en="not a day"), f"{where}: {text}")


def template(lists: Iterable[CheckList]) -> str:
    """Return a CSV to fill in: every known item, nothing answered."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    for one in lists:
        writer.writerows((one.id, item, *[""] * 6) for item in one.items)
    return out.getvalue()


def _refuse(what: Text, where: str) -> NoReturn:
    raise DescriptionError(what, where)
