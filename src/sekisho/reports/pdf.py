"""The report as PDF/A-3a and PDF/UA-1, set by Typst in our own subset of Noto Sans CJK JP.

The text goes to the template as JSON, so nothing that a terminal said is ever markup. The result as
JSON is attached. A character that the font lacks is spelled out, because PDF/A forbids a missing glyph.
No font of the machine is used: the same document gives the same bytes everywhere.
"""

from __future__ import annotations

import atexit
from bisect import bisect_right
from contextlib import ExitStack
from datetime import datetime
from functools import cache
from importlib.resources import as_file, files

import msgspec
import typst

from sekisho.errors import RenderError
from sekisho.language import Text
from sekisho.ports import Document
from sekisho.reports.content.composition import compose, harmless
from sekisho.reports.content.drawings import PAPER, icon, strip
from sekisho.reports.content.evidence import Bounds
from sekisho.reports.content.parts import MARKS
from sekisho.reports.content.shown import spelled, walk
from sekisho.reports.json import result

BOUNDS = Bounds(
    essential=True, steps=60, lines=16, text=200, transcripts=16, transcript_bytes=1_200, chunk_bytes=400
)
FONTS = ("NotoSansCJKjp-Regular.subset.otf", "NotoSansCJKjp-Bold.subset.otf")
STANDARDS: list[typst.PDFStandard] = ["a-3a", "ua-1"]
_FAILED = Text(ja="PDFを作れない: {why}", en="The PDF can't be made: {why}")
_INSTEAD = Text(ja="HTMLの報告書は同じ内容を持つ。", en="The HTML report says the same.")


@cache
def coverage() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the first and the last code points of the ranges that the font can print."""
    text = (files("sekisho.reports") / "fonts" / "coverage.json").read_bytes()
    ranges = msgspec.json.decode(text, type=list[tuple[int, int]])
    return tuple(first for first, _ in ranges), tuple(last for _, last in ranges)


def printable(text: str) -> str:
    """Return ``text`` with every character that the font lacks spelled out."""
    if text.isascii():
        return text
    return "".join(sign if sign == "\n" or _covered(ord(sign)) else spelled(sign) for sign in text)


def _covered(point: int) -> bool:
    first, last = coverage()
    index = bisect_right(first, point) - 1
    return index >= 0 and point <= last[index]


@cache
def fonts() -> typst.Fonts:
    """Return our own fonts for Typst; none of the machine's."""
    # Typst wants folders and reads a font when it first needs it, so the files must stay until the end.
    stack = ExitStack()
    atexit.register(stack.close)
    folder = files("sekisho.reports") / "fonts"
    folders = {stack.enter_context(as_file(folder / name)).parent for name in FONTS}
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=sorted(folders))


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else found


class PdfReport:
    """Writes the A4 document in the document's language."""

    name = "pdf"
    suffix = ".pdf"
    by_language = True

    def render(self, document: Document) -> bytes:
        """Return the PDF; raises `RenderError` when Typst refuses."""
        report = compose(document, BOUNDS, PAPER)
        shown = {
            "report": walk(harmless(report, document), printable),
            "icons": {one: icon(one, PAPER) for one in MARKS.values()},
            "strips": {one.id: strip(one.tallies, PAPER) for one in report.sections},
        }
        inputs = {
            "report": msgspec.json.encode(shown).decode(),
            "result": msgspec.json.encode(result(document), order="sorted").decode(),
        }
        template = (files("sekisho.reports") / "templates" / "report.typ").read_bytes()
        try:
            made = typst.compile(
                template,
                format="pdf",
                font_paths=fonts(),
                sys_inputs=inputs,
                pdf_standards=STANDARDS,
                timestamp=_moment(document.made_at) or 0,
            )
        except typst.TypstError as error:
            why = error.message.strip()
            raise RenderError(
                Text(ja=_FAILED.ja.format(why=why), en=_FAILED.en.format(why=why)), todo=_INSTEAD
            ) from error
        return made


RENDERER = PdfReport()
