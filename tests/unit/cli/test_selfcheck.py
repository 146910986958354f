"""``sekisho selfcheck`` as its user types it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner

from sekisho.cli.selfcheck import command
from sekisho.errors import DescriptionError, SekishoError
from sekisho.formats.self_check_table import read_answers, read_items, table_in


def run(*words: object, code: int) -> str:
    done = CliRunner().invoke(command, list(map(str, words)), standalone_mode=False)
    assert done.exception is None, done.exception
    assert (done.return_value or 0) == code, done.output
    return done.output


def test_the_empty_template_covers_nothing(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(run("template", code=0), encoding="utf-8")
    found = {one["list"]: one for one in json.loads(run("coverage", file, "--json", code=1))["lists"]}
    assert (
        found["management"]["items"],
        len(found["management"]["unanswered"]),
        found["management"]["done"],
    ) == (32, 32, 0)
    assert found["technical"]["items"] == 16
    assert (found["reliability"]["items"], found["reliability"]["expected"]) == (0, 339)


def test_every_item_of_the_template_can_be_answered(tmp_path: Path) -> None:
    rows = run("template", code=0).splitlines()
    file = tmp_path / "all.csv"
    filled = [f"{row[: -len(',,,,,,')]},済み,佐藤,2026-11-01,記録,," for row in rows[1:]]
    file.write_text("\n".join((rows[0], *filled)), encoding="utf-8")
    found = {one["list"]: one for one in json.loads(run("coverage", file, "--json", code=1))["lists"]}
    for name, count in (("management", 32), ("technical", 16)):
        assert (found[name]["items"], found[name]["done"], found[name]["unanswered"]) == (count, count, [])


def test_evidence_tells_done_from_claimed_and_years_differ(tmp_path: Path) -> None:
    old, new = tmp_path / "2025.csv", tmp_path / "2026.csv"
    old.write_text(
        "表,項目,状態,証拠\ntechnical,9条 耐震,不足,\ntechnical,10条 電源,済み,試験記録12\n", encoding="cp932"
    )
    new.write_text(
        "list,item,status,evidence,on\ntechnical,9条 耐震,done,,2026/11/01\ntechnical,10条 電源,done,試験記録12,\n"
        "reliability,独自の項目,partly,,\n", encoding="utf-8",
    )  # fmt: skip
    found = {one["list"]: one for one in json.loads(run("coverage", new, "--json", code=1))["lists"]}
    assert (
        found["technical"]["done"],
        found["technical"]["claimed"],
        len(found["technical"]["unanswered"]),
    ) == (1, 1, 14)
    assert (found["reliability"]["items"], found["reliability"]["partly"]) == (1, 1)
    changed = json.loads(run("diff", old, new, "--json", code=0))
    assert [(one["item"], one["before"], one["after"]) for one in changed] == [
        ("9条 耐震", "gap", "done"), ("独自の項目", None, "partly"),
    ]  # fmt: skip
    assert "入手できていない" in run("coverage", new, code=1) or "could not be obtained" in run(
        "coverage", new, code=1
    )
    assert "9条 耐震" in run("diff", old, new, code=0)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("nolist,x,done,", "no such list"), ("technical,x,maybe,", "no such status"), ("technical,,done,", "no item"),
        ("technical,x,done,昨日", "not a day"), ("technical,x,done", "another number"),
        ("technical,x,done,\ntechnical,x,gap,", "twice"),
    ],
)  # fmt: skip
def test_bad_rows_are_refused_with_their_line(tmp_path: Path, row: str, words: str) -> None:
    file = tmp_path / "x.csv"
    file.write_text(f"list,item,status,on\n{row}\n", encoding="utf-8")
    with pytest.raises(DescriptionError, match=words) as caught:
        CliRunner().invoke(command, ["coverage", str(file)], standalone_mode=False, catch_exceptions=False)
    assert caught.value.where.startswith("line ")


def workbook(path: Path, rows: list[list[object]]) -> Path:
    """Write a workbook as Excel users have them: shared texts, numbers, days as days."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_is_read_as_a_csv_is(tmp_path: Path) -> None:
    items = workbook(
        tmp_path / "items.xlsx",
        [
            ["項目", "内容", "電気通信回線設備事業用", "自営"],
            ["1-1", "通信センターの分散", "◎", "○"],
            ["1-2", "代替接続系統の設定", "◎*", "－"],
        ],
    )
    answers = workbook(
        tmp_path / "a.xlsx",
        [
            ["表", "項目", "状態", "日付", "証拠"],
            ["reliability", "1-1", "済み", date(2026, 11, 1), 12],
            [None, None, None, None, None],
            ["technical", "9条 耐震", "不足", "2026/11/02", None],
        ],
    )
    found = json.loads(run("coverage", answers, "--items", items, "--json", code=1))["lists"]
    third = {one["list"]: one for one in found}["reliability"]
    assert (third["items"], third["done"], third["unanswered"]) == (2, 1, ["1-2"])
    answered = read_answers(table_in(answers.read_bytes()), ["reliability", "technical"])
    assert [(one.on, one.evidence) for one in answered] == [
        (date(2026, 11, 1), "12"),
        (date(2026, 11, 2), ""),
    ]
    known = read_items(table_in(items.read_bytes()), ["reliability"])
    assert known[1].marks == {"circuit": "◎*", "private": "-"}
    assert "reliability,1-2,,,,,," in run("template", "--items", items, code=0)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["項目", "中身"], ["1", "x"]], "another heading"),
        ([["項目", "内容", "内容"], ["1", "x", "y"]], "another heading"),
        ([["項目", "内容"], ["1", "x"], ["1", "y"]], "row 3"),
        ([["項目", "内容"], [None, "x"]], "row 2"),
        ([["項目", "内容", "表"], ["1", "x", "nolist"]], "no such list"),
        ([["項目", "内容"], ["1", "x", "more"]], "another number"),
    ],
)
def test_bad_workbooks_are_refused_with_their_row(
    tmp_path: Path, rows: list[list[object]], words: str
) -> None:
    file = workbook(tmp_path / "x.xlsx", rows)
    with pytest.raises(DescriptionError) as caught:
        read_items(table_in(file.read_bytes()), ["reliability"])
    assert words in f"{caught.value.what.en} {caught.value.where}"


@pytest.mark.parametrize("data", [b"PK\x03\x04broken", b"PK", b"\xff\xfe\x00"])
def test_what_is_no_table_is_refused(data: bytes) -> None:
    with pytest.raises(SekishoError):
        read_answers(table_in(data), ["technical"])
