"""A draft as a workbook: one sheet of fields, one for each table."""

from __future__ import annotations

import io
import re
from datetime import tzinfo

import xlsxwriter

from sekisho.formats.docx import allowed
from sekisho.model.draft import Draft, Known
from sekisho.reports.accidents.wording import around, noted, shown

_FORBIDDEN = re.compile(r"[\[\]:*?/\\']")
_LONGEST_NAME = 31
_LATIN, _TALLEST = 0x2FF, 400.0
_FONT = {"font_name": "Yu Gothic", "font_size": 10, "valign": "top", "text_wrap": True}


def xlsx(draft: Draft, zone: tzinfo) -> bytes:
    """Return the file; every cell is a text, so nothing that was told can be a formula."""
    words = around(draft, zone)
    out = io.BytesIO()
    with xlsxwriter.Workbook(
        out,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
        },
    ) as book:
        # The date of making would differ each time.
        book.set_properties({"title": allowed(draft.title), "created": draft.as_of.replace(tzinfo=None)})
        plain = book.add_format({**_FONT, "border": 1, "border_color": "#9AA3AD"})
        head = book.add_format(
            {**_FONT, "border": 1, "border_color": "#9AA3AD", "bg_color": "#EEF1F5", "bold": True}
        )
        open_ = book.add_format(
            {**_FONT, "border": 1, "border_color": "#9AA3AD", "bg_color": "#FDF2DA", "font_color": "#B3201C"}
        )
        title = book.add_format({"font_name": "Yu Gothic", "font_size": 15, "bold": True})
        small = book.add_format({**_FONT, "font_size": 9, "font_color": "#55606B", "text_wrap": False})
        first = book.add_worksheet(_name(words.fields, 0))
        first.set_column(0, 0, 30)
        first.set_column(1, 1, 62)
        first.set_column(2, 2, 38)
        first.write_string(0, 0, allowed(draft.title), title)
        first.write_string(1, 0, allowed(words.state), small)
        row = 3
        for name, value in words.lines:
            first.write_string(row, 0, allowed(name), head)
            first.write_string(row, 1, allowed(value), plain)
            row += 1
        row += 1
        for field in draft.fields:
            first.write_string(row, 0, allowed(field.label), head)
            first.write_string(
                row, 1, allowed(shown(field, draft)), open_ if field.known is Known.MISSING else plain
            )
            first.write_string(row, 2, allowed(noted(field, draft)), plain)
            first.set_row(
                row, _height((field.label, 30), (shown(field, draft), 62), (noted(field, draft), 38))
            )
            row += 1
        row += 1
        for remark in (words.notes, *draft.remarks, words.basis):
            first.write_string(row, 0, allowed(remark), small)
            row += 1
        first.set_landscape()
        first.fit_to_pages(1, 0)
        first.set_paper(9)
        for number, sheet in enumerate(draft.sheets, 1):
            made = book.add_worksheet(_name(sheet.title, number))
            made.set_column(0, len(sheet.head) - 1, 24)
            made.freeze_panes(1, 0)
            for line, cells in enumerate((sheet.head, *sheet.rows)):
                made.set_row(line, _height(*((cell, 24) for cell in cells)))
                for column, cell in enumerate(cells):
                    made.write_string(line, column, allowed(cell), plain if line else head)
            made.set_landscape()
            made.fit_to_pages(1, 0)
            made.repeat_rows(0)
            made.set_paper(9)
    return out.getvalue()


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
