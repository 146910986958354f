"""WordprocessingML (ISO/IEC 29500, transitional) of our own: headings, paragraphs and tables in one zip of plain parts.

The same content gives the same octets. Signs that XML 1.0 forbids are dropped.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

import msgspec

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml"
#: Twentieths of a point between the margins of A4.
_WIDTH = 9638
_FORBIDDEN = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufffe\\uffff]")


class Cell(msgspec.Struct, frozen=True):
    """A table's cell: its lines, whether it is a heading, and its ground as RRGGBB."""

    text: str
    bold: bool = False
    ground: str = ""
    colour: str = ""


class Body:
    """What stands in the document, in order."""

    def __init__(self) -> None:
        """Begin an empty one."""
        self._parts: list[str] = []

    def heading(self, text: str, level: int) -> None:
        """Add a heading; 0 is the title."""
        self._parts.append(_paragraph(text, "Title" if level == 0 else f"Heading{level}"))

    def paragraph(self, text: str, style: str = "", colour: str = "") -> None:
        """Add a paragraph; its lines stay lines."""
        self._parts.append(_paragraph(text, style, colour=colour))

    def table(self, rows: Iterable[Sequence[Cell]], widths: Sequence[int], *, head: bool) -> None:
        """Add a table; ``widths`` are shares of the page. ``head``: the first row is repeated on each page."""
        total = sum(widths)
        wide = [one * _WIDTH // total for one in widths]
        grid = "".join(f'<w:gridCol w:w="{one}"/>' for one in wide)
        made = [_row(row, wide, head=head and not number) for number, row in enumerate(rows)]
        self._parts.append(
            f'<w:tbl><w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="{sum(wide)}" w:type="dxa"/>'
            f'<w:tblLayout w:type="fixed"/></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{"".join(made)}</w:tbl>'
            "<w:p/>"
        )

    def octets(self, title: str, language: str) -> bytes:
        """Return the file."""
        document = (
            f'{_HEAD}<w:document xmlns:w="{_W}" xmlns:r="{_R}"><w:body>{"".join(self._parts)}<w:sectPr>'
            '<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1134" w:right="1134" w:bottom="1134" w:left="1134" '
            'w:header="567" w:footer="567" w:gutter="0"/></w:sectPr></w:body></w:document>'
        )
        parts = {
            "[Content_Types].xml": _TYPES,
            "_rels/.rels": _RELATIONS,
            "word/document.xml": document,
            "word/_rels/document.xml.rels": _DOCUMENT_RELATIONS,
            "word/styles.xml": _styles(language),
            "docProps/core.xml": _core(title, language),
        }
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, text in parts.items():
                packed.writestr(
                    zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text.encode(), zipfile.ZIP_DEFLATED
                )
        return out.getvalue()


def allowed(text: str) -> str:
    """Return the text without the signs that XML 1.0 forbids (and without C1 controls)."""
    return _FORBIDDEN.sub("", text)


def _run(text: str, *, bold: bool = False, colour: str = "") -> str:
    bolder = "<w:b/>" if bold else ""
    tinted = f'<w:color w:val="{colour}"/>' if colour else ""
    lines = "<w:br/>".join(
        f'<w:t xml:space="preserve">{escape(one)}</w:t>'
        for one in allowed(text).replace("\t", " ").split("\n")
    )
    return f"<w:r><w:rPr>{bolder}{tinted}</w:rPr>{lines}</w:r>"


def _paragraph(text: str, style: str = "", *, bold: bool = False, colour: str = "") -> str:
    styled = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{styled}{_run(text, bold=bold, colour=colour)}</w:p>"


def _row(row: Sequence[Cell], wide: Sequence[int], *, head: bool) -> str:
    cells = []
    for cell, width in zip(row, wide, strict=True):
        ground = f'<w:shd w:val="clear" w:color="auto" w:fill="{cell.ground}"/>' if cell.ground else ""
        cells.append(
            f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{ground}</w:tcPr>'
            f"{_paragraph(cell.text, 'Cell', bold=cell.bold, colour=cell.colour)}</w:tc>"
        )
    repeated = "<w:tblHeader/>" if head else ""
    return f"<w:tr><w:trPr><w:cantSplit/>{repeated}</w:trPr>{''.join(cells)}</w:tr>"


_TYPES = (
    f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{_MAIN}.document.main+xml"/>'
    f'<Override PartName="/word/styles.xml" ContentType="{_MAIN}.styles+xml"/>'
    '<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>'
    "</Types>"
)
_RELATIONS = (
    f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_R}/officeDocument" Target="word/document.xml"/>'
    f'<Relationship Id="r2" Type="{_PACKAGE}/relationships/metadata/core-properties" Target="docProps/core.xml"/>'
    "</Relationships>"
)
_DOCUMENT_RELATIONS = (
    f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_R}/styles" Target="styles.xml"/></Relationships>'
)


def _core(title: str, language: str) -> str:
    return (
        f'{_HEAD}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{escape(allowed(title))}</dc:title><dc:creator>Sekisho</dc:creator>"
        f"<dc:language>{language}</dc:language></cp:coreProperties>"
    )


def _styles(language: str) -> str:
    spoken = "ja-JP" if language == "ja" else "en-GB"
    fonts = '<w:rFonts w:ascii="Yu Gothic" w:hAnsi="Yu Gothic" w:eastAsia="Yu Gothic" w:cs="Yu Gothic"/>'

    def style(
        name: str, shown: str, size: int, before: int, after: int, more: str = "", outline: str = ""
    ) -> str:
        return (
            f'<w:style w:type="paragraph" w:styleId="{name}"><w:name w:val="{shown}"/><w:basedOn w:val="Normal"/>'
            f'<w:pPr><w:spacing w:before="{before}" w:after="{after}"/>{outline}</w:pPr>'
            f'<w:rPr>{more}<w:sz w:val="{size}"/></w:rPr></w:style>'
        )

    border = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="9AA3AD"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    return (
        f'{_HEAD}<w:styles xmlns:w="{_W}"><w:docDefaults><w:rPrDefault><w:rPr>{fonts}<w:sz w:val="20"/>'
        f'<w:lang w:val="en-GB" w:eastAsia="{spoken}"/></w:rPr></w:rPrDefault></w:docDefaults>'
        '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/>'
        '<w:pPr><w:spacing w:after="80"/></w:pPr></w:style>'
        + style("Title", "Title", 34, 0, 80, "<w:b/>")
        + style("Heading1", "heading 1", 24, 240, 100, "<w:b/>", '<w:outlineLvl w:val="0"/>')
        + style("Cell", "Cell", 18, 40, 40)
        + style("Small", "Small", 16, 0, 40, '<w:color w:val="55606B"/>')
        + '<w:style w:type="table" w:default="1" w:styleId="TableNormal"><w:name w:val="Normal Table"/><w:tblPr>'
        '<w:tblCellMar><w:left w:w="85" w:type="dxa"/><w:right w:w="85" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style>'
        '<w:style w:type="table" w:styleId="TableGrid"><w:name w:val="Table Grid"/><w:basedOn w:val="TableNormal"/>'
        f"<w:tblPr><w:tblBorders>{border}</w:tblBorders></w:tblPr></w:style></w:styles>"
    )
