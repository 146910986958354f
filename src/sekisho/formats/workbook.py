"""The texts of a sheet of a workbook (xlsx, xlsm; ISO/IEC 29500), read in bounded size: no formula is worked out.

Readings of characters (``rPh``) that Excel keeps beside Japanese texts are not part of the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sekisho.errors import DescriptionError
from sekisho.formats.office_form import SHEETS, local, parts_of, read_part, sheet_parts
from sekisho.formats.xml_places import Element
from sekisho.language import Text

_MOST_ROWS, _MOST_COLUMNS = 20_000, 200
_PLACE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_SHARED = "xl/sharedStrings.xml"


def rows_of(data: bytes) -> list[tuple[int, list[str]]]:
    """Return the rows of the first sheet that hold anything, with their numbers; empty cells are empty texts.

    :raises DescriptionError: no such file, no sheet, too large, a cell whose place or text can't be read
    """
    parts = parts_of(data)
    if "xl/workbook.xml" not in parts:
        raise DescriptionError(Text(ja="Excelのファイルではない", en="not a workbook of Excel"))
    sheets = sheet_parts(parts)
    if not sheets:
        raise DescriptionError(Text(ja="シートがない", en="there is no sheet"))
    name, part = next(iter(sheets.items()))
    every = read_part(parts, part)
    shared = _shared(parts)
    inner = _inner_texts(every)
    found: dict[int, dict[int, str]] = {}
    for index, one in enumerate(every):
        if local(one, SHEETS) != "c":
            continue
        row, column = _place(one, name)
        text = _value(one, inner.get(index, ("", "")), shared, name)
        if text:
            found.setdefault(row, {})[column] = text
    width = max((max(cells) for cells in found.values()), default=0)
    return [
        (row, [cells.get(column, "") for column in range(1, width + 1)])
        for row, cells in sorted(found.items())
    ]


def _place(one: Element, sheet: str) -> tuple[int, int]:
    found = _PLACE.fullmatch(one.attributes.get("r", ""))
    if not found:
        raise DescriptionError(
            Text(ja="セルの番地がない", en="a cell without its address"),
            f"{sheet} {one.attributes.get('r', '')}",
        )
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    row = int(found[2])
    if row > _MOST_ROWS or column > _MOST_COLUMNS:
        raise DescriptionError(Text(ja="表が大きすぎる", en="the sheet is too large"), f"{sheet} {found[0]}")
    return row, column


def _inner_texts(every: list[Element]) -> dict[int, tuple[str, str]]:
    """Return for each cell the text of its ``v``, and that of its ``is`` without readings."""
    found: dict[int, tuple[str, str]] = {}
    for one in every:
        kind = local(one, SHEETS)
        if kind not in ("v", "t") or one.parent < 0:
            continue
        climbed = _climb(every, one.parent, "c")
        if climbed is not None:
            value, text = found.get(climbed, ("", ""))
            found[climbed] = (value + one.text, text) if kind == "v" else (value, text + one.text)
    return found


def _climb(every: list[Element], at: int, wanted: str) -> int | None:
    """Return the element called ``wanted`` that holds this one; None within a reading, or when there is none."""
    while at >= 0:
        kind = local(every[at], SHEETS)
        if kind == wanted:
            return at
        if kind == "rPh":
            return None
        at = every[at].parent
    return None


def _shared(parts: Mapping[str, bytes]) -> list[str]:
    if _SHARED not in parts:
        return []
    every = read_part(parts, _SHARED)
    places = {index: "" for index, one in enumerate(every) if local(one, SHEETS) == "si"}
    for one in every:
        if local(one, SHEETS) == "t":
            held = _climb(every, one.parent, "si")
            if held is not None:
                places[held] += one.text
    return list(places.values())


def _value(one: Element, texts: tuple[str, str], shared: list[str], sheet: str) -> str:
    value, inline = texts
    kind = one.attributes.get("t", "n")
    if kind == "inlineStr":
        return inline
    if kind == "s":
        if not (
            value.isascii()
            and value.isdecimal()
            and len(value) < len("10000000")
            and int(value) < len(shared)
        ):
            raise DescriptionError(
                Text(ja="セルの文字列がない", en="the text of a cell is missing"),
                f"{sheet} {one.attributes.get('r', '')}",
            )
        return shared[int(value)]
    return value.removesuffix(".0") if kind == "n" else value
