"""Self-checks in the console: answers with evidence, files in and out, what the software itself can show."""

from __future__ import annotations

import io
import re

import openpyxl
import pytest
from starlette.testclient import TestClient

from fakes.console import Browser
from sekisho.catalogues.self_check import check_lists
from sekisho.demo.console_accidents import accidents
from sekisho.model.account import Role
from sekisho.web.office import Office
from sekisho.wiring.moment import milliseconds

PLACE = "/duties/checks"
POWER = "technical:10条 電源"


@pytest.fixture
def analyst(browser: Browser) -> TestClient:
    return browser(Role.ANALYST)


def counts(page: str, title: str) -> dict[str, int]:
    """Return the counts of one list by their words."""
    piece = page[page.index(title) :]
    piece = piece[: piece.index("</ul>")]
    return {word.strip(): int(n) for word, n in re.findall(r"</span>([^<]+)<b>(\d+)</b>", piece)}


def answered(client: TestClient, item: str, year: int = 2026, seen: int = 0, **form: str) -> int:
    name, _, rest = item.partition(":")
    data = {"list": name, "name": rest, "seen": str(seen), "status": "done", **form}
    return client.post(f"{PLACE}/{year}", params={"item": item}, data=data).status_code


def test_no_answer_is_never_done_and_a_claim_is_told_from_evidence(analyst: TestClient) -> None:
    assert counts(analyst.get(f"{PLACE}/2026").text, "技術基準")["未回答"] == 16
    assert answered(analyst, POWER) == 303
    assert counts(analyst.get(f"{PLACE}/2026").text, "技術基準")["申告だけ（証拠なし）"] == 1
    assert answered(analyst, POWER, seen=1, evidence="試験記録12", on="2026-10-01") == 303
    page = analyst.get(f"{PLACE}/2026?list=technical").text
    assert counts(page, "技術基準") == {
        "済み": 1, "申告だけ（証拠なし）": 0, "一部": 0, "不足": 0, "対象外": 0, "未回答": 15,
    }  # fmt: skip
    assert "試験記録12" in page
    assert "9条 耐震" not in analyst.get(f"{PLACE}/2026?status=done").text


@pytest.mark.parametrize(
    "wrong",
    [
        {"seen": 5},
        {"status": "maybe"},
        {"on": "2999-01-01"},
        {"on": "昨日"},
        {"item": "technical:ない項目"},
        {"item": "nolist:10条 電源"},
    ],
)
def test_a_bad_answer_is_refused_and_nothing_kept(analyst: TestClient, wrong: dict[str, object]) -> None:
    given = {"item": POWER} | wrong
    assert answered(analyst, **given) == 409  # type: ignore[arg-type]
    assert counts(analyst.get(f"{PLACE}/2026").text, "技術基準")["未回答"] == 16


@pytest.mark.parametrize("path", ["/1999", "/999999", "/x", "/2026/since/x"])
def test_a_year_that_is_none_is_refused(analyst: TestClient, path: str) -> None:
    assert analyst.get(PLACE + path).status_code == 400


def test_what_is_saved_is_taken_in_again_and_years_differ(analyst: TestClient) -> None:
    answered(analyst, POWER, year=2025, status="gap", plan="蓄電池の更新", due="2027-03-31")
    answered(analyst, "technical:9条 耐震", year=2025)
    for suffix in ("csv", "xlsx"):
        saved = analyst.get(f"{PLACE}/2025?format={suffix}").content
        answer = analyst.post(
            f"{PLACE}/answers", data={"year": "2026"}, files={"file": (f"a.{suffix}", saved)}
        )
        assert answer.status_code == 303, answer.text
        again = analyst.get(answer.headers["location"]).text
        assert "蓄電池の更新" in again
    changed = openpyxl.load_workbook(io.BytesIO(saved))
    sheet = changed.worksheets[0]
    for row in sheet.iter_rows(min_row=2):
        if row[1].value == "10条 電源":
            row[2].value = "済み"
    out = io.BytesIO()
    changed.save(out)
    assert analyst.post(
        f"{PLACE}/answers", data={"year": "2026"}, files={"file": ("b.xlsx", out.getvalue())}
    ).status_code == 303  # fmt: skip
    page = analyst.get(f"{PLACE}/2026/since/2025").text
    assert "10条 電源" in page
    assert "9条 耐震" not in page
    bad = analyst.post(
        f"{PLACE}/answers",
        data={"year": "2026"},
        files={"file": ("c.csv", b"list,item,status\ntechnical,x,perhaps")},
    )
    assert bad.status_code == 409
    assert "line 2" in bad.text


def test_imported_items_are_asked_for_with_their_texts_and_marks(analyst: TestClient) -> None:
    text = "項目,内容,電気通信回線設備事業用\n1-1,通信センターの分散,◎\n1-2,代替接続系統の設定,－\n".encode(
        "cp932"
    )
    answer = analyst.post(f"{PLACE}/items", data={"network": "circuit"}, files={"file": ("items.csv", text)})
    assert answer.status_code == 303
    page = analyst.get(f"{PLACE}/2026?list=reliability").text
    assert counts(page, "安全・信頼性基準")["未回答"] == 2  # a mark leaves nothing out
    assert "通信センターの分散" in page
    assert answered(analyst, "reliability:1-1", evidence="設計書") == 303
    # Setting the class alone keeps the items.
    assert analyst.post(f"{PLACE}/items", data={"network": "user"}).status_code == 303
    assert "代替接続系統の設定" in analyst.get(f"{PLACE}/2026?item=reliability:1-2").text
    assert analyst.post(f"{PLACE}/items", data={"network": "x"}).status_code == 409


def test_what_the_software_has_on_record_is_linked_and_nought_proves_nothing(
    analyst: TestClient, office: Office
) -> None:
    year = office.console.checks.this_year
    item = "management:3 方法:非常時の報告・周知"
    page = analyst.get(f"{PLACE}/{year}", params={"item": item}).text
    assert page.count("証拠にならない") == 2
    accidents(office.console, milliseconds())
    page = analyst.get(f"{PLACE}/{year}", params={"item": item}).text
    assert "署名した事故の書類 1" in page
    assert counts(page, "管理規程")["未回答"] == 32  # a record is a link, never an answer


def test_every_item_has_words_in_english(analyst: TestClient) -> None:
    for one in check_lists():
        assert set(one.english) == set(one.items)
    analyst.cookies.set("lang", "en")
    page = analyst.get("/duties/checks/2026").text
    assert "spare equipment, several routes" in page
    analyst.cookies.set("lang", "ja")
    assert "spare equipment" not in analyst.get("/duties/checks/2026").text


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_evidence_comes_back_from_a_saved_table_as_it_was_written(analyst: TestClient, suffix: str) -> None:
    for item, evidence in (
        (POWER, "=1+1の記録"),
        ("technical:9条 耐震", "'=㈱①"),
        ("technical:8条 異常ふくそう", "＋１"),
    ):
        assert answered(analyst, item, evidence=evidence, owner="-") == 303
    saved = analyst.get(f"{PLACE}/2026", params={"format": suffix}).content
    answer = analyst.post(f"{PLACE}/answers", data={"year": "2026"}, files={"file": (f"a.{suffix}", saved)})
    assert answer.status_code == 303
    page = analyst.get(f"{PLACE}/2026")
    assert "0件の答え" in page.text


def test_a_fiscal_year_that_is_far_ahead_is_not_answered(analyst: TestClient) -> None:
    assert answered(analyst, POWER, year=2099) == 409
    row = b"list,item,status\ntechnical,x,done"
    taken = analyst.post(f"{PLACE}/answers", data={"year": "2099"}, files={"file": ("a.csv", row)})
    assert (taken.status_code, "来年度まで" in taken.text) == (409, True)
