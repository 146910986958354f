"""Texts of workbooks: what Excel keeps beside them is not part of them; hostile ones are refused in bounded time."""

from __future__ import annotations

import io
import zipfile

import pytest

from sekisho.errors import DescriptionError
from sekisho.formats.workbook import rows_of

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_BOOK = (
    f'<workbook xmlns="{_MAIN}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="一覧" sheetId="1" r:id="r1"/></sheets></workbook>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>'
)
_SHARED = (
    f'<sst xmlns="{_MAIN}"><si><t>項目</t></si>'
    '<si><r><t>東</t></r><r><t>京</t></r><rPh sb="0" eb="2"><t>トウキョウ</t></rPh></si></sst>'
)


def book(cells: str, shared: str = _SHARED, **more: str) -> bytes:
    out = io.BytesIO()
    sheet = f'<worksheet xmlns="{_MAIN}"><sheetData>{cells}</sheetData></worksheet>'
    parts = {
        "xl/workbook.xml": _BOOK,
        "xl/_rels/workbook.xml.rels": _RELATIONS,
        "xl/worksheets/sheet1.xml": sheet,
        "xl/sharedStrings.xml": shared,
    }
    with zipfile.ZipFile(out, "w") as packed:
        for name, text in (parts | more).items():
            packed.writestr(name, text)
    return out.getvalue()


def test_texts_without_readings_numbers_formulas_and_gaps() -> None:
    cells = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row>'
        '<row r="4"><c r="B4"><f>1+1</f><v>2.0</v></c><c r="A4" t="inlineStr"><is><t>中</t><rPh><t>ナカ</t></rPh></is></c></row>'
    )
    assert rows_of(book(cells)) == [(1, ["項目", "", "東京"]), (4, ["中", "2", ""])]
    assert rows_of(book("")) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        book('<row r="1"><c r="A1" t="s"><v>2</v></c></row>'),
        book('<row r="1"><c r="A1" t="s"><v>-1</v></c></row>'),
        book('<row r="1"><c t="s"><v>0</v></c></row>'),
        book('<row r="99999"><c r="A99999"><v>0</v></c></row>'),
        book('<row r="1"><c r="ZZZ1"><v>0</v></c></row>'),
        book("<row"),
        book("", shared='<!DOCTYPE x [<!ENTITY a "b">]><sst/>'),
        book("", **{"xl/workbook.xml": f'<workbook xmlns="{_MAIN}"/>'}),
    ],
)
def test_what_cant_be_read_is_refused(data: bytes) -> None:
    with pytest.raises(DescriptionError):
        rows_of(data)
