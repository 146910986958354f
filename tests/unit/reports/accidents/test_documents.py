"""Documents of an accident: what the facts say goes in, what nobody knows stays open, nothing is made up."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree as ET

import msgspec
import openpyxl
import pypdf
import pytest

from sekisho.catalogues.accidents import document_rules
from sekisho.errors import DescriptionError
from sekisho.formats.form_mapping import read_mapping, targets
from sekisho.formats.incident_file import read_csv
from sekisho.language import Language
from sekisho.model.draft import Draft, Kind, Known, Signature, changes
from sekisho.model.incident import Threat
from sekisho.model.timeline import About, Details
from sekisho.reports.accidents.case import Case
from sekisho.reports.accidents.compose import compose, compose_all, compose_periodic
from sekisho.reports.accidents.docx import docx
from sekisho.reports.accidents.json import json
from sekisho.reports.accidents.pdf import pdf
from sekisho.reports.accidents.xlsx import xlsx
from sekisho.workflows.judge_accident import rule

JST = timezone(timedelta(hours=9), "JST")
NOTHING_SAID = Details()
DOWN = """time,what,service,area,users,source
2026-11-21 12:20,down,internet,東京都,41000-60000,監視
2026-11-21 12:25,known,,,,NOC
2026-11-21 12:30,down,voice-emergency,千葉県,12000,監視
2026-11-21 12:45,told,,,,web
2026-11-21 13:10,restored,voice-emergency,,,試験呼
"""
BACK = "2026-11-21 15:00,restored,internet,,,試験呼\n"


def case(
    text: str = DOWN, at: str = "14:30", report: Details = NOTHING_SAID, language: str = "ja", **about: object
) -> Case:
    facts = read_csv(text, JST)[1]
    said = msgspec.structs.replace(About(title="認証の故障", areas_apart=True, report=report), **about)
    moment = datetime.fromisoformat(f"2026-11-21T{at}:00+09:00")
    return Case(said, rule(said, facts, moment), document_rules(), Language(language), JST)


def value(draft: Draft, name: str) -> tuple[str, Known]:
    return next((one.value, one.known) for one in draft.fields if one.id == name)


def test_first_report_says_what_is_known_and_asks_for_the_rest() -> None:
    draft = compose(Kind.FIRST, case())
    assert value(draft, "occurred") == ("2026年11月21日12時20分", Known.TOLD)
    assert value(draft, "restored") == ("継続中", Known.CHECK)
    assert (
        value(draft, "prefectures")[0] == "東京都、千葉県"
        or value(draft, "prefectures")[0] == "千葉県、東京都"
    )
    assert value(draft, "users") == (
        "インターネット接続 41,000–60,000、音声（緊急通報あり） 12,000（調査中）",
        Known.CHECK,
    )
    for name in ("place", "cause", "measures", "wholesale", "other"):
        assert value(draft, name) == ("", Known.MISSING)
    assert "未確認" in draft.remarks[0]


def test_what_a_person_said_stands_as_told() -> None:
    report = Details(
        place="東京局", cause="不具合（推定）", measures="切替", outlook="16時ごろ", overview="概要"
    )
    draft = compose(Kind.FIRST, case(report=report))
    assert [value(draft, name)[0] for name in ("place", "cause", "measures", "overview", "restored")] == [
        "東京局", "不具合（推定）", "切替", "概要", "継続中（予定：16時ごろ）",
    ]  # fmt: skip


def test_users_that_nobody_knows_are_never_a_number() -> None:
    draft = compose(Kind.FIRST, case("time,what,service\n2026-11-21 12:20,down,voice\n"))
    assert value(draft, "users") == ("調査中", Known.CHECK)
    assert value(draft, "prefectures") == ("", Known.MISSING)
    more = compose(Kind.FIRST, case("time,what,service,users\n2026-11-21 12:20,down,voice,3万以上\n"))
    assert value(more, "users")[0] == "30,000以上（調査中）"


def test_the_wholesale_report_asks_for_two_things() -> None:
    draft = compose(Kind.FIRST, case(wholesale_cause=True))
    assert [one.id for one in draft.fields] == ["reported-at", "occurred", "measures"]


def test_detailed_report_names_form_reasoning_and_what_is_unverified() -> None:
    draft = compose(Kind.DETAILED, case(DOWN + BACK, "16:00"))
    assert draft.form == "様式第50の3"
    assert value(draft, "restored") == ("2026年11月21日15時00分", Known.TOLD)
    assert value(draft, "duration")[0] == "2時間40分"
    assert any("≥ 2時間 × 30,000" in one for one in draft.remarks)
    assert [one.remark for one in draft.fields if one.id == "cause-class"] == ["様式にこの欄があるかは未確認"]
    assert [len(one.rows) for one in draft.sheets] == [2, 6]


def test_each_duty_has_a_detailed_report_on_its_own_form_with_its_day_and_clock() -> None:
    made = compose_all(Kind.DETAILED, case(DOWN + BACK, "16:00", leaks=("secrecy",)))
    assert [(one.key, one.form) for one in made] == [
        ("detailed-secrecy", "様式第50の2"), ("detailed-serious", "様式第50の3"),
    ]  # fmt: skip
    leak, serious = made
    assert value(leak, "known") == ("2026年11月21日12時25分", Known.TOLD)
    assert value(leak, "due") == ("2026年12月21日まで（起算：認知 2026年11月21日12時25分）", Known.CHECK)
    assert "known" not in {one.id for one in serious.fields}
    assert "起算：発生" in value(serious, "due")[0]
    for name in ("addressee", "submitted", "address", "representative"):
        assert value(leak, name) == ("", Known.MISSING)
        assert next(one.remark for one in leak.fields if one.id == name) == "様式にこの欄があるかは未確認"
    none = compose(Kind.DETAILED, case(DOWN + "2026-11-21 12:50,restored,internet,,,試験呼\n", "16:00"))
    assert (none.form, none.key) == ("", "detailed")
    assert any("義務は見当たらない" in one for one in none.remarks)
    assert "due" not in {one.id for one in none.fields}


def test_while_questions_are_open_nothing_is_asked_only_by_what_is_told() -> None:
    text = DOWN.partition("2026-11-21 12:30")[0].replace("41000-60000", "10") + BACK.replace("15:00", "12:50")
    answers = {"leaks": (), "stopped_business": False, "threat": Threat(events=())}
    for kind, nothing in (
        (Kind.FIRST, "直ちに報告する義務は見当たらない"),
        (Kind.DETAILED, "詳細報告の義務は見当たらない"),
    ):
        silent = compose(kind, case(text, "16:00")).remarks
        assert f"書かれた事実からは、{nothing}" in silent
        assert [one for one in silent if "聞いていないので判定していない" in one and "漏えい" in one]
        answered = compose(kind, case(text, "16:00", **answers)).remarks
        assert f"この時点で、{nothing}" in answered
        assert not [one for one in answered if "聞いていない" in one or "書かれた事実" in one]


def test_the_short_first_report_is_for_the_suppliers_accident_alone() -> None:
    draft = compose(Kind.FIRST, case(wholesale_cause=True, leaks=("secrecy",)))
    assert {"overview", "cause", "known"} <= {one.id for one in draft.fields}


def test_an_unknown_area_is_not_everywhere_and_not_left_out() -> None:
    text = DOWN + "2026-11-21 12:40,down,data,,100,監視\n"
    notice = compose(Kind.NOTICE, case(text))
    assert "▲ 地域は人が書く" in {row[0] for row in notice.sheets[0].rows}
    places, known = value(compose(Kind.FIRST, case(text)), "prefectures")
    assert "▲ 地域の分からない影響" in places
    assert known is Known.CHECK


def test_a_draft_says_how_many_facts_it_does_not_use() -> None:
    draft = compose(Kind.FIRST, case(DOWN + BACK, "14:30"))
    assert "これより後の時刻の事実 1 件は使っていない" in draft.remarks


def test_a_subject_that_nobody_wrote_is_asked_for() -> None:
    assert compose(Kind.FIRST, case(title="")).subject == "▲ 人が書く"


def test_a_notice_that_is_signed_off_carries_nothing_internal() -> None:
    notice = compose(Kind.NOTICE, case())
    signed = msgspec.structs.replace(notice, signed=Signature("鈴木", 0))
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf(signed, JST))).pages)
    with zipfile.ZipFile(io.BytesIO(docx(signed, JST))) as packed:
        text += "".join(ET.fromstring(packed.read("word/document.xml")).itertext())
    book = openpyxl.load_workbook(io.BytesIO(xlsx(signed, JST)))
    text += "".join(str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row)
    assert "お知らせ" in text
    for word in ("報告事項", "様式", "要確認", "確認する人への注意", "確度"):
        assert word not in text
    assert "確認する人への注意" in pypdf.PdfReader(io.BytesIO(pdf(notice, JST))).pages[-1].extract_text()


def test_japanese_texts_in_the_pdf_hold_no_hidden_signs() -> None:
    said = "認証サーバーの不具合により接続できない状態が続いた。" * 5
    draft = compose(Kind.FIRST, case(report=Details(overview=said, cause="x" * 90)))
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf(draft, JST))).pages)
    assert said[:10] in text
    assert "の\u200b" not in text
    assert "x\u200bx" in text


def test_notices_are_counted_and_tell_of_emergency_calls_and_areas() -> None:
    notice = compose(Kind.NOTICE, case())
    assert notice.title == "利用者への周知（第2報）"
    assert value(notice, "emergency")[1] is Known.CHECK
    assert {row[:3] for row in notice.sheets[0].rows} == {
        ("東京都", "インターネット接続", "利用できない"), ("千葉県", "音声（緊急通報あり）", "復旧"),
    }  # fmt: skip
    assert "指定公共機関8社" in notice.remarks[1]
    assert compose(Kind.NOTICE, case(at="12:40")).title.endswith("（初報）")
    assert compose(Kind.NOTICE, case(DOWN + BACK, "16:00")).title.endswith("（復旧）")


def test_periodic_table_leaves_serious_ones_out() -> None:
    short = DOWN.replace("12:20,down", "14:00,down").replace("12:25", "14:25")
    table = compose_periodic([case(short + BACK, "16:00"), case(DOWN + BACK, "16:00")])
    assert len(table.sheets[0].rows) == 1
    assert "2027-05-31" in table.subject
    assert table.form == "様式第27"
    empty = compose(Kind.PERIODIC, case(DOWN + BACK, "16:00"))
    assert (empty.sheets[0].rows, empty.remarks[-1]) == ((), "載せる事故はない")


def test_every_form_is_whole_and_says_that_it_is_a_draft() -> None:
    draft = compose(Kind.DETAILED, case(DOWN + BACK, "16:00", Details(cause="<&>\x00=1+1\n二行目")))
    with zipfile.ZipFile(io.BytesIO(docx(draft, JST))) as packed:
        assert packed.testzip() is None
        for name in packed.namelist():
            ET.fromstring(packed.read(name))
        text = "".join(ET.fromstring(packed.read("word/document.xml")).itertext())
    assert "案（未確認）" in text
    assert "<&>=1+1" in text
    book = openpyxl.load_workbook(io.BytesIO(xlsx(draft, JST)))
    cells = {
        str(cell.value): cell.data_type
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if cell.value
    }
    assert cells["<&>=1+1\n二行目"] == "s"
    assert any(one.startswith("案（未確認）") for one in cells)
    assert "f" not in cells.values()
    pages = pypdf.PdfReader(io.BytesIO(pdf(draft, JST)))
    assert "案（未確認）" in pages.pages[0].extract_text()
    assert msgspec.json.decode(pages.attachments["draft.json"][0], type=Draft) == draft
    assert msgspec.json.decode(json(draft), type=Draft) == draft


def test_a_signature_stands_in_the_document() -> None:
    signed = msgspec.structs.replace(
        compose(Kind.FIRST, case(language="en")), signed=Signature("A. Person", 0), version=3
    )
    text = pypdf.PdfReader(io.BytesIO(pdf(signed, JST))).pages[0].extract_text()
    assert "signed off by A. Person (1970-01-01 09:00 JST)" in text
    assert "DRAFT" not in text
    assert docx(signed, JST) == docx(signed, JST)
    assert xlsx(signed, JST) == xlsx(signed, JST)


def test_changes_between_versions() -> None:
    before, after = (
        compose(Kind.DETAILED, case()),
        compose(Kind.DETAILED, case(DOWN + BACK, "16:00", Details(cause="雷"))),
    )
    found = {one.where: (one.before, one.after) for one in changes(before, after)}
    assert found["理由又は発生原因"] == ("", "雷")
    assert found["経過"][1].endswith("試験呼")
    assert "報告日時" not in found
    assert changes(before, before) == ()


MAPPING = """
[[cells]]
sheet = "様式"
cell = "C5"
text = "{occurred}（{cause-class}）"
[[cells]]
sheet = "様式"
cell = "C6"
text = "{place}"
[codes.cause-class]
"設備要因" = "符号1"
"""


def test_a_mapping_puts_fields_and_the_users_codes_into_places() -> None:
    draft = compose(Kind.DETAILED, case(report=Details(cause_class="設備要因")))
    assert [(one.cell, one.text) for one in targets(draft, read_mapping(MAPPING))] == [
        ("C5", "2026年11月21日12時20分（符号1）")
    ]  # C6 stays as it is: nobody has said the place
    other = compose(Kind.DETAILED, case(report=Details(cause_class="雷")))
    with pytest.raises(DescriptionError, match="no code"):
        list(targets(other, read_mapping(MAPPING)))
    with pytest.raises(DescriptionError, match="no such field"):
        list(targets(draft, read_mapping(MAPPING.replace("{place}", "{plaice}"))))
    with pytest.raises(DescriptionError, match="mapping is wrong"):
        read_mapping("cells = 3")


def test_a_mapping_puts_the_periodic_table_into_rows() -> None:
    draft = compose_periodic(
        [case(DOWN.replace("12:20,down", "14:00,down").replace("12:25", "14:25") + BACK, "16:00")]
    )
    rows = '[[rows]]\nsheet = "一覧"\nfirst_row = 8\ncolumns = { A = "{number}", D = "{cause}", E = "{duration}" }\n'
    assert [(one.cell, one.text) for one in targets(draft, read_mapping(rows))] == [
        ("A8", "1"),
        ("E8", "1時間"),
    ]
    none = read_mapping(rows + "most = 0\n")
    assert none.rows[0].most == 0
    twice = compose_periodic(
        [case(DOWN.replace("12:20,down", "14:00,down").replace("12:25", "14:25") + BACK, "16:00")] * 2
    )
    with pytest.raises(DescriptionError, match="too few rows"):
        list(targets(twice, read_mapping(rows + "most = 1\n")))


@pytest.mark.parametrize(
    ("rows", "about", "said"),
    [
        ("down,internet,東京都,50000-60000", {"fault": False}, "50,000–60,000（調査中）"),
        ("degraded,internet,東京都,200000", {}, "200,000"),
        ("down,internet,東京都,50000", {"additional": True}, "50,000"),
    ],
)
def test_users_are_those_counted_whatever_the_law_makes_of_them(
    rows: str, about: dict[str, object], said: str
) -> None:
    text = f"time,what,service,area,users\n2026-11-21 12:20,{rows}\n"
    draft = compose(Kind.FIRST, case(text, **about))
    assert value(draft, "users")[0] == said
    assert f"影響利用者数 {said}" in value(draft, "overview")[0]
    assert draft.sheets[0].rows[0][5] == said.removesuffix("（調査中）")


def test_a_notice_says_of_what_is_restored_that_it_is() -> None:
    notice = compose(Kind.NOTICE, case())
    emergency, known = value(notice, "emergency")
    assert (emergency, known) == ("音声（緊急通報あり）は 2026年11月21日13時10分 に復旧", Known.CHECK)
    assert value(notice, "services")[0] == "インターネット接続：停止、音声（緊急通報あり）：復旧"
    first = compose(Kind.FIRST, case())
    assert "音声（緊急通報あり）：停止（2026年11月21日13時10分に復旧）" in value(first, "services")[0]
    down = compose(Kind.NOTICE, case(at="12:50"))
    assert "つながらない場合がある" in value(down, "emergency")[0]
    own = compose(Kind.NOTICE, case(report=Details(emergency="119はつながらない")))
    assert value(own, "emergency") == ("119はつながらない", Known.CHECK)
    assert "復旧" in next(one.remark for one in own.fields if one.id == "emergency")


def test_equipment_is_no_service_and_stays_out_of_what_users_read() -> None:
    text = "time,what,equipment,all_traffic\n2026-11-21 12:20,equipment-down,cable A,yes\n"
    notice, first = compose(Kind.NOTICE, case(text)), compose(Kind.FIRST, case(text))
    assert "cable A" not in str(notice)
    for draft in (notice, first):
        assert value(draft, "services") == ("", Known.MISSING)
    assert value(first, "overview") == ("", Known.MISSING)
    detailed = compose(Kind.DETAILED, case(text))
    assert value(detailed, "equipment") == ("cable A", Known.CHECK)


def texts_of(draft: Draft) -> str:
    """Return all that stands in the three forms of a document, in the file within the PDF too."""
    pages = pypdf.PdfReader(io.BytesIO(pdf(draft, JST)))
    text = "".join(page.extract_text() for page in pages.pages) + pages.attachments["draft.json"][0].decode()
    with zipfile.ZipFile(io.BytesIO(docx(draft, JST))) as packed:
        text += "".join(ET.fromstring(packed.read("word/document.xml")).itertext())
    book = openpyxl.load_workbook(io.BytesIO(xlsx(draft, JST)))
    return text + "".join(str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row)


INTERNAL = ("要確認", "はい・いいえを書く", "送る時刻", "確認する人への注意", "確度", "内緒の覚え", "監視")


@pytest.mark.parametrize("kind", [Kind.FIRST, Kind.DETAILED])
def test_what_is_signed_off_carries_nothing_internal(kind: Kind) -> None:
    facts = DOWN + "2026-11-21 12:50,note,,,,内緒の覚え\n"
    draft = compose(kind, case(facts))
    told = texts_of(draft)
    assert {word for word in INTERNAL if word not in told} <= {"はい・いいえを書く", "送る時刻"}
    signed = texts_of(msgspec.structs.replace(draft, signed=Signature("鈴木", 0)))
    assert [word for word in INTERNAL if word in signed] == []
    assert "2026年11月21日12時25分" in signed  # the course itself stays


def test_who_reports_writes_when_and_what_before_it_is_signed() -> None:
    empty, said = (
        compose(Kind.FIRST, case(report=one))
        for one in (NOTHING_SAID, Details(reported_at="14時40分", wholesale="いいえ"))
    )
    assert [value(empty, name) for name in ("reported-at", "wholesale")] == [("", Known.MISSING)] * 2
    assert [value(said, name) for name in ("reported-at", "wholesale")] == [
        ("14時40分", Known.CHECK), ("いいえ", Known.TOLD),
    ]  # fmt: skip
    assert {one.where for one in changes(empty, said)} == {"報告日時", "卸役務か"}
    filed = Details(addressee="総務大臣", submitted="12月1日", address="見本市", representative="見本 一")
    detailed = compose(Kind.DETAILED, case(report=filed))
    assert [value(detailed, name)[0] for name in ("addressee", "submitted", "address", "representative")] == [
        "総務大臣", "12月1日", "見本市", "見本 一",
    ]  # fmt: skip


def test_gaps_of_tables_and_around_them_are_counted() -> None:
    short = DOWN.replace("12:20,down", "14:00,down").replace("12:25", "14:25")
    table = compose_periodic([case(short + BACK, "16:00")])
    cells = sum(cell == "▲" for cell in table.sheets[0].rows[0])
    assert (cells, table.gaps) == (4, 5)  # nobody said who the operator is
    report = Details(operator="見本", cause="雷", cause_class="外的", equipment="電源", measures="交換")
    assert compose_periodic([case(short + BACK, "16:00", report)]).gaps == 0
    assert compose(Kind.FIRST, case(title="", report=report)).gaps == 5  # four fields and the subject
