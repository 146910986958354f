"""A draft as a Word document."""

from __future__ import annotations

from datetime import tzinfo

from sekisho.formats.docx import Body, Cell
from sekisho.model.draft import Draft, Known
from sekisho.reports.accidents.wording import around, final, noted, shown

_HEAD, _OPEN = "EEF1F5", "FDF2DA"
_RED, _AMBER = "B3201C", "8A5300"


def docx(draft: Draft, zone: tzinfo) -> bytes:
    """Return the file; what is signed off without what is internal."""
    draft = final(draft)
    words = around(draft, zone)
    body = Body()
    body.heading(draft.title, 0)
    body.paragraph(words.state, colour="" if draft.signed else _RED)
    body.table(([Cell(name, ground=_HEAD), Cell(value)] for name, value in words.lines), (1, 3), head=False)
    if draft.fields:
        body.heading(words.fields, 1)
        rows = []
        for field in draft.fields:
            open_ = field.known is Known.MISSING
            colour = _RED if open_ else _AMBER if field.known is Known.CHECK else ""
            rows.append([
                Cell(field.label, ground=_HEAD), Cell(shown(field, draft), ground=_OPEN if open_ else "", colour=_RED if open_ else ""),
                *([] if draft.signed else [Cell(noted(field, draft), colour=colour)]),
            ])  # fmt: skip
        body.table(rows, (3, 9) if draft.signed else (3, 6, 3), head=False)
    for sheet in draft.sheets:
        body.heading(sheet.title, 1)
        head = [Cell(name, bold=True, ground=_HEAD) for name in sheet.head]
        body.table([head, *([Cell(cell) for cell in row] for row in sheet.rows)], [1] * len(head), head=True)
    if words.notes:
        body.heading(words.notes, 1)
        for remark in draft.remarks:
            body.paragraph(f"・{remark}", "Small")
        body.paragraph(words.basis, "Small")
    return body.octets(f"{draft.title} {draft.subject}", draft.language.value)
