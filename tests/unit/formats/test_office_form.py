"""Forms filled in the zip: only the cells change, text boxes survive, and other programs open the result."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from sekisho.errors import DescriptionError
from sekisho.formats.docx import Body, Cell, allowed
from sekisho.formats.office_form import Target, fill
from sekisho.formats.xml_places import elements, patched

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def workbook(change: Callable[[Any, Any], None] | None = None) -> bytes:
    """Return a form as ministries make them: joined cells, a text box, a drawing, a formula, a second sheet."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet("様式 50の3")
        box = book.add_format({"border": 1, "bg_color": "#FFFF99"})
        sheet.write("A1", "重大な事故報告書")
        sheet.merge_range("B3:D3", "", box)
        sheet.write("A3", "発生日時")
        sheet.write_formula("B9", "=1+1", None, 2)
        sheet.write_blank("C5", None, box)
        sheet.write("E5", "右の欄")
        sheet.insert_textbox("F1", "記入上の注意：消えてはならない", {"width": 200, "height": 80})
        book.add_worksheet("空")
        if change:
            change(book, sheet)
    return out.getvalue()


def parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name) for name in packed.namelist()}


def test_cells_are_filled_and_all_else_stays_octet_by_octet() -> None:
    form = workbook()
    filled = fill(form, [
        Target("令和８年11月21日\n12時20分 <&>", sheet="様式 50の3", cell="B3"),
        Target("=HYPERLINK(1)", sheet="様式 50の3", cell="C5"),
        Target("新しいセル", sheet="様式 50の3", cell="D5"), Target("左", sheet="様式 50の3", cell="B5"),
        Target("前の行", sheet="様式 50の3", cell="B2"), Target("後の行", sheet="様式 50の3", cell="AA40"),
        Target("空のシート", sheet="空", cell="C2"),
    ])  # fmt: skip
    before, after = parts(form), parts(filled)
    assert list(before) == list(after)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"}
    assert "消えてはならない".encode() in after["xl/drawings/drawing1.xml"]
    book = openpyxl.load_workbook(io.BytesIO(filled))
    sheet = book["様式 50の3"]
    assert sheet["B3"].value == "令和８年11月21日\n12時20分 <&>"
    assert (sheet["C5"].value, sheet["C5"].data_type) == ("=HYPERLINK(1)", "s")  # a text, no formula
    assert [sheet[cell].value for cell in ("A1", "A3", "B2", "B5", "D5", "E5", "AA40", "B9")] == [
        "重大な事故報告書", "発生日時", "前の行", "左", "新しいセル", "右の欄", "後の行", "=1+1",
    ]  # fmt: skip
    assert sheet["B3"].fill.fgColor.rgb == sheet["C5"].fill.fgColor.rgb == "FFFFFF99"
    assert book["空"]["C2"].value == "空のシート"
    rows = [int(one) for one in re.findall(rb'<row r="(\d+)"', after["xl/worksheets/sheet1.xml"])]
    assert rows == sorted(rows)


def test_filling_again_replaces() -> None:
    once = fill(workbook(), [Target("一", sheet="空", cell="A1"), Target("二", sheet="空", cell="B1")])
    twice = fill(once, [Target("三", sheet="空", cell="B1")])
    sheet = openpyxl.load_workbook(io.BytesIO(twice))["空"]
    assert [sheet["A1"].value, sheet["B1"].value] == ["一", "三"]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target("x", sheet="無い", cell="A1"), "no such sheet"),
        (Target("x", sheet="空", cell="1A"), "address"),
        (Target("x", sheet="様式 50の3", cell="B9"), "formula"),
        (Target("x", sheet="様式 50の3", cell="C3"), "joined"),
    ],
)
def test_what_would_damage_is_refused(target: Target, words: str) -> None:
    with pytest.raises(DescriptionError, match=words):
        fill(workbook(), [target])


def test_the_same_cell_twice_is_refused() -> None:
    with pytest.raises(DescriptionError, match="twice"):
        fill(workbook(), [Target("x", sheet="空", cell="A1")] * 2)


@pytest.mark.parametrize("data", [b"", b"PK", b"x" * 100, workbook()[:500]])
def test_what_is_no_form_is_refused(data: bytes) -> None:
    with pytest.raises(DescriptionError):
        fill(data, [])


def rezipped(data: bytes, name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for one, octets in (parts(data) | {name: content}).items():
            packed.writestr(one, octets)
    return out.getvalue()


@pytest.mark.parametrize("content", [
    b'<!DOCTYPE a [<!ENTITY b "c">]><worksheet/>', "<?xml version='1.0' encoding='utf-16'?><a/>".encode("utf-16"), b"<a",
    b"<a/>",
])  # fmt: skip
def test_sheets_that_are_none_are_refused(content: bytes) -> None:
    with pytest.raises(DescriptionError):
        fill(rezipped(workbook(), "xl/worksheets/sheet2.xml", content), [Target("x", sheet="空", cell="A1")])


def test_a_prefix_and_an_empty_row_and_sheet() -> None:
    strange = (
        b'<?xml version="1.0" encoding="UTF-8"?><x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        b'<x:sheetData><x:row r="2" ht="20"/></x:sheetData></x:worksheet>'
    )
    filled = fill(
        rezipped(workbook(), "xl/worksheets/sheet2.xml", strange),
        [
            Target("a", sheet="空", cell="B2"),
            Target("b", sheet="空", cell="A2"),
            Target("c", sheet="空", cell="A1"),
        ],
    )
    sheet = openpyxl.load_workbook(io.BytesIO(filled))["空"]
    assert [sheet[cell].value for cell in ("A1", "A2", "B2")] == ["c", "b", "a"]
    assert sheet.row_dimensions[2].height == 20
    bare = strange.replace(b'<x:row r="2" ht="20"/>', b"").replace(
        b"<x:sheetData></x:sheetData>", b"<x:sheetData/>"
    )
    filled = fill(
        rezipped(workbook(), "xl/worksheets/sheet2.xml", bare),
        [Target("b", sheet="空", cell="A2"), Target("c", sheet="空", cell="A1")],
    )
    sheet = openpyxl.load_workbook(io.BytesIO(filled))["空"]
    assert [sheet[cell].value for cell in ("A1", "A2")] == ["c", "b"]


BOX = (
    f'<w:p><w:r><w:pict xmlns:v="urn:schemas-microsoft-com:vml"><v:shape><v:textbox><w:txbxContent xmlns:w="{W}">'
    "<w:tbl><w:tr><w:tc><w:p/></w:tc></w:tr></w:tbl><w:p><w:r><w:t>記入上の注意</w:t></w:r></w:p>"
    "</w:txbxContent></v:textbox></v:shape></w:pict></w:r></w:p>"
)


def word_form() -> bytes:
    body = Body()
    body.heading("様式", 0)
    body.paragraph("BOX")
    body.table(
        [[Cell("発生日時"), Cell("（記入）", bold=True)], [Cell("場所"), Cell("")]], (1, 2), head=False
    )
    data = body.octets("様式", "ja")
    document = parts(data)["word/document.xml"].decode()
    document = re.sub(r"<w:p><w:r><w:rPr></w:rPr><w:t[^>]*>BOX</w:t></w:r></w:p>", BOX, document)
    document = document.replace(
        '<w:t xml:space="preserve"></w:t></w:r></w:p></w:tc></w:tr></w:tbl>',
        "</w:r></w:p><w:p/></w:tc></w:tr></w:tbl>",
    )
    assert "記入上の注意" in document
    return rezipped(data, "word/document.xml", document.encode())


def test_cells_of_word_are_filled_and_text_boxes_survive() -> None:
    form = word_form()
    filled = fill(
        form,
        [Target("R8.11.21\n<12:20>", table=1, row=1, column=2), Target("東京", table=1, row=2, column=2)],
    )
    before, after = parts(form)["word/document.xml"], parts(filled)["word/document.xml"]
    assert BOX.encode() in after
    found = elements(after)
    tags = [one.name.rpartition(" ")[2] for one in found]
    texts = [one.text for one in found if one.name == f"{W} t"]
    assert texts == ["様式", "記入上の注意", "発生日時", "R8.11.21", "<12:20>", "場所", "東京"]
    assert tags.count("br") == 1
    assert b'<w:rPr><w:b/></w:rPr><w:t xml:space="preserve">R8.11.21' in after
    assert len(before) != len(after)


@pytest.mark.parametrize("place", [(0, 1, 1), (2, 1, 1), (1, 9, 1), (1, 1, 3)])
def test_places_that_word_forms_lack_are_refused(place: tuple[int, int, int]) -> None:
    with pytest.raises(DescriptionError, match="no such table"):
        fill(word_form(), [Target("x", table=place[0], row=place[1], column=place[2])])


@given(st.text(), st.text())
def test_any_text_is_kept_but_for_what_xml_forbids(one: str, other: str) -> None:
    filled = fill(FORM, [Target(one, sheet="空", cell="A1"), Target(other, sheet="空", cell="B2")])
    found = elements(parts(filled)["xl/worksheets/sheet2.xml"])
    assert [each.text for each in found if each.name.endswith(" t")] == [
        allowed(one)[:32767],
        allowed(other)[:32767],
    ]


FORM = workbook()


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.binary(max_size=3)), max_size=4))
def test_pieces_are_put_in_or_refused(pieces: list[tuple[int, int, bytes]]) -> None:
    data = bytes(range(20))
    ordered = [(min(a, b), max(a, b), new) for a, b, new in pieces]
    try:
        got = patched(data, ordered)
    except ValueError:
        assert len(pieces) > 1
        return
    kept = sum(end - begin for begin, end, _ in ordered)
    assert len(got) == 20 - min(kept, 20) + sum(len(new) for *_, new in ordered) or any(
        e > 20 for _, e, _ in ordered
    )
