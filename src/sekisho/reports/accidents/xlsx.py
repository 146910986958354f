"""A draft as a workbook: one sheet of fields, one for each table."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Any

import xlsxwriter

from sekisho.formats.docx import allowed
from sekisho.model.draft import Draft, Known
from sekisho.reports.accidents.wording import Around, around, final, noted, shown

_FORBIDDEN = re.compile(r"[\[\]:*?/\\']")
_LONGEST_NAME = 31
_LATIN, _TALLEST = 0x2FF, 400.0
_FONT = {"font_name": "Yu Gothic", "font_size": 10, "valign": "top", "text_wrap": True}


_FRAME = {**_FONT, "border": 1, "border_color": "#9AA3AD"}
_STYLES = {
    "plain": _FRAME,
    "head": {**_FRAME, "bg_color": "#EEF1F5", "bold": True},
    "open": {**_FRAME, "bg_color": "#FDF2DA", "font_color": "#B3201C"},
    "title": {"font_name": "Yu Gothic", "font_size": 15, "bold": True},
    "small": {**_FONT, "font_size": 9, "font_color": "#55606B", "text_wrap": False},
}
_TEXTS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
_WIDTHS, _SHEET_WIDTH = (30, 62, 38), 24


def xlsx(draft: Draft, zone: tzinfo) -> bytes:
    """Return the file; every cell is a text, so nothing that was told can be a formula."""
    draft, out = final(draft), io.BytesIO()
    with xlsxwriter.Workbook(out, _TEXTS) as book:
        # The date of making would differ each time.
        book.set_properties({"title": allowed(draft.title), "created": draft.as_of.replace(tzinfo=None)})
        styles = {name: book.add_format(style) for name, style in _STYLES.items()}
        words = around(draft, zone)
        first = _sheet(book, _name(words.fields, 0), _WIDTHS)
        for row, (cells, names) in enumerate(_lines(draft, words)):
            for column, (cell, name) in enumerate(zip(cells, names, strict=True)):
                first.write_string(row, column, allowed(cell), styles[name])
            if len(cells) == len(_WIDTHS):
                first.set_row(row, _height(*zip(cells, _WIDTHS, strict=True)))
        for number, sheet in enumerate(draft.sheets, 1):
            made = _sheet(book, _name(sheet.title, number), [_SHEET_WIDTH] * len(sheet.head))
            made.freeze_panes(1, 0)
            made.repeat_rows(0)
            for line, row_cells in enumerate((sheet.head, *sheet.rows)):
                made.set_row(line, _height(*((cell, _SHEET_WIDTH) for cell in row_cells)))
                for column, cell in enumerate(row_cells):
                    made.write_string(line, column, allowed(cell), styles["plain" if line else "head"])
    return out.getvalue()


def _sheet(book: Any, name: str, widths: Sequence[int]) -> Any:
    made = book.add_worksheet(name)
    for column, width in enumerate(widths):
        made.set_column(column, column, width)
    made.set_landscape()
    made.fit_to_pages(1, 0)
    made.set_paper(9)
    return made


def _lines(draft: Draft, words: Around) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield the rows of the first sheet: their cells, and the style of each."""
    yield (draft.title,), ("title",)
    yield (words.state,), ("small",)
    yield (), ()
    for name, value in words.lines:
        yield (name, value), ("head", "plain")
    yield (), ()
    for field in draft.fields:
        style = "open" if field.known is Known.MISSING else "plain"
        yield (field.label, shown(field, draft), noted(field, draft)), ("head", style, "plain")
    yield (), ()
    for remark in (words.notes, *draft.remarks, words.basis) if words.notes else ():
        yield (remark,), ("small",)


def _name(text: str, number: int) -> str:
    plain = _FORBIDDEN.sub(" ", allowed(text))[: _LONGEST_NAME - 3]
    return f"{number + 1} {plain}"


def _height(*cells: tuple[str, int]) -> float:
    """Return a row's height in points, for texts in columns of so many signs (wide ones count twice)."""
    lines = 1
    for text, width in cells:
        parts = text.split("\n")
        wide = [sum(2 if ord(sign) > _LATIN else 1 for sign in part) for part in parts]
        lines = max(lines, sum(max(1, -(-one // (width - 2))) for one in wide))
    return min(_TALLEST, 17.0 * lines)
