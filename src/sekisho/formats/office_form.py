"""Filling the cells of a form in Excel or Word without touching anything else of it.

Only the octets of the cells that are filled change; drawings, text boxes, macros, formats, printing areas and all other
parts of the zip stay as they were, octet by octet (ISO/IEC 29500; parts are found by their relationships).
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterable, Mapping
from typing import NoReturn
from xml.sax.saxutils import escape, quoteattr

import msgspec

from sekisho.errors import DescriptionError
from sekisho.formats.docx import allowed
from sekisho.formats.xml_places import Element, elements, patched
from sekisho.language import Text

#: Strict documents (ISO/IEC 29500-1) have other namespaces; both are read.
SHEETS = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
_WORDS = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
_RELATION = re.compile(r".*/relationships id")
_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_LARGEST_PART, _LARGEST = 64_000_000, 256_000_000
_MOST_TEXT = 32_767


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One place of a form.

    Excel: ``sheet`` and ``cell`` (``C5``). Word: the ``table`` of the body, its ``row`` and ``column``, counted from 1
    as they stand (joined cells are one).
    """

    text: str
    sheet: str = ""
    cell: str = ""
    table: int = 0
    row: int = 0
    column: int = 0


def fill(data: bytes, targets: Iterable[Target]) -> bytes:
    """Return the form with the targets filled.

    :raises DescriptionError: no such form, sheet, table or cell; a cell that holds a formula; the same cell twice
    """
    every = tuple(targets)
    parts = parts_of(data)
    if "xl/workbook.xml" in parts:
        changed = _fill_workbook(parts, every)
    elif "word/document.xml" in parts:
        changed = {"word/document.xml": _fill_document(parts["word/document.xml"], every)}
    else:
        _refuse(
            Text(
                ja="Excel（xlsx・xlsm）でもWord（docx）でもない",
                en="neither Excel (xlsx, xlsm) nor Word (docx)",
            )
        )
    return _packed(data, changed)


def parts_of(data: bytes) -> dict[str, bytes]:
    """Return the XML parts of a form by their names. :raises DescriptionError: it can't be read, or is too large."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            infos = packed.infolist()
            _plausible(infos)
            wanted = [one for one in infos if one.filename.endswith((".xml", ".rels"))]
            return {one.filename: _part(packed, one) for one in wanted}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, RuntimeError) as error:
        _refuse(Text(ja="様式のファイルが読めない", en="the form can't be read"), str(error))


def _plausible(infos: list[zipfile.ZipInfo]) -> None:
    if len({one.filename for one in infos}) != len(infos):
        raise ValueError("a name twice")
    if sum(one.file_size for one in infos) > _LARGEST:
        raise ValueError("too large")
    if any(one.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for one in infos):
        raise ValueError("an unknown compression")


def _part(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with packed.open(info) as open_:
        found = open_.read(_LARGEST_PART + 1)
    if len(found) > _LARGEST_PART:
        raise ValueError("too large")
    return found


def _packed(data: bytes, changed: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        new.comment = old.comment
        for info in old.infolist():
            new.writestr(info, changed.get(info.filename) or old.read(info), info.compress_type)
    return out.getvalue()


def _fill_workbook(parts: Mapping[str, bytes], targets: tuple[Target, ...]) -> dict[str, bytes]:
    names = sheet_parts(parts)
    by_part: dict[str, dict[str, str]] = {}
    for one in targets:
        if one.sheet not in names:
            _refuse(
                Text(ja="その名前のシートがない", en="there is no such sheet"),
                f"{one.sheet} ({', '.join(names)})",
            )
        if not _CELL.fullmatch(one.cell):
            _refuse(Text(ja="セルの番地ではない", en="not the address of a cell"), one.cell)
        cells = by_part.setdefault(names[one.sheet], {})
        if one.cell in cells:
            _refuse(Text(ja="同じセルが二度ある", en="the same cell twice"), f"{one.sheet}!{one.cell}")
        cells[one.cell] = one.text
    return {name: _fill_sheet(parts[name], cells, name) for name, cells in by_part.items()}


def sheet_parts(parts: Mapping[str, bytes]) -> dict[str, str]:
    """Return sheet → part of a workbook in the order of its tabs."""
    targets = {}
    for one in read_part(parts, "xl/_rels/workbook.xml.rels"):
        if "Target" in one.attributes:
            path = posixpath.normpath(posixpath.join("/xl", one.attributes["Target"])).lstrip("/")
            targets[one.attributes.get("Id", "")] = path
    found = {}
    for one in read_part(parts, "xl/workbook.xml"):
        if local(one, SHEETS) == "sheet":
            relation = next((value for key, value in one.attributes.items() if _RELATION.fullmatch(key)), "")
            if targets.get(relation) in parts:
                found[one.attributes.get("name", "")] = targets[relation]
    return found


def read_part(parts: Mapping[str, bytes], name: str) -> list[Element]:
    """Return the elements of a part. :raises DescriptionError: there is none of that name, or it is broken."""
    try:
        return elements(parts[name])
    except (KeyError, ValueError) as error:
        _refuse(Text(ja="様式のファイルが読めない", en="the form can't be read"), f"{name}: {error}")


def local(one: Element, namespaces: tuple[str, ...]) -> str:
    """Return an element's name without its namespace; empty when that is none of these."""
    namespace, _, name = one.name.rpartition(" ")
    return name if namespace in namespaces else ""


def _fill_sheet(data: bytes, cells: Mapping[str, str], name: str) -> bytes:
    every = read_part({name: data}, name)
    prefix = _prefix(data, every[0])
    rows = {
        int(one.attributes["r"]): index
        for index, one in enumerate(every)
        if local(one, SHEETS) == "row" and "r" in one.attributes
    }
    held = {
        one.attributes.get("r", ""): index for index, one in enumerate(every) if local(one, SHEETS) == "c"
    }
    formulas = {every[one.parent].attributes.get("r", "") for one in every if local(one, SHEETS) == "f"}
    sheet = next((one for one in every if local(one, SHEETS) == "sheetData"), None)
    if sheet is None:
        _refuse(Text(ja="表のないシート", en="a sheet without cells"), name)
    covered = _covered(every)
    pieces: list[tuple[int, int, bytes]] = []
    fresh: dict[int, list[tuple[int, str]]] = {}
    for cell, text in cells.items():
        if cell in formulas:
            _refuse(
                Text(ja="計算式のあるセルには書かない", en="a cell with a formula is not overwritten"), cell
            )
        if any(cell != corner and _inside(cell, corner, last) for corner, last in covered):
            _refuse(Text(ja="結合されたセルの左上ではない", en="not the first cell of joined ones"), cell)
        if cell in held:
            one = every[held[cell]]
            pieces.append((one.begin, one.end, _cell(cell, text, prefix, one.attributes.get("s", ""))))
        else:
            column, row = _place(cell)
            fresh.setdefault(row, []).append((column, _cell(cell, text, prefix, "").decode()))
    for row, new in sorted(fresh.items()):
        pieces += _new_cells(every, rows, row, sorted(new), prefix, sheet)
    return patched(data, _joined(pieces, data, sheet))


def _new_cells(
    every: list[Element],
    rows: Mapping[int, int],
    row: int,
    new: list[tuple[int, str]],
    prefix: str,
    sheet: Element,
) -> list[tuple[int, int, bytes]]:
    if row not in rows:
        later = min((number for number in rows if number > row), default=None)
        at = every[rows[later]].begin if later is not None else sheet.inner[1]
        made = f'<{prefix}row r="{row}">' + "".join(cell for _, cell in new) + f"</{prefix}row>"
        return [(at, at, made.encode())]
    index = rows[row]
    line = every[index]
    if line.inner[0] == line.end:  # <row …/>: it has to be opened
        return [
            (line.end - 2, line.end, (">" + "".join(cell for _, cell in new) + f"</{prefix}row>").encode())
        ]
    there = [
        (_place(one.attributes["r"])[0], one.begin)
        for one in every
        if one.parent == index and "r" in one.attributes
    ]
    pieces: dict[int, str] = {}
    for column, cell in new:
        at = min((begin for other, begin in there if other > column), default=line.inner[1])
        pieces[at] = pieces.get(at, "") + cell
    return [(at, at, text.encode()) for at, text in pieces.items()]


def _joined(
    pieces: list[tuple[int, int, bytes]], data: bytes, sheet: Element
) -> list[tuple[int, int, bytes]]:
    """Put what is inserted at one place into one piece, in the order of rows; open an empty ``<sheetData/>``."""
    at_one: dict[tuple[int, int], bytes] = {}
    for begin, end, new in pieces:
        at_one[begin, end] = at_one.get((begin, end), b"") + new
    if sheet.inner[0] == sheet.end and (sheet.end, sheet.end) in at_one:
        name = re.match(rb"<([^\s/>]+)", data[sheet.begin : sheet.end])
        rows = at_one.pop((sheet.end, sheet.end))
        at_one[sheet.end - 2, sheet.end] = b">" + rows + b"</" + (name[1] if name else b"sheetData") + b">"
    return [(begin, end, new) for (begin, end), new in at_one.items()]


def _prefix(data: bytes, root: Element) -> str:
    found = re.match(rb"<(?:([^\s:/>]+):)?", data[root.begin :])
    return f"{found[1].decode()}:" if found and found[1] else ""


def _cell(cell: str, text: str, prefix: str, style: str) -> bytes:
    styled = f" s={quoteattr(style)}" if style else ""
    plain = escape(allowed(text)[:_MOST_TEXT])
    return (
        f'<{prefix}c r="{cell}"{styled} t="inlineStr"><{prefix}is><{prefix}t xml:space="preserve">{plain}'
        f"</{prefix}t></{prefix}is></{prefix}c>"
    ).encode()


def _place(cell: str) -> tuple[int, int]:
    found = _CELL.fullmatch(cell)
    if found is None:
        _refuse(Text(ja="セルの番地ではない", en="not the address of a cell"), cell)
    column = 0
    for sign in found[1]:
        column = column * 26 + ord(sign) - ord("A") + 1
    return column, int(found[2])


def _covered(every: list[Element]) -> list[tuple[str, str]]:
    found = []
    for one in every:
        first, colon, last = one.attributes.get("ref", "").partition(":")
        if local(one, SHEETS) == "mergeCell" and colon:
            found.append((first, last))
    return found


def _inside(cell: str, first: str, last: str) -> bool:
    (left, top), (right, bottom), (column, row) = _place(first), _place(last), _place(cell)
    return left <= column <= right and top <= row <= bottom


def _fill_document(data: bytes, targets: tuple[Target, ...]) -> bytes:
    every = read_part({"word/document.xml": data}, "word/document.xml")
    pieces = {}
    body = next((index for index, one in enumerate(every) if local(one, _WORDS) == "body"), -1)
    tables = _within(every, body, "tbl")
    for one in targets:
        where = f"table {one.table}, row {one.row}, column {one.column}"
        try:
            rows = _within(every, tables[_from_one(one.table)], "tr")
            cell = _within(every, _within(every, rows[_from_one(one.row)], "tc")[_from_one(one.column)], "p")[
                0
            ]
        except IndexError:
            _refuse(Text(ja="その表・行・列がない", en="there is no such table, row or column"), where)
        piece = _paragraph(data, every, cell, one.text)
        if piece[:2] in pieces:
            _refuse(Text(ja="同じセルが二度ある", en="the same cell twice"), where)
        pieces[piece[:2]] = piece
    return patched(data, list(pieces.values()))


def _from_one(number: int) -> int:
    if number < 1:
        raise IndexError
    return number - 1


def _within(every: list[Element], parent: int, name: str) -> list[int]:
    """Return the children of that name; content controls (``sdt``) around them are looked through."""
    found = []
    for index in range(parent + 1, len(every)):
        one = every[index]
        if one.begin >= every[parent].end:
            break
        above = one.parent
        while above != parent and local(every[above], _WORDS) in {"sdt", "sdtContent"}:
            above = every[above].parent
        if above == parent and local(one, _WORDS) == name:
            found.append(index)
    return found


def _paragraph(data: bytes, every: list[Element], index: int, text: str) -> tuple[int, int, bytes]:
    """Replace the runs of a cell's first paragraph, in the format of its first one; anchored drawings stay."""
    one = every[index]
    prefix = _prefix(data, one)
    runs = [number for number in _within(every, index, "r") if not _holds_drawing(every, number)]
    style = b""
    if runs:
        style = next((data[every[sub].begin : every[sub].end] for sub in _within(every, runs[0], "rPr")), b"")
    lines = f"<{prefix}br/>".join(
        f'<{prefix}t xml:space="preserve">{escape(part)}</{prefix}t>' for part in allowed(text).split("\n")
    )
    made = f"<{prefix}r>".encode() + style + lines.encode() + f"</{prefix}r>".encode()
    if one.inner[0] == one.end:
        return one.end - 2, one.end, b">" + made + f"</{prefix}p>".encode()
    first, last = one.inner
    if runs:
        first = every[runs[0]].begin
    keep = data[first:last]
    # Everything behind the paragraph's properties that is no text stays: drawings, bookmarks.
    cuts = [(every[number].begin - first, every[number].end - first, b"") for number in runs]
    if not runs:
        properties = _within(every, index, "pPr")
        at = every[properties[0]].end if properties else first
        return at, at, made
    return first, last, made + patched(keep, cuts)


def _holds_drawing(every: list[Element], index: int) -> bool:
    end = every[index].end
    for one in every[index + 1 :]:
        if one.begin >= end:
            return False
        if one.name.rpartition(" ")[2] in {"drawing", "pict", "object", "AlternateContent"}:
            return True
    return False


def _refuse(what: Text, where: str = "") -> NoReturn:
    raise DescriptionError(what, where)
