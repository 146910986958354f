"""A draft as PDF/A-3a and PDF/UA-1, set by Typst in our own fonts; its JSON goes with it."""

from __future__ import annotations

from datetime import tzinfo
from importlib.resources import files

import msgspec
import typst

from sekisho.errors import RenderError
from sekisho.language import Text
from sekisho.model.draft import Draft
from sekisho.reports.accidents.json import json
from sekisho.reports.accidents.wording import around, final, noted, shown
from sekisho.reports.content.shown import walk
from sekisho.reports.pdf import STANDARDS, fonts, printable


def pdf(draft: Draft, zone: tzinfo) -> bytes:
    """Return the file; raises `RenderError` when Typst refuses."""
    draft = final(draft)
    told = {
        "language": draft.language.value,
        "title": draft.title,
        "signed": draft.signed is not None,
        "around": around(draft, zone),
        "fields": [
            {
                "label": one.label,
                "value": shown(one, draft),
                "remark": noted(one, draft),
                "known": one.known.value,
            }
            for one in draft.fields
        ],
        "sheets": draft.sheets,
        "remarks": draft.remarks,
        "subject": draft.subject,
    }
    inputs = {
        "draft": msgspec.json.encode(walk(msgspec.to_builtins(told), printable)).decode(),
        "result": json(draft).decode(),
    }
    template = (files("sekisho.reports") / "templates" / "accident.typ").read_bytes()
    try:
        return typst.compile(
            template,
            format="pdf",
            font_paths=fonts(),
            sys_inputs=inputs,
            pdf_standards=STANDARDS,
            timestamp=draft.as_of.replace(microsecond=0),
        )
    except typst.TypstError as error:
        why = error.message.strip()
        raise RenderError(Text(ja=f"PDFを作れない: {why}", en=f"The PDF can't be made: {why}")) from error
